"""Schedules, augmentation, endless data, channels, and the convolutional classifier."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    make_detector,
)
from sklearn_aera.neural_network._training import flip_and_shift, learning_rates
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

QUIET = TraceSimulator(noise=AntennaNoise(carrier_share=0.0), n_samples=120)
LOUD = {"snr": 8.0, "arrival_time": (0.1, 0.5)}
SMALL = {"batch_size": 64, "learning_rate": 0.01, "random_state": 0, "epochs": 3}


def recurrent(**parameters):
    network = {"hidden_size": 6, "n_filters": 8, "kernel_size": 12, "stride": 6}
    return RecurrentClassifier(**(SMALL | network | parameters))


def convolutional(**parameters):
    network = {"n_filters": 8, "kernel_size": 12, "stride": 4}
    return ConvolutionalClassifier(**(SMALL | network | parameters))


# --- schedules and augmentation --------------------------------------------------------------


def test_learning_rates():
    np.testing.assert_array_equal(learning_rates("constant", 0.5, 4), np.full(4, 0.5, np.float32))
    rates = learning_rates("cosine", 2.0, 1000)
    top = rates.argmax()
    assert top == pytest.approx(100, abs=1)
    assert rates[top] == pytest.approx(2.0, rel=1e-4)
    assert np.all(np.diff(rates[:top]) > 0)
    assert np.all(np.diff(rates[top + 1 :]) < 0)
    assert rates[550] == pytest.approx(1.0, rel=0.01)
    assert 0 < rates[-1] < 1e-4


def test_shifts_roll_and_flips_turn():
    traces = np.tile(np.arange(10, dtype=np.float32), (2000, 1))
    shifted = flip_and_shift(
        traces, np.random.default_rng(0), flip_polarity=False, max_shift=2, n_channels=1
    )
    first = shifted[:, 0]
    assert set(first) == {8.0, 9.0, 0.0, 1.0, 2.0}
    np.testing.assert_array_equal(shifted, (first[:, None] + np.arange(10)) % 10)
    counts = np.unique(first, return_counts=True)[1]
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400)
    flipped = flip_and_shift(traces, np.random.default_rng(0), flip_polarity=True, max_shift=0)
    signs = flipped[:, 1]
    assert abs(signs.mean()) < 5 / np.sqrt(2000)
    np.testing.assert_array_equal(flipped, signs[:, None] * traces)
    assert traces[0, 1] == 1.0


def test_shifts_keep_channels_apart():
    traces = np.tile([0.0, 100.0, 1.0, 101.0, 2.0, 102.0], (50, 1))
    shifted = flip_and_shift(
        traces, np.random.default_rng(0), flip_polarity=False, max_shift=2, n_channels=2
    )
    assert set(shifted[:, ::2].ravel()) == {0.0, 1.0, 2.0}
    np.testing.assert_array_equal(shifted[:, 1::2], shifted[:, ::2] + 100)


def test_augmented_and_scheduled_fits_repeat(easy_traces):
    options = {
        "flip_polarity": True,
        "max_shift": 30,
        "learning_rate_schedule": "cosine",
        "weight_decay": 0.1,
    }
    first, second = (recurrent(**options).fit(*easy_traces).weights_ for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    plain = recurrent().fit(*easy_traces)
    for name, value in options.items():
        changed = recurrent(**{name: value}).fit(*easy_traces)
        assert np.abs(changed.weights_[0] - plain.weights_[0]).max() > 1e-4, name


def test_weight_decay_shrinks_the_weights(easy_traces):
    norms = [
        np.linalg.norm(recurrent(weight_decay=decay, epochs=8).fit(*easy_traces).weights_[0])
        for decay in (0.0, 1.0, 10.0)
    ]
    assert norms[0] > norms[1] > norms[2]


def test_flips_make_the_network_indifferent_to_polarity(easy_traces):
    """Trained on pulses of one sign alone, it finds those of the other only with flips."""
    X, y = easy_traces
    upright = X * np.sign(X[np.arange(len(X)), np.abs(X).argmax(axis=1)])[:, None]
    found = [
        roc_auc_score(
            y, recurrent(flip_polarity=flip, epochs=8).fit(upright, y).decision_function(-upright)
        )
        for flip in (False, True)
    ]
    assert found[1] > 0.95
    assert found[1] > found[0]


# --- endless data ----------------------------------------------------------------------------


def test_endless_data_is_what_the_event_ids_say():
    """Training on simulated epochs equals training on the same traces made beforehand."""
    options = {"simulator": QUIET, "random_state": 0, **LOUD}
    endless = recurrent().fit_simulated(QUIET, 100, first_event_id=500, **LOUD)
    by_hand = recurrent()
    for epoch in range(3):
        data = make_traces(100, first_event_id=500 + 100 * epoch, **options)
        by_hand.partial_fit(data.traces, data.y, classes=[0, 1])
    for a, b in zip(endless.weights_, by_hand.weights_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert endless.n_iter_ == 3
    assert endless.history_.keys() == by_hand.history_.keys()


def test_endless_data_with_preprocessing_learns():
    normalizer = StdNormalizer().fit(np.eye(120))
    model = recurrent(epochs=10, learning_rate_schedule="cosine")
    model.fit_simulated(QUIET, 300, preprocessing=normalizer, **LOUD)
    test = make_traces(500, simulator=QUIET, first_event_id=10**6, random_state=0, **LOUD)
    assert roc_auc_score(test.y, model.decision_function(normalizer.transform(test.traces))) > 0.95


@pytest.mark.parametrize(
    ("parameters", "arguments", "error", "message"),
    [
        ({"early_stopping": True}, {}, ValueError, "early_stopping cannot be used with simulated"),
        ({"class_weight": "balanced"}, {}, ValueError, "class_weight cannot be used with simulat"),
        ({}, {"n_events": 0}, ValueError, "n_events == 0, must be >= 1"),
        ({}, {"snr": -1}, ValueError, "snr must be at least"),
        ({}, {"signal_fraction": 0.0}, ValueError, "y has only 1 class, 0"),
        ({}, {"loudness": 3}, TypeError, "loudness"),
    ],
)
def test_endless_data_refuses(parameters, arguments, error, message):
    options = {"n_events": 20} | LOUD | arguments
    model = recurrent(**parameters)
    with pytest.raises(error, match=message):
        model.fit_simulated(QUIET, **options)
    assert not hasattr(model, "weights_")


# --- channels --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_channels():
    """The pulse is in the second channel only, (n, 120, 2)."""
    data = make_traces(300, simulator=QUIET, random_state=1, **LOUD)
    noise = make_traces(300, simulator=QUIET, signal_fraction=0.0, random_state=2, **LOUD)
    X = np.stack([noise.traces, data.traces], axis=2)
    return X / X.std(axis=1, keepdims=True), data.y


@pytest.mark.parametrize("make", [recurrent, convolutional])
def test_channels(two_channels, make):
    X, y = two_channels
    model = make(n_channels=2, epochs=40).fit(X, y)
    assert model.n_features_in_ == 240
    assert roc_auc_score(y, model.decision_function(X)) > 0.95
    flat = make(n_channels=2, epochs=40).fit(X.reshape(len(X), -1), y)
    np.testing.assert_array_equal(flat.decision_function(X), model.decision_function(X))
    np.testing.assert_array_equal(
        model.decision_function(X.reshape(len(X), -1)), model.decision_function(X)
    )


def test_frames_of_channels_hold_whole_samples(two_channels):
    X, y = two_channels
    options = {"n_filters": 0, "kernel_size": 10, "stride": 10, "n_channels": 2, "epochs": 1}
    model = recurrent(**options).fit(X, y)
    assert model.weights_[0].shape == (20, 3 * 6)


def test_channels_that_do_not_fit(two_channels):
    X, y = two_channels
    with pytest.raises(ValueError, match="X has 2 channels in its last dimension, but"):
        recurrent(n_channels=3).fit(X, y)
    with pytest.raises(ValueError, match="X has 7 values per trace, which n_channels=2 does not"):
        recurrent(n_channels=2).fit(X[:, :7, 0], y)


# --- the convolutional classifier ------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["max_logit", "max", "mean", "flatten"])
def test_convolutional_classifier_learns(easy_traces, pooling):
    X, y = easy_traces
    model = convolutional(pooling=pooling, epochs=25).fit(X, y)
    assert roc_auc_score(y, model.decision_function(X)) > 0.9


def test_convolutional_classifier_computes_a_bank_of_filters(easy_traces):
    X, y = easy_traces
    model = convolutional(kernel_size=4, stride=2).fit(X, y)
    filters, bias, kernel, offset = (w.astype(float) for w in model.weights_)
    padded = np.pad(X.astype(float), ((0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 4, axis=1)[:, ::2]
    logits = np.maximum(windows @ filters[:, 0] + bias, 0) @ kernel + offset
    np.testing.assert_allclose(model.decision_function(X), logits[:, :, 0].max(axis=1), atol=1e-5)


def test_several_layers(easy_traces):
    X, y = easy_traces
    model = convolutional(n_filters=(6, 4), kernel_size=(8, 3), stride=(4, 1), epochs=1).fit(X, y)
    assert [w.shape for w in model.weights_[:4:2]] == [(8, 1, 6), (3, 6, 4)]
    three = convolutional(n_filters=(6, 4), epochs=1).fit(X, np.arange(len(y)) % 3)
    assert three.predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"pooling": "last"}, ValueError, "pooling must be one of 'max_logit', 'max', 'mean'"),
        ({"n_filters": 0}, ValueError, "n_filters == 0, must be >= 1"),
        ({"n_filters": ()}, TypeError, "n_filters must be an integer or a tuple of integers"),
        ({"n_filters": (4, 4), "stride": (1, 2, 3)}, ValueError, "stride must be one number or"),
        ({"max_shift": -1}, ValueError, "max_shift == -1, must be >= 0"),
        ({"flip_polarity": 2}, ValueError, "flip_polarity must be one of True, False, got 2"),
        ({"weight_decay": -1}, ValueError, "weight_decay == -1, must be >= 0"),
        ({"n_channels": 0}, ValueError, "n_channels == 0, must be >= 1"),
        (
            {"learning_rate_schedule": "steps"},
            ValueError,
            "learning_rate_schedule must be one of 'constant', 'cosine', got 'steps'",
        ),
    ],
)
def test_bad_parameters(easy_traces, parameters, error, message):
    with pytest.raises(error, match=message):
        convolutional(**parameters).fit(*easy_traces)


# --- the recommended detector ----------------------------------------------------------------


def test_make_detector():
    train = make_traces(300, simulator=QUIET, random_state=1, **LOUD)
    detector = make_detector(epochs=2, random_state=0)
    assert list(detector.named_steps) == ["normalize", "whiten", "classify"]
    small = {"n_filters": 8, "kernel_size": 12, "hidden_size": 4}
    detector.set_params(**{f"classify__{name}": value for name, value in small.items()})
    detector = clone(detector).fit(train.traces, train.y)
    assert detector.predict_proba(train.traces).shape == (300, 2)


@pytest.mark.parametrize("flat", [False, True])
def test_make_detector_with_channels(two_channels, flat):
    X, y = two_channels
    detector = make_detector(epochs=40, max_shift=0, n_channels=2, random_state=0)
    detector.set_params(classify__batch_size=64, classify__learning_rate=0.01)
    detector.set_params(classify__n_filters=8, classify__kernel_size=12, classify__hidden_size=4)
    X = X.reshape(len(X), -1) if flat else X
    detector.fit(X, y)
    assert roc_auc_score(y, detector.decision_function(X)) > 0.9


def test_make_detector_with_too_few_channels(two_channels):
    detector = make_detector(epochs=1, random_state=0).set_params(classify__n_channels=2)
    with pytest.raises(ValueError, match="X has 2 channels in its last dimension, but"):
        detector.fit(*two_channels)


def test_epochs_of_one_class_keep_their_labels():
    # Of 4 events all are pulses in some epochs: seen with the labels they have.
    model = recurrent(epochs=12, random_state=3)
    seen = []
    train = model._train

    def watched(state, data, *args, **kwargs):
        seen.append((data.y, data.targets))
        return train(state, data, *args, **kwargs)

    model._train = watched
    model.fit_simulated(QUIET, 4, **LOUD)
    assert any(y.min() == y.max() for y, _ in seen)
    for y, targets in seen:
        np.testing.assert_array_equal(targets, y)
