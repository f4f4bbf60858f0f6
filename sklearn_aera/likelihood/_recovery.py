"""Recovery of pulses: posterior mean and best fitting template."""

import numpy as np
from scipy.special import expit

from sklearn_aera._templates import matched_filter, white_batches
from sklearn_aera.likelihood._marginal import NEGLIGIBLE_LOSS

# The amplitude is integrated over this many standard deviations on both sides of its best value.
# The evidence is then accurate to 0.7 %, the mean to 0.2 % of a standard deviation.
_SPAN = 3.5
_NODES, _NODE_WEIGHTS = (np.float32(half) / 2 for half in np.polynomial.legendre.leggauss(6))
_NODES += 0.5
# Float32 resolves logarithms of this size, of pulses a hundred times above the noise.
_LARGEST_RATIO = 1e5
_TINY = 1e-30


def posterior_mean(X, bank, prior, scale, degrees_of_freedom, *, return_std=False):
    """Compute the posterior mean of the signal, over all pulses of a bank and noise alone.

    ``E[s | x] = sum_k P(k | x) E[A | x, k] g_k``: the sum of the templates g of unit peak, times
    their posterior probability and the posterior mean of their amplitude A. Noise alone
    contributes s = 0.

    The bank is for traces divided by ``scale``, that of the noise. The signals are in the unit of
    the traces and of their shape, float32. With ``return_std`` the standard deviations of the same
    sum are returned beside them, the roots of ``E[s^2 | x] - E[s | x]^2``.
    """

    def moments(products, rms, power):
        first, second = _amplitude_sums(
            products, rms, power, bank, prior, degrees_of_freedom, return_std
        )
        mean = bank.signals(first)
        if not return_std:
            return [mean]
        variance = bank.squares(second) - np.square(mean, dtype=np.float64)
        return mean, np.sqrt(np.maximum(variance, 0)).astype(np.float32)

    results = _recover(moments, X, bank, scale)
    return tuple(results) if return_std else results[0]


def template_fit(X, bank, scale):
    """Fit the template of largest likelihood, with any amplitude.

    The amplitude is ``A = g.x / g.g``, for the white template g with the largest
    ``(g.x)^2 / g.g``. Arguments and result are those of `posterior_mean`.
    """

    def best(products, *_):
        return [bank.signals(_best_amplitudes(products, bank))]

    return _recover(best, X, bank, scale)[0]


def _recover(estimate, X, bank, scale):
    """Apply a function of products, RMS and power, which returns signals over the RMS.

    It returns a sequence of arrays. They are brought to the unit of the traces, and returned as a
    list of arrays of the shape of the traces, float32.
    """
    found = []
    for _, white, rms, power in white_batches(X, bank, scale):
        unit = np.multiply.outer(rms, scale).astype(np.float32)[..., None]
        found.append([part * unit for part in estimate(bank.products(white), rms, power)])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _amplitude_sums(products, rms, power, bank, prior, degrees_of_freedom, with_squares):
    """Return sums of posterior mean amplitudes over the phases and polarities of each cell.

    The first array has the amplitudes of in-phase templates and quadratures, in the order of
    ``TemplateBank.products``. The second, None unless it is wanted, has the mean squares of the
    amplitudes for the products of both, see `TemplateBank.squares`.
    """
    pairs, gain, largest, ratio = match(products, rms, power, bank, prior, degrees_of_freedom)
    total, n_first = np.zeros(len(rms)), bank.weights.shape[1]
    n_sums = 5 * n_first // 2 if with_squares else n_first
    sums = np.zeros((n_sums, len(rms), len(bank.times)), dtype=np.float32)
    for (z, energy), quadratures in zip(pairs, bank.weights, strict=True):
        for polarity in (1, -1):
            terms = polarity * z, energy, prior, gain, largest
            rows, cells, moments = _amplitude_moments(3 if with_squares else 2, *terms)
            total += np.bincount(rows, moments[0], len(rms))
            weights = [(1, polarity * weight) for weight in quadratures]
            for cosine, sine in zip(quadratures[::2], quadratures[1::2], strict=True):
                weights += [(2, cosine**2), (2, cosine * sine), (2, sine**2)]
            for part, (power_of_amplitude, weight) in zip(sums, weights, strict=False):
                part[rows, cells] += moments[power_of_amplitude] * weight[cells]
    ratio += np.log(total / (2 * bank.energy.size))
    sums *= (expit(ratio + prior.log_odds) / total).astype(np.float32)[:, None]
    means, squares = np.concatenate(sums[:n_first], axis=1), sums[n_first:]
    return means, np.concatenate(squares, axis=1) if with_squares else None


def match(products, rms, power, bank, prior, degrees_of_freedom):
    """Compare traces with the templates.

    Returns pairs of matched filter and energy of the templates, (n_traces, n_cells) and (n_cells,),
    for each phase; and, of shape (n_traces,), what multiplies the terms ``A z - A^2 e / 2`` in the
    exponent, their largest value, and its log likelihood ratio.
    """
    matched = [matched_filter(products, pair) for pair in bank.weights]
    pairs = list(zip(matched, bank.energy, strict=True))
    largest = np.max([_best_terms(np.abs(z), e, prior).max(axis=1) for z, e in pairs], axis=0)
    # The variance of the noise is that for the best template, as in `_batch_ratio`.
    both = degrees_of_freedom + bank.n_values
    rest = degrees_of_freedom + np.maximum(power - 2 * rms**2 * largest, 0)
    gain = np.minimum(both / rest * rms**2, _LARGEST_RATIO / np.maximum(np.abs(largest), _TINY))
    gain = np.maximum(gain, _TINY).astype(np.float32)
    return pairs, gain, largest, both / 2 * np.log((degrees_of_freedom + power) / rest)


def _best_terms(z, energy, prior):
    """Return the largest ``A z - A^2 e / 2`` over the range of amplitudes A."""
    amplitude = prior.clip(z / energy)
    return amplitude * (z - 0.5 * amplitude * energy)


def amplitude_terms(z, energy, prior, gain, largest, nodes, negligible_loss=NEGLIGIBLE_LOSS):
    """Evaluate ``exp(gain (A z - A^2 e / 2 - largest))`` at the amplitudes A to integrate over.

    Rows and cells whose terms are below ``exp(-negligible_loss)`` are left out. The
    signal-to-noise ratio, which is uniform, is integrated over the range in which the amplitude is
    within `_SPAN` standard deviations of the best one. The ``nodes`` are shares of this range,
    numbers or arrays of shape (n_cells,).

    Returns the rows and the cells of the terms, and an iterator over the nodes, of amplitudes and
    of terms times the range's share of the prior.
    """
    counts = _best_terms(z, energy, prior) > (largest - negligible_loss / gain)[:, None]
    rows, cells = np.nonzero(counts)
    z, energy, gain, largest = z[rows, cells], energy[cells], gain[rows], largest[rows]
    prior = prior._replace(mean_square=prior.mean_square[cells])
    best, width = prior.clip(z / energy), np.float32(_SPAN) / np.sqrt(gain * energy)
    start, stop = (prior.snr_of(prior.clip(end)) for end in (best - width, best + width))
    low, high = prior.snr
    share = (stop - start) / (high - low) if low < high else np.ones_like(start)

    def at(node):
        share_of_range = node[cells] if np.ndim(node) else node
        amplitude = prior.amplitude(start + share_of_range * (stop - start))
        loss = gain * (largest - amplitude * (z - 0.5 * amplitude * energy))
        return amplitude, share * np.exp(-np.maximum(loss, 0))

    return rows, cells, map(at, nodes)


def _amplitude_moments(n_moments, *terms):
    """Integrate the terms of `amplitude_terms`, times 1, A and so on, over the prior."""
    rows, cells, at_nodes = amplitude_terms(*terms, _NODES)
    moments = np.zeros((n_moments, len(rows)), dtype=np.float32)
    for (amplitude, term), weight in zip(at_nodes, _NODE_WEIGHTS, strict=True):
        term *= weight
        moments[0] += term
        for moment in moments[1:]:
            term *= amplitude
            moment += term
    return rows, cells, moments


def _best_amplitudes(products, bank):
    """Return the amplitudes of the best fitting template, in the order of the products."""
    n_cells, rows = len(bank.times), np.arange(len(products))
    largest = np.full(len(products), -1.0, dtype=np.float32)
    cell = np.zeros(len(products), dtype=int)
    best_weights = np.zeros((bank.weights.shape[1], len(products)), dtype=np.float32)
    for weights, energy in zip(bank.weights, bank.energy, strict=True):
        z = matched_filter(products, weights)
        statistic = z**2 / energy
        best = statistic.argmax(axis=1)
        better = statistic[rows, best] > largest
        largest = np.where(better, statistic[rows, best], largest)
        cell = np.where(better, best, cell)
        amplitudes = weights[:, best] * (z[rows, best] / energy[best])
        best_weights = np.where(better, amplitudes, best_weights)
    amplitudes = np.zeros_like(products)
    for number, part in enumerate(best_weights):
        amplitudes[rows, cell + number * n_cells] = part
    return amplitudes
