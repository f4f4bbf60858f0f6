"""The command ``export``, and commands that apply what it has written."""

import csv
import json

import numpy as np
import pytest
from helpers import LOUD, QUIET, denoiser
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from sklearn_aera.cli._app import app
from sklearn_aera.datasets import load_traces, make_recording, make_traces, save_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.persistence import load_onnx, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Traces, and a detector and a denoiser fitted to them."""
    folder = tmp_path_factory.mktemp("files")
    data = make_traces(120, simulator=QUIET, random_state=0, **LOUD)
    save_traces(folder / "data.h5", data.traces, signals=data.signals, events=data.events)
    model = make_pipeline(SNRCalculator(), LogisticRegression()).fit(data.traces, data.y)
    model.sampling_rate_ = 180.0
    save_model(model, folder / "detector.skops")
    save_model(denoiser(epochs=1).fit(data.traces, data.signals), folder / "denoiser.skops")
    limit = LikelihoodRatioClassifier().fit(data.traces, data.y)
    save_model(limit, folder / "limit.skops")
    return folder


def run(folder, *words):
    """Run a command in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def exported(folder):
    for words in (("detector", "--threshold", 2.5, "--json"), ("denoiser",)):
        result = run(folder, "export", f"{words[0]}.skops", "-o", f"{words[0]}.onnx", *words[1:])
        assert result.exit_code == 0, result.output
        size = (folder / f"{words[0]}.onnx").stat().st_size
        if "--json" in words:
            expected = {"file": "detector.onnx", "bytes": size, "threshold": 2.5}
            assert json.loads(result.output) == expected
        else:
            assert result.output == f"denoiser.onnx: {size / 1000:,.0f} kB\n"
    return folder


def rows_of(folder, model, *options):
    result = run(folder, "predict", model, "data.h5", *options)
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(result.stdout.splitlines()))


def test_predictions_are_those_of_the_model(exported):
    found, expected = (
        rows_of(exported, f"detector{suffix}", "--threshold", 1.0) for suffix in (".onnx", ".skops")
    )
    for name in ("trace", "event_id", "pulse"):
        assert [row[name] for row in found] == [row[name] for row in expected]
    for name in ("probability", "score"):
        numbers = [[float(row[name]) for row in rows] for rows in (found, expected)]
        np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-5)


def test_stored_threshold_is_used(exported):
    rows = rows_of(exported, "detector.onnx")
    assert load_onnx(exported / "detector.onnx").threshold_ == 2.5
    assert [int(row["pulse"]) for row in rows] == [int(float(row["score"]) >= 2.5) for row in rows]
    assert 0 < sum(int(row["pulse"]) for row in rows) < len(rows)


def test_evaluation_is_that_of_the_model(exported):
    found = []
    for suffix in (".onnx", ".skops"):
        words = ("evaluate", f"detector{suffix}", "data.h5", "--validation", "data.h5", "--json")
        result = run(exported, *words)
        assert result.exit_code == 0, result.output
        found.append(json.loads(result.stdout)["detectors"][0])
    assert found[0]["auc"] == pytest.approx(found[1]["auc"], abs=1e-6)
    assert found[0]["accuracy"] == found[1]["accuracy"]


def test_signals_are_those_of_the_model(exported):
    for suffix in (".onnx", ".skops"):
        out = f"recovered{suffix}.npy"
        result = run(exported, "recover", f"denoiser{suffix}", "data.h5", "-o", out)
        assert result.exit_code == 0, result.output
    found, expected = (
        load_traces(exported / f"recovered{suffix}.npy").traces for suffix in (".onnx", ".skops")
    )
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.std())
    result = run(exported, "evaluate", "denoiser.onnx", "data.h5")
    assert result.exit_code == 0, result.output
    assert "mean squared error" in result.output


def test_triggers_are_those_of_the_model(exported):
    recording = make_recording(500.0, simulator=QUIET, pulse_rate=10_000.0, snr=9.0, random_state=0)
    np.save(exported / "night.npy", recording.recording.read())
    tables = []
    for suffix in (".onnx", ".skops"):
        words = ["trigger", "night.npy", "-m", f"detector{suffix}", "-o", f"{suffix[1:]}.csv"]
        result = run(exported, *words, "--sampling-rate", 180, "--rate", 20_000)
        assert result.exit_code == 0, result.output
        lines = (exported / f"{suffix[1:]}.csv").read_text().splitlines()
        tables.append(list(csv.DictReader(lines)))
    found, expected = tables
    assert len(found) > 2
    assert [row["sample"] for row in found] == [row["sample"] for row in expected]
    scores = [[float(row["score"]) for row in rows] for rows in tables]
    np.testing.assert_allclose(*scores, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export", "limit.skops", "-o", "new.onnx"], "LikelihoodRatioClassifier cannot be"),
        (["export", "detector.skops", "-o", "new.bin"], "the ending of 'new.bin' must be"),
        (["export", "nothing.skops", "-o", "new.onnx"], "there is no file nothing.skops"),
        (["export", "detector.skops", "-o", "detector.onnx"], "--overwrite"),
        (["export", "detector.onnx", "-o", "new.onnx"], "model must be an estimator"),
        (["export", "denoiser.skops", "-o", "new.onnx", "--threshold", "1"], "of two classes"),
        (["predict", "data.h5.onnx", "data.h5"], "there is no file data.h5.onnx"),
        (["predict", "damaged.onnx", "data.h5"], "damaged.onnx is damaged"),
        (["predict", "detector.onnx", "short.npy"], "X must have the shape"),
        (["predict", "detector.onnx", "fast.h5"], "sampling rate of 180 MHz, got 200 MHz"),
        (["recover", "detector.onnx", "data.h5", "-o", "new.npy"], "OnnxClassifier, which rec"),
        (["predict", "denoiser.onnx", "data.h5"], "OnnxDenoiser, which returns no probabilities"),
    ],
)
def test_errors_are_one_line(exported, words, message):
    data = load_traces(exported / "data.h5")
    content = (exported / "detector.onnx").read_bytes()
    (exported / "damaged.onnx").write_bytes(content[:-100])
    np.save(exported / "short.npy", data.traces[:, :100])
    save_traces(exported / "fast.h5", data.traces, sampling_rate=200.0, overwrite=True)
    before = {path.name for path in exported.iterdir()}
    result = run(exported, *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert {path.name for path in exported.iterdir()} == before


def test_matched_filter_is_exported(folder):
    data = load_traces(folder / "data.h5")
    model = make_pipeline(MatchedFilter(), LogisticRegression()).fit(data.traces, data.y)
    save_model(model, folder / "matched.skops")
    result = run(folder, "export", "matched.skops", "-o", "matched.onnx")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(
        load_onnx(folder / "matched.onnx").predict(data.traces), model.predict(data.traces)
    )
