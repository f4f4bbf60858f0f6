"""Evaluation of detectors on test traces, with thresholds from validation traces."""

from typing import NamedTuple

import numpy as np
from rich.table import Table
from scipy.stats import rankdata

from sklearn_aera.inspection import EfficiencyDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import binomial_interval, operating_point


class Evaluation(NamedTuple):
    """Results of a detector on test traces."""

    name: str
    score: np.ndarray
    """Scores of the test traces."""
    accuracy: tuple
    auc: float
    auc_error: float
    points: dict
    """Operating points by the false-positive rate that is allowed on the validation traces."""
    is_limit: bool = False


def evaluate_detector(name, detector, validation, test, max_fprs, *, is_limit=False):
    """Evaluate a detector on test traces."""
    on_validation, on_test = (scores(detector, data.traces) for data in (validation, test))
    points = {
        max_fpr: operating_point(validation.y, on_validation, test.y, on_test, max_fpr=max_fpr)
        for max_fpr in max_fprs
    }
    is_pulse = detector.predict(test.traces) == detector.classes_[1]
    accuracy = binomial_interval((is_pulse == test.y).sum(), len(test.y))
    return Evaluation(name, on_test, accuracy, *auc_with_error(test.y, on_test), points, is_limit)


def scores(detector, traces):
    """Return the scores of traces, higher for traces more likely to hold a pulse."""
    if hasattr(detector, "decision_function"):
        return detector.decision_function(traces)
    return detector.predict_proba(traces)[:, 1]


def auc_with_error(y, score):
    """Return the area under the ROC curve and its standard error.

    The error is that of DeLong et al. 1988, DOI 10.2307/2531595.
    """
    rank = rankdata(score)
    # Share of the noise below each pulse, and of the pulses below each noise trace.
    share, other = (
        (rank[y == label] - rankdata(score[y == label])) / np.sum(y != label) for label in (1, 0)
    )
    variance = sum(x.var() / max(len(x) - 1, 1) for x in (share, other))
    return float(share.mean()), float(np.sqrt(variance))


def fitted_limit(data):
    """Return the likelihood ratio, fitted to traces and to the SNR range of their events."""
    ratio = LikelihoodRatioClassifier()
    if data.sampling_rate is not None:
        ratio.set_params(sampling_rate=data.sampling_rate)
    if data.snr is not None and data.y.any():
        snr = data.snr[data.y == 1]
        ratio.set_params(snr=(float(snr.min()), float(snr.max())))
    return ratio.fit(data.traces, data.y)


def as_json(evaluation):
    """Return the numbers of an evaluation."""
    points = [
        {"fpr": max_fpr, "threshold": threshold, "tpr": tpr.value, "interval": tpr[1:]}
        | {"test_fpr": fpr.value, "test_fpr_interval": fpr[1:]}
        for max_fpr, (threshold, tpr, fpr) in evaluation.points.items()
    ]
    numbers = {"detector": evaluation.name, "accuracy": evaluation.accuracy.value}
    numbers |= {"accuracy_interval": evaluation.accuracy[1:], "auc": evaluation.auc}
    return numbers | {"auc_error": evaluation.auc_error, "operating_points": points}


def evaluation_table(evaluations):
    """Return a table with one column per detector."""
    table = Table("", title="Test traces: value ± half of the 68 % interval")
    for one in evaluations:
        table.add_column(one.name, justify="right")
    table.add_row("Accuracy", *(_text(one.accuracy) for one in evaluations))
    table.add_row("AUC", *(f"{one.auc:.4f} ± {one.auc_error:.4f}" for one in evaluations))
    for max_fpr in evaluations[0].points:
        points = [one.points[max_fpr] for one in evaluations]
        table.add_row(f"TPR at FPR {100 * max_fpr:g} %", *(_text(point.tpr) for point in points))
        table.add_row("  FPR of the test traces", *(_text(point.fpr) for point in points))
        table.add_row("  Threshold", *(f"{point.threshold:.4g}" for point in points))
    return table


def _text(interval):
    value, low, high = interval
    return f"{value:.4f} ± {(high - low) / 2:.4f}"


def draw_efficiency(evaluations, test, max_fpr):
    """Draw the efficiencies of detectors at one operating point; returns the figure."""
    ax = None
    for one in evaluations:
        options = {"threshold": one.points[max_fpr].threshold, "max_fpr": max_fpr, "ax": ax}
        options |= {"name": one.name, "limit": one.is_limit}
        ax = EfficiencyDisplay.from_predictions(test.y, one.score, test.snr, **options).ax_
    return ax.figure
