"""Compiled networks are built once per architecture, lent, returned and dropped."""

import ast
import gc
import inspect
import random
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import TINY, Watcher, denoiser, recurrent, tiny

from sklearn_aera.neural_network import clear_compiled_networks
from sklearn_aera.neural_network._keras import model as keras_model_module
from sklearn_aera.neural_network._keras import pool


@pytest.fixture(autouse=True)
def empty_pool():
    """No compiled network at the beginning of a test."""
    clear_compiled_networks()


@pytest.fixture
def built(monkeypatch):
    """The architectures of the networks that are built, in this order."""
    architectures, build = [], pool._scikeras_estimator

    def counted(architecture):
        architectures.append(architecture)
        return build(architecture)

    monkeypatch.setattr(pool, "_scikeras_estimator", counted)
    return architectures


def idle():
    """Architectures of the idle networks, the least recently used first."""
    return [network.architecture for network in pool._idle]


def same_weights(a, b):
    for x, y in zip(a.weights_, b.weights_, strict=True):
        np.testing.assert_array_equal(x, y)


# --- building --------------------------------------------------------------------------------


def test_fits_one_after_the_other_compile_once(easy_traces, built, monkeypatch):
    """Any parameters may differ, as long as the architecture is the same."""
    X, y = easy_traces
    graphs, compiled = [], keras_model_module._compiled

    def counted(function, *signature):
        graphs.append(function)
        return compiled(function, *signature)

    monkeypatch.setattr(keras_model_module, "_compiled", counted)
    first = tiny().fit(X, y)
    first.predict(X)
    assert built == [first.architecture_]
    n_graphs = len(graphs)
    settings = [
        {"learning_rate": 0.1, "learning_rate_schedule": "cosine", "weight_decay": 0.1},
        {"batch_size": 7, "epochs": 1, "flip_polarity": True, "max_shift": 5},
        {"random_state": 5, "class_weight": {"noise": 1, "pulse": 2}, "warm_start": True},
    ]
    for number, parameters in enumerate(settings):
        n_traces = 100 + 50 * number
        model = tiny(**parameters).fit(X[:n_traces], np.array(["noise", "pulse"])[y[:n_traces]])
        model.partial_fit(X[:9], model.predict(X[:9])).predict_proba(X[: number + 1])
    assert built == [first.architecture_]
    assert len(graphs) == n_graphs == 2  # of the training steps and of predictions
    tiny(hidden_size=2, epochs=1).fit(X, y)
    assert len(built) == 2


def test_two_fits_at_once_have_a_network_each(easy_traces, built):
    """Here a fit in the callback of another; both networks are used again later."""
    X, y = easy_traces

    def fit_another(number):
        tiny(epochs=1).fit(X, y)

    model = tiny(epochs=2).set_callbacks(Watcher(fit_another)).fit(X, y)
    assert built == 2 * [model.architecture_] == idle()
    tiny().fit(X, y)
    assert len(built) == 2


def test_threads_predict_at_once_with_a_network_each(easy_traces, built, monkeypatch):
    """All threads are in the prediction at the same time: none waits for another."""
    X, y = easy_traces
    models = [tiny(random_state=seed).fit(X, y) for seed in range(3)]
    expected = [model.decision_function(X) for model in models]
    all_predict = threading.Barrier(len(models), timeout=60)
    used, predict = [], pool.CompiledNetwork.predict

    def together(self, weights, X):
        used.append(self)
        all_predict.wait()
        return predict(self, weights, X)

    monkeypatch.setattr(pool.CompiledNetwork, "predict", together)
    with ThreadPoolExecutor(len(models)) as threads:
        found = list(threads.map(lambda model: model.decision_function(X), models))
    np.testing.assert_array_equal(found, expected)
    assert len({id(network) for network in used}) == len(models)
    assert built == 3 * [models[0].architecture_] == idle()


def test_an_error_gives_the_network_back(easy_traces, built):
    X, y = easy_traces

    def fail(number):
        raise RuntimeError("no longer")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no longer"):
            tiny().set_callbacks(Watcher(fail)).fit(X, y)
    assert len(built) == len(idle()) == 1
    clear_compiled_networks()
    expected = tiny().fit(X, y)
    with pytest.raises(RuntimeError, match="no longer"):
        tiny(random_state=3).set_callbacks(Watcher(fail)).fit(X, y)
    same_weights(tiny().fit(X, y), expected)


def test_networks_draw_from_no_global_generator(easy_traces):
    """This checks that of Python; that of NumPy is checked for every test."""
    X, y = easy_traces
    before = random.getstate()
    recurrent(epochs=1, dropout=0.2).fit(X, y).model_.predict_on_batch(X)
    assert random.getstate() == before


# --- keeping and dropping --------------------------------------------------------------------


def test_released_networks_are_compiled_again(easy_traces):
    X, y = easy_traces
    alone = tiny(dropout=0.2)
    for _ in range(2):
        alone.partial_fit(X, y, classes=[0, 1])
    clear_compiled_networks()
    model = tiny(dropout=0.2).partial_fit(X, y, classes=[0, 1])
    (network,) = map(weakref.ref, pool._idle)
    assert network() is not None
    clear_compiled_networks()
    assert network() is None
    assert not idle()
    model.partial_fit(X, y)
    same_weights(model, alone)
    assert idle() == [model.architecture_]


def test_networks_that_are_lent_at_a_release_are_not_kept(easy_traces):
    X, y = easy_traces

    def release(number):
        clear_compiled_networks()

    tiny().set_callbacks(Watcher(release)).fit(X, y)
    assert not idle()


def test_least_recently_used_goes_first(easy_traces, monkeypatch):
    X, y = easy_traces
    monkeypatch.setattr(pool, "_MAX_IDLE", 2)
    models = [tiny(hidden_size=size, epochs=1).fit(X, y) for size in (1, 2)]
    expected = models[1].decision_function(X)
    kept, gone = map(weakref.ref, pool._idle)
    models[0].predict(X)  # Now the other one is the least recently used.
    third = tiny(hidden_size=3, epochs=1).fit(X, y)
    assert idle() == [models[0].architecture_, third.architecture_]
    gc.collect()
    assert kept() is not None
    assert gone() is None
    np.testing.assert_array_equal(models[1].decision_function(X), expected)


# --- scikeras --------------------------------------------------------------------------------

INSTEAD = (
    "scikeras is used by pool._scikeras_estimator alone. If it stopped working with a newer Keras, "
    "that function would return another object with the compiled network as `model_` and with "
    "`fit(X, y, **options)`, and nothing else would change"
)


def test_one_function_uses_scikeras():
    tree = ast.parse(inspect.getsource(pool))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("scikeras")
        for alias in node.names
    }
    assert imported
    users = {
        getattr(statement, "name", ast.unparse(statement))
        for statement in tree.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id in imported
    }
    assert users == {"_scikeras_estimator"}, INSTEAD


@pytest.mark.parametrize(
    "kind", ["classifier", pytest.param("several classes", marks=pytest.mark.slow), "denoiser"]
)
def test_an_object_of_two_names_could_replace_scikeras(easy_traces, monkeypatch, kind):
    class Instead:
        def __init__(self, architecture):
            self.model_ = pool._compile(architecture)

        def fit(self, X, y, **options):
            self.model_.fit(X, y, **options)

    X, y = easy_traces
    y = {"classifier": y, "several classes": np.arange(len(y)) % 3, "denoiser": X}[kind]
    model = denoiser(**TINY) if kind == "denoiser" else tiny(dropout=0.2)
    before = model.fit(X, y).predict(X)
    clear_compiled_networks()
    monkeypatch.setattr(pool, "_scikeras_estimator", Instead)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), before, err_msg=INSTEAD)
