"""Compiled networks, lent to whichever estimator is fitting or predicting.

The only module that touches scikeras; the training loop stands in `_loop`. An engine wraps a
scikeras ``KerasClassifier`` or ``KerasRegressor``; its weights belong to nobody: every call loads
those of the estimator that asks, and reads them back after training. So a training graph is
compiled once per architecture and process, however many estimators of that architecture are
fitted.
"""

import gc
import os
import threading
from collections import OrderedDict
from contextlib import contextmanager, suppress

import joblib
import numpy as np

from sklearn_aera.neural_network._startup import load_keras

load_keras()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from scikeras.wrappers import KerasClassifier, KerasRegressor  # noqa: E402

from sklearn_aera.neural_network._loop import (  # noqa: E402
    TraceNetwork,
    state_variables,
    values_of,
)
from sklearn_aera.neural_network._networks import build_network  # noqa: E402

# Engines kept alive; the least recently used goes first.
_MAX_ENGINES = 16


def _share_the_cores():
    """Give TensorFlow this process' share of the cores, and of a GPU what it needs.

    joblib and Dask tell their workers how many threads each may use by OMP_NUM_THREADS, where
    TensorFlow does not look; without it, the cores that this process may run on.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    n_threads = int(told) if told.isdigit() and int(told) > 0 else joblib.cpu_count()
    with suppress(RuntimeError):  # TensorFlow is running already: its user has decided.
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


_share_the_cores()


class Engine:
    """The compiled network of one architecture, wrapped in a scikeras estimator."""

    def __init__(self, architecture):
        self.lock = threading.RLock()
        self.architecture = architecture
        self._trains = False
        # The weights in the network; None where training may have changed them.
        self._loaded = None
        wrapper = KerasRegressor if architecture.head == "trace" else KerasClassifier
        self._wrapped = wrapper(
            model=_compiled_network, model__architecture=architecture, warm_start=True
        )
        self._wrapped.initialize(*_first_data(architecture))
        self._optimizer.build(self.network.trainable_variables)
        self._first_optimizer_state = values_of(self._optimizer.variables)

    @property
    def network(self):
        return self._wrapped.model_

    @property
    def _optimizer(self):
        return self.network.optimizer

    def initial_weights(self, seed):
        """Weights of a network that has learned nothing yet."""
        return values_of(state_variables(build_network(self.architecture, seed)))

    def fit(self, weights, optimizer_state, X, targets, *, weight_decay, **options):
        """Train from a state; returns the new weights, the optimiser state and the history.

        ``targets`` are class indices or signals; ``optimizer_state`` may be None for a fresh one;
        ``options`` go to `TraceNetwork.fit`. The last value is whether a callback stopped it.
        """
        if self._trains:  # A callback of the training at hand trains another estimator.
            return Engine(self.architecture).fit(
                weights, optimizer_state, X, targets, weight_decay=weight_decay, **options
            )
        if optimizer_state is None:
            optimizer_state = self._first_optimizer_state
        self._trains = True
        try:
            self._load(weights)
            self._loaded = None
            _assign(self._optimizer.variables, optimizer_state)
            self._optimizer.weight_decay.assign(weight_decay)
            self._wrapped.fit(X, targets, **options)
        finally:
            self._trains = False
        history = {name: list(map(float, v)) for name, v in self.network.history.history.items()}
        stopped = bool(self.network.stop_training)
        return self.weights(), values_of(self._optimizer.variables), history, stopped

    def weights(self):
        """The weights as they are now, as arrays."""
        return values_of(state_variables(self.network))

    def predict(self, weights, X):
        """Outputs (n, n_outputs) of the network under the given weights."""
        own = self.weights() if self._trains else None
        self._load(weights)
        try:
            return self.network.predict(X)
        finally:
            if own is not None:
                self._load(own)
                self._loaded = None

    def _load(self, weights):
        """Copy weights into the network, unless they are there: that is slower than to look."""
        if self._loaded is None or not all(map(np.array_equal, weights, self._loaded)):
            _assign(state_variables(self.network), weights)
            self._loaded = [np.array(weight) for weight in weights]


_engines = OrderedDict()
_engines_lock = threading.Lock()
# How many engines each thread has been lent.
_lent = threading.local()


@contextmanager
def lend_engine(architecture):
    """The engine of an architecture, for one thread at a time.

    A thread that has an engine already (in a callback of its training) does not wait for another,
    whose thread may be waiting for the first: it gets a new one.
    """
    engine = _engine_of(architecture)
    n_lent = getattr(_lent, "number", 0)
    if not engine.lock.acquire(blocking=n_lent == 0):
        engine = Engine(architecture)
        engine.lock.acquire()
    _lent.number = n_lent + 1
    try:
        yield engine
    finally:
        _lent.number = n_lent
        engine.lock.release()


def _engine_of(architecture):
    """The engine that is kept for an architecture, the one used last from now on."""
    with _engines_lock:
        if architecture not in _engines:
            _engines[architecture] = Engine(architecture)
            while len(_engines) > _MAX_ENGINES:
                _engines.popitem(last=False)
        _engines.move_to_end(architecture)
        return _engines[architecture]


def clear_engines():
    """Forget all compiled networks; those in use go when their call ends."""
    with _engines_lock:
        _engines.clear()
    gc.collect()  # Keras models and TensorFlow graphs refer to each other in circles.


def keras_model(architecture, weights):
    """A Keras model of its own with the given weights."""
    model = build_network(architecture, seed=0)
    _assign(state_variables(model), weights)
    return model


def _compiled_network(architecture):
    # On a GPU Keras' own recurrent layers have a kernel for the whole loop.
    on_gpu = bool(keras.distribution.list_devices("gpu"))
    network = build_network(architecture, seed=0, model_class=TraceNetwork, projected=not on_gpu)
    # A weighted mean, so that a weight of 2 is worth two copies of a trace.
    options = {"reduction": "mean_with_sample_weight"}
    network.n_targets = 1
    if architecture.head == "trace":
        network.n_targets = architecture.n_outputs
        loss, metrics = keras.losses.MeanSquaredError(**options), []
    elif architecture.n_outputs == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True, **options)
        metrics = [keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")]
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    optimizer = keras.optimizers.AdamW()
    # A variable, not a constant of the graph: one graph serves every value. Without decay AdamW
    # is Adam.
    optimizer.weight_decay = tf.Variable(0.0, trainable=False)
    network.compile(optimizer=optimizer, loss=loss, weighted_metrics=metrics, jit_compile=False)
    return network


def _first_data(architecture):
    """Traces and targets that tell scikeras their shapes and the kind of target."""
    if architecture.head == "trace":
        return np.zeros((2, architecture.n_features)), np.zeros((2, architecture.n_outputs))
    n_classes = max(architecture.n_outputs, 2)
    return np.zeros((n_classes, architecture.n_features), np.float32), np.arange(n_classes)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
