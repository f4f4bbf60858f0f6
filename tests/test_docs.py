"""The documentation: its tables, and the site, whose links lead to pages that exist."""

import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from runpy import run_path

import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import sklearn_aera
from sklearn_aera.neural_network import RecurrentClassifier

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PUBLIC = [
    (package, name)
    for package in sklearn_aera.__all__
    if package not in ("__version__", "cli")
    for name in importlib.import_module(f"sklearn_aera.{package}").__all__
]
ESTIMATORS = [
    one
    for one in (getattr(importlib.import_module(f"sklearn_aera.{p}"), name) for p, name in PUBLIC)
    # Models in .onnx files follow the protocol without scikit-learn being imported for it.
    if hasattr(one, "get_params") and not one.__name__.startswith("Onnx")
]
TABLES = run_path(str(DOCS / "make_tables.py"))
MANIFEST = TABLES["read_manifest"]()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)
def test_html_representation_links_to_its_page(estimator):
    assert issubclass(estimator, BaseEstimator)
    arguments = {"recordings": [[0.0]], "waveforms": [[0.0]], "sampling_rate": 180.0}
    arguments["detector"] = RecurrentClassifier()
    arguments["steps"] = [("classify", RecurrentClassifier())]
    needed = estimator.__init__.__code__.co_varnames
    made = estimator(**{k: v for k, v in arguments.items() if k in needed})
    package = estimator.__module__.split(".")[1]
    page = f"/api/generated/sklearn_aera.{package}.{estimator.__name__}.html"
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


def test_manifest_names_every_file():
    """Each table, result and figure of the documentation, and no other."""
    assert {path.stem for path in (DOCS / "tables").glob("*.rst")} == set(MANIFEST["tables"])
    assert {path.stem for path in (DOCS / "results").iterdir()} == set(MANIFEST["results"])
    assert {path.name for path in (DOCS / "figures").iterdir()} == set(MANIFEST["figures"])
    used = {table["result"] for table in MANIFEST["tables"].values()}
    assert used == set(MANIFEST["results"])


def test_pages_include_every_table():
    pages = "".join(path.read_text() for path in DOCS.glob("*.rst"))
    included = re.findall(r"^\.\. include:: tables/(\w+)\.rst$", pages, re.MULTILINE)
    assert sorted(included) == sorted(MANIFEST["tables"])


@pytest.mark.parametrize("name", MANIFEST["tables"])
def test_table_is_rendered_from_its_result(name):
    stored = (DOCS / "tables" / f"{name}.rst").read_bytes()
    assert TABLES["render"](name, MANIFEST).encode() == stored


@pytest.mark.parametrize("name", MANIFEST["results"])
def test_result_says_where_it_is_from(name):
    result = TABLES["read_result"](name)
    date.fromisoformat(result["date"])
    if result["versions"] is None or result["machine"] is None:
        assert "not recorded" in result["note"]
    else:
        assert {"python", "numpy", "scikit-learn", "sklearn-aera"} <= set(result["versions"])
        assert set(result["machine"]) == {"cpu", "cores"}
    assert result["options"]["quick"] is False
    for table in result["tables"].values():
        assert all(row.keys() == table["rows"][0].keys() for row in table["rows"])


@pytest.mark.parametrize("name", MANIFEST["results"])
def test_command_makes_its_result(name):
    python, script, *options = shlex.split(MANIFEST["results"][name]["command"])
    benchmark = TABLES["read_result"](name)["benchmark"]
    assert (python, script) == ("python", f"examples/benchmarks/{benchmark}.py")
    assert (ROOT / script).exists()
    assert options[-2:] == ["--json", f"docs/results/{name}.json"]


def test_tables_of_unknown_names_are_refused(capsys):
    with pytest.raises(SystemExit):
        TABLES["main"](["search", "nothing"])
    assert "not in tables/manifest.toml: nothing" in capsys.readouterr().err


needs_docs = pytest.mark.skipif(
    importlib.util.find_spec("sphinx_gallery") is None,
    reason="needs the extra docs: sphinx-gallery",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built with small examples; ``docs`` and ``html`` are its sources and pages."""
    folder = tmp_path_factory.mktemp("site")
    made = ("_build", "auto_examples", "generated", "notebooks", "__pycache__")
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*made))
    environment = os.environ | {"SKLEARN_AERA_QUICK": "1", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", "html"]
    built = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.slow
@needs_docs
def test_site_has_every_page(site):
    """It is built without warnings, and no link within the site is broken."""
    html = site / "html"
    missing = [f"{p}.{n}" for p, n in PUBLIC if not n.isupper() and not _page(html, p, n).exists()]
    assert not missing
    assert not list(_broken_links(html))


@pytest.mark.slow
@needs_docs
def test_notebook_is_the_first_example(site):
    """The code is the example's, all of it was run, and the pipeline is shown with its links."""
    cells = json.loads((site / "docs" / "notebooks" / "first_pipeline.ipynb").read_text())["cells"]
    made = run_path(str(DOCS / "make_notebook.py"))
    sources = ["".join(cell["source"]) for cell in cells]
    assert sources == [cell.source for cell in made["make_notebook"]().cells]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    shown = "".join("".join(one.get("data", {}).get("text/html", "")) for one in outputs)
    assert "api/generated/sklearn_aera.neural_network.RecurrentClassifier.html" in shown
    assert "THIS-SITE" not in shown
    assert any("image/png" in output.get("data", {}) for output in outputs)


def _page(html, package, name):
    return html / "api" / "generated" / f"sklearn_aera.{package}.{name}.html"


def _broken_links(html):
    """Links within the site to files that are not there."""
    for page in html.rglob("*.html"):
        if "_static" in page.parts:  # Templates of the theme.
            continue
        for target in re.findall(r'(?:href|src)="([^"#?:]+)[#?"]', page.read_text()):
            if not target.startswith("/") and not (page.parent / target).exists():
                yield page.relative_to(html), target
