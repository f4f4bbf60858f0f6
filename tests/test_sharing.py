"""Estimators of one architecture share a compiled network, and nothing else."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from helpers import Watcher
from helpers import tiny as tiny_without_dropout
from sklearn.base import clone

from sklearn_aera.neural_network import clear_compiled_networks
from sklearn_aera.persistence import load_model, save_model


def tiny(**parameters):
    """Classifier with dropout, whose random numbers must not be shared either."""
    return tiny_without_dropout(**({"dropout": 0.2} | parameters))


def at_epoch_end(action):
    """Callback that calls a function at the end of every epoch and never stops the training."""

    def act(number):
        action()

    return Watcher(act)


def _same(a, b):
    """Assert that two estimators have the same weights, optimiser state and history."""
    for name in ("weights_", "optimizer_state_"):
        for x, y in zip(getattr(a, name), getattr(b, name), strict=True):
            np.testing.assert_array_equal(x, y)
    assert a.history_ == b.history_
    assert a.n_iter_ == b.n_iter_


def test_interleaved_training(easy_traces, tmp_path):
    """Two estimators train in turn, with predictions, pickles and files in between."""
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
        save_model(b, tmp_path / "b.skops", overwrite=True)
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
    """Two threads fit estimators of one architecture, and two more of another, at once."""
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
    model.set_callbacks(at_epoch_end(lambda: answers.append(other.decision_function(X)))).fit(X, y)
    assert len(answers) == 3
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)
    _same(model, alone)


def test_a_callback_may_fit_another_estimator(easy_traces):
    X, y = easy_traces
    alone, other_alone = tiny(epochs=2).fit(X, y), tiny(random_state=5).fit(X, 1 - y)
    other = tiny(random_state=5)
    callback = at_epoch_end(lambda: other.fit(X, 1 - y))
    model = tiny(epochs=2).set_callbacks(callback).fit(X, y)
    assert len(callback.tasks) == 3  # the fit and two epochs
    _same(model, alone)
    _same(other, other_alone)


def test_release_in_the_middle_of_a_fit(easy_traces):
    """A running fit keeps its network."""
    X, y = easy_traces
    alone = tiny().fit(X, y)
    model = tiny().set_callbacks(at_epoch_end(clear_compiled_networks)).fit(X, y)
    _same(model, alone)


def test_callbacks_of_threads_do_not_wait_for_each_other(easy_traces):
    """At the end of an epoch, each of two fits predicts with the architecture of the other."""
    X, y = easy_traces
    sizes = (4, 5)
    others = [tiny(hidden_size=size, epochs=1).fit(X, y) for size in reversed(sizes)]
    both_train = threading.Barrier(2, timeout=10)
    done = []

    def fit(size, other):
        def predict():
            both_train.wait()
            other.predict(X)

        model = tiny(hidden_size=size, epochs=1).set_callbacks(at_epoch_end(predict))
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
