"""Strength of the pulses that a detector finds."""

import numpy as np
from scipy.special import logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_consistent_length

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import as_dense_array, check_real, check_vector
from sklearn_aera.metrics._detection import OPEN_UNIT, Interval


@fill_docstring()
def snr_at_efficiency(y_score, snr, threshold, *, efficiency=0.5, confidence_level=0.6827):
    """Signal-to-noise ratio at which a share of the pulses is found.

    A logistic function of the signal-to-noise ratio is fitted to which pulses are found.

    Parameters
    ----------
    y_score : array-like of shape (n_pulses,)
        Scores of pulses; minus infinity for those that an earlier stage did not pass.
    snr : array-like of shape (n_pulses,)
        True signal-to-noise ratios.
    threshold : float
        Pulses with ``score >= threshold`` are found.
    efficiency : float, default=0.5
        Share of the pulses.
    %(interval)s

    Raises
    ------
    ValueError
        If all or none of the pulses are found, or the efficiency does not grow with the ratio.

    See Also
    --------
    detection_efficiency : Efficiency in bins of the signal-to-noise ratio.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import snr_at_efficiency
    >>> rng = np.random.default_rng(0)
    >>> snr = rng.uniform(0, 4, 5000)
    >>> low, high = snr_at_efficiency(snr + rng.normal(size=5000) / 3, snr, 2.0)[1:]
    >>> bool(low < 2.02 and high > 1.98)
    True
    """
    snr = check_vector(snr, "snr")
    threshold, scores = check_real(threshold, "threshold"), as_dense_array(y_score, "y_score")
    passed = np.asarray(scores) != -np.inf
    found = check_vector(np.where(passed, scores, 0.0), "y_score") >= threshold
    found &= passed
    check_consistent_length(found, snr)
    target = logit(check_real(efficiency, "efficiency", **OPEN_UNIT))
    if found.all() or not found.any():
        raise ValueError("y_score: some of the pulses must be found and some not, to fit a curve")
    center, width = snr.mean(), snr.std() or 1.0
    z = (snr - center) / width
    curve = LogisticRegression(C=1e8).fit(z[:, None], found)
    slope, offset = float(curve.coef_[0, 0]), float(curve.intercept_[0])
    if slope <= 0:
        raise ValueError("y_score: the efficiency must grow with snr")
    place = (target - offset) / slope
    probability = curve.predict_proba(z[:, None])[:, 1]
    design = np.column_stack([np.ones_like(z), z])
    weight = np.maximum(probability * (1 - probability), 1e-12)
    information = (design * weight[:, None]).T @ design
    gradient = np.array([1.0, place]) / slope
    error = np.sqrt(gradient @ np.linalg.solve(information, gradient)) * width
    level = check_real(confidence_level, "confidence_level", **OPEN_UNIT)
    value, half = center + width * place, norm.ppf((1 + level) / 2) * error
    return Interval(float(value), float(value - half), float(value + half))
