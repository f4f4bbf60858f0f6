"""Rates of triggers in time, and thresholds for them."""

import numpy as np
from scipy.stats import chi2

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import as_dense_array, check_count, check_real, check_vector
from sklearn_aera.metrics._detection import OPEN_UNIT, Interval

POSITIVE = {"min_val": 0.0, "include_boundaries": "neither"}


@fill_docstring()
def poisson_interval(n_events, livetime=1.0, confidence_level=0.6827):
    """Rate of events with its exact interval, after Garwood.

    Parameters
    ----------
    n_events : int
        Number of events, which is Poisson distributed.
    livetime : float, default=1.0
        Time in which they were counted, in seconds.
    %(interval)s
        In Hz.

    Raises
    ------
    ValueError, TypeError
        If the number is negative or not an integer, or the time is not positive.

    References
    ----------
    Garwood 1936, DOI 10.1093/biomet/28.3-4.437

    Examples
    --------
    >>> from sklearn_aera.metrics import poisson_interval
    >>> [round(end, 2) for end in poisson_interval(3)]
    [3.0, 1.37, 5.92]
    """
    n_events = check_count(n_events, "n_events", min_val=0)
    livetime = check_real(livetime, "livetime", **POSITIVE)
    level = check_real(confidence_level, "confidence_level", **OPEN_UNIT)
    tail = (1 - level) / 2
    low = chi2.ppf(tail, 2 * n_events) / 2 if n_events else 0.0
    high = chi2.isf(tail, 2 * n_events + 2) / 2
    return Interval(n_events / livetime, float(low / livetime), float(high / livetime))


@fill_docstring()
def trigger_rate(y_score, livetime, threshold, *, confidence_level=0.6827):
    """Rate of triggers at a threshold, with its Poisson interval.

    Parameters
    ----------
    %(background_scores)s
    threshold : float
        Triggers with ``score >= threshold`` count.
    %(interval)s
        In Hz.

    Raises
    ------
    ValueError
        If the scores are not finite or the time is not positive.

    Examples
    --------
    >>> from sklearn_aera.metrics import trigger_rate
    >>> trigger_rate([0.1, 0.7, 0.9], livetime=0.5, threshold=0.5).value
    4.0
    """
    score = check_scores(y_score)
    n_events = int((score >= check_real(threshold, "threshold")).sum())
    return poisson_interval(n_events, livetime, confidence_level)


@fill_docstring()
def threshold_at_rate(y_score, livetime, rate):
    """Lowest threshold at which the background triggers at most at a rate.

    Parameters
    ----------
    %(background_scores)s
    rate : float
        In Hz, at least one over the livetime.

    Returns
    -------
    float
        To be used as ``score >= threshold``.

    Raises
    ------
    ValueError
        If the rate is below one over the livetime, which cannot show it, or not below the rate
        of all given triggers.

    See Also
    --------
    fit_tail : Extrapolates to lower rates.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import threshold_at_rate
    >>> score = np.random.default_rng(0).exponential(size=100_000)
    >>> round(threshold_at_rate(score, livetime=1.0, rate=100.0))
    7
    """
    score = np.sort(check_scores(y_score))[::-1]
    livetime = check_real(livetime, "livetime", **POSITIVE)
    rate = check_real(rate, "rate", **POSITIVE)
    n_allowed = int(np.floor(rate * livetime * (1 + 1e-12)))
    if n_allowed < 1:
        raise ValueError(
            f"rate must be at least one over the livetime, {1 / livetime:.4g} Hz, which a "
            f"background of {livetime:.4g} s can show, got {rate:g} Hz: take a higher rate, more "
            "background, or the extrapolation of fit_tail"
        )
    if n_allowed >= len(score):
        raise ValueError(
            f"rate must be below that of all triggers, {len(score) / livetime:.4g} Hz, got {rate:g}"
        )
    return float(np.nextafter(score[n_allowed], np.inf))


def check_scores(y_score):
    scores = as_dense_array(y_score, "y_score")
    return check_vector(scores, "y_score") if np.size(scores) else np.zeros(0)
