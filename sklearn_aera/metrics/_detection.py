"""Detection efficiency (true-positive rate) at a fixed false-positive rate."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest
from sklearn.utils import check_consistent_length

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._labels import background_mask, check_classes
from sklearn_aera._validation import check_choice, check_count, check_real, check_vector

OPEN_UNIT = {"min_val": 0.0, "max_val": 1.0, "include_boundaries": "neither"}


class Interval(NamedTuple):
    """A value, or an array of values, with the ends of the confidence interval.

    Parameters
    ----------
    value, low, high : float or ndarray
        The value, and the lower and the upper end of its interval.
    """

    value: float
    low: float
    high: float


class OperatingPoint(NamedTuple):
    """Threshold of a detector and its rates, see `operating_point`."""

    threshold: float
    tpr: Interval
    fpr: Interval


class Efficiency(NamedTuple):
    """Detection efficiency in bins of the signal-to-noise ratio, see `detection_efficiency`."""

    snr_edges: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_events: np.ndarray
    threshold: float


@fill_docstring()
def binomial_interval(n_successes, n_trials, confidence_level=0.6827):
    """Rate with its exact (Clopper-Pearson) confidence interval.

    Parameters
    ----------
    n_successes, n_trials : int
        Number of successes and of trials.
    %(interval)s

    Raises
    ------
    ValueError, TypeError
        If there are no trials or more successes than trials, a number of them is not an integer,
        or ``confidence_level`` is not between 0 and 1.

    References
    ----------
    Clopper and Pearson 1934, DOI 10.1093/biomet/26.4.404

    Examples
    --------
    >>> from sklearn_aera.metrics import binomial_interval
    >>> [round(end, 3) for end in binomial_interval(90, 100)]
    [0.9, 0.86, 0.93]
    """
    n_trials = check_count(n_trials, "n_trials")
    n_successes = check_count(n_successes, "n_successes", min_val=0, max_val=n_trials)
    level = check_real(confidence_level, "confidence_level", **OPEN_UNIT)
    low, high = binomtest(n_successes, n_trials).proportion_ci(level, method="exact")
    return Interval(n_successes / n_trials, float(low), float(high))


@fill_docstring()
def threshold_at_fpr(y_true, y_score, *, max_fpr=0.01):
    """Lowest threshold whose false-positive rate is at most ``max_fpr``.

    Choose the threshold on validation data and apply it, as ``score >= threshold``, to test data.

    Parameters
    ----------
    %(scores)s
    max_fpr : float, default=0.01
        False-positive rate, at least 0 and below 1. A rate below one over the number of noise
        traces acts as 0: the threshold is then just above the highest noise score.

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
    # The small term corrects the round-off of products such as 0.07 * 100.
    n_allowed = int(np.floor(max_fpr * len(noise) * (1 + 1e-12)))
    # NumPy rounds a threshold to the precision of the scores: take the next number in it.
    dtype = getattr(y_score, "dtype", None)
    dtype = dtype if dtype in (np.float16, np.float32) else np.float64
    return float(np.nextafter(np.asarray(noise[n_allowed], dtype), np.inf, dtype=dtype))


@fill_docstring()
def tpr_at_fpr(
    y_true, y_score, *, max_fpr=0.01, threshold=None, return_interval=False, confidence_level=0.6827
):
    """True-positive rate (detection efficiency) at a fixed false-positive rate.

    Parameters
    ----------
    %(scores)s
    %(threshold)s
    return_interval : bool, default=False
        Also return the exact binomial interval of the rate, for this threshold.
    %(confidence_level)s

    Returns
    -------
    float or Interval
        With ``return_interval`` the named tuple (value, low, high).

    Raises
    ------
    ValueError
        If there are not exactly two classes or the scores are not finite.

    See Also
    --------
    operating_point : Chooses the threshold on validation data.

    Examples
    --------
    >>> from sklearn_aera.metrics import tpr_at_fpr
    >>> y, score = [0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.5, 0.9]
    >>> tpr_at_fpr(y, score, max_fpr=0.0)
    0.5
    >>> tpr_at_fpr(y, score, max_fpr=0.25)
    1.0

    As a scorer for a search:

    >>> from sklearn.metrics import make_scorer
    >>> scorer = make_scorer(tpr_at_fpr, response_method="predict_proba", max_fpr=0.01)
    """
    check_choice(return_interval, "return_interval", (True, False))
    is_signal, score = _check_scores(y_true, y_score)
    threshold = _threshold(is_signal, score, max_fpr, threshold)
    tpr = _rate(score[is_signal], threshold, confidence_level)
    return tpr if return_interval else tpr.value


@fill_docstring()
def operating_point(y_val, score_val, y_test, score_test, *, max_fpr=0.01, confidence_level=0.6827):
    """Choose a threshold on validation data and measure the rates at it on test data.

    Parameters
    ----------
    y_val, y_test : array-like of shape (n_traces,)
        Labels of two classes, noise and pulse, as in `threshold_at_fpr`.
    score_val, score_test : array-like of shape (n_traces,)
        Scores of the detector, higher for traces more likely to hold a signal.
    max_fpr : float, default=0.01
        False-positive rate on the validation data, see `threshold_at_fpr`.
    %(confidence_level)s

    Returns
    -------
    OperatingPoint
        Named tuple of ``threshold`` and of the rates on the test data, ``tpr`` and ``fpr``, each
        with its exact interval (value, low, high).

    Raises
    ------
    ValueError
        If a sample does not have exactly two classes, the scores are not finite, or ``max_fpr``
        is not at least 0 and below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import operating_point
    >>> rng = np.random.default_rng(0)
    >>> y_val, y_test = np.arange(1000) % 2, np.arange(2000) % 2
    >>> score_val, score_test = (rng.normal(3 * y) for y in (y_val, y_test))
    >>> threshold, tpr, fpr = operating_point(y_val, score_val, y_test, score_test)
    >>> round(threshold, 2), tpr.value, fpr.value
    (1.95, 0.84, 0.025)
    """
    validation = _check_scores(y_val, score_val, "y_val", "score_val")
    threshold = threshold_at_fpr(*validation, max_fpr=max_fpr)
    is_signal, score = _check_scores(y_test, score_test, "y_test", "score_test")
    tpr, fpr = (_rate(score[rows], threshold, confidence_level) for rows in (is_signal, ~is_signal))
    return OperatingPoint(threshold, tpr, fpr)


@fill_docstring()
def detection_efficiency(
    y_true, y_score, snr, *, bins=9, max_fpr=0.01, threshold=None, confidence_level=0.6827
):
    """Detection efficiency as a function of the signal-to-noise ratio.

    Parameters
    ----------
    %(scores)s
    snr : array-like of shape (n_traces,)
        True signal-to-noise ratio, the column ``snr`` of the event table.
    bins : int or array-like, default=9
        Number of equal bins over the range of the signals' ``snr``, or the edges of the bins.
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
    is_signal, score = _check_scores(y_true, y_score)
    snr = check_vector(snr, "snr")
    check_consistent_length(score, snr)
    threshold = _threshold(is_signal, score, max_fpr, threshold)
    snr, found = snr[is_signal], score[is_signal] >= threshold
    edges = bin_edges(snr, bins)
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
    """Return the given threshold, or choose it on this sample."""
    if threshold is None:
        return threshold_at_fpr(is_signal, score, max_fpr=max_fpr)
    return check_real(threshold, "threshold")


def _rate(score, threshold, confidence_level):
    """Return the share of scores at or above a threshold, with its interval."""
    return binomial_interval(int((score >= threshold).sum()), len(score), confidence_level)


def bin_edges(values, bins):
    """Return the edges of the bins that the parameter ``bins`` stands for."""
    if np.ndim(bins) == 0:
        return np.histogram_bin_edges(values, check_count(bins, "bins", max_val=100_000))
    edges = check_vector(bins, "bins")
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError(f"bins must be a number or at least two increasing edges, got {bins!r}")
    return edges


def _check_scores(y_true, y_score, name="y_true", score_name="y_score"):
    """Return which traces hold a signal, and the scores as an array."""
    is_noise = background_mask(y_true, name)
    y_true = np.asarray(y_true)
    if y_true.size != len(y_true):
        raise ValueError(f"{name} must be one-dimensional, got shape {y_true.shape}")
    y_score = check_vector(y_score, score_name)
    check_consistent_length(y_true, y_score)
    classes = np.unique(y_true)
    if len(classes) != 2:
        raise ValueError(f"{name} must have two classes, noise and signal, got {classes.tolist()}")
    check_classes(classes)  # Scorers take the second class for that of pulses.
    return ~is_noise, y_score
