"""Signal-to-noise ratio."""

import numpy as np

from sklearn_aera._validation import check_reals


def signal_to_noise_ratio(signal, noise):
    """Largest absolute value of the signal over the root mean square of the noise.

    This is the definition of the lecture. Other definitions use the squared envelope, half the
    peak-to-peak value, or the RMS of the whole measured trace.

    Parameters
    ----------
    signal : array-like of shape (..., n_samples)
        Samples that contain the peak.
    noise : array-like of shape (..., n_noise_samples)
        Samples of noise; their number may differ from that of the signal.

    Returns
    -------
    float or ndarray of shape (...)
        Infinite where only the noise is zero; 0 where both are zero.

    Raises
    ------
    ValueError
        If an array is empty or not finite.

    Examples
    --------
    >>> from sklearn_aera.metrics import signal_to_noise_ratio
    >>> signal_to_noise_ratio([0.0, 3.0, -4.0, 1.0], [2.0, -2.0, 2.0, -2.0])
    2.0
    """
    signal, noise = _check(signal, "signal"), _check(noise, "noise")
    shapes = signal.shape, noise.shape
    try:
        np.broadcast_shapes(*(shape[:-1] for shape in shapes))
    except ValueError:
        message = f"signal and noise must have the same traces, got the shapes {shapes}"
        raise ValueError(message) from None
    peak = np.abs(signal).max(axis=-1)
    rms = np.sqrt(np.mean(np.square(noise), axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(peak > 0, peak / rms, 0.0)
    return float(ratio) if ratio.ndim == 0 else ratio


def _check(samples, name):
    samples = check_reals(samples, name)
    if samples.ndim == 0 or samples.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one sample, got shape {samples.shape}")
    return samples
