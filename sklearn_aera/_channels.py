"""Checks of traces of one channel, (n_traces, n_samples), or of several channels."""

import numpy as np
from sklearn.utils.validation import validate_data


def validate_traces(
    estimator,
    X,
    *args,
    reset=True,
    several_channels=True,
    dtype=(np.float64, np.float32),
    **options,
):
    """Check traces for an estimator, as `sklearn.utils.validation.validate_data` does.

    Parameters
    ----------
    estimator : estimator
        In a fit, with ``reset=True``, it gets ``n_features_in_``, the number of values in a trace,
        and ``trace_shape_``, (n_samples,) or (n_channels, n_samples). Otherwise the traces must
        agree with both.
    X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
    several_channels : bool, default=True
        Whether the estimator takes traces of several channels.
    *args, reset, dtype, **options
        Target ``y`` and options of `validate_data`.

    Returns
    -------
    ndarray of the shape of X, or a tuple of it and ``y``

    Raises
    ------
    ValueError
        If the traces are not finite, differ in shape from those of the fit or have more channels
        than samples, or if the estimator takes one channel and X is three-dimensional.
    """
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    shape = tuple(X.shape)
    if len(shape) == 3:
        _check_channels(estimator, shape, several_channels)
        X = X.reshape(shape[0], shape[1] * shape[2])
    # With one channel in both, validate_data compares the numbers of samples.
    if not reset and (len(shape) == 3 or len(estimator.trace_shape_) == 2):
        _check_shape_of_fit(estimator, shape[1:])
    result = validate_data(estimator, X, *args, reset=reset, dtype=dtype, **options)
    traces = result[0] if args else result
    if len(shape) == 3:
        traces = traces.reshape(shape)
    if reset:
        estimator.trace_shape_ = traces.shape[1:]
    return (traces, *result[1:]) if args else traces


def _check_channels(estimator, shape, several_channels):
    name, (_, n_channels, n_samples) = type(estimator).__name__, shape
    if not several_channels:
        raise ValueError(
            f"{name} takes traces of one channel, X of shape (n_traces, n_samples), got X of shape "
            f"{shape}: select one channel, as in X[:, 0]"
        )
    if n_channels > n_samples:
        raise ValueError(
            f"X must have the shape (n_traces, n_channels, n_samples), got {shape} with more "
            "channels than samples: the last two axes seem to be exchanged"
        )


def _check_shape_of_fit(estimator, trace_shape):
    if trace_shape != estimator.trace_shape_:
        raise ValueError(
            f"X must have traces of shape {estimator.trace_shape_}, as in fit, got traces of shape "
            f"{trace_shape}"
        )
