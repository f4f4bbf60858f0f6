"""Recurrent layers that project their whole input at once.

Keras' cells multiply the input of every step with their kernel inside the loop over time. The
product does not depend on the loop: taken out of it, one large product replaces many small ones,
and its gradient too. Weights, names and results are those of Keras' own layers.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("sklearn_aera")
class ProjectedSimpleRNNCell(keras.layers.SimpleRNNCell):
    """Cell of the simple RNN, for inputs that are projected already."""

    def project(self, sequences):
        return ops.matmul(sequences, self.kernel) + self.bias

    def call(self, projected, states, training=False):
        h = self.activation(projected + ops.matmul(states[0], self.recurrent_kernel))
        return h, [h]


@keras.saving.register_keras_serializable("sklearn_aera")
class ProjectedLSTMCell(keras.layers.LSTMCell):
    """LSTM cell for inputs that are projected already."""

    def project(self, sequences):
        return ops.matmul(sequences, self.kernel) + self.bias

    def call(self, projected, states, training=False):
        h, c = states
        z = projected + ops.matmul(h, self.recurrent_kernel)
        i, f, candidate, o = ops.split(z, 4, axis=-1)
        sigmoid, tanh = self.recurrent_activation, self.activation
        c = sigmoid(f) * c + sigmoid(i) * tanh(candidate)
        h = sigmoid(o) * tanh(c)
        return h, [h, c]


@keras.saving.register_keras_serializable("sklearn_aera")
class ProjectedGRUCell(keras.layers.GRUCell):
    """GRU cell (reset after the product) for inputs that are projected already."""

    def project(self, sequences):
        return ops.matmul(sequences, self.kernel) + self.bias[0]

    def call(self, projected, states, training=False):
        h = states[0]
        recurrent = ops.matmul(h, self.recurrent_kernel) + self.bias[1]
        x_z, x_r, x_h = ops.split(projected, 3, axis=-1)
        h_z, h_r, h_h = ops.split(recurrent, 3, axis=-1)
        z = self.recurrent_activation(x_z + h_z)
        r = self.recurrent_activation(x_r + h_r)
        h = z * h + (1 - z) * self.activation(x_h + r * h_h)
        return h, [h]


@keras.saving.register_keras_serializable("sklearn_aera")
class ProjectedRNN(keras.layers.RNN):
    """Loop over time of one of the cells above."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        projected = self.cell.project(sequences)
        return super().inner_loop(projected, initial_state, mask, training=training)


_CELLS = {
    "simple_rnn": ProjectedSimpleRNNCell,
    "lstm": ProjectedLSTMCell,
    "gru": ProjectedGRUCell,
}


def projected_layer(cell, units, *, return_sequences=False, go_backwards=False, **initializers):
    """The recurrent layer of a cell's name."""
    return ProjectedRNN(
        _CELLS[cell](units, **initializers),
        return_sequences=return_sequences,
        go_backwards=go_backwards,
    )
