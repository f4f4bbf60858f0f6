"""Scaling of traces whose squares would leave the range of the floats."""

import numpy as np


def divide_by_peak(X, *, samples=slice(None), dtype=None):
    """Divide each trace by its largest absolute value, so that its squares can be computed.

    The value is searched in ``samples`` of traces of shape (n_traces, ..., n_samples). Returns
    the divided traces, zero where the peak is, and the peaks, of shape (n_traces, 1, ...).
    """
    dtype = X.dtype if dtype is None else dtype
    axes = tuple(range(1, X.ndim))
    peak = np.abs(X[..., samples]).max(axis=axes, keepdims=True).astype(dtype)
    return np.divide(X, peak, out=np.zeros(X.shape, dtype), where=peak > 0), peak


def divide_by_std(X):
    """Divide each trace by the standard deviation of all its values, over all channels.

    Returns the divided traces and the standard deviations, of shape (n_traces, 1, ...), float64.
    Both are zero for a trace that is constant to round-off.
    """
    relative, peak = divide_by_peak(X)
    axes = tuple(range(1, X.ndim))
    std = relative.std(axis=axes, dtype=np.float64, keepdims=True).astype(X.dtype)
    varies = std > np.finfo(X.dtype).eps
    normalized = np.divide(relative, std, out=np.zeros_like(relative), where=varies)
    return normalized, np.where(varies, std.astype(np.float64) * peak, 0.0)
