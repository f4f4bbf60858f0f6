"""Whitening with the covariance of stationary noise."""

import numpy as np
import pytest
from scipy.linalg import toeplitz

from sklearn_aera._carriers import reflect
from sklearn_aera.datasets import make_traces
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    BandPass,
    FrequencyGrid,
    TraceSimulator,
)

N_TRAIN = N_TEST = 1000


@pytest.fixture(scope="module")
def background():
    return make_traces(N_TRAIN + N_TEST, signal_fraction=0.0, random_state=5).traces


@pytest.mark.parametrize("normalized", [False, True])
def test_noise_is_white_at_every_frequency(background, normalized):
    if normalized:
        background = StdNormalizer().fit_transform(background)
    whitener = SpectralWhitener().fit(background[:N_TRAIN])
    white = whitener.transform(background[N_TRAIN:])
    reflect(white, whitener.reflections_[0])  # Carriers go back to their frequencies.
    taper = np.hanning(500)
    frequencies = np.fft.rfftfreq(500, 1 / 180.0)
    inside = (frequencies > 31.5) & (frequencies < 79)

    def power(traces):
        spectrum = np.fft.rfft(traces * taper)[:, inside]
        return np.mean(np.abs(spectrum) ** 2, axis=0) / np.sum(taper**2)

    # The power at one frequency is exponentially distributed: its relative error is one over
    # the root of the number of traces, in the training and in the test data. Normalised traces
    # have a scale of their own besides, common to all frequencies.
    relative = power(white) / np.median(power(white))
    tolerance = 5 * np.sqrt(1 / N_TRAIN + 1 / N_TEST)
    np.testing.assert_allclose(relative, 1.0, atol=tolerance)
    assert np.median(power(white)) == pytest.approx(1.0, abs=0.06)
    before = power(background)
    assert before.max() / before.min() > 100


@pytest.mark.parametrize("n_traces", [100, 1000])
def test_covariance_is_that_of_the_noise(background, n_traces):
    """Kullback-Leibler divergence of one trace: half a parameter over the number of traces."""
    grid = FrequencyGrid.from_response(BandPass(), 180.0, 500)
    truth = AntennaNoise().prepare(grid).autocovariance()
    truth[0] *= 1 + 1e-4
    whitener = SpectralWhitener().fit(background[:n_traces])
    # About 280 powers in the band; twice that for the widths of lines and the band's edges.
    assert _divergence(truth, whitener.autocovariance_[0]) < 280 / n_traces
    # The average of products at each lag is not even positive definite.
    averaged = _averaged_products(background[:n_traces])
    averaged[0] *= 1 + 1e-4
    assert np.linalg.eigvalsh(toeplitz(averaged))[0] < 0


def _divergence(truth, estimate):
    truth, estimate = toeplitz(truth), toeplitz(estimate)
    ratio = np.linalg.solve(estimate, truth)
    return 0.5 * (np.trace(ratio) - len(truth) - np.linalg.slogdet(ratio)[1])


def _averaged_products(traces):
    power = np.abs(np.fft.rfft(traces.astype(float), 1000)) ** 2
    return np.fft.irfft(power.mean(axis=0))[:500] / (500 - np.arange(500))


def test_pulses_stay_where_they_are(background):
    grid = FrequencyGrid.from_response(BandPass(), 180.0, 500)
    pulse = AnalyticPulse(phase_jitter=0.0).prepare(grid)
    spectrum = pulse.spectra(np.array([-5.0]), np.array([[0.5]])) * grid.gain
    times = np.arange(100, 401, 50)
    moved = (spectrum * grid.delay(times / 180.0)).astype(np.complex64)
    whitener = SpectralWhitener().fit(background[:200])
    np.testing.assert_array_equal(whitener.whitening_[0], whitener.whitening_[0].T)
    peaks = np.abs(whitener.transform(grid.synthesize(moved))).argmax(axis=1)
    assert np.abs(peaks - times).max() <= 1


def test_background_is_where_y_is_zero():
    data = make_traces(60, snr=5.0, random_state=0)
    chosen = SpectralWhitener().fit(data.traces, data.y).autocovariance_
    only = SpectralWhitener().fit(data.traces[data.y == 0]).autocovariance_
    every = SpectralWhitener().fit(data.traces).autocovariance_
    np.testing.assert_array_equal(chosen, only)
    assert not np.allclose(chosen, every)
    texts = np.array(["noise", "pulse"])[data.y]
    for labels in (data.y == 1, data.y + 1, 2 * data.y - 1, texts):
        by_label = SpectralWhitener().fit(data.traces, labels).autocovariance_
        np.testing.assert_array_equal(by_label, only)
    pulses_alone = SpectralWhitener().fit(data.traces, np.ones(60)).autocovariance_
    np.testing.assert_array_equal(pulses_alone, every)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_silent_and_constant_background(value):
    whitener = SpectralWhitener().fit(np.full((5, 40), value))
    white = whitener.transform(np.eye(40))
    assert white.dtype == np.float32
    assert np.isfinite(white).all()
    if value == 0:
        np.testing.assert_array_equal(white, np.eye(40))
    else:
        assert np.abs(whitener.transform(np.full((1, 40), value))).max() < 2


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_unit_of_the_traces_does_not_matter(background, scale):
    traces = background[:50, :60]
    white = SpectralWhitener().fit(traces).transform(traces)
    scaled = traces * np.float32(scale)
    np.testing.assert_allclose(SpectralWhitener().fit_transform(scaled), white, atol=2e-3)


@pytest.mark.parametrize(
    ("regularization", "error", "message"),
    [
        (0.0, ValueError, "regularization == 0.0, must be >= 1e-09"),
        (2.0, ValueError, r"regularization == 2.0, must be <= 1"),
        (np.nan, ValueError, "regularization must be finite"),
        ("small", TypeError, "regularization must be a real number, got 'small'"),
    ],
)
def test_bad_regularization(regularization, error, message):
    with pytest.raises(error, match=message):
        SpectralWhitener(regularization=regularization).fit(np.eye(5))


@pytest.mark.parametrize("regularization", [1e-9, 1.0])
def test_ends_of_the_range_of_regularization(background, regularization):
    carrier = np.cos(0.3 * np.arange(300))[None].repeat(3, axis=0)
    for traces in (background[:2, :300], carrier):
        white = SpectralWhitener(regularization=regularization).fit_transform(traces)
        assert np.isfinite(white).all()


def test_bad_traces():
    with pytest.raises(ValueError, match="contains NaN"):
        SpectralWhitener().fit([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SpectralWhitener().fit(np.eye(5), [0, 1])
    with pytest.raises(ValueError, match="expecting 5 features"):
        SpectralWhitener().fit(np.eye(5)).transform(np.eye(4))


def test_channels_are_whitened_each_with_its_own_covariance():
    first, second = (
        make_traces(300, simulator=TraceSimulator(noise=noise), random_state=seed)
        for seed, noise in enumerate([AntennaNoise(), AntennaNoise(carrier_share=0.0)])
    )
    X = np.stack([first.traces, 5 * second.traces], axis=1)
    alone = [SpectralWhitener().fit(X[:, c], first.y) for c in range(2)]
    both = SpectralWhitener().fit(X, first.y)
    assert both.trace_shape_ == (2, 500)
    np.testing.assert_array_equal(
        both.autocovariance_, np.concatenate([w.autocovariance_ for w in alone])
    )
    white = both.transform(X)
    assert white.shape == X.shape
    for c, whitener in enumerate(alone):
        np.testing.assert_allclose(white[:, c], whitener.transform(X[:, c]), atol=1e-5)
    signals = np.stack([first.signals, np.zeros_like(first.signals)], axis=1)
    by_signal = SpectralWhitener().fit(X, signals)
    np.testing.assert_array_equal(by_signal.autocovariance_, both.autocovariance_)
