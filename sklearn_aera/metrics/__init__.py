"""Numbers that judge detection."""

from sklearn_aera.metrics._detection import (
    binomial_interval,
    detection_efficiency,
    threshold_at_fpr,
    tpr_at_fpr,
)
from sklearn_aera.metrics._snr import signal_to_noise_ratio

__all__ = [
    "binomial_interval",
    "detection_efficiency",
    "signal_to_noise_ratio",
    "threshold_at_fpr",
    "tpr_at_fpr",
]
