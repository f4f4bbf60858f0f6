"""Pipelines with networks in searches, cross-validation, caches and files."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from helpers import LOUD, recurrent, simulating_pipeline, tiny
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_aera.datasets import make_events


def small_pipeline(**parameters):
    return simulating_pipeline(recurrent(**parameters))


@pytest.fixture(scope="module")
def events():
    return make_events(300, random_state=3, **LOUD)


def test_is_a_classifier_for_scikit_learn(events):
    assert is_classifier(recurrent())
    assert is_classifier(small_pipeline())
    scores = cross_val_score(small_pipeline(), *events, scoring="roc_auc", cv=3)
    assert np.all(scores > 0.8)


@pytest.mark.slow
@pytest.mark.usefixtures("own_workers")
def test_grid_search_gives_the_same_with_two_jobs(events):
    pipeline = simulating_pipeline(tiny(epochs=2))
    grid = {"classify__cell": ["simple_rnn", "gru"], "classify__bidirectional": [False, True]}
    results = [
        GridSearchCV(pipeline, grid, scoring="roc_auc", cv=2, n_jobs=n_jobs)
        .fit(*events)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_allclose(*results, atol=1e-3)


def test_parts_of_the_simulator_can_be_searched(events):
    pipeline = small_pipeline(epochs=1)
    search = GridSearchCV(pipeline, {"simulate__noise__carrier_share": [0.0, 0.9]}, cv=2)
    scores = search.fit(*events).cv_results_["mean_test_score"]
    assert scores[0] != scores[1]
    used = search.best_estimator_["simulate"].noise_.carrier_share
    assert used == search.best_params_["simulate__noise__carrier_share"]


def test_detector_without_the_simulator(events, tmp_path):
    table, _ = events
    pipeline = small_pipeline().fit(*events)
    joblib.dump(pipeline[1:], tmp_path / "detector.joblib")
    traces = pipeline[0].transform(table)
    np.save(tmp_path / "traces.npy", traces)
    code = (
        "import sys, joblib, numpy as np\n"
        f"detector = joblib.load({str(tmp_path / 'detector.joblib')!r})\n"
        "assert 'tensorflow' not in sys.modules\n"
        f"print(*detector.decision_function(np.load({str(tmp_path / 'traces.npy')!r}))[:5])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    assert printed.stderr == ""
    there = np.array(printed.stdout.split(), dtype=float)
    np.testing.assert_allclose(there, pipeline.decision_function(table)[:5], rtol=1e-4, atol=1e-5)


def test_memory_caches_the_simulation(events, tmp_path):
    pipeline = small_pipeline().set_params(memory=str(tmp_path))
    expected = small_pipeline().fit(*events).decision_function(events[0])
    for _ in range(2):
        np.testing.assert_array_equal(pipeline.fit(*events).decision_function(events[0]), expected)
    assert len(list(tmp_path.rglob("output.pkl"))) == 2
