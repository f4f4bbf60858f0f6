"""Standard deviations of the denoiser, and the errors of the pulses that it recovers."""

import pickle

import numpy as np
import pytest
from helpers import LOUD, QUIET, TINY
from helpers import denoiser as small
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_aera.datasets import make_traces
from sklearn_aera.metrics import pulse_parameters
from sklearn_aera.persistence import load_model, save_model

DATA = {"simulator": QUIET, "random_state": 0, **LOUD}


@pytest.fixture(scope="module")
def train():
    return make_traces(1500, **DATA)


@pytest.fixture(scope="module")
def test():
    return make_traces(1500, first_event_id=10**6, **DATA)


@pytest.fixture(scope="module")
def fitted(train):
    return small(epochs=30, learn_std=True).fit(train.traces, train.signals)


@pytest.fixture(scope="module")
def calibrated(fitted, test):
    """Calibrated on half of the test pulses, and the rest of them."""
    traces, signals = (x[test.y == 1] for x in (test.traces, test.signals))
    n = len(traces) // 2
    model = pickle.loads(pickle.dumps(fitted)).calibrate_pulses(traces[:n], signals[:n])
    return model, traces[n:], signals[n:]


def test_signals_are_those_without_standard_deviations(train):
    """The network learns the signals as if there were no second output: the same numbers."""
    options = {"epochs": 2, "dropout": 0.2, "flip_polarity": True, "max_shift": 20}
    without = small(**options).fit(train.traces, train.signals)
    both = small(learn_std=True, **options).fit(train.traces, train.signals)
    recovered, std = both.predict(train.traces, return_std=True)
    np.testing.assert_array_equal(without.predict(train.traces), recovered)
    np.testing.assert_array_equal(both.predict(train.traces), recovered)
    assert std.shape == recovered.shape
    assert std.min() > 0


def test_squared_error_is_the_variance(fitted, test):
    """On average over samples in a range of predicted deviations, which differ 30-fold."""
    recovered, std = fitted.predict(test.traces, return_std=True)
    error, variance = (recovered - test.signals).ravel() ** 2, std.ravel() ** 2
    order = np.argsort(variance)
    smallest, *_, largest = (variance[rows].mean() for rows in np.array_split(order, 10))
    assert largest > 30 * smallest
    for rows in np.array_split(order, 10)[5:]:
        assert 0.5 < error[rows].mean() / variance[rows].mean() < 2


def test_deviations_keep_their_unit(fitted, test):
    recovered, std = fitted.predict(test.traces[:50], return_std=True)
    louder = fitted.predict(8 * test.traces[:50], return_std=True)
    np.testing.assert_allclose(louder, [8 * recovered, 8 * std], rtol=1e-5)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_frames_and_channels(train, n_channels):
    """Frames that overlap, a last frame that is not full, a second channel."""
    traces, signals = (
        np.stack([x[:100]] * n_channels, axis=1) if n_channels > 1 else x[:100]
        for x in (train.traces, train.signals)
    )
    options = TINY | {"kernel_size": 16, "stride": 11, "epochs": 1, "learn_std": True}
    model = small(**options).fit(traces, signals, X_val=traces, y_val=signals)
    for part in model.predict(traces, return_std=True):
        assert part.shape == signals.shape
    assert np.isfinite(model.history_["val_loss"]).all()


def test_intervals_of_pulses_contain_the_truth(calibrated):
    """68 % of them, of events that neither the network nor the calibration has seen."""
    model, traces, signals = calibrated
    # The calibration, with as many events, is as uncertain as the test.
    tolerance = 3 * np.sqrt(2 * 0.683 * 0.317 / len(traces))
    pulses = model.predict_pulses(traces)
    for truth, (value, low, high) in zip(pulse_parameters(signals), pulses, strict=True):
        assert value.shape == (len(traces),)
        assert abs(np.mean((low < truth) & (truth < high)) - 0.683) < tolerance
        assert abs(np.mean(truth > value) - 0.5) < 3 * np.sqrt(2 * 0.25 / len(traces))


def test_intervals_of_pulses_in_two_channels():
    simulator = clone(QUIET).set_params(arms=(0, 90))
    data = [
        make_traces(1000, first_event_id=n, **DATA | {"simulator": simulator}) for n in (0, 1000)
    ]
    model = small(epochs=8, learn_std=True).fit(data[0].traces, data[0].signals)
    traces, signals = (x[data[1].y == 1] for x in (data[1].traces, data[1].signals))
    n = len(traces) // 2
    pulses = model.calibrate_pulses(traces[:n], signals[:n]).predict_pulses(traces[n:])
    tolerance = 3 * np.sqrt(2 * 0.683 * 0.317 / n)
    for truth, (_, low, high) in zip(pulse_parameters(signals[n:]), pulses, strict=True):
        assert abs(np.mean((low < truth) & (truth < high)) - 0.683) < tolerance


def test_calibration_is_stored_and_forgotten_by_the_next_fit(calibrated, tmp_path):
    model, traces, signals = calibrated
    save_model(model, tmp_path / "denoiser.skops")
    loaded = load_model(tmp_path / "denoiser.skops")
    np.testing.assert_array_equal(loaded.predict_pulses(traces), model.predict_pulses(traces))
    loaded.partial_fit(traces, signals)
    with pytest.raises(NotFittedError, match="needs calibrate_pulses"):
        loaded.predict_pulses(traces)


def test_level_and_sampling_rate(fitted, calibrated):
    model, traces, signals = calibrated
    other = pickle.loads(pickle.dumps(fitted))
    other.calibrate_pulses(traces, signals, sampling_rate=90.0, confidence_level=0.9)
    narrow, wide = (m.predict_pulses(traces) for m in (model, other))
    assert np.median(wide.time.value / narrow.time.value) == pytest.approx(2, rel=0.05)
    width = [np.median(p.amplitude.high - p.amplitude.low) for p in (narrow, wide)]
    assert width[1] > 1.3 * width[0]


def test_bad_input(fitted, train, test):
    traces, signals = (x[test.y == 1][:60] for x in (test.traces, test.signals))
    with pytest.raises(ValueError, match="learn_std"):
        small(learn_std="yes").fit(train.traces, train.signals)
    with pytest.raises(NotFittedError, match="needs calibrate_pulses"):
        fitted.predict_pulses(traces)
    with pytest.raises(ValueError, match=r"y must have the shape \(60, 120\), got \(60, 119\)"):
        fitted.calibrate_pulses(traces, signals[:, 1:])
    with pytest.raises(
        ValueError, match="at least 50 signals of pulses, none of them zero, got 49"
    ):
        fitted.calibrate_pulses(traces[:49], signals[:49])
    with pytest.raises(ValueError, match="got 60, 1 of them zero"):
        fitted.calibrate_pulses(traces, np.concatenate([signals[:59], 0 * signals[:1]]))
    with pytest.raises(ValueError, match="confidence_level"):
        fitted.calibrate_pulses(traces, signals, confidence_level=1.5)
    assert fitted.pulse_calibration_ is None
    plain = small(epochs=1, **TINY).fit(train.traces[:64], train.signals[:64])
    with pytest.raises(ValueError, match="return_std=True needs a denoiser"):
        plain.predict(traces, return_std=True)
