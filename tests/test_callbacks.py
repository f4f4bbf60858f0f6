"""Callbacks of scikit-learn watch and stop the training."""

import re

import numpy as np
import pytest
from helpers import LOUD, Watcher, convolutional, simulating_pipeline, tiny
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV

from sklearn_aera.datasets import make_events
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import TraceSimulator

ESTIMATORS = [
    TraceSimulator(n_samples=120, random_state=0),
    StdNormalizer(),
    SpectralWhitener(),
    SNRCalculator(),
    MatchedFilter(),
    LikelihoodRatioClassifier(),
    tiny(epochs=2),
    convolutional(epochs=2),
]


@pytest.fixture(scope="module")
def events():
    return make_events(200, random_state=3, **LOUD)


class MonitorOfEpochs(Watcher):
    """Callback that requests the fitted estimator of each epoch."""

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        if context.task_name == "epoch":
            self.tasks.append((fitted_estimator, fitted_estimator.decision_function(X)))


# --- progress --------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_every_estimator_shows_its_progress(estimator, easy_traces, events, capfd):
    X, y = events if isinstance(estimator, TraceSimulator) else easy_traces
    alone = clone(estimator).fit(X, y)
    watched = clone(estimator).set_callbacks(ProgressBar()).fit(X, y)
    out, err = capfd.readouterr()
    assert err == ""
    assert re.search(rf"{type(estimator).__name__} - fit\s.*100%", out)
    method = "decision_function" if hasattr(alone, "decision_function") else "transform"
    np.testing.assert_array_equal(getattr(watched, method)(X), getattr(alone, method)(X))


def test_progress_of_a_search(events, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    search = GridSearchCV(
        simulating_pipeline(tiny(epochs=2)), {"classify__learning_rate": [0.001, 0.01]}, cv=2
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*events)
    out, err = capfd.readouterr()
    assert err == ""
    lines = [line.split("━")[0].strip() for line in out.splitlines()]
    assert lines[:2] == ["GridSearchCV - fit", "GridSearchCV - search #0"]
    # Two candidates on two folds each, and the best one on all events.
    fits = [f"GridSearchCV - candidate-split-evaluation | Pipeline - fit #{n}" for n in range(4)]
    assert [line for line in lines if "candidate-split-evaluation" in line] == fits
    for step in ("TraceSimulator", "StdNormalizer", "RecurrentClassifier"):
        assert sum(f"| {step} - fit" in line for line in lines) == 5
    assert sum("refit-with-best-params" in line for line in lines) == 1
    assert all("100%" in line for line in out.splitlines())


def test_the_bar_moves_with_the_epochs(easy_traces, capfd):
    def interrupt(epoch):
        if epoch == 1:
            raise KeyboardInterrupt

    model = tiny(epochs=5).set_callbacks(ProgressBar(), Watcher(interrupt))
    with pytest.raises(KeyboardInterrupt):
        model.fit(*easy_traces)
    assert re.search(r"RecurrentClassifier - fit\s.* 40%", capfd.readouterr().out)


def test_tasks_of_a_pipeline(events):
    watcher = Watcher()
    simulating_pipeline(tiny(epochs=2)).set_callbacks(watcher).fit(*events)
    assert watcher.tasks == [
        ("Pipeline", "fit"),
        ("TraceSimulator", "fit-transform-simulate"),
        ("StdNormalizer", "fit-transform-normalize"),
        ("RecurrentClassifier", "fit-final-estimator"),
        ("RecurrentClassifier", "epoch"),
        ("RecurrentClassifier", "epoch"),
    ]


def test_tasks_of_other_ways_to_train(easy_traces):
    watcher = Watcher()
    model = tiny(epochs=2).set_callbacks(watcher)
    simulator = TraceSimulator(n_samples=120)
    model.fit_simulated(simulator, 100, arrival_time=(0.1, 0.5))
    epochs = [("RecurrentClassifier", "fit"), *2 * [("RecurrentClassifier", "epoch")]]
    assert watcher.tasks == epochs
    model.partial_fit(*easy_traces)
    assert watcher.tasks == epochs + epochs[:2]


# --- scores ----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_scoring_monitor_logs_every_epoch(easy_traces, weighted):
    X, y = easy_traces
    options = {"sample_weight": np.linspace(1, 2, len(y))} if weighted else {}
    alone = tiny(dropout=0.2).fit(X, y, **options)
    monitor = ScoringMonitor(scoring=["roc_auc", "accuracy"])
    watched = tiny(dropout=0.2).set_callbacks(monitor).fit(X, y, **options)
    np.testing.assert_array_equal(watched.decision_function(X), alone.decision_function(X))
    assert watched.history_ == alone.history_
    log = monitor.get_logs().data
    epochs = [row for row in log if row["task_name"] == "epoch"]
    assert [row["task_id"] for row in epochs] == [0, 1, 2]
    assert len({row["roc_auc"] for row in epochs}) == 3
    # The estimators of the last epoch and of the whole fit are the fitted one.
    for row in (epochs[-1], log[0]):
        # The weights are float32 in training and float64 in the metric.
        score = roc_auc_score(y, alone.decision_function(X), **options)
        assert row["roc_auc"] == pytest.approx(score, rel=1e-6)
        score = accuracy_score(y, alone.predict(X), **options)
        assert row["accuracy"] == pytest.approx(score, rel=1e-6)


def test_the_estimator_of_an_epoch_is_that_of_so_many_epochs(easy_traces):
    X, y = easy_traces
    monitor = MonitorOfEpochs()
    tiny().set_callbacks(monitor).fit(X, y)
    seen = [task for task in monitor.tasks if not isinstance(task[0], str)]
    assert len(seen) == 3
    for number, (estimator, score) in enumerate(seen, start=1):
        shorter = tiny(epochs=number).fit(X, y)
        np.testing.assert_array_equal(score, shorter.decision_function(X))
        # Later epochs do not change it.
        np.testing.assert_array_equal(estimator.decision_function(X), score)


def test_scores_of_a_step_in_a_search(events):
    monitor = ScoringMonitor(scoring="roc_auc")
    pipeline = simulating_pipeline(tiny(epochs=2))
    pipeline[-1].set_callbacks(monitor)
    GridSearchCV(pipeline, {"classify__hidden_size": [2, 3]}, cv=2, refit=False).fit(*events)
    log = monitor.get_logs().data
    epochs = [row for row in log if row["task_name"] == "epoch"]
    assert len(epochs) == 2 * 2 * 2
    assert all(0 <= row["roc_auc"] <= 1 for row in epochs)


# --- stopping and failing --------------------------------------------------------------------


def test_a_callback_can_stop_the_training(easy_traces):
    X, y = easy_traces
    model = tiny(epochs=6).set_callbacks(Watcher(lambda epoch: epoch == 1)).fit(X, y)
    assert model.n_iter_ == len(model.history_["loss"]) == 2
    expected = tiny(epochs=2).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(model.decision_function(X), expected)


def test_a_callback_can_stop_endless_training():
    model = tiny(epochs=6).set_callbacks(Watcher(lambda epoch: epoch == 1))
    model.fit_simulated(TraceSimulator(n_samples=120), 100, arrival_time=(0.1, 0.5))
    assert model.n_iter_ == len(model.history_["loss"]) == 2


def _fail(epoch):
    if epoch == 1:
        raise RuntimeError("no longer")


@pytest.mark.parametrize("task_name", ["epoch", "fit"])
def test_fit_after_a_callback_that_raised(easy_traces, task_name):
    X, y = easy_traces
    action = _fail if task_name == "epoch" else lambda number: _fail(1)
    model = tiny().set_callbacks(Watcher(action, task_name))
    with pytest.raises(RuntimeError, match="no longer"):
        model.fit(X, y)
    assert not hasattr(model, "weights_")
    model.set_callbacks()
    expected = tiny().fit(X, y).decision_function(X)
    np.testing.assert_array_equal(model.fit(X, y).decision_function(X), expected)


def test_a_callback_that_raises_leaves_an_unfitted_estimator(easy_traces):
    X, y = easy_traces
    model = tiny().set_callbacks(Watcher(_fail))
    with pytest.raises(RuntimeError, match="no longer"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_callback_that_raises_leaves_a_fitted_estimator_as_it_was(easy_traces, warm_start):
    X, y = easy_traces
    model = tiny(warm_start=warm_start).fit(X, y)
    before, history = model.decision_function(X), model.history_
    weights = [w.copy() for w in model.weights_ + model.optimizer_state_]
    model.set_callbacks(Watcher(_fail if not warm_start else lambda epoch: _fail(1)))
    with pytest.raises(RuntimeError, match="no longer"):
        model.fit(X, 1 - y)
    np.testing.assert_array_equal(model.decision_function(X), before)
    for now, then in zip(model.weights_ + model.optimizer_state_, weights, strict=True):
        np.testing.assert_array_equal(now, then)
    assert (model.n_iter_, model.history_) == (3, history)


def test_a_failed_fit_on_shorter_traces_leaves_the_length(easy_traces):
    X, y = easy_traces
    model = tiny().fit(X, y)
    before = model.decision_function(X)
    model.set_callbacks(Watcher(_fail))
    with pytest.raises(RuntimeError, match="no longer"):
        model.fit(X[:, :60], y)
    np.testing.assert_array_equal(model.decision_function(X), before)
