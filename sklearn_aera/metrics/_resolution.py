"""Bias and resolution: centre and width of a distribution of errors."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binom, norm
from sklearn.utils import check_consistent_length

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_real, check_vector
from sklearn_aera.metrics._detection import OPEN_UNIT, Interval, bin_edges

# Lower end of the central 68 %: one standard deviation below the mean of a normal distribution.
_LOWER = float(norm.cdf(-1))


class Resolution(NamedTuple):
    """Bias and resolution with their confidence intervals, see `bias_and_resolution`."""

    bias: Interval
    resolution: Interval


class ResolutionCurve(NamedTuple):
    """Bias and resolution in bins of the signal-to-noise ratio, see `recovery_resolution`."""

    snr_edges: np.ndarray
    bias: Interval
    resolution: Interval
    n_events: np.ndarray


@fill_docstring()
def bias_and_resolution(errors, *, confidence_level=0.6827):
    """Median of errors and half the width of their central 68 %.

    For a normal distribution they are its mean and its standard deviation. A few outliers hardly
    change them.

    Parameters
    ----------
    errors : array-like of shape (n_events,)
        Recovered minus true, or recovered over true minus one: ``energy_ratio(...) - 1``.
    %(confidence_level)s

    Returns
    -------
    Resolution
        Named tuple of ``bias`` and ``resolution``, each with its interval (value, low, high).

    Raises
    ------
    ValueError
        If the errors are not finite numbers in one dimension, or ``confidence_level`` is not
        between 0 and 1.

    Notes
    -----
    The interval of the bias, between two order statistics, holds for any distribution. That of
    the resolution adds the intervals of the two outer quantiles in quadrature. Intervals end at
    the smallest and the largest error and are too short with few events (at the default level,
    below 3 for the bias and 11 for the resolution).

    References
    ----------
    Intervals of quantiles: David and Nagaraja 2003, "Order Statistics", section 7.1,
    DOI 10.1002/0471722162

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import bias_and_resolution
    >>> errors = np.random.default_rng(0).normal(0.1, 0.2, 10_000)
    >>> bias, resolution = bias_and_resolution(errors)
    >>> [round(end, 3) for end in bias], [round(end, 3) for end in resolution]
    ([0.098, 0.096, 0.101], [0.2, 0.198, 0.202])
    """
    errors = check_vector(errors, "errors")
    check_real(confidence_level, "confidence_level", **OPEN_UNIT)
    errors = np.sort(errors)
    bias = _quantile(errors, 0.5, confidence_level)
    lower, upper = (_quantile(errors, p, confidence_level) for p in (_LOWER, 1 - _LOWER))
    value = (upper.value - lower.value) / 2
    shorter = np.hypot(upper.value - upper.low, lower.high - lower.value) / 2
    longer = np.hypot(upper.high - upper.value, lower.value - lower.low) / 2
    return Resolution(bias, Interval(value, float(value - shorter), float(value + longer)))


@fill_docstring()
def recovery_resolution(errors, snr, *, bins=9, confidence_level=0.6827):
    """Bias and resolution as functions of the signal-to-noise ratio.

    Parameters
    ----------
    errors : array-like of shape (n_events,)
        Recovered minus true, or recovered over true minus one: ``energy_ratio(...) - 1``.
    snr : array-like of shape (n_events,)
        True signal-to-noise ratio of each event.
    bins : int or array-like, default=9
        Number of equal bins over the range of ``snr``, or the edges of the bins.
    %(confidence_level)s

    Returns
    -------
    ResolutionCurve
        Named tuple of ``snr_edges`` (n_bins + 1,), ``bias`` and ``resolution``, each a tuple of
        three arrays (value, low, high) of shape (n_bins,), and ``n_events`` (n_bins,). The values
        of a bin without events are NaN.

    Raises
    ------
    ValueError
        If the arrays are not finite, not one-dimensional, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import recovery_resolution
    >>> rng = np.random.default_rng(0)
    >>> snr = rng.uniform(1.0, 4.0, 20_000)
    >>> curve = recovery_resolution(rng.normal(size=20_000) / snr, snr, bins=[1, 2, 4])
    >>> curve.resolution.value.round(2), curve.n_events.tolist()
    (array([0.69, 0.34]), [6503, 13497])
    """
    errors, snr = check_vector(errors, "errors"), check_vector(snr, "snr")
    check_consistent_length(errors, snr)
    edges = bin_edges(snr, bins)
    # The last bin includes its upper edge, as in numpy.histogram.
    number = np.where(snr == edges[-1], len(edges) - 1, np.digitize(snr, edges)) - 1
    missing = Resolution(Interval(*[np.nan] * 3), Interval(*[np.nan] * 3))
    n_events = np.array([np.sum(number == i) for i in range(len(edges) - 1)])
    results = [
        bias_and_resolution(errors[number == i], confidence_level=confidence_level)
        if n
        else missing
        for i, n in enumerate(n_events)
    ]
    bias, resolution = np.array(results).transpose(1, 2, 0)
    return ResolutionCurve(edges, Interval(*bias), Interval(*resolution), n_events)


def _quantile(ordered, probability, confidence_level):
    """Return a quantile of ordered values, with two of them as the ends of its interval."""
    n = len(ordered)
    tail = (1 - confidence_level) / 2
    first = int(binom.ppf(tail, n, probability)) - 1
    last = int(binom.ppf(1 - tail, n, probability))
    value = float(np.quantile(ordered, probability))
    low, high = ordered[max(first, 0)], ordered[min(last, n - 1)]
    return Interval(value, float(min(low, value)), float(max(high, value)))
