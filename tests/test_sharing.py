"""Estimators of one architecture share a compiled network, and nothing else."""

import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_aera.neural_network import RecurrentClassifier, clear_compiled_networks
from sklearn_aera.persistence import load_model, save_model

# Raw frames and a plain cell: graphs that compile in about a second.
TINY = {"cell": "simple_rnn", "bidirectional": False, "n_filters": 0}


def tiny(hidden_size=3, **parameters):
    frames = {"kernel_size": 12, "stride": 12}
    training = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01, "random_state": 0}
    return RecurrentClassifier(
        hidden_size=hidden_size, **(TINY | frames | training | {"dropout": 0.2} | parameters)
    )


@pytest.fixture
def engines(monkeypatch):
    """The compiled networks of this process, none at first."""
    from sklearn_aera.neural_network import _engine

    clear_compiled_networks()
    return _engine


class AtEpochEnd:
    """A callback of scikit-learn that does something at the end of every epoch."""

    def __init__(self, action):
        self.action = action
        self.n_calls = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.n_calls += 1
            self.action()


def _same(a, b):
    """Whether two estimators are in the same state: weights, optimiser's arrays and history."""
    for name in ("weights_", "optimizer_state_"):
        for x, y in zip(getattr(a, name), getattr(b, name), strict=True):
            np.testing.assert_array_equal(x, y)
    assert a.history_ == b.history_
    assert a.n_iter_ == b.n_iter_


def test_interleaved_training(easy_traces, tmp_path):
    """Epochs of two estimators take turns, with predictions, pickles and files in between."""
    X, y = easy_traces
    alone_a, alone_b = tiny(), tiny(random_state=9, learning_rate=0.1)
    for alone, labels in ((alone_a, y), (alone_b, 1 - y)):
        for _ in range(3):
            alone.partial_fit(X, labels, classes=[0, 1])
    a, b = clone(alone_a), clone(alone_b)
    for _ in range(3):
        a.partial_fit(X, y, classes=[0, 1])
        b.partial_fit(X, 1 - y, classes=[0, 1])
        b.predict(X)
        a = pickle.loads(pickle.dumps(a))
        a.model_.predict_on_batch(X)
        save_model(tmp_path / "b.skops", b, overwrite=True)
        b = load_model(tmp_path / "b.skops")
    _same(a, alone_a)
    _same(b, alone_b)
    assert np.abs(a.decision_function(X) - b.decision_function(X)).max() > 0.1


def test_what_two_estimators_hold_are_copies(easy_traces):
    X, y = easy_traces
    a = tiny(epochs=1).fit(X, y)
    before = [w.copy() for w in a.weights_ + a.optimizer_state_]
    tiny(epochs=1, random_state=1).fit(X, 1 - y).predict(X)
    for held, expected in zip(a.weights_ + a.optimizer_state_, before, strict=True):
        np.testing.assert_array_equal(held, expected)


def test_threads(easy_traces):
    """Two threads fit estimators of one architecture at once, two more one of another."""
    X, y = easy_traces
    models = [tiny(random_state=seed) for seed in (0, 1)]
    models += [tiny(hidden_size=2, random_state=seed) for seed in (0, 1)]
    alone = [clone(model).fit(X, y) for model in models]
    barrier = threading.Barrier(len(models))

    def fit(model):
        barrier.wait()
        for _ in range(2):
            model.fit(X, y).predict(X)
        return model

    with ThreadPoolExecutor(len(models)) as pool:
        together = list(pool.map(fit, models))
    for model, expected in zip(together, alone, strict=True):
        _same(model, expected)


def test_a_callback_may_predict_with_another_estimator(easy_traces):
    X, y = easy_traces
    alone = tiny().fit(X, y)
    other = tiny(random_state=5).fit(X, 1 - y)
    expected = other.decision_function(X)
    answers = []
    model = tiny()
    model.set_callbacks(AtEpochEnd(lambda: answers.append(other.decision_function(X)))).fit(X, y)
    assert len(answers) == 3
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)
    _same(model, alone)


def test_a_callback_may_fit_another_estimator(easy_traces):
    X, y = easy_traces
    alone, other_alone = tiny(epochs=2).fit(X, y), tiny(random_state=5).fit(X, 1 - y)
    other = tiny(random_state=5)
    callback = AtEpochEnd(lambda: other.fit(X, 1 - y))
    model = tiny(epochs=2).set_callbacks(callback).fit(X, y)
    assert callback.n_calls == 2
    _same(model, alone)
    _same(other, other_alone)


def test_released_networks_are_compiled_again(engines, easy_traces):
    X, y = easy_traces
    alone = tiny()
    for _ in range(2):
        alone.partial_fit(X, y, classes=[0, 1])
    model = tiny().partial_fit(X, y, classes=[0, 1])
    first = weakref.ref(engines._engines[model.architecture_])
    assert first() is not None
    clear_compiled_networks()
    assert first() is None
    assert not engines._engines
    model.partial_fit(X, y)
    _same(model, alone)
    assert list(engines._engines) == [model.architecture_]


def test_release_in_the_middle_of_a_fit(engines, easy_traces):
    """The training at hand keeps its network until it is done."""
    X, y = easy_traces
    alone = tiny().fit(X, y)
    model = tiny().set_callbacks(AtEpochEnd(clear_compiled_networks)).fit(X, y)
    _same(model, alone)
    assert not engines._engines


def test_least_recently_used_goes_first(engines, easy_traces, monkeypatch):
    X, y = easy_traces
    monkeypatch.setattr(engines, "_MAX_ENGINES", 2)
    models = [tiny(hidden_size=size, epochs=1).fit(X, y) for size in (1, 2)]
    expected = models[1].decision_function(X)
    kept, gone = (weakref.ref(engines._engines[model.architecture_]) for model in models)
    models[0].predict(X)  # now the other one is the least recently used
    third = tiny(hidden_size=3, epochs=1).fit(X, y)
    assert list(engines._engines) == [models[0].architecture_, third.architecture_]
    gc.collect()
    assert kept() is not None
    assert gone() is None
    np.testing.assert_array_equal(models[1].decision_function(X), expected)


def test_callbacks_of_threads_do_not_wait_for_each_other(easy_traces):
    """Each of two trainings predicts, at its epoch's end, with the other's architecture."""
    X, y = easy_traces
    sizes = (4, 5)
    others = [tiny(hidden_size=size, epochs=1).fit(X, y) for size in reversed(sizes)]
    both_train = threading.Barrier(2, timeout=10)
    done = []

    def fit(size, other):
        def predict():
            both_train.wait()
            other.predict(X)

        model = tiny(hidden_size=size, epochs=1).set_callbacks(AtEpochEnd(predict))
        done.append(model.fit(X, y))

    threads = [
        threading.Thread(target=fit, args=arguments, daemon=True)
        for arguments in zip(sizes, others, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(done) == 2
