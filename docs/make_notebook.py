"""Make ``notebooks/first_pipeline.ipynb``: the first example as a notebook with its output.

Run as ``python docs/make_notebook.py [--output FILE] [--not-run]`` with the extra ``docs``
installed. The build of the site runs it; the notebook is not in the repository.
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
# Settings that sphinx-gallery reads from its configuration.
_GALLERY = {"notebook_images": False, "pypandoc": False, "promote_jupyter_magic": False}
_GALLERY |= {"first_notebook_cell": "%matplotlib inline", "last_notebook_cell": None}


def make_notebook():
    """Convert the example to a notebook, without running it."""
    _, blocks = split_code_and_text_blocks(str(EXAMPLE))
    cells = jupyter_notebook(blocks, _GALLERY, str(NOTEBOOK.parent))
    return nbformat.reads(json.dumps(cells), as_version=4)


def run_notebook(notebook):
    """Run all cells; the output of libraries on standard error is not kept."""
    ExecutePreprocessor(timeout=1200, kernel_name="python3").preprocess(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # Times of day.
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    nbformat.validate(notebook)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=NOTEBOOK)
    parser.add_argument("--not-run", action="store_true", help="write it without output")
    options = parser.parse_args()
    notebook = make_notebook()
    if not options.not_run:
        run_notebook(notebook)
    options.output.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, options.output)


if __name__ == "__main__":
    main()
