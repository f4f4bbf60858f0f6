"""Display of the rate of triggers as a function of the threshold."""

import numpy as np
from scipy.stats import chi2

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import (
    check_label,
    check_real,
    check_vector,
    shown,
)
from sklearn_aera.inspection._style import COLORS, axes_or_new, legend_above

# Points of the curve, and of an extrapolation; decades that it goes below the lowest rate.
_N_POINTS, _DECADES = 1000, 3
_TAILS = (0.15865, 0.84135)  # of a normal distribution beyond one standard deviation
_OPTIONS = """
tail : RateTail, default=None
    Result of `sklearn_aera.metrics.fit_tail` for these scores, drawn below the lowest rate.
chosen : float, default=None
    Threshold of the trigger, which is marked.
name : str, default=None
    Name in the legend."""


@fill_docstring(options=_OPTIONS)
class RateDisplay:
    """Rate of triggers in the background as a function of the threshold.

    Create it with `from_scores`. Further calls with the same ``ax`` compare detectors or antennas.

    Parameters
    ----------
    threshold : ndarray of shape (n_points,)
        Thresholds, from the highest on.
    rate, low, high : ndarray of shape (n_points,)
        Rate at each threshold in Hz, and the ends of its Poisson interval.
    %(options)s

    %(drawn_on)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.inspection import RateDisplay
    >>> score = np.random.default_rng(0).exponential(size=1000)
    >>> display = RateDisplay.from_scores(score, livetime=0.1, chosen=5.0)
    >>> display.ax_.get_ylabel()
    'Rate / Hz'
    """

    def __init__(self, threshold, rate, low, high, *, tail=None, chosen=None, name=None):
        self.threshold = threshold
        self.rate = rate
        self.low = low
        self.high = high
        self.tail = tail
        self.chosen = chosen
        self.name = name

    @classmethod
    def from_scores(cls, y_score, livetime, *, tail=None, chosen=None, name=None, ax=None):
        """Draw the rates of given scores.

        Parameters
        ----------
        %(background_scores)s
        %(options)s
        %(axes)s

        Returns
        -------
        RateDisplay

        Raises
        ------
        ValueError
            If there are no scores, they are not finite, or the time is not positive.
        """
        check_label(name)
        if not (tail is None or hasattr(tail, "rate")):
            raise TypeError(f"tail must be a RateTail or None, got {shown(tail)}")
        if chosen is not None:
            chosen = check_real(chosen, "chosen")
        score = np.sort(check_vector(y_score, "y_score"))[::-1]
        limits = {"min_val": 0.0, "include_boundaries": "neither"}
        livetime = check_real(livetime, "livetime", **limits)
        number = np.unique(np.geomspace(1, len(score), _N_POINTS).astype(int))
        low = chi2.ppf(_TAILS[0], 2 * number) / 2 / livetime
        high = chi2.ppf(_TAILS[1], 2 * number + 2) / 2 / livetime
        curve = score[number - 1], number / livetime, low, high
        return cls(*curve, tail=tail, chosen=chosen, name=name).plot(ax)

    def plot(self, ax=None):
        """Draw the rate with its interval, and the fitted tail dashed.

        %(plot)s
        """
        self.ax_ = ax = axes_or_new(ax)
        self.figure_ = ax.figure
        color = COLORS[len(ax.collections) % len(COLORS)]
        ax.fill_between(self.threshold, self.low, self.high, color=color, alpha=0.25, linewidth=0)
        ax.plot(self.threshold, self.rate, color=color, linewidth=1.2, label=self.name)
        if self.tail is not None:
            lowest = float(self.rate.min()) * 10.0**-_DECADES
            rates = np.geomspace(0.99 * self.tail.rate, min(lowest, self.tail.rate), 50)
            places = [self.tail.threshold_at(rate).value for rate in rates]
            ax.plot(places, rates, color=color, linewidth=1.0, linestyle="--")
        if self.chosen is not None:
            ax.axvline(self.chosen, color=color, linewidth=0.8, linestyle=":")
        ax.set(xlabel="Threshold", ylabel="Rate / Hz", yscale="log")
        ax.grid(alpha=0.3)
        if self.name is not None:
            legend_above(ax)
        return self
