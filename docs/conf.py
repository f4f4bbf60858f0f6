"""Configuration of Sphinx, which builds the documentation.

``python -m sphinx -W docs docs/_build/html`` runs every example in full and makes the notebook of
the first one. With ``SKLEARN_AERA_QUICK=1`` in the environment the examples run at a small size;
with ``-D plot_gallery=0`` none is run.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Set before any estimator is imported: the links of HTML representations start with this text,
# which `make_links_relative` replaces by the path to the root of the site.
os.environ["SKLEARN_AERA_DOCS"] = "THIS-SITE"

from sklearn.experimental import enable_halving_search_cv  # noqa: F401, an example's import

import sklearn_aera

HERE = Path(__file__).parent

project = "sklearn-aera"
author = "The sklearn-aera developers"
copyright = f"2026, {author}"
release = version = sklearn_aera.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    "_templates",
    "tables",
    "results",
    "notebooks",
    "auto_examples/**.ipynb",
]
default_role = "py:obj"
nitpicky = False

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-aera"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 6,
}
html_sidebars = {"index": []}

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# Members of these classes are not listed: a named tuple has its fields alone.
autodoc_default_options = {"members": True, "inherited-members": "object, tuple"}
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"

# Links to other projects need the network; without it the site is built without these links.
if "SKLEARN_AERA_ONLINE" in os.environ:
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
        "joblib": ("https://joblib.readthedocs.io/en/stable", None),
    }

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"benchmarks|__init__",
    "subsection_order": ["../examples/lecture", "../examples/exercises"],
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "api/backreferences",
    "doc_module": ("sklearn_aera",),
    "reference_url": {"sklearn_aera": None},
    "inspect_global_variables": False,
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_memory": False,
    "min_reported_time": 1,
}


def write_api_reference():
    """Write the page of the API reference: the public names of each package, from ``__all__``."""
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    lines = ["API reference", "=============", ""]
    for package in sklearn_aera.__all__:
        if package in ("__version__", "cli"):
            continue
        title = f"sklearn_aera.{package}"
        module = importlib.import_module(title)
        lines += [f".. _api-{package}:", "", title, "-" * len(title), ""]
        lines += [module.__doc__.splitlines()[0], ""]
        lines += [f".. currentmodule:: {title}", "", ".. autosummary::", "   :toctree: generated"]
        lines += [f"   :caption: {package}", "   :nosignatures:", ""]
        names = [name for name in module.__all__ if name != "EVENT_COLUMNS"]
        lines += [f"   {name}" for name in sorted(names, key=str.lower)] + [""]
    text = "\n".join(lines)
    page = folder / "index.rst"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


write_api_reference()


def write_notebook(app):
    """Make the notebook of the first example, unless it is newer than the example."""
    notebook = HERE / "notebooks" / "first_pipeline.ipynb"
    example = HERE.parent / "examples" / "plot_first_pipeline.py"
    if notebook.exists() and notebook.stat().st_mtime > example.stat().st_mtime:
        return
    # Links in the notebook lead to the published site.
    environment = {key: v for key, v in os.environ.items() if key != "SKLEARN_AERA_DOCS"}
    command = [sys.executable, HERE / "make_notebook.py"]
    is_run = app.config.sphinx_gallery_conf["plot_gallery"]
    subprocess.run(command + ["--not-run"] * (not is_run), env=environment, check=True)
    if not is_run:
        os.utime(notebook, (0, 0))  # The next build with the gallery makes it again.


def replace_missing_figures(app):
    """Without the gallery, show its placeholder where pages show figures of examples."""
    images = HERE / "auto_examples" / "images"
    for page in HERE.glob("*.rst"):
        for name, example in re.findall(r"/images/((\w+)_\d+\.png)", page.read_text()):
            if not (images / name).exists():
                shutil.copy(images / "thumb" / f"{example}_thumb.png", images / name)


def skip_fields(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples, which are parameters of the class."""
    return True if obj.__doc__ == "See the parameters of the class." else None


def replace_glossary_references(app, what, name, obj, options, lines):
    """Replace references to scikit-learn's glossary, in inherited docstrings, by plain text."""
    reference = re.compile(r":(?:ref|term):`([^`<]+?)(?:\s*<[^>]*>)?`")
    lines[:] = [reference.sub(r"\1", line) for line in lines]


def make_links_relative(app, pagename, templatename, context, doctree):
    """Make the links of HTML representations relative, for pages of any depth."""
    if "body" in context:
        root = "../" * pagename.count("/")
        context["body"] = context["body"].replace('"THIS-SITE/', f'"{root}')


def setup(app):
    app.connect("builder-inited", write_notebook)
    app.connect("builder-inited", replace_missing_figures, priority=900)  # After the gallery.
    app.connect("html-page-context", make_links_relative)
    app.connect("autodoc-skip-member", skip_fields)
    if "SKLEARN_AERA_ONLINE" not in os.environ:
        app.connect("autodoc-process-docstring", replace_glossary_references)
