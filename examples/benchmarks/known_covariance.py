"""The likelihood ratio with a covariance that is given instead of estimated."""

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import toeplitz
from traces import SEED

from sklearn_aera._templates import (
    arrival_times,
    build_bank,
    number_of_slopes,
    white_batches,
)
from sklearn_aera.datasets import make_traces
from sklearn_aera.likelihood import LikelihoodRatioClassifier, PulsePrior
from sklearn_aera.likelihood._marginal import fit_noise_scale, log_likelihood_ratio
from sklearn_aera.preprocessing import StationaryCovariance
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


class AnyCovariance(NamedTuple):
    """Covariance that need not be stationary, by its inverse, (n_samples, n_samples)."""

    inverse: np.ndarray

    def solve(self, X):
        """Return traces times the inverse."""
        return X @ self.inverse


def make_bank(limit, covariance):
    """Templates of a `LikelihoodRatioClassifier` for a covariance of unit variance."""
    n_samples = len(covariance)
    grid = FrequencyGrid.from_response(BandPass(), limit.sampling_rate, n_samples)
    times = arrival_times(None, grid, limit.times_per_sample)
    n_slopes = number_of_slopes(limit.n_slopes, limit.spectral_slope, grid)
    shapes = AnalyticPulse().prepare(grid).shapes(limit.spectral_slope, n_slopes)
    white = StationaryCovariance.from_autocovariance(np.eye(n_samples)[0])
    bank = build_bank(*shapes, grid, times, white, limit.n_phases, limit.times_per_sample)
    inverse = np.linalg.inv(covariance)
    ridge = np.linalg.eigvalsh(covariance)[0]
    in_phase, quadrature = bank.quadratures(slice(None))
    pulses = (c[:, None] * in_phase + s[:, None] * quadrature for c, s in bank.weights)
    energy = np.stack([np.einsum("ci,ci->c", pulse @ inverse, pulse) for pulse in pulses])
    return bank._replace(
        covariance=AnyCovariance(inverse),
        energy=energy.astype(np.float32),
        n_values=n_samples - ridge * np.trace(inverse),
    )


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
    bank = make_bank(limit, covariance / scale**2)
    power = np.concatenate([power for *_, power in white_batches(background, bank, scale)])
    variance, degrees_of_freedom = fit_noise_scale(power, bank.n_values)
    prior = PulsePrior.from_range((snr, snr), limit.snr_reference, bank.mean_square, (0.5, 0.5))
    amplitudes = prior.amplitude(np.full((1, 1), snr)).astype(np.float32)
    scale *= math.sqrt(variance)
    return log_likelihood_ratio(traces, bank, amplitudes, np.ones(1), scale, degrees_of_freedom)
