"""The linear optimum: against its closed form, and on simulated traces."""

import numpy as np
import pytest
from scipy.linalg import toeplitz

from sklearn_aera.datasets import make_traces
from sklearn_aera.metrics import normalized_mean_squared_error, pulse_peak
from sklearn_aera.preprocessing import StdNormalizer, WienerFilter

N_TRAIN, N_TEST = 1500, 1000


@pytest.fixture(scope="module")
def at_snr_2():
    return tuple(
        make_traces(n, snr=2.0, first_event_id=first, random_state=3)
        for n, first in ((N_TRAIN, 0), (N_TEST, N_TRAIN))
    )


@pytest.fixture(scope="module")
def fitted(at_snr_2):
    return WienerFilter().fit(at_snr_2[0].traces, at_snr_2[0].y)


def _correlated(rng, n_traces, n_samples=24):
    """A stationary process with the autocovariance 2, 1, 0, ..."""
    steps = rng.normal(size=(n_traces, n_samples + 1))
    return steps[:, 1:] + steps[:, :-1]


def _closed_form(n_samples=24):
    signal = toeplitz(np.r_[2.0, 1.0, np.zeros(n_samples - 2)])
    return signal, np.linalg.solve(signal + 3 * np.eye(n_samples), signal)


def _error(truth, found):
    return np.mean((truth - found) ** 2)


def test_is_the_closed_form_for_a_gaussian_process():
    rng = np.random.default_rng(0)
    n_traces = 4000
    traces, signals = np.sqrt(3) * rng.normal(size=(n_traces, 24)), np.zeros((n_traces, 24))
    signals[::2] = _correlated(rng, n_traces // 2)
    traces += signals
    wiener = WienerFilter().fit(traces, np.arange(n_traces) % 2 == 0)
    signal, optimum = _closed_form()
    # One power at each of 24 frequencies, each known to the root of two over the 2 000 traces.
    np.testing.assert_allclose(toeplitz(wiener.signal_autocovariance_), signal, atol=0.4)
    np.testing.assert_allclose(wiener.autocovariance_[0], 3.0, rtol=0.05)
    np.testing.assert_allclose(wiener.filter_, optimum, atol=0.03)
    test = _correlated(rng, 5000)
    measured = test + np.sqrt(3) * rng.normal(size=test.shape)
    expected = np.trace(signal - optimum @ signal) / 24
    # The relative error of a mean of squares, a few of which are independent.
    assert _error(test, wiener.transform(measured)) == pytest.approx(expected, rel=0.03)
    for factor in (0.7, 1.4):
        assert _error(test, factor * wiener.transform(measured)) > 1.02 * expected


def test_recovers_simulated_pulses(at_snr_2, fitted):
    """0.80 with 4 000 training traces (measured); zeros have 1, the traces 40."""
    _, test = at_snr_2
    pulse = test.y == 1
    recovered = fitted.transform(test.traces)
    assert recovered.dtype == np.float32
    error = normalized_mean_squared_error(test.signals[pulse], recovered[pulse])
    assert 0.74 < error < 0.85
    # Of traces with a pulse, no other scale of what is recovered is better.
    factor = np.sum((test.signals * recovered)[pulse]) / np.sum(recovered[pulse] ** 2)
    assert factor == pytest.approx(1.0, abs=0.1)
    late = pulse_peak(recovered[pulse]).time - pulse_peak(test.signals[pulse]).time
    assert np.mean(np.abs(late) < 1.5 / 180) > 0.98


def test_carriers_are_removed(at_snr_2, fitted):
    _, test = at_snr_2
    noise = test.traces[test.y == 0]
    taper = np.hanning(500)

    def power(traces):
        return np.mean(np.abs(np.fft.rfft(taper * traces)) ** 2, axis=0)

    carrier = np.abs(np.fft.rfftfreq(500, 1 / 180.0) - 61.523).argmin()
    lost = power(noise)[carrier] / power(fitted.transform(noise))[carrier]
    assert 10 * np.log10(lost) > 20


def test_labels_and_signals_mean_the_same(at_snr_2):
    train, _ = at_snr_2
    X, y, signals = train.traces[:200, :100], train.y[:200], train.signals[:200, :100]
    by_label = WienerFilter().fit(X, y)
    for same in (signals, 1e3 * signals, 2 * y - 1, y + 1, np.array(["Noise", "cosmic ray"])[y]):
        np.testing.assert_array_equal(WienerFilter().fit(X, same).filter_, by_label.filter_)
    other = WienerFilter().fit(X, 1 - y)
    assert not np.allclose(by_label.filter_, other.filter_, atol=1e-3)


def test_few_traces_and_normalized_traces(at_snr_2):
    train, test = at_snr_2
    pulse = test.y == 1

    def error(n_traces, scale):
        traces = [data.traces / scale(data) for data in (train, test)]
        wiener = WienerFilter().fit(traces[0][:n_traces], train.y[:n_traces])
        recovered = wiener.transform(traces[1][pulse])
        return normalized_mean_squared_error((test.signals / scale(test))[pulse], recovered)

    assert error(100, lambda data: 1.0) < 1.0
    # 0.82 with 4 000 training traces (measured).
    assert error(N_TRAIN, lambda data: data.traces.std(axis=1, keepdims=True)) < 0.87
    normalized = StdNormalizer().fit_transform(train.traces[:50])
    assert WienerFilter().fit_transform(normalized, train.y[:50]).dtype == np.float32


@pytest.mark.parametrize("scale", [1e-25, 1e15])
def test_unit_of_the_traces_does_not_matter(at_snr_2, scale):
    train, _ = at_snr_2
    traces, y = train.traces[:60, :80], train.y[:60]
    expected = WienerFilter().fit(traces, y).filter_
    found = WienerFilter().fit(traces * np.float32(scale), y).filter_
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_silent_traces():
    y = np.arange(6) % 2
    silent = WienerFilter().fit(np.zeros((6, 20)), y)
    np.testing.assert_array_equal(silent.transform(np.ones((1, 20))), 0.0)
    noiseless = WienerFilter().fit(np.outer(y, np.sin(np.arange(20.0))) * 1e4, y)
    assert np.isfinite(noiseless.filter_).all()


def test_refuses():
    X = np.eye(5)
    with pytest.raises(ValueError, match="y must have two classes, without and with a pulse"):
        WienerFilter().fit(X, np.zeros(5))
    with pytest.raises(ValueError, match="got one class"):
        WienerFilter().fit(X, np.ones((5, 5)))
    with pytest.raises(
        ValueError, match=r"which label is the background, got \['a', 'b'\]: use 0 fo"
    ):
        WienerFilter().fit(X, list("abaab"))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        WienerFilter().fit(X, None)
    with pytest.raises(ValueError, match=r"regularization == 0\.0, must be >= 1e-09"):
        WienerFilter(regularization=0.0).fit(X, [0, 1, 0, 1, 0])
    with pytest.raises(ValueError, match="contains NaN"):
        WienerFilter().fit(np.full((5, 5), np.nan), [0, 1, 0, 1, 0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        WienerFilter().fit(X, [0, 1])
    with pytest.raises(ValueError, match="minimum of 2 is required by WienerFilter"):
        WienerFilter().fit(X[:, :1], [0, 1, 0, 1, 0])
    with pytest.raises(ValueError, match="expecting 5 features"):
        WienerFilter().fit(X, [0, 1, 0, 1, 0]).transform(np.eye(4))
    with pytest.raises(ValueError, match=r"traces of shape \(5,\), as in fit, got.* \(1, 5\)"):
        WienerFilter().fit(X, [0, 1, 0, 1, 0]).transform(X[:, None])
