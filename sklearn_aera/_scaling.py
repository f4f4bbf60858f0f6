"""Scaling of traces whose squares would leave the range of the floats."""

import numpy as np


def divide_by_peak(X, *, samples=slice(None), dtype=None):
    """Divide each trace by its largest absolute value, so that its squares can be computed.

    Parameters
    ----------
    X : ndarray of shape (n_traces, ..., n_samples)
    samples : slice, default=slice(None)
        Samples in which the largest value is searched.
    dtype : dtype, default=None

    Returns
    -------
    relative : ndarray of the shape of X
        Zero if the peak is zero.
    peak : ndarray of shape (n_traces, 1, ...)
    """
    dtype = X.dtype if dtype is None else dtype
    peak = np.abs(X[..., samples]).max(axis=_trace_axes(X), keepdims=True).astype(dtype)
    return np.divide(X, peak, out=np.zeros(X.shape, dtype), where=peak > 0), peak


def divide_by_std(X):
    """Divide each trace by the standard deviation of all its values.

    Parameters
    ----------
    X : ndarray of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)

    Returns
    -------
    normalized : ndarray of the shape and dtype of X
    std : ndarray of shape (n_traces, 1) or (n_traces, 1, 1), float64
        Both are zero for a trace that is constant to round-off.
    """
    relative, peak = divide_by_peak(X)
    std = relative.std(axis=_trace_axes(X), dtype=np.float64, keepdims=True).astype(X.dtype)
    varies = std > np.finfo(X.dtype).eps
    normalized = np.divide(relative, std, out=np.zeros_like(relative), where=varies)
    return normalized, np.where(varies, std.astype(np.float64) * peak, 0.0)


def _trace_axes(X):
    return tuple(range(1, X.ndim))
