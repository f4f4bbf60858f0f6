"""Operating points of a detector: its efficiency at a fixed false-positive rate."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from sklearn_aera._validation import check_real


class Interval(NamedTuple):
    """A rate with the ends of its confidence interval."""

    value: float
    low: float
    high: float


class Efficiency(NamedTuple):
    """Detection efficiency in bins of the signal-to-noise ratio, see `detection_efficiency`."""

    snr_edges: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_events: np.ndarray
    threshold: float


def binomial_interval(n_successes, n_trials, confidence_level=0.6827):
    """A rate with its exact (Clopper-Pearson) confidence interval.

    Parameters
    ----------
    n_successes, n_trials : int
    confidence_level : float, default=0.6827
        The default is one standard deviation of a normal distribution.

    Returns
    -------
    Interval
        Named tuple (value, low, high).

    Raises
    ------
    ValueError
        If the numbers are not those of a sample, or ``confidence_level`` is not between 0 and 1.

    References
    ----------
    Clopper and Pearson 1934, DOI 10.1093/biomet/26.4.404

    Examples
    --------
    >>> from sklearn_aera.metrics import binomial_interval
    >>> [round(end, 3) for end in binomial_interval(90, 100)]
    [0.9, 0.86, 0.93]
    """
    result = binomtest(int(n_successes), int(n_trials))
    low, high = result.proportion_ci(confidence_level, method="exact")
    return Interval(n_successes / n_trials, float(low), float(high))


def threshold_at_fpr(y_true, y_score, *, max_fpr=0.01):
    """The lowest threshold at which at most a share ``max_fpr`` of the noise is taken for signal.

    Choose it on validation data and apply it, ``score >= threshold``, to the test data.

    Parameters
    ----------
    y_true : array-like of shape (n_traces,)
        Two classes; the larger label is the signal.
    y_score : array-like of shape (n_traces,)
        The higher, the more like a signal.
    max_fpr : float, default=0.01
        False-positive rate, at least 0 and below 1. Below one over the number of noise traces
        it cannot be told from 0: the threshold is then just above the highest noise score.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are not exactly two classes, the scores are not finite, or ``max_fpr`` is not at
        least 0 and below 1.

    Examples
    --------
    >>> from sklearn_aera.metrics import threshold_at_fpr
    >>> threshold_at_fpr([0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.9], max_fpr=0.25) > 0.3
    True
    """
    is_signal, score = _check_scores(y_true, y_score)
    check_real(max_fpr, "max_fpr", min_val=0.0, max_val=1.0, include_boundaries="left")
    noise = np.sort(score[~is_signal])[::-1]
    # The small term undoes the round-off of products such as 0.07 * 100.
    n_allowed = int(np.floor(max_fpr * len(noise) * (1 + 1e-12)))
    # The next number of the scores' own precision, to which NumPy rounds a threshold.
    dtype = getattr(y_score, "dtype", None)
    dtype = dtype if dtype in (np.float16, np.float32) else np.float64
    return float(np.nextafter(np.asarray(noise[n_allowed], dtype), np.inf, dtype=dtype))


def tpr_at_fpr(
    y_true, y_score, *, max_fpr=0.01, threshold=None, return_interval=False, confidence_level=0.6827
):
    """True-positive rate (detection efficiency) at a fixed false-positive rate.

    Parameters
    ----------
    y_true : array-like of shape (n_traces,)
        Two classes; the larger label is the signal.
    y_score : array-like of shape (n_traces,)
        The higher, the more like a signal.
    max_fpr : float, default=0.01
        False-positive rate on the noise traces of this very sample. Not used with
        ``threshold``.
    threshold : float, default=None
        Threshold chosen beforehand, as by `threshold_at_fpr` on validation data.
    return_interval : bool, default=False
        Return the exact binomial interval too. It counts the signal traces; the uncertainty of
        the threshold is not part of it.
    confidence_level : float, default=0.6827

    Returns
    -------
    float or Interval
        With ``return_interval`` the named tuple (value, low, high).

    Raises
    ------
    ValueError
        If there are not exactly two classes or the scores are not finite.

    Examples
    --------
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn_aera.metrics import tpr_at_fpr
    >>> y, score = [0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.5, 0.9]
    >>> tpr_at_fpr(y, score, max_fpr=0.0)
    0.5
    >>> tpr_at_fpr(y, score, max_fpr=0.25)
    1.0

    As a scorer for a search:

    >>> scorer = make_scorer(tpr_at_fpr, response_method="predict_proba", max_fpr=0.01)
    """
    is_signal, score = _check_scores(y_true, y_score)
    threshold = _threshold(is_signal, score, max_fpr, threshold)
    n_signals = int(is_signal.sum())
    n_found = int((score[is_signal] >= threshold).sum())
    if return_interval:
        return binomial_interval(n_found, n_signals, confidence_level)
    return n_found / n_signals


def detection_efficiency(
    y_true, y_score, snr, *, bins=9, max_fpr=0.01, threshold=None, confidence_level=0.6827
):
    """Detection efficiency against the signal-to-noise ratio, at a fixed false-positive rate.

    Parameters
    ----------
    y_true : array-like of shape (n_traces,)
        Two classes; the larger label is the signal.
    y_score : array-like of shape (n_traces,)
        The higher, the more like a signal.
    snr : array-like of shape (n_traces,)
        True signal-to-noise ratio; the column of that name of the event table.
    bins : int or array-like, default=9
        Number of equal bins over the range of the signals' ``snr``, or the bins' edges.
    max_fpr : float, default=0.01
        See `tpr_at_fpr`.
    threshold : float, default=None
        See `tpr_at_fpr`.
    confidence_level : float, default=0.6827

    Returns
    -------
    Efficiency
        Named tuple of ``snr_edges`` (n_bins + 1,), ``value``, ``low``, ``high`` and
        ``n_events`` (n_bins,) and ``threshold``. A bin without events has the value NaN.

    Raises
    ------
    ValueError
        If there are not exactly two classes, the arrays do not fit together, or a number is not
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
    is_signal, score = _check_scores(y_true, y_score)
    snr = check_array(snr, ensure_2d=False, dtype=np.float64, input_name="snr")
    check_consistent_length(score, snr)
    if snr.ndim != 1:
        raise ValueError(f"snr must be one-dimensional, got shape {snr.shape}")
    threshold = _threshold(is_signal, score, max_fpr, threshold)
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


def _threshold(is_signal, score, max_fpr, threshold):
    """The threshold that was chosen beforehand, or that of this very sample."""
    if threshold is None:
        return threshold_at_fpr(is_signal, score, max_fpr=max_fpr)
    return check_real(threshold, "threshold")


def _check_scores(y_true, y_score):
    """Return (is_signal, score) or say what is wrong."""
    y_true = column_or_1d(y_true)
    y_score = check_array(y_score, ensure_2d=False, dtype=np.float64, input_name="y_score")
    check_consistent_length(y_true, y_score)
    if y_score.ndim != 1:
        raise ValueError(f"y_score must be one-dimensional, got shape {y_score.shape}")
    classes = np.unique(y_true)
    if len(classes) != 2:
        raise ValueError(f"y_true must have two classes, noise and signal, got {classes.tolist()}")
    return y_true == classes[1], y_score
