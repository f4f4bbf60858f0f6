"""Networks for traces of several channels, (n_traces, n_channels, n_samples)."""

import numpy as np
import pytest
from helpers import LOUD, QUIET, convolutional, denoiser, recurrent, tiny
from sklearn.metrics import roc_auc_score

from sklearn_aera.datasets import make_traces

NETWORKS = [tiny, recurrent, convolutional, denoiser]


@pytest.fixture(scope="module")
def two_channels():
    """The pulse is in the second channel only: traces (n, 2, 120), labels and signals."""
    data = make_traces(300, simulator=QUIET, random_state=1, **LOUD)
    noise = make_traces(300, simulator=QUIET, signal_fraction=0.0, random_state=2, **LOUD)
    X = np.stack([noise.traces, data.traces], axis=1)
    scale = X.std(axis=2, keepdims=True)
    return X / scale, data.y, np.stack([noise.signals, data.signals], axis=1) / scale


def fit(make, X, y, signals, **parameters):
    return make(**parameters).fit(X, signals if make is denoiser else y)


def outputs(model, X):
    method = "decision_function" if hasattr(model, "decision_function") else "predict"
    return getattr(model, method)(X)


@pytest.mark.parametrize("make", [recurrent, convolutional])
def test_classifiers_learn(two_channels, make):
    X, y, _ = two_channels
    model = make(epochs=40).fit(X, y)
    assert model.trace_shape_ == (2, 120)
    assert model.n_features_in_ == 240
    assert roc_auc_score(y, model.decision_function(X)) > 0.95


def test_denoiser_recovers_each_channel_in_its_place(two_channels):
    X, _, signals = two_channels
    model = denoiser(epochs=40).fit(X, signals)
    recovered = model.predict(X)
    assert recovered.shape == signals.shape
    power = np.sum(recovered**2, axis=(0, 2))
    assert power[0] < 0.1 * power[1]
    assert np.sum((recovered - signals) ** 2) < 0.5 * np.sum(signals**2)
    assert model.score(X[:, ::-1], signals[:, ::-1]) < model.score(X, signals)


@pytest.mark.parametrize(
    "make",
    [
        tiny,
        convolutional,
        *(pytest.param(m, marks=pytest.mark.slow) for m in (recurrent, denoiser)),
    ],
)
def test_one_channel_with_and_without_its_axis(two_channels, make):
    """Both networks learn the same."""
    X, y, signals = (part[:100] for part in two_channels)
    with_axis = fit(make, X[:, 1:], y, signals[:, 1:])
    without = fit(make, X[:, 1], y, signals[:, 1])
    assert with_axis.trace_shape_ == (1, 120)
    found, expected = outputs(with_axis, X[:, 1:]), outputs(without, X[:, 1])
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("kernel_size", "stride"), [pytest.param(10, 10, marks=pytest.mark.slow), (12, 5)]
)
def test_frames_hold_all_channels_of_their_samples(two_channels, kernel_size, stride):
    X, y, _ = two_channels
    model = tiny(kernel_size=kernel_size, stride=stride, pooling="flatten", epochs=1).fit(X, y)
    kernel, recurrent_kernel, bias, *_, dense, offset = map(np.float64, model.weights_)
    assert kernel.shape == (2 * kernel_size, 3)
    padded = np.pad(X.astype(float), ((0, 0), (0, 0), (0, kernel_size)))
    h, hidden = np.zeros((len(X), 3)), []
    for start in range(0, 120 - kernel_size + stride, stride):
        # All channels of a sample, then those of the next.
        frame = padded[:, :, start : start + kernel_size].transpose(0, 2, 1).reshape(len(X), -1)
        h = np.tanh(frame @ kernel + h @ recurrent_kernel + bias)
        hidden.append(h)
    logits = np.concatenate(hidden, axis=1) @ dense + offset
    np.testing.assert_allclose(model.decision_function(X), logits[:, 0], atol=1e-5)


@pytest.mark.parametrize("make", NETWORKS)
def test_other_shapes_than_in_the_fit(two_channels, make):
    X, y, signals = (part[:50] for part in two_channels)
    model = fit(make, X, y, signals, epochs=1)
    wrong = {
        "exchanged axes": X.transpose(0, 2, 1),
        "one channel": X[:, :1],
        "no axis of channels": X[:, 0],
        "flattened channels": X.reshape(50, -1),
        "three channels": X[:, [0, 1, 0]],
        "shorter": X[:, :, 1:],
    }
    for name, traces in wrong.items():
        message = "seem to be exchanged" if name == "exchanged axes" else r"of shape \(2, 120\), as"
        with pytest.raises(ValueError, match=message):
            model.predict(traces)
    assert np.isfinite(model.predict(X)).all()


def test_channels_for_a_network_of_one(two_channels):
    X, y, _ = two_channels
    model = tiny(epochs=1).fit(X[:, 0], y)
    with pytest.raises(ValueError, match=r"of shape \(120,\), as in fit, got .* \(2, 120\)"):
        model.predict(X)


@pytest.mark.parametrize("make", NETWORKS)
def test_exchanged_axes_in_the_fit(two_channels, make):
    X, y, signals = two_channels
    model = make()
    with pytest.raises(ValueError, match=r"got \(300, 120, 2\) with more channels than samples"):
        model.fit(X.transpose(0, 2, 1), signals if make is denoiser else y)
    assert not hasattr(model, "weights_")


def test_training_that_goes_on_with_other_channels(two_channels):
    X, y, _ = two_channels
    model = tiny(warm_start=True).fit(X, y)
    before = model.decision_function(X)
    for traces in (X[:, :1], X[:, 0]):
        with pytest.raises(ValueError, match=r"of shape \(2, 120\), as in fit"):
            model.fit(traces, y)
        with pytest.raises(ValueError, match=r"of shape \(2, 120\), as in fit"):
            model.partial_fit(traces, y)
    np.testing.assert_array_equal(model.decision_function(X), before)
    assert model.set_params(warm_start=False).fit(X[:, 0], y).trace_shape_ == (120,)


@pytest.mark.parametrize("shape", [(300, 120), (300, 240), (300, 1, 120), (300, 2, 119)])
def test_signals_of_another_shape_than_the_traces(two_channels, shape):
    X, *_ = two_channels
    with pytest.raises(ValueError, match=r"y must have the shape of X, \(300, 2, 120\), got \(300"):
        denoiser().fit(X, np.zeros(shape))
