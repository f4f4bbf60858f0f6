"""Checks of recordings and detectors."""

from sklearn.utils.validation import check_is_fitted

from sklearn_aera._labels import check_classes
from sklearn_aera._recording import Recording
from sklearn_aera._validation import check_count, shown


def check_is_recording(X):
    if not isinstance(X, Recording):
        raise TypeError(f"X must be a Recording, such as that of load_recording, got {shown(X)}")


def check_detector(detector):
    """Return the length of the traces of a fitted detector of one channel."""
    if not hasattr(detector, "decision_function") and not hasattr(detector, "predict_proba"):
        raise TypeError(
            f"detector must have a method decision_function or predict_proba, got {shown(detector)}"
        )
    check_is_fitted(detector)
    check_classes(detector.classes_)
    if len(getattr(detector, "trace_shape_", ())) == 2:
        raise ValueError(f"detector must be for one channel, got {detector.trace_shape_}")
    return check_count(detector.n_features_in_, "the length of the detector's traces", min_val=8)


def known_rates(detector):
    """Return the sampling rates that a detector or a part of it is known to be for."""
    parameters = detector.get_params() if hasattr(detector, "get_params") else {}
    # Other parts have other rates, such as a library of pulses.
    parts = [part for part in (detector, *parameters.values()) if hasattr(part, "fit")]
    names = ("sampling_rate_", "sampling_rate")
    return {rate for part in parts for name in names if (rate := getattr(part, name, None))}
