"""Likelihood ratio of pulse and noise, averaged over the parameters of the pulse."""

import numpy as np

from sklearn_aera._templates import matched_filter, white_batches

# Terms below exp(-20) of the largest are left out of sums.
NEGLIGIBLE_LOSS = 20.0
# Above this number of degrees of freedom, the scale of the noise is as good as fixed.
_MAX_DEGREES_OF_FREEDOM = 1e6


def fit_noise_scale(power, n_values):
    """Fit the distribution of the noise variance over traces.

    The noise of each trace is Gaussian, with a variance from an inverse gamma distribution: its
    samples have a multivariate Student t distribution. Its two parameters, the scale and the
    degrees of freedom, are computed from the mean and the variance of the power of background
    traces, which has an F distribution: ``power``, of shape (n_traces,), is the squared norm of the
    whitened traces, with ``n_values`` independent values.
    """
    mean, variance = power.mean() / n_values, power.var() / n_values**2
    if mean == 0:
        return 1.0, _MAX_DEGREES_OF_FREEDOM
    # variance / mean**2 = 2 (n + nu - 2) / (n (nu - 4)), solved for nu.
    excess = n_values * variance / mean**2 - 2
    if excess <= 0:
        return float(mean), _MAX_DEGREES_OF_FREEDOM
    nu = (2 * n_values - 4 + 4 * (excess + 2)) / excess
    nu = float(np.clip(nu, 4.0, _MAX_DEGREES_OF_FREEDOM))
    return float(mean * (nu - 2) / nu), nu


def log_likelihood_ratio(X, bank, amplitudes, weights, scale, degrees_of_freedom):
    """Compute log(p(trace | pulse) / p(trace | noise)), averaged over a bank and amplitudes.

    For one white template g of unit peak and an amplitude A, the Gaussian log-ratio of the n
    independent values x of a trace is ``l = A g.x - A^2 g.g / 2``. For noise of unknown variance
    with nu degrees of freedom (see `fit_noise_scale`), it is
    ``h(l) = -(nu + n)/2 log(1 - 2 l / (nu + x.x))``.

    The amplitudes, (n_amplitudes, n_cells), are peaks over the RMS of the trace, and the weights
    their prior probabilities, (n_amplitudes,). The bank is for traces divided by ``scale``, that
    of the noise in the unit of the traces. Returns an array of shape (n_traces,), float64.
    """
    ratio = np.empty(len(X))
    for rows, white, rms, power in white_batches(X, bank, scale):
        strength = rms, power, degrees_of_freedom
        ratio[rows] = _batch_ratio(bank.products(white), *strength, bank, amplitudes, weights)
    return ratio


def _batch_ratio(products, rms, power, degrees_of_freedom, bank, amplitudes, weights):
    """Average over cells, phases, polarities and amplitudes, for noise of unknown variance.

    Terms near the largest dominate the average. The function h is therefore replaced by its
    tangent at the largest term, so that each term needs a single exponential.
    """
    matched = [np.abs(matched_filter(products, pair)) for pair in bank.weights]
    cases = [
        (z, amplitude, 0.5 * amplitude**2 * energy, weight)
        for z, energy in zip(matched, bank.energy, strict=True)
        for amplitude, weight in zip(amplitudes, weights, strict=True)
    ]
    highest = np.array([(z * a - loss).max(axis=1) for z, a, loss, _ in cases])
    below, highest = highest - highest.max(axis=0), highest.max(axis=0)
    n_values, largest = bank.n_values, rms**2 * highest
    rest = degrees_of_freedom + np.maximum(power - 2 * largest, 0)
    slope = (degrees_of_freedom + n_values) / rest
    value = (degrees_of_freedom + n_values) / 2 * np.log((degrees_of_freedom + power) / rest)
    gain = (slope * rms**2).astype(np.float32)
    total = np.zeros(len(rms))
    for (z, amplitude, loss, weight), term in zip(cases, below, strict=True):
        rows = gain * term > -NEGLIGIBLE_LOSS
        z = z if rows.all() else z[rows]
        total[rows] += weight * _sum_over_polarity(z, amplitude, loss, highest[rows], gain[rows])
    return value + np.log(total / (2 * bank.energy.size))


def _sum_over_polarity(z, amplitude, loss, highest, gain):
    """Sum exp(gain (A z - loss - highest)) over cells and polarities; z >= 0 is of one polarity."""
    gain = gain[:, None]
    terms = z * amplitude
    terms -= loss
    terms -= highest[:, None]
    terms *= gain
    total = np.exp(terms, out=terms).sum(axis=1)
    rows = gain[:, 0] * (loss.min() + highest) < NEGLIGIBLE_LOSS
    if rows.any():
        opposite = (z if rows.all() else z[rows]) * amplitude
        opposite *= -2 * gain[rows]
        terms = terms if rows.all() else terms[rows]
        total[rows] += np.einsum("ij,ij->i", terms, np.exp(opposite, out=opposite))
    return total
