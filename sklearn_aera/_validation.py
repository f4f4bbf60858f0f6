"""Checks of parameters that scikit-learn has no public function for."""

import numbers

import numpy as np
from sklearn.utils import check_scalar


def check_choice(value, name, allowed):
    """Raise ValueError unless ``value`` is one of ``allowed``."""
    if not any(value is option or value == option for option in allowed):
        options = ", ".join(repr(option) for option in allowed)
        raise ValueError(f"{name} must be one of {options}, got {value!r}")
    return value


def check_real(value, name, **limits):
    """`sklearn.utils.check_scalar` for a finite real number; the limits are the same."""
    check_scalar(value, name, numbers.Real, **limits)
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def check_count(value, name, *, min_val=1, **limits):
    """`sklearn.utils.check_scalar` for an integer that is at least ``min_val``."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    check_scalar(value, name, numbers.Integral, min_val=min_val, **limits)
    return int(value)


def check_interval(value, name, *, min_val=None):
    """Return ``value``, one number or an increasing pair, as a pair of floats."""
    pair = (value, value) if isinstance(value, numbers.Real) else value
    try:
        if isinstance(pair, str):
            raise TypeError
        low, high = (float(end) for end in pair)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number or a pair (low, high), got {value!r}") from None
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"{name} must be finite and increasing, got {value!r}")
    if min_val is not None and low < min_val:
        raise ValueError(f"{name} must be at least {min_val}, got {value!r}")
    return low, high


def check_sizes(sizes, name):
    """Return an integer or a non-empty sequence of integers, each at least 1, as a tuple."""
    if isinstance(sizes, numbers.Integral):
        sizes = (sizes,)
    if not isinstance(sizes, tuple | list) or len(sizes) == 0:
        raise TypeError(f"{name} must be an integer or a tuple of integers, got {sizes!r}")
    return tuple(check_count(size, name) for size in sizes)


def check_input_features(estimator, input_features):
    """Raise ValueError unless names given to `get_feature_names_out` are those of the fit."""
    if input_features is None:
        return
    expected = getattr(estimator, "feature_names_in_", None)
    if expected is not None and not np.array_equal(expected, input_features):
        raise ValueError("input_features is not equal to feature_names_in_")
    if len(input_features) != estimator.n_features_in_:
        raise ValueError(
            "input_features should have length equal to number of features "
            f"({estimator.n_features_in_}), got {len(input_features)}"
        )
