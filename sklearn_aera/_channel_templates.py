"""Templates of pulses in several channels, for all polarizations."""

import numpy as np

from sklearn_aera._arms import check_arms
from sklearn_aera._validation import check_count, shown

# Arms of up to three channels, unless others are given.
_ORTHOGONAL = (0.0, 90.0, "vertical")
# Quantiles of the elevation of the field at which pulses are evaluated.
_ELEVATION_QUANTILES = (1 / 6, 1 / 2, 5 / 6)
# A smaller part of the field along an arm is round-off.
_UNSEEN = 1e-6
# More polarizations only fill the memory.
_MAX_POLARIZATIONS = 360


def polarizations(estimator, pulse, channels):
    """Return the amplitudes in each channel of pulses of all polarizations, in any unit.

    The azimuth of the field has equal steps between 0 and 180 degrees. The parameters ``arms`` and
    ``n_polarizations`` are those of an estimator, and ``channels`` is the shape of the axis of
    channels.

    Returns an array of shape (n_polarizations, n_channels), or None for traces without channels.
    """
    limits = {"max_val": _MAX_POLARIZATIONS}
    number = check_count(estimator.n_polarizations, "n_polarizations", **limits)
    arms = None if estimator.arms is None else check_arms(estimator.arms)
    if not channels:
        if arms is not None:
            raise ValueError(
                "arms must be None for traces of one channel, X of shape (n_traces, n_samples), "
                f"got {shown(estimator.arms)}"
            )
        return None
    if arms is None:
        if channels[0] > len(_ORTHOGONAL):
            raise ValueError(f"arms must be given for more than 3 channels, got {channels[0]}")
        arms = check_arms(_ORTHOGONAL[: channels[0]])
    if len(arms) != channels[0]:
        raise ValueError(
            f"arms must have one arm for each channel, got {len(arms)} for {channels[0]} channels"
        )
    if channels[0] == 1:
        return np.ones((1, 1))
    amplitudes = _fields(pulse, number) @ arms.T.astype(np.float64)
    seen = np.abs(amplitudes).max(axis=1) > _UNSEEN
    if not seen.any():
        raise ValueError(
            f"arms must receive the pulses, got {shown(estimator.arms)}, whose arms are at right "
            "angles to all of them"
        )
    return amplitudes[seen]


def _fields(pulse, number):
    """Return directions of the field of equal probability, (n, 3)."""
    azimuth = 180 * (np.arange(number) + 0.5) / number
    uniform = np.empty((number, pulse.n_uniform))
    fields = []
    for quantile in _ELEVATION_QUANTILES:
        uniform[:] = quantile
        fields.append(pulse.directions(azimuth, uniform))
    return np.concatenate(fields)


def _unit_peak(amplitudes):
    """Divide by the largest amplitude, and merge equal rows.

    With horizontal arms, the elevation of the field only changes the strength.
    """
    largest = np.abs(amplitudes).max(axis=1, keepdims=True)
    return np.unique((amplitudes / largest).round(6), axis=0)


def in_channels(banks, covariance, amplitudes):
    """Make the bank of several channels from those of the components of their noise.

    The amplitudes, (n_polarizations, n_channels), are those of `polarizations`, in units of the
    noise of each channel.
    """
    amplitudes = _unit_peak(amplitudes)
    first, components = banks[0], covariance.unmix(amplitudes.T)
    n_cells = len(first.times)
    weights = np.einsum("dk,pqc->dpkqc", amplitudes, first.weights)
    energy = np.einsum("jd,jpc->dpc", components**2, [bank.energy for bank in banks])
    return first._replace(
        covariance=covariance,
        weights=weights.reshape(-1, 2 * amplitudes.shape[1], n_cells).astype(np.float32),
        energy=energy.reshape(-1, n_cells).astype(np.float32),
        mean_square=first.mean_square * np.float32(np.mean(amplitudes**2)),
        n_values=sum(bank.n_values for bank in banks),
    )
