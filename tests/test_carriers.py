"""Carriers in whitened traces: moved below the band, where they tell how loud the noise was."""

import numpy as np
import pytest

from sklearn_aera._carriers import carrier_reflection, low_frequencies, reflect
from sklearn_aera._whitening import fit_whitening
from sklearn_aera.datasets import make_traces
from sklearn_aera.preprocessing import SpectralWhitener
from sklearn_aera.simulation import AntennaNoise, TraceSimulator


@pytest.mark.parametrize(("n_samples", "number"), [(20, 0), (64, 2), (500, 15), (4000, 16)])
def test_low_frequencies_are_orthonormal(n_samples, number):
    cosines = low_frequencies(n_samples)
    assert cosines.shape == (n_samples, number)
    np.testing.assert_allclose(cosines.T @ cosines, np.eye(number), atol=1e-12)


def fitted(n_samples, n_traces=400, **options):
    simulator = TraceSimulator(n_samples=n_samples, noise=AntennaNoise(**options))
    data = make_traces(n_traces, simulator=simulator, snr=2.0, random_state=0)
    return data, SpectralWhitener().fit(data.traces, data.y)


@pytest.mark.parametrize("n_samples", [500, 1500])
def test_each_carrier_is_moved(n_samples):
    """Two directions for each of the four: its amplitude and phase differ in each trace."""
    data, whitener = fitted(n_samples)
    vectors = whitener.reflections_[0]
    assert vectors.shape == (n_samples, 8)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-5)
    low = whitener.transform(data.traces) @ low_frequencies(n_samples)
    # The first eight have the unit variance of whitened noise, the others are below the band.
    variance = np.mean(low**2, axis=0)
    assert np.abs(variance[:8] - 1).max() < 0.3
    assert variance[8:].max() < 0.1


def test_the_lowest_frequencies_tell_how_loud_the_noise_was():
    data, whitener = fitted(500, n_traces=2000)
    rms = np.std(data.traces - data.signals, axis=1)
    low = np.mean((whitener.transform(data.traces) @ low_frequencies(500)) ** 2, axis=1)
    assert np.corrcoef(np.log(low), np.log(rms))[0, 1] > 0.97


def test_a_reflection_keeps_lengths_and_undoes_itself():
    data, whitener = fitted(500)
    white = data.traces.copy()
    reflect(white, whitener.reflections_[0])
    np.testing.assert_allclose(
        np.linalg.norm(white, axis=1), np.linalg.norm(data.traces, axis=1), rtol=1e-5
    )
    assert np.abs(white - data.traces).max() > 0.1
    reflect(white, whitener.reflections_[0])
    np.testing.assert_allclose(white, data.traces, atol=1e-5)


def test_without_carriers_nothing_is_moved():
    data, whitener = fitted(500, carrier_share=0.0)
    assert whitener.reflections_[0].shape == (500, 0)
    np.testing.assert_allclose(
        whitener.transform(data.traces), data.traces @ whitener.whitening_[0], rtol=1e-6, atol=1e-6
    )


def test_a_constant_offset_is_at_the_lowest_frequency_already():
    autocovariance = np.full(100, 100.0)
    autocovariance[0] += 1.0
    vectors = carrier_reflection(autocovariance, fit_whitening(autocovariance))
    constant = np.ones((1, 100), dtype=np.float32)
    reflect(constant, vectors)
    assert np.abs(constant.mean()) > 0.995
