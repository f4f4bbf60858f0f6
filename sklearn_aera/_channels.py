"""Checks of traces of one channel, (n_traces, n_samples), or of several channels."""

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._validation import as_array, as_real_array, check_largest, shown


def validate_traces(estimator, X, *args, reset=True, dtype=(np.float64, np.float32), **options):
    """Check traces for an estimator, as `sklearn.utils.validation.validate_data` does.

    Traces are real numbers of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples).
    They are returned as an array, with ``y`` if it is given.
    With ``reset``, in a fit, the estimator gets ``n_features_in_``, the number of values in a
    trace, and ``trace_shape_``, (n_samples,) or (n_channels, n_samples); otherwise it must be
    fitted, to traces that agree with both.
    """
    if not reset:
        check_is_fitted(estimator)
    X = as_real_array(X, "X")
    if args and args[0] is not None and as_array(args[0], "y").ndim == 0:
        raise ValueError(f"y must have a value for each trace, got {shown(args[0])}")
    shape = np.shape(X)
    if len(shape) == 3:
        if shape[1] > shape[2]:
            raise ValueError(
                f"X must have the shape (n_traces, n_channels, n_samples), got {shape} with more "
                "channels than samples: the last two axes seem to be exchanged"
            )
        X = X.reshape(shape[0], shape[1] * shape[2])
    # With one channel in both, validate_data compares the numbers of samples.
    several = not reset and (len(shape) == 3 or len(estimator.trace_shape_) == 2)
    if several and shape[1:] != estimator.trace_shape_:
        raise ValueError(
            f"X must have traces of shape {estimator.trace_shape_}, as in fit, got traces of shape "
            f"{shape[1:]}"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # Infinite values are reported.
        result = validate_data(estimator, X, *args, reset=reset, dtype=dtype, **options)
    traces = result[0] if args else result
    check_largest(traces, "X")
    if len(shape) == 3:
        traces = traces.reshape(shape)
    if reset:
        estimator.trace_shape_ = traces.shape[1:]
    return (traces, *result[1:]) if args else traces


def by_channel(X):
    """Return traces with the channel in the first axis, (n_channels, n_traces, n_samples)."""
    return X.reshape(len(X), -1, X.shape[-1]).swapaxes(0, 1)
