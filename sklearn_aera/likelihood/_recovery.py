"""The pulse in a trace: its posterior mean, and the template that fits best."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import toeplitz
from scipy.special import expit

from sklearn_aera._templates import matched_filter, white_coefficients
from sklearn_aera.likelihood._marginal import (
    _BLOCK_SIZE,
    _CHUNK_SIZE,
    _NEGLIGIBLE_LOSS,
    _pad_rows,
)

# The amplitude is integrated over this many standard deviations to both sides of its best value:
# its evidence is then right to 0.7 %, its mean to 0.2 % of a standard deviation.
_SPAN = 3.5
_NODES, _NODE_WEIGHTS = (np.float32(half) / 2 for half in np.polynomial.legendre.leggauss(6))
_NODES += 0.5
# Float32 still resolves a logarithm of that size: pulses a hundred times above the noise.
_LARGEST_RATIO = 1e5
_TINY = 1e-30


class PulsePrior(NamedTuple):
    """What is known of a pulse's strength before its trace is seen."""

    snr: tuple[float, float]
    """The signal-to-noise ratio is uniform in this range."""
    mean_square: np.ndarray
    """(n_cells,), float32: of the pulses of unit peak; 0 if the ratio refers to the trace."""
    log_odds: float
    """Logarithm of the odds of pulse against noise alone."""

    @classmethod
    def of(cls, snr, snr_reference, mean_square, priors):
        """The prior for a range of ratios and the probabilities of noise and of pulses."""
        if snr_reference == "trace":
            mean_square = np.zeros_like(mean_square)
        return cls(snr, mean_square, float(np.log(priors[1] / priors[0])))

    def amplitude(self, snr):
        """Peak of the pulse over the RMS of the trace, see `relative_amplitudes`."""
        return snr / np.sqrt(1 + snr**2 * self.mean_square)

    def clip(self, amplitude):
        """The nearest amplitude within the range of the signal-to-noise ratio."""
        low, high = (self.amplitude(np.float32(snr)) for snr in self.snr)
        return np.clip(amplitude, low, high)

    def snr_of(self, amplitude):
        """The inverse of `amplitude`."""
        return amplitude / np.sqrt(1 - amplitude**2 * self.mean_square)


def posterior_mean(X, bank, prior, autocovariance, scale, degrees_of_freedom):
    """Mean of the signal given the trace, over all pulses of a bank and over noise alone.

    ``E[s | x] = sum_k P(k | x) E[A | x, k] g_k``: each template g, of unit peak, times its
    posterior probability and the posterior mean of its amplitude A. Noise alone takes part
    with s = 0.

    Parameters
    ----------
    X : ndarray of shape (n_traces, n_samples)
    bank : TemplateBank
    prior : PulsePrior
    autocovariance : ndarray of shape (n_samples,)
        Of the background for which the bank was made, lag 0 first.
    scale, degrees_of_freedom : float
        See `sklearn_aera.likelihood._marginal.log_likelihood_ratio`.

    Returns
    -------
    ndarray of shape (n_traces, n_samples), float32
        In the traces' unit.
    """

    def amplitudes(coefficients, rms):
        products = coefficients @ bank.templates
        power = rms**2 * np.einsum("ij,ij->i", coefficients, coefficients, dtype=np.float64)
        for start in range(0, len(rms), _BLOCK_SIZE):
            b = slice(start, start + _BLOCK_SIZE)
            products[b] = _mean_amplitudes(
                products[b], rms[b], power[b], bank, prior, degrees_of_freedom
            )
        return products @ bank.templates.T

    return _recover(amplitudes, X, bank, autocovariance, scale)


def template_fit(X, bank, autocovariance, scale):
    """The template with the largest likelihood, its amplitude free.

    ``A = g.x / g.g`` for the template g with the largest ``(g.x)^2 / g.g``, both white.

    Parameters
    ----------
    X : ndarray of shape (n_traces, n_samples)
    bank : TemplateBank
    autocovariance : ndarray of shape (n_samples,)
    scale : float
        See `posterior_mean`.

    Returns
    -------
    ndarray of shape (n_traces, n_samples), float32
        In the traces' unit.
    """
    return _recover(lambda c, _: _best_templates(c, bank), X, bank, autocovariance, scale)


def _recover(white_signals, X, bank, autocovariance, scale):
    """Signals from a function of white coefficients and RMS, in chunks.

    The projection to white coefficients is the whitening W times an orthonormal basis B. The
    way back is ``B' W^-1 = (W B)' W^-2``, where W^-2 is the covariance.
    """
    covariance = toeplitz(autocovariance / autocovariance[0])
    unwhitening = (bank.projection.T @ covariance).astype(np.float32)
    signals = np.empty(X.shape, dtype=np.float32)
    for start in range(0, len(X), _CHUNK_SIZE):
        chunk = slice(start, start + _CHUNK_SIZE)
        coefficients, rms = white_coefficients(_pad_rows(X[chunk]), bank, scale)
        recovered = white_signals(coefficients, rms) @ unwhitening
        recovered *= (rms * scale).astype(np.float32)[:, None]
        signals[chunk] = recovered[: len(X[chunk])]
    return signals


def _mean_amplitudes(products, rms, power, bank, prior, degrees_of_freedom):
    """Posterior mean of the amplitude of every quadrature, shape (n_traces, 2 n_cells)."""
    matched = [matched_filter(products, pair) for pair in bank.weights]
    pairs = list(zip(matched, bank.energy, strict=True))
    largest = np.max([_best_terms(np.abs(z), e, prior).max(axis=1) for z, e in pairs], axis=0)
    # Each trace's noise has the scale that goes with the best template: see `_ratio_of_block`.
    both = degrees_of_freedom + len(bank.projection.T)
    rest = degrees_of_freedom + np.maximum(power - 2 * rms**2 * largest, 0)
    gain = np.minimum(both / rest * rms**2, _LARGEST_RATIO / np.maximum(np.abs(largest), _TINY))
    gain = np.maximum(gain, _TINY).astype(np.float32)
    total = np.zeros(len(rms))
    means = np.zeros((2, len(rms), len(bank.times)), dtype=np.float32)
    for (z, energy), pair in zip(pairs, bank.weights, strict=True):
        for polarity in (1, -1):
            terms = polarity * z, energy, prior, gain, largest
            rows, cells, evidence, first = _amplitude_moments(*terms)
            total += np.bincount(rows, evidence, len(rms))
            for mean, weight in zip(means, polarity * pair, strict=True):
                mean[rows, cells] += first * weight[cells]
    ratio = both / 2 * np.log((degrees_of_freedom + power) / rest)
    ratio += np.log(total / (2 * bank.energy.size))
    means *= (expit(ratio + prior.log_odds) / total).astype(np.float32)[:, None]
    return np.concatenate(means, axis=1)


def _best_terms(z, energy, prior):
    """Largest ``A z - A^2 e / 2`` over the range of amplitudes A."""
    amplitude = prior.clip(z / energy)
    return amplitude * (z - 0.5 * amplitude * energy)


def _amplitude_moments(z, energy, prior, gain, largest):
    """Integrals of ``exp(gain (A z - A^2 e / 2 - largest))`` and of A times it over the prior.

    The signal-to-noise ratio, which is uniform, is integrated where the amplitude is within
    some standard deviations of the best one, for the rows and cells that count.
    """
    counts = _best_terms(z, energy, prior) > (largest - _NEGLIGIBLE_LOSS / gain)[:, None]
    rows, cells = np.nonzero(counts)
    z, energy, gain, largest = z[rows, cells], energy[cells], gain[rows], largest[rows]
    prior = prior._replace(mean_square=prior.mean_square[cells])
    best, width = prior.clip(z / energy), np.float32(_SPAN) / np.sqrt(gain * energy)
    start, stop = (prior.snr_of(prior.clip(end)) for end in (best - width, best + width))
    evidence, first = np.zeros_like(z), np.zeros_like(z)
    for node, weight in zip(_NODES, _NODE_WEIGHTS, strict=True):
        amplitude = prior.amplitude(start + node * (stop - start))
        loss = gain * (largest - amplitude * (z - 0.5 * amplitude * energy))
        term = weight * np.exp(-np.maximum(loss, 0))
        evidence += term
        first += amplitude * term
    low, high = prior.snr
    share = (stop - start) / (high - low) if low < high else np.ones_like(start)
    return rows, cells, share * evidence, share * first


def _best_templates(coefficients, bank):
    """White coefficients of the fitted template, shape (n_traces, n_basis)."""
    products = coefficients @ bank.templates
    n_cells, rows = len(bank.times), np.arange(len(products))
    largest = np.full(len(products), -1.0, dtype=np.float32)
    cell = np.zeros(len(products), dtype=int)
    amplitude = np.zeros((2, len(products)), dtype=np.float32)
    for pair, energy in zip(bank.weights, bank.energy, strict=True):
        z = matched_filter(products, pair)
        statistic = z**2 / energy
        best = statistic.argmax(axis=1)
        better = statistic[rows, best] > largest
        largest = np.where(better, statistic[rows, best], largest)
        cell = np.where(better, best, cell)
        amplitude = np.where(better, pair[:, best] * (z[rows, best] / energy[best]), amplitude)
    in_phase, quadrature = bank.templates.T[cell], bank.templates.T[cell + n_cells]
    return amplitude[0][:, None] * in_phase + amplitude[1][:, None] * quadrature
