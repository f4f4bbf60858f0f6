"""How Sphinx builds the documentation.

``python -m sphinx -W docs docs/_build/html`` runs every example in full; with
``SKLEARN_AERA_QUICK=1`` in the environment small ones, to see that all runs. ``-D plot_gallery=0``
leaves the examples out.
"""

import importlib
import os
import re
from pathlib import Path

# Before any estimator is imported: links of HTML representations lead to a place that is replaced
# by this site's, see `links_within`.
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
exclude_patterns = ["_build", "tables", "notebooks", "auto_examples/**.ipynb"]
default_role = "py:obj"
nitpicky = False

html_theme = "pydata_sphinx_theme"
html_title = "sklearn-aera"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
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
autodoc_default_options = {"members": True, "inherited-members": True}
autodoc_typehints = "none"

# Links to other projects need the network: a build without it is complete all the same.
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
    """One page of the reference for each room, from the one list of public names: ``__all__``."""
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    rooms = [room for room in sklearn_aera.__all__ if not room.startswith("__") and room != "cli"]
    lines = ["API reference", "=============", ""]
    for room in rooms:
        module = importlib.import_module(f"sklearn_aera.{room}")
        title = f"sklearn_aera.{room}"
        lines += [title, "-" * len(title), "", module.__doc__.splitlines()[0], ""]
        lines += [f".. currentmodule:: {title}", "", ".. autosummary::", "   :toctree: generated"]
        lines += ["   :nosignatures:", ""]
        names = [name for name in module.__all__ if name != "EVENT_COLUMNS"]
        lines += [f"   {name}" for name in sorted(names, key=str.lower)] + [""]
    text = "\n".join(lines)
    page = folder / "index.rst"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


write_api_reference()


def plain_references(app, what, name, obj, options, lines):
    """What scikit-learn's inherited docstrings refer to is not on this site: plain text."""
    reference = re.compile(r":(?:ref|term):`([^`<]+?)(?:\s*<[^>]*>)?`")
    lines[:] = [reference.sub(r"\1", line) for line in lines]


def links_within(app, pagename, templatename, context, doctree):
    """Links of HTML representations stay within this site, however deep the page is."""
    if "body" in context:
        root = "../" * pagename.count("/")
        context["body"] = context["body"].replace('"THIS-SITE/', f'"{root}')


def setup(app):
    app.connect("html-page-context", links_within)
    if "SKLEARN_AERA_ONLINE" not in os.environ:
        app.connect("autodoc-process-docstring", plain_references)
