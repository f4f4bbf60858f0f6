"""Recurrent layers of the same weights and results, whose loops over time differ."""

import keras
from keras import ops
from networks import RECURRENT_LAYERS


@keras.saving.register_keras_serializable("benchmarks")
class ProjectedGRUCell(keras.layers.GRUCell):
    """GRU cell whose input was multiplied with the kernel before."""

    def call(self, inputs, states, training=False):
        """Output and state after one step."""
        before = states[0]
        recurrent = ops.matmul(before, self.recurrent_kernel) + self.bias[1]
        (x_z, x_r, x_h), (z, r, h) = (ops.split(part, 3, axis=-1) for part in (inputs, recurrent))
        z, r = ops.sigmoid(x_z + z), ops.sigmoid(x_r + r)
        state = z * before + (1 - z) * ops.tanh(x_h + r * h)
        return state, [state]


@keras.saving.register_keras_serializable("benchmarks")
class ProjectedRNN(keras.layers.RNN):
    """Layer that multiplies its whole input with the kernel before the loop over time."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Outputs of the loop; its gradient is left to automatic differentiation."""
        projected = ops.matmul(sequences, self.cell.kernel) + self.cell.bias[0]
        return super().inner_loop(projected, initial_state, mask, training=training)


def make_layer(kind, cell, units, *, unroll, kernel_initializer, recurrent_initializer, **options):
    """Make a recurrent layer.

    Parameters
    ----------
    kind : {"keras", "xla", "projected", "package"}
        Keras' own layer, the same such that XLA may compile it, the input projected before the
        loop (GRU only), or the package's own layer, which writes out the gradient besides.
    cell : {"simple_rnn", "lstm", "gru"}
    units : int
    unroll : bool
        Whether the loop is unrolled; of Keras' own layers only.
    kernel_initializer, recurrent_initializer : keras.Initializer
    **options
        ``return_sequences`` and ``go_backwards``.
    """
    weights = {"kernel_initializer": kernel_initializer}
    weights["recurrent_initializer"] = recurrent_initializer
    if kind == "package":
        from sklearn_aera.neural_network._keras.layers import FAST_LAYERS

        return FAST_LAYERS[cell](units, **weights, **options)
    if kind == "projected":
        return ProjectedRNN(ProjectedGRUCell(units, **weights), **options)
    if kind == "xla":
        options["use_cudnn"] = False
    return RECURRENT_LAYERS[cell](units, unroll=unroll, **weights, **options)
