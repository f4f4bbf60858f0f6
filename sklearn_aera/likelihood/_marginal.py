"""The likelihood ratio of pulse and noise, averaged over what is not known of the pulse."""

import numpy as np

from sklearn_aera._templates import matched_filter, white_coefficients

# Traces per matrix product, and per block of the sums behind it, which then fit in the cache.
_CHUNK_SIZE = 1024
_BLOCK_SIZE = 64
_ROWS_OF_PRODUCT = 16
# The template of the wrong polarity adds less than exp(-20) to the average, if it loses this much.
_NEGLIGIBLE_LOSS = 20.0
# A noise scale known better than that is as good as fixed.
_MAX_DEGREES_OF_FREEDOM = 1e6


def snr_nodes(snr, n_nodes):
    """Signal-to-noise ratios that stand for a uniform prior, and their weights.

    The nodes are even in the logarithm: a step matters where pulses are weak.

    Parameters
    ----------
    snr : (float, float)
        Range; both positive.
    n_nodes : int

    Returns
    -------
    nodes, weights : ndarray of shape (n_nodes,)
        A single node if the range is a point.

    Examples
    --------
    >>> from sklearn_aera.likelihood._marginal import snr_nodes
    >>> nodes, weights = snr_nodes((1.0, 4.0), 2)
    >>> nodes.round(2).tolist(), weights.round(2).tolist()
    ([1.41, 2.83], [0.33, 0.67])
    """
    low, high = snr
    if low == high:
        return np.array([low]), np.ones(1)
    edges = np.geomspace(low, high, n_nodes + 1)
    return np.sqrt(edges[1:] * edges[:-1]), np.diff(edges) / (high - low)


def relative_amplitudes(snr, mean_square, snr_reference):
    """Peak of the pulse over the RMS of the whole trace, for each ratio and cell.

    With ``snr_reference="trace"`` it is the signal-to-noise ratio itself. Referred to the
    noise, ``snr / sqrt(1 + snr**2 mean_square)``: the trace's power is that of the noise plus
    that of the pulse. Their product is left out: it averages to zero, and with it neither the
    area under the ROC curve nor the log loss changes by 0.0001 (measured by
    ``examples/benchmarks/limit.py``, which has the exact density).
    """
    snr = np.asarray(snr, dtype=float)[:, None]
    if snr_reference == "trace":
        return np.broadcast_to(snr, (len(snr), len(mean_square))).astype(np.float32)
    return (snr / np.sqrt(1 + snr**2 * mean_square)).astype(np.float32)


def fit_noise_scale(power, n_basis):
    """How much the scale of white noise varies from trace to trace.

    The noise of a trace is taken as Gaussian with a variance of its own, drawn from an inverse
    gamma distribution: altogether a multivariate Student t distribution. Its two parameters
    follow from the mean and the variance of the traces' power, an F-distributed variable.

    Parameters
    ----------
    power : ndarray of shape (n_traces,)
        Sum of squares of the white coefficients of each background trace.
    n_basis : int
        Number of coefficients.

    Returns
    -------
    scale : float
        Of the variance.
    degrees_of_freedom : float
        Large where all traces have the same scale.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.likelihood._marginal import fit_noise_scale
    >>> rng = np.random.default_rng(0)
    >>> power = 3.0 * rng.chisquare(100, 50_000) / (rng.chisquare(60, 50_000) / 60)
    >>> scale, degrees_of_freedom = fit_noise_scale(power, 100)
    >>> round(scale, 1), round(degrees_of_freedom, -1)
    (3.0, 60.0)
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


def log_likelihood_ratio(X, bank, amplitudes, weights, scale, degrees_of_freedom):
    """Logarithm of p(trace | pulse) / p(trace | noise), averaged over the bank and amplitudes.

    For one template g (white, of unit peak) and amplitude A the Gaussian log-ratio is
    ``l = A g.x - A^2 g.g / 2``, and with a noise scale of unknown size (n coefficients x, nu
    degrees of freedom, see `fit_noise_scale`) ``h(l) = -(nu + n)/2 log(1 - 2 l / (nu + x.x))``.

    Parameters
    ----------
    X : ndarray of shape (n_traces, n_samples)
    bank : TemplateBank
    amplitudes : ndarray of shape (n_amplitudes, n_cells)
        In units of the trace's RMS, see `relative_amplitudes`.
    weights : ndarray of shape (n_amplitudes,)
        Prior probability of each amplitude.
    scale : float
        The bank whitens traces over this; in the traces' unit.
    degrees_of_freedom : float

    Returns
    -------
    ndarray of shape (n_traces,), float64
    """
    ratio = np.empty(len(X))
    for start in range(0, len(X), _CHUNK_SIZE):
        chunk = slice(start, start + _CHUNK_SIZE)
        coefficients, rms = white_coefficients(_pad_rows(X[chunk]), bank, scale)
        products = coefficients @ bank.templates
        power = rms**2 * np.einsum("ij,ij->i", coefficients, coefficients, dtype=np.float64)
        blocks = [slice(i, i + _BLOCK_SIZE) for i in range(0, len(rms), _BLOCK_SIZE)]
        ratios = [
            _ratio_of_block(
                products[b], rms[b], power[b], bank, amplitudes, weights, degrees_of_freedom
            )
            for b in blocks
        ]
        ratio[chunk] = np.concatenate(ratios)[: len(X[chunk])]
    return ratio


def _pad_rows(X):
    """Zero traces behind the others, up to a multiple of the matrix product's own blocks.

    A few rows go another way through the linear algebra library than many: without them the
    last digits of a trace's ratio would depend on the traces beside it.
    """
    return np.pad(X, ((0, -len(X) % _ROWS_OF_PRODUCT), (0, 0)))


def _ratio_of_block(products, rms, power, bank, amplitudes, weights, degrees_of_freedom):
    """Log-sum-exp over cells, phases, polarities and amplitudes, with the scale unknown.

    The average is dominated by terms near the largest, so that h is replaced by its tangent
    there: every term then needs one exponential alone.
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
    n_terms = 2 * bank.energy.size
    total = np.maximum(total, np.finfo(np.float32).tiny) / n_terms
    return value + slope * (bound - largest) + np.log(total)


def _largest_terms(matched, energy, amplitudes):
    """Largest l over the bank: of any amplitude within the range, and of those given.

    The first bounds every term; the second is that of the first one's template.
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
    """Sum over cells and polarities of exp(A z - A^2 e / 2 - offset); z >= 0 has the gain."""
    signal = z * amplitude
    loss = gain * (0.5 * amplitude**2 * energy)
    other_polarity_counts = loss.min() < _NEGLIGIBLE_LOSS
    loss += offset
    signal -= loss
    total = np.exp(signal).sum(axis=1)
    if other_polarity_counts:
        signal += 2 * loss
        np.negative(signal, out=signal)
        total += np.exp(signal, out=signal).sum(axis=1)
    return total
