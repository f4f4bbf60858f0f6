"""Metrics of detection and of signal recovery."""

from sklearn_aera._public import publish
from sklearn_aera.metrics._detection import (
    Interval,
    binomial_interval,
    detection_efficiency,
    operating_point,
    threshold_at_fpr,
    tpr_at_fpr,
)
from sklearn_aera.metrics._pulses import PulseParameters, cramer_rao_bound, pulse_parameters
from sklearn_aera.metrics._rate_tail import RateTail, fit_tail
from sklearn_aera.metrics._rates import poisson_interval, threshold_at_rate, trigger_rate
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
from sklearn_aera.metrics._snr_at_efficiency import snr_at_efficiency

__all__ = [
    "Interval",
    "PulseParameters",
    "RateTail",
    "bias_and_resolution",
    "binomial_interval",
    "cramer_rao_bound",
    "detection_efficiency",
    "energy_ratio",
    "fit_tail",
    "invented_pulses",
    "normalized_mean_squared_error",
    "operating_point",
    "poisson_interval",
    "pulse_parameters",
    "pulse_peak",
    "recovery_resolution",
    "signal_to_noise_ratio",
    "snr_at_efficiency",
    "snr_gain",
    "threshold_at_fpr",
    "threshold_at_rate",
    "tpr_at_fpr",
    "trace_energy",
    "trigger_rate",
]

publish(__name__, globals(), __all__)
