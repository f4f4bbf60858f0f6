"""The session of the documentation, command by command, at a small size."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sklearn_aera.cli._app import app
from sklearn_aera.datasets import load_traces, make_recording
from sklearn_aera.persistence import load_model

pytestmark = pytest.mark.usefixtures("own_workers")

PAGE = Path(__file__).parents[1] / "docs" / "command_line.rst"
SMALL = {"-n": "120", "--epochs": "1"}


def commands():
    """The page's commands, without the program's name, made small."""
    for line in re.findall(r"^   \$ sklearn-aera (.*)$", PAGE.read_text(), re.MULTILINE):
        words = shlex.split(line)
        for number, word in enumerate(words[:-1]):
            words[number + 1] = SMALL.get(word, words[number + 1])
        if words[0] == "train":
            words += ["--hidden-size", "2"]
        if words[0] == "tune":
            words = [w if w != "12" else "2" for w in words] + ["--folds", "2", "--cell", "gru"]
        yield words


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Folder after the session, and what each command printed."""
    folder, printed = tmp_path_factory.mktemp("session"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "120")
        night = make_recording(2500.0, n_antennas=3, random_state=0).recording.read()
        np.save("night.npy", night)
        for words in commands():
            result = CliRunner().invoke(app, words, catch_exceptions=False)
            assert result.exit_code == 0, f"{words}: {result.output}"
            printed[" ".join(words[:3])] = result.output
    return folder, printed


def test_every_command_is_in_the_session(session):
    _, printed = session
    names = {words.split()[0] for words in printed}
    assert names == {
        *("simulate", "train", "tune", "evaluate", "predict", "recover", "export", "plot"),
        "trigger",
    }


def test_models_work(session):
    folder, _ = session
    traces = load_traces(folder / "test.h5").traces
    assert load_model(folder / "detector.skops").predict_proba(traces).shape == (120, 2)
    assert load_model(folder / "best.skops").predict_proba(traces).shape == (120, 2)
    recovered = load_traces(folder / "recovered.h5")
    expected = load_model(folder / "denoiser.skops").predict(traces)
    np.testing.assert_allclose(recovered.traces, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(recovered.events, load_traces(folder / "test.h5").events)


def test_predictions_are_those_of_the_model(session):
    folder, printed = session
    data = load_traces(folder / "test.h5")
    with open(folder / "found.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["event_id"]) for row in rows] == data.event_id.tolist()
    score = load_model(folder / "detector.skops").decision_function(data.traces)
    np.testing.assert_allclose([float(row["score"]) for row in rows], score, rtol=1e-4)
    n_found = sum(int(row["pulse"]) for row in rows)
    assert f"{n_found:,} pulses in 120 traces" in next(
        v for k, v in printed.items() if "predict" in k
    )


def test_evaluation_shows_both_detectors(session):
    _, printed = session
    table = printed["evaluate detector.skops test.h5"]
    for text in ("detector.skops", "likelihood ratio", "AUC", "TPR at FPR 1 %", "TPR at FPR 0.2 %"):
        assert text in table
    assert "mean squared error" in printed["evaluate denoiser.skops test.h5"]


def test_search_is_kept(session):
    folder, _ = session
    found = json.loads((folder / "scores.json").read_text())
    assert found["scoring"] == "roc_auc"
    assert [row["classify__bidirectional"] for row in found["candidates"]].count(True) == 1


@pytest.mark.parametrize("name", ["trace", "spectrum", "efficiency", "training", "search"])
def test_figures(session, name):
    folder, _ = session
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
