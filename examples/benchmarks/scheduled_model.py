"""A Keras model trained by `Model.fit` with what the package's training needs."""

from functools import cached_property

import keras
import numpy as np
import tensorflow as tf


class ScheduledModel(keras.Model):
    """A Keras model with a seeded order in each epoch and a learning rate for each step."""

    n_epochs = 0

    def fit_epoch(self, x, y, *, batch_size, seed):
        """Train for one epoch, with rates that fall along a cosine and equal weights."""
        order = np.random.default_rng((seed, self.n_epochs)).permutation(len(x))
        n_steps = -(-len(x) // batch_size)
        self._rates.assign(1e-3 * np.cos(np.linspace(0, 1, n_steps, dtype=np.float32)))
        self._first_step.assign(self.optimizer.iterations.value)
        self.n_epochs += 1
        options = {"sample_weight": np.ones(len(x), np.float32), "shuffle": False, "verbose": 0}
        return self.fit(x[order], y[order], batch_size=batch_size, **options)

    def train_step(self, data):
        step = self.optimizer.iterations.value - self._first_step
        self.optimizer.learning_rate.assign(self._rates[step])
        return super().train_step(data)

    @cached_property
    def _rates(self):
        return tf.Variable([0.0], shape=(None,), trainable=False)

    @cached_property
    def _first_step(self):
        return tf.Variable(self.optimizer.iterations.value, trainable=False)
