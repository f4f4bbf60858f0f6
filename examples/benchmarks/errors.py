"""Numbers with their standard errors, for detectors judged on the same test events."""

import math
from typing import NamedTuple

import numpy as np

from sklearn_aera.metrics import tpr_at_fpr

FPR = 2e-3


class Measured(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float


def mean(values):
    """Mean over events."""
    return Measured(float(np.mean(values)), float(np.std(values) / np.sqrt(len(values))))


def accuracy(y, log_ratio):
    """Share of events on the right side of zero."""
    return mean((log_ratio > 0) == y)


def area(y, score, reference=None):
    """Area under the ROC curve, or how far it is below that of a reference on the same events.

    DeLong, DeLong and Clarke-Pearson 1988, DOI 10.2307/2531595.
    """
    parts = _placements(y, score)
    if reference is not None:
        parts = [r - p for r, p in zip(_placements(y, reference), parts, strict=True)]
    variance = sum(np.var(part, ddof=1) / len(part) for part in parts)
    return Measured(float(np.mean(parts[0])), float(np.sqrt(variance)))


def _placements(y, score):
    """Share of the noise below each pulse, and of the pulses above each noise trace."""
    noise, signal = score[y == 0], score[y == 1]
    return (
        np.searchsorted(np.sort(noise), signal) / len(noise),
        1 - np.searchsorted(np.sort(signal), noise, side="right") / len(signal),
    )


def efficiency(y, score):
    """True-positive rate at 0.2 % of the test noise.

    Its error combines that of the pulses, which is binomial, and that of the threshold.
    """
    shift = math.sqrt(FPR * (1 - FPR) / np.sum(y == 0))
    rates = (max(FPR - shift, 0), FPR, FPR + shift)
    low, value, high = (tpr_at_fpr(y, score, max_fpr=rate) for rate in rates)
    variance = value * (1 - value) / np.sum(y == 1) + ((high - low) / 2) ** 2
    return Measured(float(value), math.sqrt(variance))


def log_losses(y, log_ratio):
    """Log loss of each event, at equal prior probabilities."""
    return np.logaddexp(0, np.where(y == 1, -log_ratio, log_ratio))
