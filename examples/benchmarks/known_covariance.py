"""The likelihood ratio with a covariance that is given instead of estimated."""

import math

import numpy as np
from scipy.linalg import toeplitz
from traces import SEED

from sklearn_aera._templates import arrival_times, build_bank, white_coefficients
from sklearn_aera.datasets import make_traces
from sklearn_aera.likelihood import LikelihoodRatioClassifier, PulsePrior
from sklearn_aera.likelihood._marginal import fit_noise_scale, log_likelihood_ratio
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    BandPass,
    FrequencyGrid,
    TraceSimulator,
)

RIDGE = 1e-4  # White noise that is added to a covariance, as a share of its power.
FIRST_TEST_ID = 10**8


def make(n, first=0, noise=None, **events):
    """Simulate events from an id on."""
    simulator = TraceSimulator(noise=noise)
    options = {"simulator": simulator, "first_event_id": first, "random_state": SEED}
    return make_traces(n, **options, **events)


def make_background(n, noise=None):
    """Simulate traces of noise."""
    return make(n, noise=noise, signal_fraction=0.0).traces


def true_covariance(noise=None, ridge=RIDGE):
    """Covariance of traces in mV, with the white noise that keeps it positive out of the band."""
    noise = AntennaNoise() if noise is None else noise
    grid = FrequencyGrid.from_response(BandPass(), 180.0, 500)
    autocovariance = noise.prepare(grid).autocovariance()
    autocovariance[0] *= 1 + ridge
    return toeplitz(autocovariance)


def inverse_root(covariance):
    """Symmetric whitening matrix of a covariance."""
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    return (eigenvectors / np.sqrt(eigenvalues)) @ eigenvectors.T


def make_bank(limit, whitening):
    """Templates of a `LikelihoodRatioClassifier` for a whitening matrix."""
    grid = FrequencyGrid.from_response(BandPass(), limit.sampling_rate, len(whitening))
    times = arrival_times(None, grid, limit.times_per_sample)
    shapes = AnalyticPulse().prepare(grid).shapes(limit.spectral_slope, limit.n_slopes)
    return build_bank(*shapes, grid, times, whitening, limit.n_phases)


def ratio_given(covariance, background, traces, snr):
    """What `LikelihoodRatioClassifier` computes, but with a covariance that is given.

    Parameters
    ----------
    covariance : ndarray of shape (n_samples, n_samples)
        In mV squared.
    background : ndarray of shape (n_background, n_samples)
        Traces of noise, for the scale of the noise.
    traces : ndarray of shape (n_traces, n_samples)
    snr : float
        Signal-to-noise ratio of all pulses.

    Returns
    -------
    ndarray of shape (n_traces,)
    """
    limit = LikelihoodRatioClassifier(snr=snr)
    scale = math.sqrt(np.trace(covariance) / len(covariance))
    bank = make_bank(limit, inverse_root(covariance / scale**2))
    coefficients, rms = white_coefficients(background, bank, scale)
    power = rms**2 * np.square(coefficients, dtype=np.float64).sum(axis=1)
    variance, degrees_of_freedom = fit_noise_scale(power, coefficients.shape[1])
    prior = PulsePrior.from_range((snr, snr), limit.snr_reference, bank.mean_square, (0.5, 0.5))
    amplitudes = prior.amplitude(np.full((1, 1), snr)).astype(np.float32)
    scale *= math.sqrt(variance)
    return log_likelihood_ratio(traces, bank, amplitudes, np.ones(1), scale, degrees_of_freedom)
