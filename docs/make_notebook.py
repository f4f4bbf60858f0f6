"""Make ``notebooks/first_pipeline.ipynb``: the first example as a notebook, with what it gives.

Run as ``python docs/make_notebook.py [--output FILE]`` with the extra ``docs`` installed.
"""

import argparse
import json
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from sphinx_gallery.notebook import jupyter_notebook
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "plot_first_pipeline.py"
NOTEBOOK = HERE / "notebooks" / "first_pipeline.ipynb"
# What sphinx-gallery asks its configuration for.
_GALLERY = {"notebook_images": False, "pypandoc": False, "promote_jupyter_magic": False}
_GALLERY |= {"first_notebook_cell": "%matplotlib inline", "last_notebook_cell": None}


def make_notebook():
    """The example as a notebook that was not run."""
    _, blocks = split_code_and_text_blocks(str(EXAMPLE))
    cells = jupyter_notebook(blocks, _GALLERY, str(NOTEBOOK.parent))
    return nbformat.reads(json.dumps(cells), as_version=4)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=NOTEBOOK)
    options = parser.parse_args()
    notebook = make_notebook()
    ExecutePreprocessor(timeout=1200, kernel_name="python3").preprocess(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # Times of day.
        if cell.cell_type == "code":  # Messages of the libraries below.
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    nbformat.validate(notebook)
    options.output.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, options.output)


if __name__ == "__main__":
    main()
