"""Metrics of detection and of signal recovery."""

from sklearn_aera._public import publish
from sklearn_aera.metrics._detection import (
    binomial_interval,
    detection_efficiency,
    operating_point,
    threshold_at_fpr,
    tpr_at_fpr,
)
from sklearn_aera.metrics._recovery import (
    energy_ratio,
    invented_pulses,
    normalized_mean_squared_error,
    pulse_peak,
    snr_gain,
    trace_energy,
)
from sklearn_aera.metrics._resolution import bias_and_resolution, recovery_resolution
from sklearn_aera.metrics._snr import signal_to_noise_ratio

__all__ = [
    "bias_and_resolution",
    "binomial_interval",
    "detection_efficiency",
    "energy_ratio",
    "invented_pulses",
    "normalized_mean_squared_error",
    "operating_point",
    "pulse_peak",
    "recovery_resolution",
    "signal_to_noise_ratio",
    "snr_gain",
    "threshold_at_fpr",
    "tpr_at_fpr",
    "trace_energy",
]

publish(__name__, globals(), __all__)
