"""Examples and benchmarks run at a small size; those of the gallery run when the site is built."""

import json
import os
import platform
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_aera import __version__

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = [path for path in sorted(EXAMPLES.glob("*.py")) if not path.stem.startswith("plot_")]
BENCHMARKS = [
    path
    for path in sorted((EXAMPLES / "benchmarks").glob("*.py"))
    if "def main(" in path.read_text()
]
RESULTS = EXAMPLES.parent / "docs" / "results"
STORED = [json.loads(path.read_text()) for path in RESULTS.glob("*.json")]
FIGURES = ("detection", "growth", "recovery")


@pytest.fixture
def benchmarks(monkeypatch):
    """The modules of the benchmarks can be imported."""
    monkeypatch.syspath_prepend(EXAMPLES / "benchmarks")


@pytest.mark.slow
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_example(path):
    environment = os.environ | {"SKLEARN_AERA_QUICK": "1", "MPLBACKEND": "Agg"}
    result = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:__main__", str(path)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert any(word in result.stdout for word in ("AUC", "dB", "coincidence"))


def test_there_is_a_benchmark_for_each_stored_result():
    measured = {stored["benchmark"] for stored in STORED}
    # The growth is a figure. The stations are too long for a busy machine.
    unmeasured = {"growth", "stations"}
    assert measured | unmeasured == {path.stem for path in BENCHMARKS}


@pytest.mark.slow
@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_benchmark(path, tmp_path):
    numbers, figure = tmp_path / "numbers.json", tmp_path / "figure.png"
    command = [sys.executable, str(path), "--quick", "--json", str(numbers)]
    command += ["--figure", str(figure)] if path.stem in FIGURES else []
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert figure.exists() == (path.stem in FIGURES)
    record = json.loads(numbers.read_text())
    assert record["benchmark"] == path.stem
    assert record["options"]["quick"] is True
    assert record["date"] == date.today().isoformat()
    assert record["versions"]["python"] == platform.python_version()
    assert record["versions"]["sklearn-aera"] == __version__
    assert set(record["machine"]) == {"cpu", "cores"}
    assert all(table["rows"] for table in record["tables"].values())
    assert str(tmp_path) not in numbers.read_text()
    for stored in STORED:
        if stored["benchmark"] == path.stem:
            assert_same_columns(record["tables"], stored["tables"])


def assert_same_columns(quick, stored):
    """Stored tables have the columns of today, but for those of times or of more processes."""
    for name in quick.keys() & stored.keys():
        one, other = (tables[name]["rows"][0].keys() for tables in (quick, stored))
        assert one <= other or other <= one, name


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (None, None, ""),
        ("yes", None, "yes"),
        (20_000, None, "20000"),
        (1234.5, None, "1,234"),
        (0.123456, None, "0.1235"),
        (-1e-12, None, "0"),
        (0.123456, ".2f", "0.12"),
        ([0.123456, 0.0123], None, "0.123 ± 0.012"),
        ([0.5, 0], None, "0.5"),
        ([0.5, 0.4, 0.8], ".1f", "0.5 ± 0.2"),
    ],
)
def test_text_of_a_cell(benchmarks, value, spec, text):
    from report import formatted

    assert formatted(value, spec) == text


def test_targets_say_what_is_met(benchmarks):
    from report import Target

    assert Target("time", 2.0, at_most=1.0, unit="s").row["met"] == "NO"
    assert Target("time", 1.0, at_most=1.0, unit="s").row["met"] == "yes"
    assert Target("speed", 15.0, at_least=10.0).row["met"] == "yes"
    assert Target("speed", 5.0, at_least=10.0).row == {
        "target": "speed",
        "measured": 5.0,
        "limit": "≥ 10",
        "unit": "",
        "met": "NO",
    }


def test_report_leaves_out_tables(benchmarks, tmp_path):
    from report import Report, Target

    options = SimpleNamespace(quick=True, only=["first"], json=tmp_path / "r.json", data=tmp_path)
    report = Report("test", options)
    rows = [{"name": "a", "number": 1.0}, {"name": "b", "other": np.float32(2.0)}]
    assert report.measure("first", "First", lambda: rows)[1]["number"] is None
    assert report.measure("second", "Second", lambda: pytest.fail("measured")) == []
    report.targets.append(Target("first", 1.0, at_most=2.0))
    report.finish()
    record = json.loads(options.json.read_text())
    assert set(record["tables"]) == {"first", "targets"}
    assert record["tables"]["first"]["rows"][1] == {"name": "b", "number": None, "other": 2.0}
    assert record["options"] == {"quick": True, "only": ["first"], "data": tmp_path.name}


@pytest.mark.parametrize("option", ["--json", "--figure", "--pulses"])
def test_missing_files_are_found_before_the_measurement(option, tmp_path):
    path, missing = EXAMPLES / "benchmarks" / "detection.py", tmp_path / "missing" / "file"
    command = [sys.executable, str(path), "--quick", option, str(missing)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"argument {option}: there is no" in result.stderr


def test_worker_says_why_a_task_failed(benchmarks):
    from processes import Worker

    with Worker("out_of_core") as worker, pytest.raises(RuntimeError, match="KeyError: 'nothing'"):
        worker("work", name="nothing", n_events=1)


@pytest.mark.parametrize("kind", ["xla", "projected", "package"])
def test_recurrent_layers_give_the_same(benchmarks, kind):
    """The ways to train that are compared differ in nothing but time."""
    import keras
    from networks import recurrent_network
    from recurrent_layers import make_layer

    options = {"n_filters": 3, "kernel_size": 8, "stride": 4, "n_samples": 40}
    one, other = (
        recurrent_network(partial(make_layer, one, "gru", 5, unroll=False), **options)
        for one in ("keras", kind)
    )
    x = np.random.default_rng(0).standard_normal((6, 40)).astype(np.float32)
    np.testing.assert_allclose(other(x), one(x), rtol=1e-5, atol=1e-6)
    y = np.arange(6.0, dtype=np.float32)[:, None]
    for model in (one, other):
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.train_on_batch(x, y)
    np.testing.assert_allclose(other(x), one(x), rtol=1e-4, atol=1e-5)
