"""How networks are trained: the loop over epochs and steps, and what watches it."""

from functools import cached_property

import numpy as np

from sklearn_aera.neural_network._startup import load_keras

load_keras()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

_PREDICTION_BATCH = 512
# Steps of one call of the compiled graph: Ctrl-C is heard between calls.
_STEPS_PER_CALL = 64

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
        if end(lambda: values_of(state_variables(network))):
            network.stop_training = True

    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begin(), on_epoch_end=on_epoch_end
    )
    return callback


def state_variables(network):
    """Variables that training changes: weights and the generators of dropout."""
    generators = [layer.seed_generator for layer in network.layers if _has_generator(layer)]
    return [*network.weights, *(generator.state for generator in generators)]


def values_of(variables):
    """Copies of variables as arrays."""
    return [np.array(variable) for variable in variables]


def _has_generator(layer):
    return getattr(layer, "seed_generator", None) is not None


def _as_tensors(x, y, sample_weight):
    y = np.asarray(y, dtype=np.float32)
    if sample_weight is None:
        sample_weight = np.ones(len(y))
    return (
        tf.constant(x, tf.float32),
        tf.constant(y.reshape(len(y), -1)),
        tf.constant(sample_weight, tf.float32),
    )
