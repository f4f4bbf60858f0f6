"""Compiled networks, lent to whichever estimator is fitting or predicting.

The only module that touches scikeras and the training of Keras models. An engine wraps a
scikeras ``KerasClassifier``; its weights belong to nobody: every call loads those of the
estimator that asks, and reads them back after training. So a training graph is compiled once
per architecture and process, however many estimators of that architecture are fitted.
"""

import os
import threading
from collections import OrderedDict
from contextlib import contextmanager, suppress
from functools import cached_property

import numpy as np

from sklearn_aera.neural_network._startup import load_keras

load_keras()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from scikeras.wrappers import KerasClassifier  # noqa: E402

from sklearn_aera.neural_network._networks import build_network  # noqa: E402

# Engines kept alive; the least recently used goes first.
_MAX_ENGINES = 16
_PREDICTION_BATCH = 1024

# joblib's workers are told their share of the cores this way; TensorFlow does not look.
if os.environ.get("OMP_NUM_THREADS", "").isdigit():
    with suppress(RuntimeError):  # TensorFlow is running already: its user has decided.
        tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["OMP_NUM_THREADS"]))

_TRACES = tf.TensorSpec((None, None), tf.float32)
_TARGETS = tf.TensorSpec((None, 1), tf.float32)
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
    """A Keras model whose epochs are one compiled call each.

    `keras.Model.fit` builds a new input pipeline at each call and shuffles with TensorFlow's
    global generator. Here the whole epoch runs inside the graph, on data already on the device,
    in an order that ``seed`` and the number of the epoch decide, at a learning rate given for
    each step; callbacks see epochs, not batches.
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
        data, batch = _as_tensors(x, y, sample_weight), tf.constant(batch_size)
        validation = validation_data and _as_tensors(*validation_data)
        callbacks = keras.callbacks.CallbackList(epoch_callbacks, add_history=True, model=self)
        self.stop_training = False
        callbacks.on_train_begin()
        for epoch, rates in zip(range(initial_epoch, epochs), learning_rates, strict=True):
            callbacks.on_epoch_begin(epoch)
            rng = np.random.default_rng((seed, epoch))
            order = tf.constant(rng.permutation(len(x)), tf.int32)
            if augment is not None:
                data = (tf.constant(augment(x, rng), tf.float32), *data[1:])
            logs = self._run(self._train_epoch, *data, order, tf.constant(rates), batch)
            if validation:
                result = self._run(self._test_epoch, *validation, tf.constant(_PREDICTION_BATCH))
                logs |= {f"val_{name}": value for name, value in result.items()}
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        callbacks.on_train_end()
        return self.history

    def predict(self, x):
        """Logits of traces, shape (n, n_outputs), float32."""
        starts = range(0, len(x), _PREDICTION_BATCH)
        chunks = (tf.constant(x[start : start + _PREDICTION_BATCH]) for start in starts)
        return np.concatenate([self._forward(chunk).numpy() for chunk in chunks])

    def _run(self, epoch, *tensors):
        """Run a compiled epoch and return its loss and metrics as plain floats."""
        self.reset_metrics()
        epoch(*tensors)
        return {name: float(value) for name, value in self.get_metrics_result().items()}

    @_compiled_once(_TRACES, _TARGETS, _WEIGHTS, _ORDER, _RATES, _INTEGER)
    def _train_epoch(self, x, y, weight, order, rates, batch_size):
        x = tf.ensure_shape(x, self.input_shape)
        for step in tf.range(tf.size(rates)):
            rows = order[step * batch_size : (step + 1) * batch_size]
            self.optimizer.learning_rate.assign(rates[step])
            self.train_step((tf.gather(x, rows), tf.gather(y, rows), tf.gather(weight, rows)))

    @_compiled_once(_TRACES, _TARGETS, _WEIGHTS, _INTEGER)
    def _test_epoch(self, x, y, weight, batch_size):
        x = tf.ensure_shape(x, self.input_shape)
        for start in tf.range(0, tf.shape(x)[0], batch_size):
            stop = start + batch_size
            self.test_step((x[start:stop], y[start:stop], weight[start:stop]))

    @_compiled_once(_TRACES)
    def _forward(self, x):
        return self(tf.ensure_shape(x, self.input_shape), training=False)


class Engine:
    """The compiled network of one architecture, wrapped in a scikeras classifier."""

    def __init__(self, architecture):
        self.lock = threading.RLock()
        self.architecture = architecture
        self._classifier = KerasClassifier(
            model=_compiled_network, model__architecture=architecture, warm_start=True
        )
        # One trace of each class tells scikeras the shapes and the kind of target.
        n_classes = max(architecture.n_outputs, 2)
        shape = (n_classes, architecture.n_features)
        self._classifier.initialize(np.zeros(shape, np.float32), np.arange(n_classes))
        self._optimizer.build(self.network.trainable_variables)
        self._first_optimizer_state = _values(self._optimizer.variables)

    @property
    def network(self):
        return self._classifier.model_

    @property
    def _optimizer(self):
        return self.network.optimizer

    def initial_state(self, seed):
        """Weights and optimiser state of a network that has learned nothing yet."""
        network = build_network(self.architecture, seed)
        return _values(_state(network)), self._first_optimizer_state

    def fit(self, weights, optimizer_state, X, codes, *, weight_decay, **options):
        """Train from a state; returns the new weights, the optimiser state and the history.

        ``codes`` are class indices; ``options`` go to `TraceNetwork.fit`.
        """
        self._load(weights, optimizer_state)
        self._optimizer.weight_decay.assign(weight_decay)
        self._classifier.fit(X, codes, **options)
        history = {name: list(map(float, v)) for name, v in self.network.history.history.items()}
        return _values(_state(self.network)), _values(self._optimizer.variables), history

    def predict(self, weights, X):
        """Logits (n, n_outputs) of traces under the given weights."""
        self._load(weights, ())
        return self.network.predict(X)

    def _load(self, weights, optimizer_state):
        load_weights(self.network, weights)
        for variable, value in zip(self._optimizer.variables, optimizer_state, strict=False):
            variable.assign(value)


_engines = OrderedDict()
_engines_lock = threading.Lock()


@contextmanager
def lend_engine(architecture):
    """The engine of an architecture, for one caller at a time."""
    with _engines_lock:
        if architecture not in _engines:
            _engines[architecture] = Engine(architecture)
            while len(_engines) > _MAX_ENGINES:
                _engines.popitem(last=False)
        _engines.move_to_end(architecture)
        engine = _engines[architecture]
    with engine.lock:
        yield engine


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


def load_weights(network, weights):
    """Copy arrays into a network's weights and random generators."""
    for variable, value in zip(_state(network), weights, strict=True):
        variable.assign(value)


def _compiled_network(architecture):
    network = build_network(architecture, seed=0, model_class=TraceNetwork)
    # A weighted mean, so that a weight of 2 is worth two copies of a trace.
    options = {"from_logits": True, "reduction": "mean_with_sample_weight"}
    if architecture.n_outputs == 1:
        loss = keras.losses.BinaryCrossentropy(**options)
        accuracy = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(**options)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    optimizer = keras.optimizers.AdamW()
    # A variable, not a constant of the graph: one graph serves every value. Without decay AdamW
    # is Adam.
    optimizer.weight_decay = tf.Variable(0.0, trainable=False)
    network.compile(optimizer=optimizer, loss=loss, weighted_metrics=[accuracy], jit_compile=False)
    return network


def _state(network):
    """Variables that training changes: weights and the generators of dropout."""
    generators = [layer.seed_generator for layer in network.layers if _has_generator(layer)]
    return [*network.weights, *(generator.state for generator in generators)]


def _has_generator(layer):
    return getattr(layer, "seed_generator", None) is not None


def _values(variables):
    return [np.array(variable) for variable in variables]


def _as_tensors(x, y, sample_weight):
    y = np.asarray(y, dtype=np.float32).reshape(-1, 1)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    return tf.constant(x, tf.float32), tf.constant(y), tf.constant(sample_weight, tf.float32)
