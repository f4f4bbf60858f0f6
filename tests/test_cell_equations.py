"""The lecture's equations, in NumPy, against the networks."""

import numpy as np
import pytest

from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.neural_network._keras.build import build_network

SIZE = 3
# A simple RNN that reads single samples.
PLAIN = {"cell": "simple_rnn", "hidden_size": SIZE, "bidirectional": False, "pooling": "flatten"}
PLAIN |= {"n_filters": 0, "kernel_size": 1, "stride": 1}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simple_rnn(x, kernel, recurrent, bias):
    """h_t = tanh(W x_t + U h_{t-1} + b)."""
    h, outputs = np.zeros((len(x), SIZE)), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ kernel + h @ recurrent + bias)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def lstm(x, kernel, recurrent, bias):
    """C_t = f C_{t-1} + i C~_t and h_t = o tanh(C_t); Keras stores i, f, C~, o side by side."""
    h = c = np.zeros((len(x), SIZE))
    outputs = []
    for t in range(x.shape[1]):
        i, f, candidate, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=1)
        c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(candidate)
        h = _sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def gru(x, kernel, recurrent, bias):
    """h_t = (1 - z) h_{t-1} + z h~_t.

    Keras stores z, r, h~ side by side, means 1 - z by its z, and applies r after the product
    with U, which has a bias of its own.
    """
    h, outputs = np.zeros((len(x), SIZE)), []
    for t in range(x.shape[1]):
        from_x = np.split(x[:, t] @ kernel + bias[0], 3, axis=1)
        from_h = np.split(h @ recurrent + bias[1], 3, axis=1)
        z = 1 - _sigmoid(from_x[0] + from_h[0])
        r = _sigmoid(from_x[1] + from_h[1])
        candidate = np.tanh(from_x[2] + r * from_h[2])
        h = (1 - z) * h + z * candidate
        outputs.append(h)
    return np.stack(outputs, axis=1)


def random_network(X, **parameters):
    """Return a classifier as if it were fitted, with weights of about 0.5, and the weights."""
    model = RecurrentClassifier(**PLAIN | parameters)
    model.trace_shape_, model.n_features_in_ = X.shape[1:], X.shape[1]
    model.classes_ = np.array([0, 1])
    model.architecture_ = model._architecture(model.classes_)
    shapes = [weight.shape for weight in build_network(model.architecture_, seed=0).weights]
    rng = np.random.default_rng(1)
    model.weights_ = [rng.normal(scale=0.5, size=shape).astype(np.float32) for shape in shapes]
    return model, [weights.astype(float) for weights in model.weights_]


EQUATIONS = {"simple_rnn": simple_rnn, "lstm": lstm, "gru": gru}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", EQUATIONS)
def test_network_computes_the_equations(cell, bidirectional):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 9)).astype(np.float32)
    model, weights = random_network(X, cell=cell, bidirectional=bidirectional)
    sequence = X.astype(float)[:, :, None]
    hidden = EQUATIONS[cell](sequence, *weights[:3])
    if bidirectional:
        backward = EQUATIONS[cell](sequence[:, ::-1], *weights[3:6])
        hidden = np.concatenate([hidden, backward[:, ::-1]], axis=2)
    kernel, bias = weights[-2:]
    logits = hidden.reshape(len(X), -1) @ kernel + bias
    np.testing.assert_allclose(model.decision_function(X), logits[:, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "pooled"),
    [
        ("max", lambda h: h.max(axis=1)),
        ("mean", lambda h: h.mean(axis=1)),
        ("last", lambda h: h[:, -1]),
        ("flatten", lambda h: h.reshape(len(h), -1)),
    ],
)
def test_pooling_and_stacking(pooling, pooled):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 8)).astype(np.float32)
    model, weights = random_network(X, hidden_size=(SIZE, SIZE), pooling=pooling)
    hidden = simple_rnn(simple_rnn(X[:, :, None].astype(float), *weights[:3]), *weights[3:6])
    logits = pooled(hidden) @ weights[-2] + weights[-1]
    np.testing.assert_allclose(model.decision_function(X), logits[:, 0], atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "stride"), [(5, 5), (6, 4), (1, 3), (30, 7)])
def test_frames(kernel_size, stride):
    """Without filters the cell reads frames of samples; zeros complete the last."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 23)).astype(np.float32)
    model, weights = random_network(X, kernel_size=kernel_size, stride=stride)
    starts = range(0, max(23 - kernel_size, 0) + stride, stride)
    starts = [s for s in starts if s == 0 or s + kernel_size < 23 + stride]
    padded = np.pad(X.astype(float), ((0, 0), (0, kernel_size + stride)))
    frames = np.stack([padded[:, s : s + kernel_size] for s in starts], axis=1)
    hidden = simple_rnn(frames, *weights[:3])
    logits = hidden.reshape(len(X), -1) @ weights[-2] + weights[-1]
    np.testing.assert_allclose(model.decision_function(X), logits[:, 0], atol=1e-5)


def test_convolution():
    """The front end is a correlation with each filter, zero-padded evenly and rectified."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 20)).astype(np.float32)
    model, weights = random_network(X, n_filters=2, kernel_size=4, stride=2, pooling="last")
    filters, bias = weights[:2]
    padded = np.pad(X.astype(float), ((0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 4, axis=1)[:, ::2]
    sequence = np.maximum(windows @ filters[:, 0] + bias, 0)
    hidden = simple_rnn(sequence, *weights[2:5])
    logits = hidden[:, -1] @ weights[-2] + weights[-1]
    np.testing.assert_allclose(model.decision_function(X), logits[:, 0], atol=1e-5)


@pytest.mark.parametrize(("bidirectional", "n_parameters"), [(False, 37_185), (True, 95_873)])
def test_course_network_has_the_published_number_of_parameters(bidirectional, n_parameters):
    course = {"cell": "lstm", "hidden_size": (32, 64, 10), "dropout": 0.3}
    network = RecurrentClassifier(**PLAIN | course | {"bidirectional": bidirectional})
    network.trace_shape_ = (500,)
    architecture = network._architecture(classes=[0, 1])
    assert build_network(architecture, seed=0).count_params() == n_parameters
