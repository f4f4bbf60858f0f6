"""Make the executed notebook of the first example, ``notebooks/first_pipeline.ipynb``.

Run as ``python docs/make_notebook.py`` (a minute on two cores), with the extra ``docs`` installed.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
from sphinx_gallery.notebook import jupyter_notebook
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

HERE = Path(__file__).parent
SOURCE = HERE.parent / "examples" / "plot_first_pipeline.py"
TARGET = HERE / "notebooks" / "first_pipeline.ipynb"


def notebook():
    """The example as a notebook that has not run."""
    _, blocks = split_code_and_text_blocks(str(SOURCE))
    conf = DEFAULT_GALLERY_CONF | {"first_notebook_cell": "%matplotlib inline"}
    made = nbformat.from_dict(jupyter_notebook(blocks, conf, str(HERE)))
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
        cell["source"] = cell["source"].strip()
    made.nbformat, made.nbformat_minor = 4, 5
    return made


def main():
    made = notebook()
    NotebookClient(made, timeout=600, kernel_name="python3").execute()
    made.metadata = {"language_info": {"name": "python"}}
    TARGET.parent.mkdir(exist_ok=True)
    nbformat.write(made, TARGET)


if __name__ == "__main__":
    main()
