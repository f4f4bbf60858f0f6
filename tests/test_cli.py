"""The application and the demo."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import sklearn_aera
from sklearn_aera.cli import _demo
from sklearn_aera.cli._app import app
from sklearn_aera.datasets import make_traces
from sklearn_aera.persistence import load_model

TINY = _demo.Size(n_train=60, n_new=300, n_folds=2, epochs=1, hidden_sizes=(2,))


def test_version():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"sklearn-aera {sklearn_aera.__version__}\n"


def test_help_names_the_command_and_its_options():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "demo" in result.output
    result = CliRunner().invoke(app, ["demo", "--help"])
    for option in ("--pulses", "--out", "--quick"):
        assert option in result.output


@pytest.mark.parametrize("pulses", ["analytic", "coreas"])
def test_demo(tmp_path, monkeypatch, request, pulses):
    monkeypatch.setattr(_demo, "QUICK", TINY)
    out = tmp_path / "[" / "out]"  # As markup of the console.
    options = ["demo", "--quick", "--out", str(out)]
    if pulses == "coreas":
        options += ["--pulses", str(request.getfixturevalue("coreas_path"))]
    result = CliRunner().invoke(app, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    for text in ("1. Events", "2. Search", "3. Comparison", "4. New traces", "SNR threshold"):
        assert text in result.output
    assert ("32 CoREAS pulses" in result.output) == (pulses == "coreas")
    assert f"   {out / 'search.json'}\n" in result.output
    files = {path.name for path in out.iterdir()}
    assert files == {"detector.skops", "search.json", "traces.png", "efficiency.png"}
    rows = json.loads((out / "search.json").read_text())["candidates"]
    assert len(rows) == 6
    assert {row["classify__cell"] for row in rows} == {"simple_rnn", "lstm", "gru"}
    detector = load_model(out / "detector.skops")
    assert detector.predict(make_traces(3, random_state=0).traces).shape == (3,)
    for name in ("traces.png", "efficiency.png"):
        assert (out / name).stat().st_size > 10_000


def test_demo_says_what_is_wrong_with_the_file(tmp_path):
    path = tmp_path / "shower.hdf5"
    path.write_text("not a shower")
    command = [sys.executable, "-c", "from sklearn_aera.cli import main; main()"]
    options = ["demo", "--pulses", str(path), "--out", str(tmp_path / "out")]
    result = subprocess.run([*command, *options], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: path: {path} cannot be read as a CoREAS file")
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
