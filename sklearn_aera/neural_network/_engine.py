"""Compiled networks, lent to whichever estimator is fitting or predicting.

The only module that touches scikeras and the training of Keras models. An engine wraps a
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
from functools import cached_property

import joblib
import numpy as np

from sklearn_aera.neural_network._startup import load_keras

load_keras()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from scikeras.wrappers import KerasClassifier, KerasRegressor  # noqa: E402

from sklearn_aera.neural_network._networks import build_network  # noqa: E402

# Engines kept alive; the least recently used goes first.
_MAX_ENGINES = 16
_PREDICTION_BATCH = 1024
# Steps of one call of the compiled graph: Ctrl-C is heard between calls.
_STEPS_PER_CALL = 64


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

_TRACES = tf.TensorSpec((None, None), tf.float32)
_WEIGHTS = tf.TensorSpec((None,), tf.float32)
_ORDER = tf.TensorSpec((None,), tf.int32)
_RATES = tf.TensorSpec((None,), tf.float32)
_INTEGER = tf.TensorSpec((), tf.int32)


def _compiled_once(*signature):
    """Make of a method an attribute: its graph, compiled at first use for tensors of any length."""

    def decorate(method):
        def compiled(self):
            return tf.function(
                method.__get__(self), input_signature=signature
            ).get_concrete_function()

        compiled.__doc__ = method.__doc__
        return cached_property(compiled)

    return decorate


class TraceNetwork(keras.Model):
    """A Keras model whose steps run many to a compiled call.

    `keras.Model.fit` builds a new input pipeline at each call and shuffles with TensorFlow's
    global generator. Here the steps of an epoch run inside the graph, on data already on the
    device, in an order that ``seed`` and the number of the epoch decide, at a learning rate given
    for each step.
    """

    def fit(
        self,
        x,
        y,
        *,
        sample_weight,
        batch_size,
        epochs,
        initial_epoch,
        seed,
        learning_rates,
        augment,
        validation_data,
        epoch_callbacks,
        **_,  # what scikeras routes here by default: verbose, shuffle and the like
    ):
        data = _as_tensors(x, y, sample_weight)
        validation = validation_data and _as_tensors(*validation_data)
        callbacks = keras.callbacks.CallbackList(epoch_callbacks, add_history=True, model=self)
        self.stop_training = False
        callbacks.on_train_begin()
        for epoch, rates in zip(range(initial_epoch, epochs), learning_rates, strict=True):
            callbacks.on_epoch_begin(epoch)
            rng = np.random.default_rng((seed, epoch))
            order = rng.permutation(len(x)).astype(np.int32)
            if augment is not None:
                data = _as_tensors(*augment(x, y, rng), sample_weight)
            logs = self._run_epoch(data, order, rates, batch_size)
            if validation:
                logs |= {f"val_{name}": v for name, v in self._evaluate(validation).items()}
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        callbacks.on_train_end()
        return self.history

    def predict(self, x):
        """Outputs for traces, shape (n, n_outputs), float32."""
        starts = range(0, len(x), _PREDICTION_BATCH)
        chunks = (tf.constant(x[start : start + _PREDICTION_BATCH]) for start in starts)
        return np.concatenate([self._forward(chunk).numpy() for chunk in chunks])

    def _run_epoch(self, data, order, rates, batch_size):
        self.reset_metrics()
        for first in range(0, len(rates), _STEPS_PER_CALL):
            steps = slice(first, first + _STEPS_PER_CALL)
            rows = order[steps.start * batch_size : steps.stop * batch_size]
            self._train_steps(*data, *map(tf.constant, (rows, rates[steps], batch_size)))
        return self._results()

    def _evaluate(self, data):
        self.reset_metrics()
        self._test_steps(*data, tf.constant(_PREDICTION_BATCH))
        return self._results()

    def _results(self):
        return {name: float(value) for name, value in self.get_metrics_result().items()}

    @_compiled_once(_TRACES, _TRACES, _WEIGHTS, _ORDER, _RATES, _INTEGER)
    def _train_steps(self, x, y, weight, order, rates, batch_size):
        x, y = self._shaped(x, y)
        for step in tf.range(tf.size(rates)):
            rows = order[step * batch_size : (step + 1) * batch_size]
            self.optimizer.learning_rate.assign(rates[step])
            self.train_step((tf.gather(x, rows), tf.gather(y, rows), tf.gather(weight, rows)))

    @_compiled_once(_TRACES, _TRACES, _WEIGHTS, _INTEGER)
    def _test_steps(self, x, y, weight, batch_size):
        x, y = self._shaped(x, y)
        for start in tf.range(0, tf.shape(x)[0], batch_size):
            stop = start + batch_size
            self.test_step((x[start:stop], y[start:stop], weight[start:stop]))

    @_compiled_once(_TRACES)
    def _forward(self, x):
        return self(tf.ensure_shape(x, self.input_shape), training=False)

    def _shaped(self, x, y):
        return tf.ensure_shape(x, self.input_shape), tf.ensure_shape(y, (None, self.n_targets))


class Engine:
    """The compiled network of one architecture, wrapped in a scikeras estimator."""

    def __init__(self, architecture):
        self.lock = threading.RLock()
        self.architecture = architecture
        self._trains = False
        wrapper = KerasRegressor if architecture.head == "trace" else KerasClassifier
        self._wrapped = wrapper(
            model=_compiled_network, model__architecture=architecture, warm_start=True
        )
        self._wrapped.initialize(*_first_data(architecture))
        self._optimizer.build(self.network.trainable_variables)
        self._first_optimizer_state = _values(self._optimizer.variables)

    @property
    def network(self):
        return self._wrapped.model_

    @property
    def _optimizer(self):
        return self.network.optimizer

    def initial_weights(self, seed):
        """Weights of a network that has learned nothing yet."""
        return _values(_state(build_network(self.architecture, seed)))

    def fit(self, weights, optimizer_state, X, targets, *, weight_decay, **options):
        """Train from a state; returns the new weights, the optimiser state and the history.

        ``targets`` are class indices or signals; ``optimizer_state`` may be None for a fresh one;
        ``options`` go to `TraceNetwork.fit`.
        """
        if self._trains:  # A callback of the training at hand trains another estimator.
            return Engine(self.architecture).fit(
                weights, optimizer_state, X, targets, weight_decay=weight_decay, **options
            )
        if optimizer_state is None:
            optimizer_state = self._first_optimizer_state
        self._trains = True
        try:
            _assign(_state(self.network), weights)
            _assign(self._optimizer.variables, optimizer_state)
            self._optimizer.weight_decay.assign(weight_decay)
            self._wrapped.fit(X, targets, **options)
        finally:
            self._trains = False
        history = {name: list(map(float, v)) for name, v in self.network.history.history.items()}
        return self.weights(), _values(self._optimizer.variables), history

    def weights(self):
        """The weights as they are now, as arrays."""
        return _values(_state(self.network))

    def predict(self, weights, X):
        """Outputs (n, n_outputs) of the network under the given weights."""
        own = self.weights() if self._trains else None
        _assign(_state(self.network), weights)
        try:
            return self.network.predict(X)
        finally:
            if own is not None:
                _assign(_state(self.network), own)


_engines = OrderedDict()
_engines_lock = threading.Lock()


@contextmanager
def lend_engine(architecture):
    """The engine of an architecture, for one thread at a time."""
    with _engines_lock:
        if architecture not in _engines:
            _engines[architecture] = Engine(architecture)
            while len(_engines) > _MAX_ENGINES:
                _engines.popitem(last=False)
        _engines.move_to_end(architecture)
        engine = _engines[architecture]
    with engine.lock:
        yield engine


def clear_engines():
    """Forget all compiled networks; those in use go when their call ends."""
    with _engines_lock:
        _engines.clear()
    gc.collect()  # Keras models and TensorFlow graphs refer to each other in circles.


def early_stopping(patience, min_delta):
    """Keras callback that stops at the best validation loss and goes back to its weights."""
    return keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=patience, min_delta=min_delta, restore_best_weights=True
    )


def progress_printer():
    """Keras callback that prints one line an epoch."""

    def report(epoch, logs):
        values = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"Epoch {epoch + 1}: {values}")

    return keras.callbacks.LambdaCallback(on_epoch_end=report)


def epoch_watcher(begin, end):
    """Keras callback that calls ``begin()``, and stops if ``end(weights)`` says so.

    ``weights()`` gives those of the epoch's end.
    """

    def on_epoch_end(epoch, logs):
        network = callback.model
        if end(lambda: _values(_state(network))):
            network.stop_training = True

    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begin(), on_epoch_end=on_epoch_end
    )
    return callback


def keras_model(architecture, weights):
    """A Keras model of its own with the given weights."""
    model = build_network(architecture, seed=0)
    _assign(_state(model), weights)
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


def _state(network):
    """Variables that training changes: weights and the generators of dropout."""
    generators = [layer.seed_generator for layer in network.layers if _has_generator(layer)]
    return [*network.weights, *(generator.state for generator in generators)]


def _has_generator(layer):
    return getattr(layer, "seed_generator", None) is not None


def _values(variables):
    return [np.array(variable) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _as_tensors(x, y, sample_weight):
    y = np.asarray(y, dtype=np.float32)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    return (
        tf.constant(x, tf.float32),
        tf.constant(y.reshape(len(y), -1)),
        tf.constant(sample_weight, tf.float32),
    )
