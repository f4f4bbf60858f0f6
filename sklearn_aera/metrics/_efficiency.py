"""Detection efficiency as a function of the signal-to-noise ratio."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera.metrics._detection import (
    METRIC_PARAMETERS,
    Interval,
    binomial_interval,
    check_scores,
    choose_threshold,
)


class Efficiency(NamedTuple):
    """Detection efficiency in bins of the signal-to-noise ratio, see `detection_efficiency`."""

    snr_edges: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_events: np.ndarray
    threshold: float


@fill_docstring(**METRIC_PARAMETERS)
def detection_efficiency(
    y_true, y_score, snr, *, bins=9, max_fpr=0.01, threshold=None, confidence_level=0.6827
):
    """Detection efficiency as a function of the signal-to-noise ratio.

    Parameters
    ----------
    %(y_true)s
    %(y_score)s
    snr : array-like of shape (n_traces,)
        True signal-to-noise ratio, the column ``snr`` of the event table.
    bins : int or array-like, default=9
        Number of equal bins over the range of the signals' ``snr``, or the edges of the bins.
    %(max_fpr)s
    %(threshold)s
    %(confidence_level)s

    Returns
    -------
    Efficiency
        Named tuple of ``snr_edges`` (n_bins + 1,), ``value``, ``low``, ``high`` and
        ``n_events`` (n_bins,) and ``threshold``. The value of a bin without events is NaN.

    Raises
    ------
    ValueError
        If there are not exactly two classes, the arrays differ in length, or a number is not
        finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import detection_efficiency
    >>> rng = np.random.default_rng(0)
    >>> snr = np.where(rng.random(4000) < 0.5, 0.0, rng.uniform(0.5, 5.0, 4000))
    >>> score = snr + rng.normal(size=4000)
    >>> detection_efficiency(snr > 0, score, snr, bins=[1, 2, 4, 5]).value.round(1)
    array([0.2, 0.7, 1. ])
    """
    is_signal, score = check_scores(y_true, y_score)
    snr = check_array(snr, ensure_2d=False, dtype=np.float64, input_name="snr")
    check_consistent_length(score, snr)
    if snr.ndim != 1:
        raise ValueError(f"snr must be one-dimensional, got shape {snr.shape}")
    threshold = choose_threshold(is_signal, score, max_fpr, threshold)
    snr, found = snr[is_signal], score[is_signal] >= threshold
    edges = np.histogram_bin_edges(snr, bins)
    n_events, _ = np.histogram(snr, edges)
    n_found, _ = np.histogram(snr[found], edges)
    missing = Interval(np.nan, np.nan, np.nan)
    rates = [
        binomial_interval(k, n, confidence_level) if n else missing
        for k, n in zip(n_found, n_events, strict=True)
    ]
    value, low, high = np.array(rates).T
    return Efficiency(edges, value, low, high, n_events, float(threshold))
