"""The recurrent denoiser recovers signals in their unit and invents none."""

import pickle

import numpy as np
import pytest
from helpers import LOUD, QUIET, TINY
from helpers import denoiser as small
from sklearn.base import is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import make_denoiser
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

DATA = {"simulator": QUIET, "random_state": 0, **LOUD}


def error(model, data):
    """Mean square error, divided by that of a prediction of zero."""
    residual = model.predict(data.traces) - data.signals
    return np.sum(residual**2) / np.sum(data.signals**2)


@pytest.fixture(scope="module")
def train():
    return make_traces(400, **DATA)


@pytest.fixture(scope="module")
def test():
    return make_traces(400, first_event_id=10**6, **DATA)


@pytest.fixture(scope="module")
def fitted(train):
    return small(epochs=40).fit(train.traces, train.signals)


def test_recovers_the_signals(fitted, test):
    as_they_are = np.sum((test.traces - test.signals) ** 2) / np.sum(test.signals**2)
    assert error(fitted, test) < 0.3 < as_they_are
    recovered = fitted.predict(test.traces)
    peaks = np.abs(recovered).max(axis=1)
    assert np.median(peaks[test.y == 0]) < 0.2 * np.median(peaks[test.y == 1])
    assert is_regressor(fitted)
    losses = fitted.history_["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_signals_keep_their_unit(fitted, train, test):
    """Twice the trace gives twice the signal; signals have the unit of those in the fit."""
    recovered = fitted.predict(test.traces)
    np.testing.assert_allclose(fitted.predict(8 * test.traces), 8 * recovered, rtol=1e-5)
    microvolts = small(epochs=2).fit(train.traces, 1000 * train.signals)
    millivolts = small(epochs=2).fit(train.traces, train.signals)
    scale = np.abs(millivolts.predict(test.traces)).max()
    np.testing.assert_allclose(
        microvolts.predict(test.traces), 1000 * millivolts.predict(test.traces), atol=0.1 * scale
    )
    assert microvolts.scale_ == pytest.approx(1000 * millivolts.scale_, rel=1e-6)
    assert not np.any(fitted.predict(np.zeros((2, 120))))


def test_behind_a_whitener_signals_come_back_in_mv(train, test):
    pipeline = make_pipeline(SpectralWhitener(), small(epochs=40))
    pipeline.fit(train.traces, train.signals)
    assert error(pipeline, test) < 0.3
    background = SpectralWhitener().fit(train.traces[train.y == 0])
    np.testing.assert_array_equal(pipeline[0].autocovariance_, background.autocovariance_)


def test_whitens_what_was_divided(train, test):
    """The whitener is fitted with background, divided by its standard deviation."""
    model = small(whitener=SpectralWhitener(), epochs=3)
    model.fit(train.traces, train.signals)
    assert not hasattr(model.whitener, "autocovariance_")
    unit = StdNormalizer().fit_transform(train.traces)
    alone = SpectralWhitener().fit(unit, train.y)
    np.testing.assert_array_equal(model.whitener_.autocovariance_, alone.autocovariance_)
    std = test.traces.std(axis=1, keepdims=True)
    white = alone.transform(StdNormalizer().fit_transform(test.traces))
    expected = model.model_.predict(white, verbose=0) * model.scale_ * std
    np.testing.assert_allclose(model.predict(test.traces), expected, atol=1e-5 * std.max())
    twice = model.predict(8 * test.traces)
    np.testing.assert_allclose(twice, 8 * model.predict(test.traces), rtol=1e-4, atol=1e-6)


def test_augmented_fit_learns_both_polarities(train, test):
    """After training on one polarity, the other is recovered only with flips."""
    sign = np.sign(train.signals[np.arange(400), np.abs(train.signals).argmax(axis=1)])
    upright = np.where(sign == 0, 1, sign)[:, None]
    downwards = test.signals[np.arange(400), np.abs(test.signals).argmax(axis=1)] < 0
    chosen = type(test)(traces=test.traces[downwards], signals=test.signals[downwards])
    errors = [
        error(
            small(epochs=40, flip_polarity=flip).fit(
                upright * train.traces, upright * train.signals
            ),
            chosen,
        )
        for flip in (False, True)
    ]
    assert errors[1] < 0.4
    assert errors[1] < errors[0]


def test_training_in_pieces(train):
    X, y = train.traces, train.signals
    whole = small(epochs=4).fit(X, y).predict(X)
    halves = small(epochs=2, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(halves.predict(X), whole)
    steps = small()
    for _ in range(4):
        steps.partial_fit(X, y)
    np.testing.assert_array_equal(steps.predict(X), whole)
    copy = pickle.loads(pickle.dumps(steps))
    np.testing.assert_array_equal(copy.predict(X), whole)
    halves.set_params(hidden_size=7)
    with pytest.raises(ValueError, match="parameters of the network have changed"):
        halves.fit(X, y)


def test_weights_mean_copies(train):
    X, y = train.traces[:60], train.signals[:60]
    weight = np.arange(60) % 3
    full = {"batch_size": 1024, "epochs": 5}
    weighted = small(**full).fit(X, y, sample_weight=weight)
    repeated = small(**full).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0))
    scale = np.abs(repeated.predict(X)).max()
    assert weighted.scale_ == pytest.approx(repeated.scale_, rel=1e-5)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-3 * scale)
    plain = small(**full).fit(X, y)
    assert np.abs(plain.predict(X) - repeated.predict(X)).max() > 1e-2 * scale


def test_validation_data_and_early_stopping(train, test):
    model = small(epochs=5).fit(train.traces, train.signals, X_val=test.traces, y_val=test.signals)
    assert len(model.history_["val_loss"]) == 5
    # In the unit of the training loss.
    std = test.traces.std(axis=1, keepdims=True)
    residual = (model.predict(test.traces) - test.signals) / (std * model.scale_)
    assert model.history_["val_loss"][-1] == pytest.approx(np.mean(residual**2), rel=1e-3)
    plain = small(epochs=5).fit(train.traces, train.signals)
    np.testing.assert_array_equal(model.predict(test.traces), plain.predict(test.traces))
    stopped = small(epochs=50, early_stopping=True, n_iter_no_change=1, tol=0.05)
    assert stopped.fit(train.traces, train.signals).n_iter_ < 50


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"n_filters": 0, "kernel_size": 10, "stride": 10}, marks=pytest.mark.slow),
        {"n_filters": 0, "kernel_size": 12, "stride": 5},
        {"n_filters": 0, "kernel_size": 1, "stride": 1, "bidirectional": False, "cell": "lstm"},
        pytest.param(
            {"cell": "simple_rnn", "hidden_size": (5, 4), "dropout": 0.2, "stride": 7},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_every_front_end_gives_a_value_per_sample(train, parameters):
    model = small(epochs=1, **parameters).fit(train.traces, train.signals)
    recovered = model.predict(train.traces)
    assert recovered.shape == train.signals.shape
    assert np.all(recovered.std(axis=0) > 0)
    np.testing.assert_allclose(
        model.model_.predict(train.traces / train.traces.std(1, keepdims=True), verbose=0),
        recovered / (model.scale_ * train.traces.std(1, keepdims=True)),
        atol=1e-4,
    )


def test_signals_of_the_first_samples(train, test):
    """Signals may be shorter than the traces."""
    model = small(epochs=40).fit(train.traces, train.signals[:, :90])
    recovered = model.predict(test.traces)
    assert recovered.shape == (400, 90)
    assert np.sum((recovered - test.signals[:, :90]) ** 2) < 0.3 * np.sum(test.signals**2)


def test_searchable(train):
    search = GridSearchCV(
        make_denoiser(epochs=1, random_state=0).set_params(**TINY),
        {"cell": ["gru", "simple_rnn"], "whitener": [None, SpectralWhitener()]},
        cv=2,
        scoring="neg_mean_squared_error",
    ).fit(train.traces, train.signals)
    assert np.all(search.cv_results_["mean_test_score"] < 0)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))


@pytest.mark.parametrize(
    ("parameters", "change", "message"),
    [
        ({"cell": "rnn"}, {}, "cell must be one of 'simple_rnn', 'lstm', 'gru', got 'rnn'"),
        ({"whitener": "yes"}, {}, "whitener must be a transformer or None, got 'yes'"),
        ({"stride": 0}, {}, "stride == 0, must be >= 1"),
        ({}, {"y": np.zeros((400, 121))}, "y must be the signals in X, with at most 120 samples"),
        ({}, {"y": np.zeros((10, 120))}, "inconsistent numbers of samples"),
        ({}, {"y": np.full((400, 120), np.nan)}, "contains NaN"),
        ({}, {"X_val": np.zeros((3, 120))}, "X_val was given without y_val"),
        (
            {},
            {"X_val": np.zeros((3, 120)), "y_val": np.zeros((3, 20))},
            r"y_val must have signals of the shape \(120,\), got \(20,\)",
        ),
        (
            {"max_shift": 3},
            {"y": np.zeros((400, 60))},
            "y must have as many samples as X where max_shift=3 moves traces, 120, got 60",
        ),
        ({"early_stopping": True, "validation_fraction": 0.999}, {"first": 1}, "too few"),
    ],
)
def test_bad_input(train, parameters, change, message):
    arguments = {"X": train.traces, "y": train.signals} | change
    first = arguments.pop("first", None)
    if first:
        arguments = {name: value[:first] for name, value in arguments.items()}
    model = small(**parameters)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(**arguments)
    assert not hasattr(model, "weights_")


def test_bad_predictions(fitted):
    with pytest.raises(NotFittedError):
        small().predict(np.zeros((1, 120)))
    with pytest.raises(ValueError, match="X has 119 features, but RecurrentDenoiser"):
        fitted.predict(np.zeros((1, 119)))
