"""Display of the detection efficiency as a function of the signal-to-noise ratio."""

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._labels import check_classes
from sklearn_aera._validation import check_flag, check_label, shown
from sklearn_aera.inspection._style import LIMIT_COLOR, axes_or_new, draw_bins, legend_above
from sklearn_aera.metrics import detection_efficiency

_OPTIONS = """
max_fpr : float, default=0.01
    False-positive rate at which the threshold is chosen on these scores. With ``threshold``, the
    rate for which it was chosen, for the axis label.
threshold : float, default=None
    Threshold chosen beforehand, on validation data.
%(bins)s
limit : bool, default=False
    Whether the scores are those of the physical limit, which is drawn as a line.
%(axes)s"""


@fill_docstring(options=_OPTIONS)
class EfficiencyDisplay:
    """Detection efficiency as a function of the signal-to-noise ratio.

    Create it with `from_predictions` or `from_estimator`. Further calls with the same ``ax``
    compare detectors.

    Parameters
    ----------
    efficiency : Efficiency
        Result of `sklearn_aera.metrics.detection_efficiency`.
    max_fpr : float, default=None
        False-positive rate of the threshold, for the axis label.
    name : str, default=None
        Name of the detector in the legend.
    limit : bool, default=False
        Whether this is the physical limit, which is drawn as a line instead of points.

    %(drawn_on)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.inspection import EfficiencyDisplay
    >>> rng = np.random.default_rng(0)
    >>> snr = np.where(rng.random(4000) < 0.5, 0.0, rng.uniform(0.5, 5.0, 4000))
    >>> score = snr + rng.normal(size=4000)
    >>> display = EfficiencyDisplay.from_predictions(snr > 0, score, snr, name="example")
    >>> display.ax_.get_xlabel()
    'Signal-to-noise ratio'
    """

    def __init__(self, efficiency, *, max_fpr=None, name=None, limit=False):
        self.efficiency = efficiency
        self.max_fpr = max_fpr
        self.name = name
        self.limit = limit

    @classmethod
    def from_predictions(
        cls, y_true, y_score, snr, *, max_fpr=0.01, threshold=None, bins=9, name=None,
        limit=False, ax=None,
    ):  # fmt: skip
        """Draw the efficiency of given scores.

        Parameters
        ----------
        y_true, y_score, snr : array-like of shape (n_traces,)
            True labels, scores of the detector, and true signal-to-noise ratios.
        %(options)s

        Returns
        -------
        EfficiencyDisplay
        """
        check_label(name)
        check_flag(limit, "limit")
        efficiency = detection_efficiency(
            y_true, y_score, snr, bins=bins, max_fpr=max_fpr, threshold=threshold
        )
        return cls(efficiency, max_fpr=max_fpr, name=name, limit=limit).plot(ax)

    @classmethod
    def from_estimator(
        cls, estimator, X, y, snr, *, max_fpr=0.01, threshold=None, bins=9, name=None,
        limit=False, ax=None,
    ):  # fmt: skip
        """Draw the efficiency of a fitted classifier.

        Parameters
        ----------
        estimator : classifier with ``decision_function`` or ``predict_proba``
            Fitted detector.
        X : array-like
            Input of the estimator: traces, or events if it contains the simulator.
        y, snr : array-like of shape (n_traces,)
            True labels and signal-to-noise ratios.
        %(options)s

        Returns
        -------
        EfficiencyDisplay
        """
        if not (hasattr(estimator, "decision_function") or hasattr(estimator, "predict_proba")):
            raise TypeError(f"estimator must be a fitted classifier, got {shown(estimator)}")
        check_classes(getattr(estimator, "classes_", ()))
        if hasattr(estimator, "decision_function"):
            score = estimator.decision_function(X)
        else:
            score = estimator.predict_proba(X)[:, 1]
        name = type(estimator).__name__ if name is None else name
        options = {"max_fpr": max_fpr, "threshold": threshold, "bins": bins}
        return cls.from_predictions(y, score, snr, **options, name=name, limit=limit, ax=ax)

    def plot(self, ax=None):
        """Draw the efficiency with its intervals: error bars, or a band for the limit.

        %(plot)s
        """
        self.ax_ = ax = axes_or_new(ax)
        self.figure_ = ax.figure
        edges, value, low, high, _, _ = self.efficiency
        if self.limit:
            center = (edges[1:] + edges[:-1]) / 2
            ax.fill_between(center, low, high, color=LIMIT_COLOR, alpha=0.2, linewidth=0)
            ax.plot(center, value, color=LIMIT_COLOR, linewidth=1.2, label=self.name)
        else:
            draw_bins(ax, edges, value, low, high, self.name)
        at = "" if self.max_fpr is None else f" at FPR {100 * self.max_fpr:g} %"
        ax.set(
            xlabel="Signal-to-noise ratio", ylabel=f"Detection efficiency{at}", ylim=(-0.03, 1.03)
        )
        ax.grid(alpha=0.3)
        if self.name is not None:
            legend_above(ax, 2)
        return self
