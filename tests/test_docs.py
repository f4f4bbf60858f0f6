"""The documentation builds without warnings, and links lead to pages that exist."""

import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import sklearn_aera

ROOT = Path(__file__).parents[1]
ROOMS = [room for room in sklearn_aera.__all__ if not room.startswith("__") and room != "cli"]
PUBLIC = [
    (room, name)
    for room in ROOMS
    for name in importlib.import_module(f"sklearn_aera.{room}").__all__
]
ESTIMATORS = [
    getattr(importlib.import_module(f"sklearn_aera.{room}"), name)
    for room, name in PUBLIC
    if name[0].isupper() and not name.isupper() and not name.endswith("Display")
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_html_representation_links_to_its_page(estimator):
    assert issubclass(estimator, BaseEstimator)
    arguments = {"recordings": [[0.0]], "waveforms": [[0.0]], "sampling_rate": 180.0}
    needed = estimator.__init__.__code__.co_varnames
    made = estimator(**{k: v for k, v in arguments.items() if k in needed})
    room = estimator.__module__.split(".")[1]
    page = f"/api/generated/sklearn_aera.{room}.{estimator.__name__}.html"
    assert f'{page}"' in estimator_html_repr(made)


def test_pipeline_shows_every_link():
    from sklearn_aera.neural_network import make_detector
    from sklearn_aera.simulation import TraceSimulator

    page = estimator_html_repr(
        make_pipeline(TraceSimulator(), *(s for _, s in make_detector().steps))
    )
    linked = set(re.findall(r"api/generated/([\w.]+)\.html", page))
    assert {name.rsplit(".", 1)[1] for name in linked} == {
        "TraceSimulator",
        "StdNormalizer",
        "SpectralWhitener",
        "RecurrentClassifier",
    }


needs_docs = pytest.mark.skipif(
    importlib.util.find_spec("sphinx_gallery") is None,
    reason="needs the extra docs: sphinx-gallery",
)


@needs_docs
def test_notebook_is_the_first_example():
    """The code is the example's, all of it was run, and the pipeline is shown with its links."""
    made = run_path(str(ROOT / "docs" / "make_notebook.py"))
    with open(made["NOTEBOOK"]) as file:
        cells = json.load(file)["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert sources == [cell.source for cell in made["make_notebook"]().cells]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    shown = "".join("".join(one.get("data", {}).get("text/html", "")) for one in outputs)
    assert "api/generated/sklearn_aera.neural_network.RecurrentClassifier.html" in shown
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.slow
@needs_docs
def test_site_builds_without_warnings(tmp_path):
    """Every page, and every figure of the gallery at a small size."""
    for name in ("docs", "examples"):
        ignored = shutil.ignore_patterns("_build", "auto_examples", "generated", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    environment = os.environ | {"SKLEARN_AERA_QUICK": "1", "MPLBACKEND": "Agg"}
    site = tmp_path / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(site)]
    built = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    missing = [f"{r}.{n}" for r, n in PUBLIC if not n.isupper() and not _page(site, r, n).exists()]
    assert not missing
    assert not list(_broken_links(site))


def _page(site, room, name):
    return site / "api" / "generated" / f"sklearn_aera.{room}.{name}.html"


def _broken_links(site):
    """Links within the site to files that are not there."""
    for page in site.rglob("*.html"):
        if "_static" in page.parts:  # Templates of the theme.
            continue
        for target in re.findall(r'(?:href|src)="([^"#?:]+)[#?"]', page.read_text()):
            if not target.startswith("/") and not (page.parent / target).exists():
                yield page.relative_to(site), target
