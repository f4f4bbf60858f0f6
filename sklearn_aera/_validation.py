"""Checks of parameters beyond scikit-learn's public functions."""

import numbers

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_array, check_scalar


def check_choice(value, name, allowed):
    """Raise ValueError unless ``value`` is one of ``allowed``."""
    if not any(value is option or value == option for option in allowed):
        options = ", ".join(repr(option) for option in allowed)
        raise ValueError(f"{name} must be one of {options}, got {value!r}")
    return value


def check_real(value, name, **limits):
    """Check a finite real number with `sklearn.utils.check_scalar`, and return a float."""
    check_scalar(value, name, numbers.Real, **limits)
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return float(value)


def check_count(value, name, *, min_val=1, **limits):
    """Check an integer of at least ``min_val`` with `sklearn.utils.check_scalar`."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    check_scalar(value, name, numbers.Integral, min_val=min_val, **limits)
    return int(value)


def check_interval(value, name, *, min_val=None):
    """Return ``value``, a number or an increasing pair of numbers, as a pair of floats."""
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
    """Return ``sizes``, a positive integer or a non-empty sequence of them, as a tuple."""
    if isinstance(sizes, numbers.Integral):
        sizes = (sizes,)
    if not isinstance(sizes, tuple | list) or len(sizes) == 0:
        raise TypeError(f"{name} must be an integer or a tuple of integers, got {sizes!r}")
    return tuple(check_count(size, name) for size in sizes)


def check_part(part, name, default, method):
    """Return a copy of ``part``, which must have a method, or ``default()`` for None."""
    if part is None:
        return default()
    if not hasattr(part, method):
        raise TypeError(
            f"{name} must be None or have a method {method!r}, as {default.__name__} has, "
            f"got {part!r}"
        )
    return clone(part)


def check_vector(values, name):
    """Return finite numbers in one dimension as a float64 array."""
    values = check_array(values, ensure_2d=False, dtype=np.float64, input_name=name)
    if values.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {values.shape}")
    return values
