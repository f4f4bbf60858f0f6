"""Checks of traces: one channel, (n_traces, n_samples), or several, (.., n_channels, n_samples)."""

from sklearn.utils.validation import validate_data


def validate_traces(estimator, X, *args, reset=True, several_channels=True, **options):
    """Check traces against an estimator, as `sklearn.utils.validation.validate_data` does.

    Parameters
    ----------
    estimator : estimator
        With ``reset`` it gets ``n_features_in_``, the number of values of a trace, and
        ``trace_shape_``, (n_samples,) or (n_channels, n_samples); otherwise the traces must have
        these.
    X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
    *args
        The target ``y``, if there is one.
    reset : bool, default=True
        Whether this is the data of a fit.
    several_channels : bool, default=True
        Whether the estimator takes traces of several channels.
    **options
        Of `validate_data`.

    Returns
    -------
    ndarray of the shape of ``X``, or what `validate_data` returns with ``y``

    Raises
    ------
    ValueError
        If the traces are not finite, have another shape than in the fit, or more channels than
        samples; if they have several channels and the estimator is for one.
    """
    shape = getattr(X, "shape", ())
    if len(shape) != 3:
        result = validate_data(estimator, X, *args, reset=reset, **options)
        traces = result[0] if args else result
        _check_trace_shape(estimator, traces.shape[1:], reset)
        return result
    if not several_channels:
        raise ValueError(
            f"{type(estimator).__name__} takes traces of one channel, of shape (n_traces, "
            f"n_samples), got X of shape {shape}: select a channel, as in X[:, 0]"
        )
    n_traces, n_channels, n_samples = shape
    if n_channels > n_samples:
        raise ValueError(
            f"X must be of shape (n_traces, n_channels, n_samples), got {shape}: more channels than "
            "samples, the last two axes seem to be exchanged"
        )
    _check_trace_shape(estimator, shape[1:], reset)
    flat = X.reshape(n_traces, n_channels * n_samples)
    result = validate_data(estimator, flat, *args, reset=reset, **options)
    if not args:
        return result.reshape(shape)
    return result[0].reshape(shape), *result[1:]


def _check_trace_shape(estimator, shape, reset):
    if reset:
        estimator.trace_shape_ = tuple(map(int, shape))
    elif estimator.trace_shape_ != shape:
        raise ValueError(
            f"X must have traces of shape {estimator.trace_shape_}, as in fit, got traces of shape "
            f"{tuple(shape)}"
        )
