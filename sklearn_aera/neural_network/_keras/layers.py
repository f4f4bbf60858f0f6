"""Recurrent layers whose gradient is written out: the same weights and outputs as Keras' layers.

Automatic differentiation of a loop over time sums the gradient of the weights step by step. Here
the loop of the gradient carries the gradient of the state alone, and one large matrix product
after it gives that of the weights. One product in front of the loop projects the whole input and
keeps the input's weights out of the written-out gradient. The speed of a training step is measured
by ``examples/benchmarks/training_steps.py``; that the results are those of Keras' layers is tested
by ``tests/test_keras_layers.py``.

Time is the first axis in this module: arrays are (n_steps, n_traces, size). Functions with the
argument ``keeps`` store what the gradient needs of each step only if it is true, as in training.
"""

from functools import partial

import keras
import tensorflow as tf
from tensorflow.raw_ops import SigmoidGrad, TanhGrad


def _scan(step, inputs, state, n_steps, *, n_outputs, backwards=False):
    """Run a loop over time; returns the outputs of all steps and the last state.

    ``step(inputs, state)`` returns its outputs, the first ``n_outputs`` of which are stored, and
    the next state. Inputs and outputs are TensorArrays, so that the gradient's loop reads what the
    first loop stored without a copy.
    """
    outputs = [tf.TensorArray(state[0].dtype, n_steps) for _ in range(n_outputs)]

    def turn(number, state, outputs):
        now = n_steps - 1 - number if backwards else number
        made, state = step([array.read(now) for array in inputs], state)
        return number + 1, state, [a.write(now, out) for a, out in zip(outputs, made, strict=False)]

    _, state, outputs = tf.while_loop(
        lambda number, *_: number < n_steps,
        turn,
        (0, list(state), outputs),
        maximum_iterations=n_steps,
    )
    return outputs, state


def _steps(x, n_steps=None):
    # TensorFlow does not always know the shape of a gradient.
    return tf.TensorArray(x.dtype, n_steps or x.shape[0], clear_after_read=False).unstack(x)


def _stacked(array, like, size):
    return tf.ensure_shape(array.stack(), (*like.shape[:2], size))


def _rows(x):
    return tf.reshape(x, (-1, x.shape[-1]))


def _product(x, kernel):
    """Multiply the features of every step and trace with a kernel."""
    n_steps, n_outputs = x.shape[0], kernel.shape[-1]
    return tf.reshape(tf.matmul(_rows(x), kernel), (n_steps, -1, n_outputs))


def _kernel_gradient(first, states, d):
    """Gradient of a recurrent kernel, by which the state before each step is multiplied."""
    before = tf.concat([first[None], states[:-1]], axis=0)
    return tf.matmul(_rows(before), _rows(d), transpose_a=True)


def _simple_rnn(keeps):
    """States h = tanh(projected + h kernel), shape (n_steps, n, size)."""

    @tf.custom_gradient
    def run(projected, h0, kernel):
        n_steps, _, size = projected.shape

        def step(inputs, state):
            h = tf.tanh(inputs[0] + tf.matmul(state[0], kernel))
            return [h], [h]

        (kept,), _ = _scan(step, [_steps(projected)], [h0], n_steps, n_outputs=1)
        h = _stacked(kept, projected, size)

        def gradient(upstream):
            def back(inputs, carried):
                upstream, h = inputs
                d = TanhGrad(y=h, dy=upstream + carried[0])
                return [d], [tf.matmul(d, kernel, transpose_b=True)]

            zeros, inputs = tf.zeros_like(h0), [_steps(upstream, n_steps), kept]
            (d,), (dh0,) = _scan(back, inputs, [zeros], n_steps, n_outputs=1, backwards=True)
            d = _stacked(d, projected, size)
            return d, dh0, _kernel_gradient(h0, h, d)

        return h, gradient

    return run


def _lstm(keeps):
    """States h of an LSTM, shape (n_steps, n, size)."""

    @tf.custom_gradient
    def run(projected, h0, c0, kernel):
        n_steps, size = projected.shape[0], h0.shape[-1]

        def step(inputs, state):
            h, c_before = state
            z = inputs[0] + tf.matmul(h, kernel)
            i, f = tf.split(tf.sigmoid(z[:, : 2 * size]), 2, axis=1)
            g, o = tf.tanh(z[:, 2 * size : 3 * size]), tf.sigmoid(z[:, 3 * size :])
            c = f * c_before + i * g
            tanh_c = tf.tanh(c)
            h = o * tanh_c
            return [h, i, f, g, o, c_before, tanh_c], [h, c]

        kept, _ = _scan(step, [_steps(projected)], [h0, c0], n_steps, n_outputs=7 if keeps else 1)
        h = _stacked(kept[0], projected, size)

        def gradient(upstream):
            def back(inputs, carried):
                upstream, i, f, g, o, c_before, tanh_c = inputs
                dh = carried[0] + upstream
                dc = carried[1] + TanhGrad(y=tanh_c, dy=dh * o)
                d_i, d_f = SigmoidGrad(y=i, dy=dc * g), SigmoidGrad(y=f, dy=dc * c_before)
                d_g, d_o = TanhGrad(y=g, dy=dc * i), SigmoidGrad(y=o, dy=dh * tanh_c)
                d = tf.concat([d_i, d_f, d_g, d_o], axis=1)
                return [d], [tf.matmul(d, kernel, transpose_b=True), dc * f]

            zeros, inputs = tf.zeros_like(h0), [_steps(upstream, n_steps), *kept[1:]]
            (d,), (dh0, dc0) = _scan(
                back, inputs, [zeros, zeros], n_steps, n_outputs=1, backwards=True
            )
            d = _stacked(d, projected, 4 * size)
            return d, dh0, dc0, _kernel_gradient(h0, h, d)

        return h, gradient

    return run


def _gru(keeps):
    """States h of a GRU with the reset gate after the product, shape (n_steps, n, size)."""

    @tf.custom_gradient
    def run(projected, h0, kernel, bias):
        n_steps, size = projected.shape[0], h0.shape[-1]

        def step(inputs, state):
            x, before = inputs[0], state[0]
            recurrent = tf.nn.bias_add(tf.matmul(before, kernel), bias)
            z_r = tf.sigmoid(x[:, : 2 * size] + recurrent[:, : 2 * size])
            z, r = tf.split(z_r, 2, axis=1)
            added = recurrent[:, 2 * size :]
            c = tf.tanh(x[:, 2 * size :] + r * added)
            change = before - c
            h = c + z * change
            return [h, z, r, added, c, change], [h]

        kept, _ = _scan(step, [_steps(projected)], [h0], n_steps, n_outputs=6 if keeps else 1)
        h = _stacked(kept[0], projected, size)

        def gradient(upstream):
            def back(inputs, carried):
                upstream, z, r, added, c, change = inputs
                dh = carried[0] + upstream
                through = dh * z
                d_z = SigmoidGrad(y=z, dy=dh * change)
                d_c = TanhGrad(y=c, dy=dh - through)
                d_r = SigmoidGrad(y=r, dy=d_c * added)
                d = tf.concat([d_z, d_r, d_c * r], axis=1)
                return [d, d_c], [through + tf.matmul(d, kernel, transpose_b=True)]

            zeros, inputs = tf.zeros_like(h0), [_steps(upstream, n_steps), *kept[1:]]
            (d, d_c), (dh0,) = _scan(back, inputs, [zeros], n_steps, n_outputs=2, backwards=True)
            d, d_c = _stacked(d, projected, 3 * size), _stacked(d_c, projected, size)
            d_projected = tf.concat([d[:, :, : 2 * size], d_c], axis=2)
            return d_projected, dh0, _kernel_gradient(h0, h, d), tf.reduce_sum(d, axis=(0, 1))

        return h, gradient

    return run


@keras.saving.register_keras_serializable("sklearn_aera")
class ProjectedRNN(keras.layers.RNN):
    """Recurrent layer of one of Keras' cells, with the loops of this module."""

    def inner_loop(self, sequences, initial_state, mask, training=False):
        cell, loop = self.cell, _LOOPS[type(self.cell)]
        kernel, *weights, bias = map(
            tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel, cell.bias)
        )
        if isinstance(cell, keras.layers.GRUCell):
            bias, recurrent_bias = tf.unstack(bias)
            weights.append(recurrent_bias)
        if self.go_backwards:
            sequences = tf.reverse(sequences, [1])
        projected = _product(tf.transpose(sequences, (1, 0, 2)), kernel) + bias
        state = [tf.ensure_shape(first, (None, cell.units)) for first in initial_state]
        h = loop(keeps=bool(training))(projected, *state, *weights)
        outputs = tf.transpose(h, (1, 0, 2)) if self.return_sequences else h[-1]
        return h[-1], outputs, state


def _fast_layer(
    cell_class, units, *, return_sequences=False, go_backwards=False, dtype=None, **initializers
):
    return ProjectedRNN(
        cell_class(units, dtype=dtype, **initializers),
        return_sequences=return_sequences,
        go_backwards=go_backwards,
        dtype=dtype,
    )


_LOOPS = {
    keras.layers.SimpleRNNCell: _simple_rnn,
    keras.layers.LSTMCell: _lstm,
    keras.layers.GRUCell: _gru,
}
# Functions that make a layer, by the name of the cell.
FAST_LAYERS = {
    "simple_rnn": partial(_fast_layer, keras.layers.SimpleRNNCell),
    "lstm": partial(_fast_layer, keras.layers.LSTMCell),
    "gru": partial(_fast_layer, keras.layers.GRUCell),
}
