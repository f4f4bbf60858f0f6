"""Likelihood ratio of pulse and noise, averaged over the parameters of the pulse."""

import numpy as np
from sklearn.utils import gen_batches

from sklearn_aera._templates import matched_filter, white_coefficients

# Traces in a matrix product, and in a block of the sums over cells, which then fits in the cache.
_BATCH_SIZE = 1024
_BLOCK_SIZE = 64
_ROWS_OF_PRODUCT = 16
# Terms below exp(-20) of the largest are left out of sums.
NEGLIGIBLE_LOSS = 20.0
# Above this number of degrees of freedom, the scale of the noise is as good as fixed.
_MAX_DEGREES_OF_FREEDOM = 1e6


def fit_noise_scale(power, n_basis):
    """Fit the distribution of the noise variance over traces.

    The noise of each trace is Gaussian, with a variance from an inverse gamma distribution: its
    coefficients have a multivariate Student t distribution. Its two parameters, the scale and the
    degrees of freedom, are computed from the mean and the variance of the power of background
    traces, which has an F distribution: ``power``, of shape (n_traces,), is the sum of squares of
    the ``n_basis`` white coefficients.
    """
    mean, variance = power.mean() / n_basis, power.var() / n_basis**2
    if mean == 0:
        return 1.0, _MAX_DEGREES_OF_FREEDOM
    # variance / mean**2 = 2 (n + nu - 2) / (n (nu - 4)), solved for nu.
    excess = n_basis * variance / mean**2 - 2
    if excess <= 0:
        return float(mean), _MAX_DEGREES_OF_FREEDOM
    nu = (2 * n_basis - 4 + 4 * (excess + 2)) / excess
    nu = float(np.clip(nu, 4.0, _MAX_DEGREES_OF_FREEDOM))
    return float(mean * (nu - 2) / nu), nu


def white_batches(X, bank, scale):
    """Project traces on the basis of a bank with `white_coefficients`, in batches.

    Zero traces are appended to each batch, up to a multiple of the block size of matrix
    products. Linear algebra libraries compute a few rows in another order than many, so that
    the last digits of a result would depend on the number of traces. Yields the slice of the
    traces, and coefficients and RMS of the padded batch.
    """
    for rows in gen_batches(len(X), _BATCH_SIZE):
        batch = X[rows]
        padded = np.pad(batch, ((0, -len(batch) % _ROWS_OF_PRODUCT), (0, 0)))
        yield rows, *white_coefficients(padded, bank, scale)


def blocks(coefficients, rms):
    """Yield the blocks of a batch: rows, their RMS, and the power of their coefficients."""
    power = rms**2 * np.einsum("ij,ij->i", coefficients, coefficients, dtype=np.float64)
    for rows in gen_batches(len(rms), _BLOCK_SIZE):
        yield rows, rms[rows], power[rows]


def log_likelihood_ratio(X, bank, amplitudes, weights, scale, degrees_of_freedom):
    """Compute log(p(trace | pulse) / p(trace | noise)), averaged over a bank and amplitudes.

    For one white template g of unit peak and an amplitude A, the Gaussian log-ratio of the n
    coefficients x is ``l = A g.x - A^2 g.g / 2``. For noise of unknown variance with nu degrees of
    freedom (see `fit_noise_scale`), it is ``h(l) = -(nu + n)/2 log(1 - 2 l / (nu + x.x))``.

    The amplitudes, (n_amplitudes, n_cells), are peaks over the RMS of the trace, and the weights
    their prior probabilities, (n_amplitudes,). The bank is for traces divided by ``scale``, that
    of the noise in the unit of the traces. Returns an array of shape (n_traces,), float64.
    """
    ratio = np.empty(len(X))
    for rows, coefficients, rms in white_batches(X, bank, scale):
        products = coefficients @ bank.templates
        ratios = [
            _block_ratio(products[block], *strength, bank, amplitudes, weights, degrees_of_freedom)
            for block, *strength in blocks(coefficients, rms)
        ]
        ratio[rows] = np.concatenate(ratios)[: rows.stop - rows.start]
    return ratio


def _block_ratio(products, rms, power, bank, amplitudes, weights, degrees_of_freedom):
    """Average over cells, phases, polarities and amplitudes, for noise of unknown variance.

    Terms near the largest dominate the average. The function h is therefore replaced by its
    tangent at the largest term, so that each term needs a single exponential.
    """
    n_basis = len(bank.projection.T)
    matched = [matched_filter(products, pair) for pair in bank.weights]
    bound, largest = (rms**2 * term for term in _largest_terms(matched, bank.energy, amplitudes))
    rest = degrees_of_freedom + np.maximum(power - 2 * largest, 0)
    slope = (degrees_of_freedom + n_basis) / rest
    value = (degrees_of_freedom + n_basis) / 2 * np.log((degrees_of_freedom + power) / rest)
    gain = (slope * rms**2).astype(np.float32)[:, None]
    offset = (slope * bound).astype(np.float32)[:, None]
    total = np.zeros(len(rms))
    for z, energy in zip(matched, bank.energy, strict=True):
        np.abs(z, out=z)
        z *= gain
        for amplitude, weight in zip(amplitudes, weights, strict=True):
            total += weight * _sum_over_polarity(z, energy, amplitude, gain, offset)
    total = np.maximum(total, np.finfo(np.float32).tiny) / (2 * bank.energy.size)
    return value + slope * (bound - largest) + np.log(total)


def _largest_terms(matched, energy, amplitudes):
    """Return the largest l of a bank for any amplitude in the range, and for those given.

    The first is an upper bound of all terms. The second is for the template of the first.
    """
    rows = np.arange(len(matched[0]))
    bound = np.full(len(rows), -np.inf)
    largest = bound.copy()
    for z, e in zip(matched, energy, strict=True):
        z = np.abs(z)
        best = np.clip(z / e, amplitudes[0], amplitudes[-1])
        term = best * (z - 0.5 * best * e)
        cell = term.argmax(axis=1)
        given = amplitudes[:, cell]
        given = (given * (z[rows, cell] - 0.5 * given * e[cell])).max(axis=0)
        largest = np.where(term[rows, cell] > bound, given, largest)
        bound = np.maximum(bound, term[rows, cell])
    return bound, largest


def _sum_over_polarity(z, energy, amplitude, gain, offset):
    """Sum exp(A z - A^2 e / 2 - offset) over cells and polarities; z >= 0 includes the gain."""
    signal = z * amplitude
    loss = gain * (0.5 * amplitude**2 * energy)
    other_polarity_counts = loss.min() < NEGLIGIBLE_LOSS
    loss += offset
    signal -= loss
    total = np.exp(signal).sum(axis=1)
    if other_polarity_counts:
        signal += 2 * loss
        np.negative(signal, out=signal)
        total += np.exp(signal, out=signal).sum(axis=1)
    return total
