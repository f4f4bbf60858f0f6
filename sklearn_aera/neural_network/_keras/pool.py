"""Compiled networks, lent to whichever estimator is fitting or predicting.

A compiled network holds weights only while it is lent: every call loads those of the estimator and
reads them back after training. A training graph is therefore compiled once per architecture and
process, however many estimators of that architecture are fitted one after the other; estimators
that need one at the same time get one each.
"""

import gc
import threading
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from scikeras.wrappers import KerasClassifier, KerasRegressor
from tensorflow.python.eager import context

from sklearn_aera.neural_network._keras.build import KERAS_LAYERS, build_network
from sklearn_aera.neural_network._keras.defaults import keras_defaults
from sklearn_aera.neural_network._keras.layers import FAST_LAYERS
from sklearn_aera.neural_network._keras.losses import (
    DetectionLoss,
    SignalError,
    detection_accuracy,
)
from sklearn_aera.neural_network._keras.model import state_variables, values_of
from sklearn_aera.neural_network._keras.startup import check_process

# Idle networks that are kept. If there is one more, the least recently used ones are dropped, a
# quarter at once, since freeing their memory takes a moment.
_MAX_IDLE = 16

_idle = []
_lock = threading.Lock()
# Counts the calls of `clear`: a network lent before one is not kept afterwards.
_generation = 0


@contextmanager
def lend(architecture):
    """Lend a compiled network of an architecture: an idle one, or a new one."""
    check_process()
    with _lock:
        generation = _generation
        matching = [network for network in _idle if network.architecture == architecture]
        if matching:
            _idle.remove(matching[-1])
    with keras_defaults():
        network = matching[-1] if matching else CompiledNetwork(architecture)
        try:
            yield network
        finally:
            _give_back(network, generation)


def _give_back(network, generation):
    with _lock:
        if generation == _generation:
            _idle.append(network)
        too_many = len(_idle) > _MAX_IDLE
        if too_many:
            del _idle[: _MAX_IDLE // 4 - _MAX_IDLE]
    if too_many:
        _free_memory()


def _free_memory():
    """Free the memory of networks that were dropped, as `keras.utils.clear_session` does.

    Random operations with a state of their own, in graphs of the user, begin again after it.
    """
    gc.collect()  # Keras models and TensorFlow graphs hold references to each other.
    context.context().clear_kernel_cache()  # It holds the compiled functions.


def clear():
    """Drop all compiled networks; those that are lent are dropped when they are given back."""
    global _generation
    with _lock:
        _generation += 1
        _idle.clear()
    _free_memory()


class CompiledNetwork:
    """The compiled network of one architecture, inside a scikeras estimator."""

    def __init__(self, architecture):
        self.architecture = architecture
        # The weights in the network; None where training may have changed them.
        self._loaded = None
        self._wrapped = _scikeras_estimator(architecture)
        self.model = self._wrapped.model_
        self._optimizer = self.model.optimizer
        self._optimizer.build(self.model.trainable_variables)
        self._first_optimizer_state = values_of(self._optimizer.variables)

    def initial_weights(self, seed):
        """Weights of an untrained network."""
        return values_of(state_variables(build_network(self.architecture, seed)))

    def fit(self, weights, optimizer_state, X, targets, *, weight_decay, **options):
        """Train from a state with the options of `TraceModel.fit`; None is a fresh optimiser.

        Returns the new weights and optimiser state (lists of arrays), the history (dictionary of
        lists) and whether a callback stopped the training.
        """
        if optimizer_state is None:
            optimizer_state = self._first_optimizer_state
        self._load(weights)
        self._loaded = None
        _assign(self._optimizer.variables, optimizer_state)
        self._optimizer.weight_decay.assign(weight_decay)
        # scikeras looks at a flat target.
        self._wrapped.fit(X, np.asarray(targets).reshape(_flat(targets.shape)), **options)
        history = {name: list(map(float, v)) for name, v in self.model.history.history.items()}
        weights = values_of(state_variables(self.model))
        return weights, values_of(self._optimizer.variables), history, self.model.stop_training

    def predict(self, weights, X):
        """Outputs (n, *output_shape) of the network with the given weights."""
        self._load(weights)
        return self.model.predict(X)[:, : self.architecture.output_shape[0]]

    def _load(self, weights):
        """Copy weights into the network, unless they are there: comparing is faster."""
        if self._loaded is None or not all(map(np.array_equal, weights, self._loaded)):
            _assign(state_variables(self.model), weights)
            self._loaded = [np.array(weight) for weight in weights]


@keras_defaults()
def keras_model(architecture, weights):
    """A Keras model of standard layers with the given weights."""
    check_process()
    model = build_network(architecture, seed=0)
    _assign(state_variables(model), weights)
    model(np.zeros((1, *architecture.trace_shape), np.float32))  # Keras exports what was called.
    return model


def _scikeras_estimator(architecture):
    """An initialised scikeras estimator around the compiled network: the only use of scikeras."""
    learns_signals = architecture.head == "trace" or architecture.learns_arrival
    wrapper = KerasRegressor if learns_signals else KerasClassifier
    wrapped = wrapper(model=_compile, model__architecture=architecture, warm_start=True)
    # Zeros tell scikeras the shapes and the kind of target.
    if learns_signals:
        y = np.zeros((2, np.prod(architecture.target_shape)), np.float32)
    else:
        y = np.arange(max(*architecture.output_shape, 2))
    wrapped.initialize(np.zeros((len(y), *architecture.trace_shape), np.float32), y)
    # Its step that does nothing would warn where users want data frames.
    wrapped.feature_encoder_.set_output(transform="default")
    return wrapped


def _compile(architecture):
    # On a GPU Keras' own recurrent layers have a kernel for the whole loop.
    on_gpu = bool(keras.distribution.list_devices("gpu"))
    layers = KERAS_LAYERS if on_gpu else FAST_LAYERS
    model = build_network(architecture, 0, training=True, recurrent_layers=layers)
    # A weighted mean, so that a weight of 2 is worth two copies of a trace.
    options = {"reduction": "mean_with_sample_weight"}
    model.target_shape = architecture.target_shape
    if architecture.head == "trace":
        loss, metrics = SignalError(**options), []
    elif architecture.learns_arrival:
        loss = DetectionLoss(architecture, **options)
        metrics = [keras.metrics.MeanMetricWrapper(detection_accuracy, name="accuracy")]
    elif architecture.output_shape == (1,):
        loss = keras.losses.BinaryCrossentropy(from_logits=True, **options)
        metrics = [keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")]
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    optimizer = keras.optimizers.AdamW()
    # A variable, so that one graph serves every value. Without decay AdamW is Adam.
    optimizer.weight_decay = tf.Variable(0.0, trainable=False)
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=metrics, jit_compile=False)
    return model


def _flat(shape):
    return shape if len(shape) < 2 else (shape[0], -1)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
