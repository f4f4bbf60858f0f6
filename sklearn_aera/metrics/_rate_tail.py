"""Rates below one over the livetime, from the tail of the scores of the background."""

from typing import NamedTuple

import numpy as np
from scipy.stats import genpareto

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_count, check_real
from sklearn_aera.metrics._detection import OPEN_UNIT, Interval
from sklearn_aera.metrics._rates import POSITIVE, check_scores

_MIN_TAIL = 30  # exceedances: the errors are those of large samples
_N_PLAUSIBLE = 4000


@fill_docstring()
class RateTail(NamedTuple):
    """Generalised Pareto distribution of the highest scores of the background, see `fit_tail`.

    Parameters
    ----------
    threshold : float
        Score above which the distribution was fitted.
    rate : float
        Rate of triggers above it, in Hz.
    shape : float
        Shape parameter: negative if there is a highest score, 0 for an exponential tail.
    scale : float
        Scale parameter, in units of the score.
    n_exceedances : int
        Number of scores above the threshold.
    """

    threshold: float
    rate: float
    shape: float
    scale: float
    n_exceedances: int

    def rate_at(self, threshold, confidence_level=0.6827):
        """Return the rate at a threshold in Hz, with its interval.

        Parameters
        ----------
        threshold : float
            At least that of the tail.
        %(confidence_level)s

        Returns
        -------
        Interval
        """
        threshold = check_real(threshold, "threshold", min_val=self.threshold)
        rate, shape, scale = self._plausible()
        rates = rate * genpareto.sf(threshold - self.threshold, shape, scale=scale)
        return _interval(rates, confidence_level)

    def threshold_at(self, rate, confidence_level=0.6827):
        """Return the threshold for a rate in Hz, with its interval.

        Parameters
        ----------
        rate : float
            At most that of the tail.
        %(confidence_level)s

        Returns
        -------
        Interval
        """
        limits = {"min_val": 0.0, "max_val": self.rate, "include_boundaries": "neither"}
        rate = check_real(rate, "rate", **limits)
        rates, shape, scale = self._plausible()
        share = np.minimum(rate / rates, 1.0)
        return _interval(
            self.threshold + genpareto.isf(share, shape, scale=scale), confidence_level
        )

    def _plausible(self):
        """Return rates, shapes and scales: the estimates, then others within their errors.

        The estimates of large samples are normal (Coles 2001), the number of exceedances too.
        """
        normal = np.random.default_rng(0).standard_normal((_N_PLAUSIBLE, 3))
        normal[0] = 0.0
        rate, shape, log_scale = normal.T / np.sqrt(self.n_exceedances)
        # The correlation of shape and logarithm of the scale is that of the Fisher information.
        relative = 1 + self.shape
        log_scale = np.sqrt(2 * relative - 1) * log_scale - shape
        return (
            self.rate * np.exp(rate),
            self.shape + relative * shape,
            self.scale * np.exp(log_scale),
        )


@fill_docstring()
def fit_tail(y_score, livetime, *, n_exceedances=200):
    """Fit a generalised Pareto distribution to the highest scores of the background.

    Above a high threshold, the distribution of independent values approaches a generalised Pareto
    distribution. It extrapolates to rates below one over the livetime. Its parameters are those
    of maximum likelihood, and their errors those of large samples.

    Parameters
    ----------
    %(background_scores)s
    n_exceedances : int, default=200
        Number of scores to fit, the highest ones; at most half of all (assumption).

    Returns
    -------
    RateTail
        Named tuple (threshold, rate, shape, scale, n_exceedances) with the methods ``rate_at`` and
        ``threshold_at``.

    Raises
    ------
    ValueError
        If there are fewer than 60 scores, or the fit has no finite errors.

    References
    ----------
    Coles 2001, "An Introduction to Statistical Modeling of Extreme Values", chapter 4,
    DOI 10.1007/978-1-4471-3675-0

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import fit_tail
    >>> score = np.random.default_rng(0).exponential(size=20_000)
    >>> tail = fit_tail(score, livetime=1.0)
    >>> low, high = tail.threshold_at(0.5)[1:]
    >>> bool(low < np.log(20_000 / 0.5) < high)
    True
    """
    score = np.sort(check_scores(y_score))[::-1]
    livetime = check_real(livetime, "livetime", **POSITIVE)
    n_tail = min(check_count(n_exceedances, "n_exceedances", min_val=_MIN_TAIL), len(score) // 2)
    if n_tail < _MIN_TAIL:
        raise ValueError(f"y_score must have at least {2 * _MIN_TAIL} scores, got {len(score)}")
    threshold = (score[n_tail - 1] + score[n_tail]) / 2
    excess = score[:n_tail] - threshold
    unit = excess.mean()
    if not unit > 0:
        raise ValueError("y_score must have different values: the highest scores are all the same")
    shape, _, scale = genpareto.fit(excess / unit, 0.1, floc=0)
    if not shape > -0.5:
        raise ValueError(
            f"the tail of y_score has the shape {shape:.2f}, but its errors are finite above -0.5 "
            "alone: take scores without an upper limit, such as those of decision_function"
        )
    return RateTail(float(threshold), n_tail / livetime, float(shape), float(scale * unit), n_tail)


def _interval(values, confidence_level):
    """Return the first value with the interval of all."""
    level = check_real(confidence_level, "confidence_level", **OPEN_UNIT)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values[0]), float(low), float(high))
