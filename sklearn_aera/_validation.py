"""Checks of parameters and arrays beyond scikit-learn's public functions.

Errors name the argument, the value and what is allowed.
"""

import math
import numbers

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_array, check_scalar

_LARGEST_COUNT = 2**31 - 1
_LARGEST = 1e100
# Types that count as integers in Python or NumPy, but are no numbers.
NO_NUMBERS = (bool, np.timedelta64)


def shown(value):
    """Return a short text for a value in a message."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # such as that of an integer with more than 4 300 digits
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:97]}..."


def check_choice(value, name, allowed):
    """Raise ValueError unless ``value`` is one of ``allowed``."""
    try:
        known = value in dict.fromkeys(allowed)
    except TypeError:  # not hashable, such as an array
        known = False
    if not known:
        options = ", ".join(repr(option) for option in allowed)
        raise ValueError(f"{name} must be one of {options}, got {shown(value)}")
    return value


def check_flag(value, name):
    """Raise ValueError unless ``value`` is True or False."""
    return check_choice(value, name, (True, False))


def check_label(value, name="name"):
    """Raise TypeError unless ``value`` is a text for a legend, or None."""
    if not (value is None or isinstance(value, str)):
        raise TypeError(f"{name} must be a text or None, got {shown(value)}")
    return value


def check_real(value, name, **limits):
    """Return a finite real number as a float; the limits are those of `check_scalar`."""
    number = _as_float(value, name)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    # NumPy compares in the precision of the value.
    check_scalar(number if isinstance(value, np.floating) else value, name, numbers.Real, **limits)
    return number


def check_sampling_rate(value):
    """Check a parameter ``sampling_rate`` in MHz: above 0, at most 10**6."""
    return check_real(value, "sampling_rate", min_val=0.0, max_val=1e6, include_boundaries="right")


def equal_rates(first, second):
    """Return whether two sampling rates are equal, to one part in a million."""
    return math.isclose(first, second, rel_tol=1e-6)


def check_regularization(value):
    """Check a parameter ``regularization``; below 1e-9, round-off makes covariances indefinite."""
    return check_real(value, "regularization", min_val=1e-9, max_val=1.0)


def check_count(value, name, *, min_val=1, max_val=_LARGEST_COUNT):
    """Return an integer from ``min_val`` to ``max_val`` as an int."""
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    if not min_val <= value <= max_val:
        limit = f">= {min_val}" if value < min_val else f"<= {max_val}"
        raise ValueError(f"{name} == {shown(value)}, must be {limit}")
    return int(value)


def check_n_jobs(value):
    """Check a number of jobs, as in joblib: None, positive or negative, at most 1000."""
    if value is not None and check_count(value, "n_jobs", min_val=-1000, max_val=1000) == 0:
        raise ValueError("n_jobs == 0, must be None, positive, or negative to count from all cores")
    return value


def check_interval(value, name, *, min_val=-math.inf, max_val=math.inf):
    """Return ``value``, a number or an increasing pair of numbers, as a pair of floats."""
    ends = (value, value) if isinstance(value, numbers.Real) else value
    try:
        low, high = [_as_float(end, name) for end in ends] if len(ends) == 2 else ()
    except (TypeError, ValueError):
        message = f"{name} must be a number or a pair (low, high), got {shown(value)}"
        raise ValueError(message) from None
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"{name} must be finite and increasing, got {shown(value)}")
    if low < min_val:
        raise ValueError(f"{name} must be at least {min_val}, got {shown(value)}")
    if high > max_val:
        raise ValueError(f"{name} must be at most {max_val:.6g}, got {shown(value)}")
    return low, high


def window_samples(window, name, sampling_rate, n_samples):
    """Return the slice of the samples in a window in us, which is all of them for None."""
    rate = check_sampling_rate(sampling_rate)
    if window is None:
        return slice(0, n_samples)
    ends = check_interval(window, name, min_val=0.0, max_val=1e6)
    start, stop = (math.ceil(end * rate) for end in ends)
    if start >= min(stop, n_samples):
        raise ValueError(
            f"{name} must contain at least one of the {n_samples} samples, from 0 to "
            f"{n_samples / rate:.3f} us, got {window!r}"
        )
    return slice(start, stop)


def check_sizes(sizes, name):
    """Return ``sizes``, a positive integer or a non-empty sequence of them, as a tuple."""
    if isinstance(sizes, numbers.Integral):
        sizes = (sizes,)
    if not isinstance(sizes, tuple | list) or len(sizes) == 0:
        raise TypeError(f"{name} must be an integer or a tuple of integers, got {shown(sizes)}")
    return tuple(check_count(size, name) for size in sizes)


def check_part(part, name, default, method):
    """Return a copy of ``part``, which must have a method, or ``default()`` for None."""
    if part is None:
        return default()
    if isinstance(part, type) or not hasattr(part, method):
        raise TypeError(
            f"{name} must be None or have a method {method!r}, as {default.__name__} has, "
            f"got {shown(part)}"
        )
    return clone(part, safe=False)


def as_array(values, name, kinds="biufOU"):
    """Return an array of numbers or texts, not masked, with rows of equal length."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must not have masked values")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array, with rows of equal length") from None
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must contain real numbers")
    if array.dtype.kind not in kinds:
        raise ValueError(f"{name} must contain real numbers, got values of type {array.dtype}")
    return array


def as_real_array(values, name):
    """Return ``values``, which must be real numbers, as an array for scikit-learn's checks.

    Data frames, whose names scikit-learn reads, and sparse matrices are returned unchanged.
    """
    if issparse(values):
        return values
    array = as_array(values, name, kinds="biufO")
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name} must contain real numbers: {error}") from None
    return values if hasattr(values, "columns") else array


def check_reals(values, name, **limits):
    """Return finite real numbers, of any shape, as a float64 array.

    The limits of the smallest and the largest are those of `check_real`.
    """
    values = np.asarray(as_dense_array(values, name), dtype=np.float64)
    if values.size:
        for extreme in (values.min(), values.max()):
            check_real(float(extreme), name, **limits)
        check_largest(values, name)
    return values


def check_rows(values, name, dtype, *, channels=False, limited=True):
    """Return finite real numbers in two dimensions, or three with channels, as an array.

    If ``limited``, their squares are finite, too.
    """
    values = as_dense_array(values, name)
    if np.ndim(values) != 2 and not (channels and np.ndim(values) == 3):
        allowed = "two or three" if channels else "two"
        raise ValueError(f"{name} must have {allowed} dimensions, got shape {np.shape(values)}")
    return _check_values(values, name, limited, dtype=dtype, allow_nd=channels)


def check_vector(values, name):
    """Return finite numbers in one dimension as a float64 array."""
    values = as_dense_array(values, name)
    if np.ndim(values) != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {np.shape(values)}")
    return _check_values(values, name, dtype=np.float64, ensure_2d=False)


def check_largest(values, name):
    """Raise ValueError if the squares of values leave the range of float64."""
    if values.dtype == np.float64 and max(values.max(), -values.min()) > _LARGEST:
        raise ValueError(f"{name} must have values from {-_LARGEST} to {_LARGEST}")


def _check_values(values, name, limited=True, **options):
    """Return finite numbers as an array of the type and dimensions that the options say."""
    if np.size(values) == 0:
        raise ValueError(f"{name} must not be empty, got shape {np.shape(values)}")
    with np.errstate(over="ignore", invalid="ignore"):  # Infinite values are reported.
        values = check_array(values, input_name=name, **options)
    if limited:
        check_largest(values, name)
    return values


def as_dense_array(values, name):
    """Return real numbers that are not a sparse matrix."""
    if issparse(values):
        raise TypeError(f"{name} must be an array, got a sparse matrix")
    return as_real_array(values, name)


def _as_float(value, name):
    """Return a real number as a float, which is infinite if the number is too large."""
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf
