"""Traces of antennas with several channels (polarisations): one row each."""


def flatten_channels(X, n_channels=None, name="X"):
    """Traces (n, n_samples, n_channels) as (n, n_samples * n_channels); others as they are.

    Raises ValueError if there are not ``n_channels`` of them.
    """
    if getattr(X, "ndim", 2) != 3:
        return X
    if n_channels is not None and X.shape[2] != n_channels:
        raise ValueError(
            f"{name} has {X.shape[2]} channels in its last dimension, but n_channels={n_channels}"
        )
    return X.reshape(len(X), X.shape[1] * X.shape[2])


def check_channels(X, n_channels):
    """Raise ValueError unless flattened traces can have ``n_channels``."""
    if X.shape[1] % n_channels:
        raise ValueError(
            f"X has {X.shape[1]} values per trace, which n_channels={n_channels} does not divide"
        )


def in_shape_of(result, X):
    """Flattened traces in the shape that ``X`` has, if it has channels in its last dimension."""
    return result.reshape(X.shape) if getattr(X, "ndim", 2) == 3 else result
