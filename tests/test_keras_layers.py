"""The layers with written-out gradients have the outputs and gradients of Keras' layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sklearn_aera.neural_network._architecture import CELLS
from sklearn_aera.neural_network._keras.build import KERAS_LAYERS
from sklearn_aera.neural_network._keras.layers import FAST_LAYERS

SIZE, SHAPE = 4, (3, 7, 5)


def outputs_and_gradients(layer, x, weights, in_graph):
    """Outputs of a layer, and gradients with respect to its input and all weights."""
    x = tf.constant(x)
    layer.build(x.shape)
    layer.set_weights(weights)

    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            # Every output has another factor, so that errors do not cancel.
            factors = tf.reshape(tf.range(tf.size(outputs)), tf.shape(outputs))
            loss = tf.reduce_sum(tf.cos(tf.cast(factors, outputs.dtype)) * outputs**2)
        return [outputs, *tape.gradient(loss, [x, *layer.trainable_variables])]

    run = tf.function(run) if in_graph else run
    return [value.numpy() for value in run()]


def random_weights(cell, rng):
    """Weights of a layer, with a non-zero bias."""
    layer = KERAS_LAYERS[cell](SIZE, dtype="float64")
    layer.build(SHAPE)
    return [rng.normal(scale=0.5, size=weight.shape) for weight in layer.get_weights()]


@pytest.mark.parametrize(
    ("return_sequences", "go_backwards"),
    [
        (True, False),
        (False, True),
        pytest.param(False, False, marks=pytest.mark.slow),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients_are_those_of_keras(cell, return_sequences, go_backwards):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=SHAPE), random_weights(cell, rng)
    options = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    own = FAST_LAYERS[cell](SIZE, dtype="float64", **options)
    theirs = KERAS_LAYERS[cell](SIZE, dtype="float64", **options)
    expected = outputs_and_gradients(theirs, x, weights, in_graph=False)
    for in_graph in (False, True):
        found = outputs_and_gradients(own, x, weights, in_graph)
        assert [value.shape for value in found] == [value.shape for value in expected]
        for value, wanted in zip(found, expected, strict=True):
            # Double precision, and sums of at most some hundred terms of about 1.
            np.testing.assert_allclose(value, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_predictions_are_those_of_training(cell, return_sequences):
    """Outputs are identical when nothing is stored for the gradient."""
    x = np.random.default_rng(0).normal(size=SHAPE)
    layer = FAST_LAYERS[cell](SIZE, return_sequences=return_sequences, dtype="float64")
    np.testing.assert_array_equal(layer(x, training=False), layer(x, training=True))


@pytest.mark.parametrize(
    "cell", ["gru", *(pytest.param(c, marks=pytest.mark.slow) for c in ("simple_rnn", "lstm"))]
)
def test_two_layers_in_both_directions(cell):
    """Gradients pass through an inner layer in both directions."""
    rng = np.random.default_rng(1)
    x, found = rng.normal(size=SHAPE), []
    for layers_of in (FAST_LAYERS, KERAS_LAYERS):
        options = {"return_sequences": True, "dtype": "float64"}
        layers = [
            keras.layers.Bidirectional(
                layers_of[cell](SIZE, **options),
                backward_layer=layers_of[cell](SIZE, go_backwards=True, **options),
                dtype="float64",
            )
            for _ in range(2)
        ]
        model = keras.Sequential(layers)
        model.build(SHAPE)
        rng_weights = np.random.default_rng(2)
        weights = [rng_weights.normal(scale=0.3, size=w.shape) for w in model.get_weights()]
        found.append(outputs_and_gradients(model, x, weights, in_graph=True))
    for own, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-9, atol=1e-11)


def test_numbers_of_traces_may_change():
    layer = FAST_LAYERS["gru"](SIZE, return_sequences=True)
    layer.build((None, *SHAPE[1:]))
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, *SHAPE[1:]))])
    for n in (1, 6):
        assert run(tf.ones((n, *SHAPE[1:]))).shape == (n, SHAPE[1], SIZE)
