"""Keras models whose training steps run many to a call, and what watches their training."""

import inspect
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf
from sklearn.utils import gen_batches, gen_even_slices
from tensorflow.python.framework.ops import gradient_registry

from sklearn_aera.neural_network._keras.interrupts import interrupts_held

_PREDICTION_BATCH = 512
# Steps of one call of the compiled graph. Python handles Ctrl-C between calls.
_STEPS_PER_CALL = 64
_INTEGER = tf.TensorSpec((), tf.int32)


class TraceModel(keras.Model):
    """A Keras model with a training loop of its own.

    The steps of an epoch run inside the compiled graph, on data that are on the device already, in
    an order that ``seed`` and the number of the epoch determine, each with its own learning rate.
    `keras.Model.fit` can do the same, one epoch a call, and builds an input pipeline at each call:
    ``examples/benchmarks/training_steps.py`` measures what that costs, see ``docs/scale.rst``.
    ``target_shape`` is the shape of one target: (1,) for a class index, or a signal's.
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
        **_,  # scikeras adds verbose, shuffle and others.
    ):
        data = self._as_tensors(x, y, sample_weight)
        validation = validation_data and self._as_tensors(*validation_data)
        callbacks = keras.callbacks.CallbackList(epoch_callbacks, add_history=True, model=self)
        self.stop_training = False
        callbacks.on_train_begin()
        for epoch, rates in zip(range(initial_epoch, epochs), learning_rates, strict=True):
            callbacks.on_epoch_begin(epoch)
            rng = np.random.default_rng((seed, epoch))
            order = rng.permutation(len(x)).astype(np.int32)
            if augment is not None:
                data = self._as_tensors(*augment(x, y, rng), sample_weight)
            logs = self._run_epoch(data, order, rates, batch_size)
            if not np.isfinite(logs["loss"]):
                raise ValueError(
                    f"the training diverged: the loss of epoch {epoch + 1} is {logs['loss']}, with "
                    f"a learning rate of up to {np.max(rates):g}; use a lower learning_rate, and "
                    "traces of about unit standard deviation"
                )
            if validation:
                logs |= {f"val_{name}": v for name, v in self._evaluate(validation).items()}
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        callbacks.on_train_end()
        return self.history

    def predict(self, x):
        """Outputs for traces, shape (n, *output_shape), float32."""
        # Even ones of about this size: a small last one would take almost as long as the others.
        batches = gen_even_slices(len(x), max(round(len(x) / _PREDICTION_BATCH), 1))
        return np.concatenate([self._predict_batch(x[rows]) for rows in batches])

    @interrupts_held()
    def _predict_batch(self, x):
        return self._forward(tf.constant(x)).numpy()

    def _run_epoch(self, data, order, rates, batch_size):
        self.reset_metrics()
        for steps in gen_batches(len(rates), _STEPS_PER_CALL):
            rows = order[steps.start * batch_size : steps.stop * batch_size]
            with interrupts_held():
                self._train_steps(*data, *map(tf.constant, (rows, rates[steps], batch_size)))
        return self._results()

    @interrupts_held()
    def _evaluate(self, data):
        self.reset_metrics()
        self._test_steps(*data, tf.constant(_PREDICTION_BATCH))
        return self._results()

    @interrupts_held()
    def _results(self):
        return {name: float(value) for name, value in self.get_metrics_result().items()}

    @cached_property
    def _train_steps(self):
        def train_steps(x, y, weight, order, rates, batch_size):
            def step(number):
                rows = order[number * batch_size : (number + 1) * batch_size]
                self.optimizer.learning_rate.assign(rates[number])
                self.train_step((tf.gather(x, rows), tf.gather(y, rows), tf.gather(weight, rows)))
                return number + 1

            tf.while_loop(lambda number: number < tf.size(rates), step, [0])

        order, rates, batch_size = (
            _vector(tf.int32),
            _vector(tf.float32),
            tf.TensorSpec((), tf.int32),
        )
        return _compiled(train_steps, *self._data_specs, order, rates, batch_size)

    @cached_property
    def _test_steps(self):
        def test_steps(x, y, weight, batch_size):
            def step(start):
                stop = start + batch_size
                self.test_step((x[start:stop], y[start:stop], weight[start:stop]))
                return stop

            tf.while_loop(lambda start: start < tf.shape(x)[0], step, [0])

        return _compiled(test_steps, *self._data_specs, _INTEGER)

    @cached_property
    def _forward(self):
        return _compiled(lambda x: self(x, training=False), self._data_specs[0])

    @property
    def _data_specs(self):
        """Of traces, targets and weights."""
        traces = tf.TensorSpec(self.input_shape, tf.float32)
        return traces, tf.TensorSpec((None, *self.target_shape), tf.float32), _vector(tf.float32)

    @interrupts_held()
    def _as_tensors(self, x, y, sample_weight):
        y = np.asarray(y, dtype=np.float32).reshape(len(y), *self.target_shape)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        return tf.constant(x, tf.float32), tf.constant(y), tf.constant(weight, tf.float32)


def early_stopping(patience, min_delta):
    """Keras callback that stops at the lowest validation loss and restores its weights."""
    return keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=patience, min_delta=min_delta, restore_best_weights=True
    )


def progress_printer():
    """Keras callback that prints one line per epoch."""

    def report(epoch, logs):
        values = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"Epoch {epoch + 1}: {values}")

    return keras.callbacks.LambdaCallback(on_epoch_end=report)


def epoch_watcher(begin, end):
    """Keras callback that calls ``begin()``, and stops if ``end(weights)`` returns true.

    ``weights()`` returns the weights at the end of the epoch.
    """

    def on_epoch_end(epoch, logs):
        model = callback.model
        if end(lambda: values_of(state_variables(model))):
            model.stop_training = True

    callback = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begin(), on_epoch_end=on_epoch_end
    )
    return callback


def state_variables(model):
    """Variables that training changes: weights and the random generators of dropout layers."""
    generators = (getattr(layer, "seed_generator", None) for layer in model.layers)
    return [*model.weights, *(generator.state for generator in generators if generator)]


@interrupts_held()
def values_of(variables):
    """Copies of variables as arrays."""
    return [np.asarray(variable.numpy()) for variable in variables]


def _compiled(function, *signature):
    """The graph of a function, compiled once for data of any length."""
    # Autograph writes temporary files, for which there may be no place.
    function = tf.function(function, input_signature=signature, autograph=False)
    compiled = function.get_concrete_function()
    _forget_gradients(compiled.graph)
    return compiled


def _forget_gradients(graph):
    """Remove the custom gradients of a compiled graph from TensorFlow's registry.

    The registry keeps them, and with them the graph, for ever; they are needed only while the
    graph is differentiated. There is no public function for it.
    """
    registered = gradient_registry._registry
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        gradient = inspect.getclosurevars(registered[name]["type"]).nonlocals["tape_grad_fn"]
        of = tf.nest.flatten(inspect.getclosurevars(gradient).nonlocals["result"])[0].graph
        while of is not None and of is not graph:
            of = getattr(of, "outer_graph", None)
        if of is graph:
            del registered[name]


def _vector(dtype):
    return tf.TensorSpec((None,), dtype)
