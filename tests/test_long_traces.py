"""Long traces: what the filters and transforms for them give, against dense matrices."""

import numpy as np
import pytest
from scipy.linalg import toeplitz

from sklearn_aera import _whitening
from sklearn_aera._carriers import reflect
from sklearn_aera._covariance import stationary_autocovariance
from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.preprocessing import (
    SpectralWhitener,
    StationaryCovariance,
    WhiteningFilter,
    WienerFilter,
    _wiener,
)
from sklearn_aera.simulation import AntennaNoise, BandPass, FrequencyGrid, TraceSimulator

N_SAMPLES, N_TRAIN = 1100, 300


def _data(n_events, first_event_id=0, n_samples=N_SAMPLES, **options):
    options = {"simulator": TraceSimulator(n_samples=n_samples), "random_state": 2, **options}
    return make_traces(n_events, first_event_id=first_event_id, **options)


@pytest.fixture(scope="module")
def whitener():
    return SpectralWhitener().fit(_data(N_TRAIN, signal_fraction=0.0).traces)


def test_filtered_noise_is_white(whitener):
    """In the band, at the carriers and at the ends, in expectation over the true noise."""
    grid = FrequencyGrid.from_response(BandPass(), 180.0, N_SAMPLES)
    truth = AntennaNoise().prepare(grid).autocovariance()
    truth[0] *= 1 + whitener.regularization
    truth = toeplitz(truth)
    (whitening,) = whitener.whitening_
    assert isinstance(whitening, WhiteningFilter)
    identity = np.eye(N_SAMPLES, dtype=np.float32)
    matrix = whitener.transform(identity).astype(float)
    white = matrix.T @ truth @ matrix
    # Filters of zero phase: the matrix is close to a symmetric one.
    assert np.abs(matrix - matrix.T).max() < 0.1 * np.abs(matrix).max()
    taper = np.hanning(N_SAMPLES)[:, None]
    frequencies = np.concatenate([np.arange(31.5, 79, 0.1), AntennaNoise().carriers])
    waves = taper * np.exp(2j * np.pi * np.outer(np.arange(N_SAMPLES) / 180.0, frequencies))
    power = np.einsum("if,if->f", waves.conj(), white @ waves).real / np.sum(taper**2)
    # The power at one frequency is known to one over the root of the number of traces.
    np.testing.assert_allclose(power, 1.0, atol=5 / np.sqrt(N_TRAIN))
    np.testing.assert_allclose(np.diag(white), 1.0, atol=0.1)


def test_filter_whitens_like_the_matrix(whitener):
    """The symmetric root follows fluctuations of the estimate, which the filter smooths."""
    lags = whitener.autocovariance_[0]
    traces = _data(50, 10**6).traces
    white = whitener.transform(traces)
    reflect(white, whitener.reflections_[0])
    expected = traces @ _whitening._inverse_root(lags)
    assert np.sqrt(np.mean((white - expected) ** 2) / np.mean(expected**2)) < 0.1


def test_noise_of_many_carriers_needs_more_directions():
    lag = np.arange(N_SAMPLES)
    lags = sum(np.cos(frequency * lag) for frequency in np.linspace(0.2, 3.0, 35))
    lags += 0.1 * (lag == 0)
    whitening = _whitening._fit_filter(lags)
    assert len(whitening.factors) > _whitening._FEWEST
    identity = np.eye(N_SAMPLES, dtype=np.float32)
    matrix = _whitening.whiten(identity, whitening).astype(float)
    eigenvalues = np.linalg.eigvalsh(matrix.T @ toeplitz(lags) @ matrix)
    np.testing.assert_allclose(eigenvalues, 1.0, atol=_whitening._WHITE_ENOUGH)


def test_wiener_filter_of_long_traces_is_the_matrix(monkeypatch):
    data = _data(100, n_samples=90, snr=3.0, arrival_time=(0.1, 0.4))
    by_matrix = WienerFilter().fit(data.traces, data.y)
    monkeypatch.setattr(_wiener, "DENSE_LENGTH", 10)
    by_transforms = WienerFilter().fit(data.traces, data.y)
    assert by_transforms.filter_ is None
    expected, found = (wiener.transform(data.traces) for wiener in (by_matrix, by_transforms))
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_many_short_traces_are_replaced_by_vectors():
    """The sample covariance is the same, and the estimate to round-off."""
    traces = _data(30, n_samples=24, signal_fraction=0.0, arrival_time=0.05).traces
    few = stationary_autocovariance(traces)
    many = stationary_autocovariance(np.concatenate([traces] * 2))
    np.testing.assert_allclose(many, few, rtol=1e-6, atol=1e-9)


def test_templates_of_long_traces():
    """Energies and products are those of dense matrices, and pulses are found where they are."""
    data = _data(120, snr=4.0)
    matched = MatchedFilter(times_per_sample=3, n_phases=3).fit(data.traces, data.y)
    bank = matched.bank_
    inverse = np.linalg.inv(toeplitz(bank.covariance.autocovariance))
    cells = slice(100, len(bank.times), 997)
    in_phase, quadrature = (part.astype(float) for part in bank.quadratures(cells))
    for pair, energy in zip(bank.weights, bank.energy, strict=True):
        cosine, sine = pair[:, cells, None]
        pulse = cosine * in_phase + sine * quadrature
        np.testing.assert_allclose(np.abs(pulse).max(axis=1), 1.0, rtol=1e-5)
        expected = np.einsum("ci,ij,cj->c", pulse, inverse, pulse)
        np.testing.assert_allclose(energy[cells], expected, rtol=1e-4)
    X = data.traces[:5] / data.traces.std()
    white = bank.covariance.solve(X.astype(float))
    expected = np.concatenate([white @ in_phase.T, white @ quadrature.T], axis=1)
    n_cells = len(bank.times)
    found = bank.products(white)
    found = np.concatenate([found[:, :n_cells][:, cells], found[:, n_cells:][:, cells]], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    pulses = data.y == 1
    late = matched.transform(data.traces)[pulses, 1] - data.arrival_time[pulses]
    assert np.abs(late).max() < 2 / 180.0


def test_likelihood_ratio_of_long_traces():
    train, test = _data(N_TRAIN, snr=2.0), _data(500, N_TRAIN, snr=2.0)
    limit = LikelihoodRatioClassifier(snr=2.0).fit(train.traces, train.y)
    # 0.99 for 500 samples; longer traces have more times to be wrong at, but resolve carriers.
    assert limit.score(test.traces, test.y) > 0.97
    signals, std = limit.posterior_mean(test.traces[:50], return_std=True)
    error = np.mean((signals - test.signals[:50]) ** 2)
    assert error == pytest.approx(np.mean(std.astype(float) ** 2), rel=0.5)
    assert error < 0.2 * np.mean(test.signals[:50] ** 2)


def test_covariance_is_that_of_its_parts():
    covariance = StationaryCovariance.from_autocovariance([2.0, 1.0])
    assert covariance.n_samples == 2
    np.testing.assert_allclose(covariance.inverse_column, [2 / 3, -1 / 3])
