"""The distribution without TensorFlow, in a virtual environment of its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers import LOUD, QUIET, run_without, tiny
from sklearn.pipeline import make_pipeline

from sklearn_aera import __version__
from sklearn_aera.datasets import make_traces
from sklearn_aera.persistence import export_onnx
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

ROOT = Path(__file__).parents[1]
IMPORT_ALL = """
import importlib, sklearn_aera
for name in sklearn_aera.__all__[1:]:
    importlib.import_module(f"sklearn_aera.{name}")
"""
FIT = """
import numpy as np
from sklearn_aera.neural_network import RecurrentClassifier
try:
    RecurrentClassifier().fit(np.eye(60), np.arange(60) % 2)
except ImportError as error:
    print(error)
"""
HEAVY = ["keras", "tensorflow", "scikeras"]


def project(folder):
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]


def test_both_distributions_need_the_same_versions():
    whole, core = (set(project(folder)["dependencies"]) for folder in (".", ".core"))
    optional = set(project(".")["optional-dependencies"]["onnx"])
    assert core <= whole | optional
    left_out = {one.split(">")[0] for one in whole - core}
    assert left_out == {*HEAVY, "matplotlib", "skops"}
    assert project(".core")["scripts"] == project(".")["scripts"]
    assert project(".core")["requires-python"] == project(".")["requires-python"]


def test_packages_are_imported_without_tensorflow():
    run_without([*HEAVY, "matplotlib", "skops", "onnx"], IMPORT_ALL)


def test_networks_say_what_they_need():
    message = run_without(HEAVY, FIT)
    assert "networks need TensorFlow and Keras" in message
    assert "install sklearn-aera" in message


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Interpreter of an environment with the small distribution alone."""
    folder = tmp_path_factory.mktemp("core")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT / ".core"], check=True)
    return python


@pytest.mark.slow
def test_models_are_applied_in_an_environment_without_tensorflow(python, tmp_path):
    data = make_traces(100, simulator=QUIET, random_state=5, **LOUD)
    model = make_pipeline(StdNormalizer(), SpectralWhitener(), tiny(epochs=1))
    export_onnx(model.fit(data.traces, data.y), tmp_path / "model.onnx")
    np.save(tmp_path / "traces.npy", data.traces)

    def run(*words):
        options = {"cwd": tmp_path, "capture_output": True, "text": True}
        process = subprocess.run([python, *words], **options)
        assert process.returncode == 0, process.stderr
        return process.stdout

    listed = run("-m", "pip", "list").lower()
    assert f"sklearn-aera-core {__version__}" in " ".join(listed.split())
    for name in (*HEAVY, "onnx ", "matplotlib"):
        assert f"\n{name}" not in listed
    run("-W", "error", "-c", IMPORT_ALL)
    run(
        *("-W", "error", "-c"),
        "import numpy as np\nfrom sklearn_aera.persistence import load_onnx\n"
        "scores = load_onnx('model.onnx').decision_function(np.load('traces.npy'))\n"
        "np.save('scores.npy', scores)",
    )
    expected = model.decision_function(data.traces)
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), expected, atol=1e-4)
    command = python.parent / "sklearn-aera"
    run(command, "predict", "model.onnx", "traces.npy", "-o", "found.csv")
    assert len((tmp_path / "found.csv").read_text().splitlines()) == 101
    assert "networks need TensorFlow and Keras" in run("-c", FIT)
