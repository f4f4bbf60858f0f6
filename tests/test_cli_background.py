"""Commands warn of another background, and adapt to it."""

import csv
import json
import re

import numpy as np
import pytest
from helpers import TINY
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from sklearn_aera.cli._app import app
from sklearn_aera.datasets import make_traces, save_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.neural_network import make_denoiser, make_detector
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

WARNING = "the background of the traces is not the one that the model was fitted to"


def make(first_event_id, carriers):
    simulator = TraceSimulator(noise=AntennaNoise(carriers=carriers), n_samples=200)
    options = {"snr": 5.0, "arrival_time": (0.1, 1.0), "first_event_id": first_event_id}
    return make_traces(300, simulator=simulator, random_state=0, **options)


SAME, OTHER = make(1000, AntennaNoise().carriers), make(2000, (36.3, 47.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector, traces with its background, and traces with another one."""
    folder = tmp_path_factory.mktemp("background")
    train = make(0, AntennaNoise().carriers)
    detector = make_detector(epochs=1, random_state=0).set_params(
        **{f"classify__{name}": value for name, value in TINY.items()}
    )
    save_model(detector.fit(train.traces, train.y), folder / "detector.skops")
    simple = make_pipeline(SNRCalculator(), LogisticRegression()).fit(train.traces, train.y)
    save_model(simple, folder / "simple.skops")
    save_model(simple[-1].fit(train.traces, train.y), folder / "bare.skops")
    for name, data in (("same", SAME), ("other", OTHER)):
        save_traces(folder / f"{name}.h5", data.traces, events=data.events, sampling_rate=180.0)
    np.save(folder / "other.npy", OTHER.traces)
    denoiser = make_denoiser(epochs=1, random_state=0).set_params(**TINY)
    save_model(denoiser.fit(train.traces, train.signals), folder / "denoiser.skops")
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    """Function that runs a command and returns its result; the exit code is 0 unless given."""
    monkeypatch.chdir(folder)

    def run_command(command, exit_code=0):
        result = CliRunner().invoke(app, command.split(), catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return result

    return run_command


def rows(result):
    return np.array([float(row["score"]) for row in csv.DictReader(result.stdout.splitlines())])


@pytest.mark.parametrize(
    "command", ["predict detector.skops {}", "evaluate detector.skops {} --validation same.h5"]
)
def test_warning_names_the_frequencies(run, command):
    assert WARNING not in run(command.format("same.h5")).stderr
    result = run(command.format("other.h5"))
    assert f"Warning: other.h5: {WARNING}: the ratio of their powers is" in result.stderr
    assert re.search(r"at 36\.\d MHz, .* at 4[67]\.\d MHz|at 4[67].* MHz, .* at 36", result.stderr)
    assert "Adapt the model to these traces (predict --adapt)" in result.stderr
    assert "Warning" not in result.stdout


def test_denoiser(run, tmp_path):
    """Denoisers cannot be adapted: the amplitudes that they have learned would be wrong."""
    command = "recover denoiser.skops {} -o {}"
    assert WARNING not in run(command.format("same.h5", tmp_path / "same.npy")).stderr
    result = run(command.format("other.h5", tmp_path / "other.npy"))
    assert f"Warning: other.h5: {WARNING}: the ratio of their powers is" in result.stderr
    assert "Fit the model again." in result.stderr
    assert "dapt" not in result.stderr


def test_unknown_sampling_rate(run):
    pattern = r"at 0\.20\d of the sampling rate"
    assert re.search(pattern, run("predict detector.skops other.npy").stderr)


def test_adapted_predictions(run, folder):
    result = run("predict detector.skops other.h5 --adapt")
    assert result.stderr == ""
    detector = load_model(folder / "detector.skops").adapt(OTHER.traces)
    expected = detector.decision_function(OTHER.traces)
    np.testing.assert_allclose(rows(result), expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected - rows(run("predict detector.skops other.h5"))).max() > 0.1


def test_thresholds_are_those_of_the_adapted_detector(run):
    """Each data set is whitened with its own background."""
    options = "--adapt --json -o found.csv --overwrite --fpr 0.1 --validation"
    thresholds = [
        json.loads(run(f"predict detector.skops other.h5 {options} {name}.h5").stdout)["threshold"]
        for name in ("same", "other")
    ]
    scores = rows(run("predict detector.skops other.h5 --adapt"))
    assert np.mean(scores[OTHER.y == 0] >= thresholds[1]) == pytest.approx(0.1, abs=0.01)
    assert thresholds[0] == pytest.approx(thresholds[1], abs=0.5 * scores.std())


def test_models_without_a_whitener(run):
    assert run("predict simple.skops other.h5").stderr == ""
    error = "none of the steps snrcalculator, logisticregression can be adapted"
    assert error in run("predict simple.skops other.h5 --adapt", exit_code=1).stderr
    error = "bare.skops holds a LogisticRegression, which cannot be adapted: --adapt needs"
    assert error in run("predict bare.skops other.h5 --adapt", exit_code=1).stderr


def test_background_that_changes_in_a_file_is_noticed_once(run, monkeypatch):
    monkeypatch.setattr("sklearn_aera.cli._inputs.CHUNK_SIZE", 300)
    np.save("both.npy", np.concatenate([SAME.traces, OTHER.traces, OTHER.traces]))
    assert run("predict detector.skops both.npy").stderr.count(WARNING) == 1
    assert run("predict detector.skops both.npy --adapt").stderr.count(WARNING) == 1
