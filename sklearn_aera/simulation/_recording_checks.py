"""Checks of recordings from which noise is drawn."""

import warnings

import numpy as np

from sklearn_aera._validation import as_real_array

_BLOCK = 2**20
# So many equal samples in a row are no noise, however few bits it has.
_DEAD = 100
# So many equal samples in a row at the largest or smallest value are clipped.
_CLIPPED = 5


def as_recordings(values):
    """Return recordings, of one or several channels, without a copy of an array of numbers."""
    recordings = as_real_array(values, "recordings")
    if recordings.ndim not in (2, 3) or recordings.size == 0:
        raise ValueError(
            "recordings must have the shape (n_recordings, n_times), or (n_recordings, n_channels, "
            f"n_times), and not be empty, got shape {recordings.shape}"
        )
    # A memory map is pickled once only if it is the same object.
    return values if isinstance(values, np.ndarray) and values.dtype != object else recordings


def check_samples(recordings, ranges, n_samples):
    """Raise ValueError unless the recordings hold noise in the given ranges of samples.

    ``ranges``, of shape (n_ranges, 2), are samples from and to. Noise is finite, its mean is
    smaller than its standard deviation, and no value lasts for many samples. Clipped samples
    get a warning.
    """
    clipped = []
    for index in np.ndindex(recordings.shape[:-1]):
        number, recording = index[0], recordings[index]
        name = f"recordings: number {number}"
        low, high = _check_moments(recording, ranges, name)
        for start, stop in ranges:
            for block, first in _blocks(recording, start, stop):
                at, length = _longest_run(block)
                if length >= min(_DEAD, n_samples):
                    raise ValueError(
                        f"{name} must be noise, but has the value {block[at]:g} for {length} "
                        f"samples or more from number {first + at} on; exclude leaves times out"
                    )
                if any(_longest_run(block == end, True)[1] >= _CLIPPED for end in (low, high)):
                    clipped.append(number)
    if clipped:
        numbers = ", ".join(map(str, sorted(set(clipped))))
        warnings.warn(
            f"recordings are clipped: {_CLIPPED} samples or more in a row have the largest or the "
            f"smallest value, in number {numbers}",
            stacklevel=2,
        )


def _check_moments(recording, ranges, name):
    """Check that samples are finite and have no pedestal, and return the smallest and largest."""
    total, squares, n, low, high = 0.0, 0.0, 0, np.inf, -np.inf
    for start, stop in ranges:
        for block, first in _blocks(recording, start, stop, overlap=0):
            finite = np.isfinite(block)
            if not finite.all():
                at = int(np.argmin(finite))
                raise ValueError(f"{name} must be finite, got {block[at]:g} at sample {first + at}")
            total, squares = total + block.sum(), squares + np.square(block).sum()
            low, high, n = min(low, block.min()), max(high, block.max()), n + len(block)
    mean = total / n
    std = np.sqrt(max(squares / n - mean**2, 0.0))
    # Without a deviation, it is the length of the constant value that is reported.
    if abs(mean) > std > 1e-6 * abs(mean):
        raise ValueError(
            f"{name} must have no pedestal, but its mean is {mean:.6g} and its standard deviation "
            f"{std:.6g}: subtract the mean"
        )
    return low, high


def _blocks(recording, start, stop, overlap=_DEAD):
    """Yield blocks of samples as float64 with the number of their first sample."""
    for first in range(start, stop, _BLOCK):
        with np.errstate(over="ignore"):  # Infinite values are reported.
            part = recording[first : min(first + _BLOCK + overlap, stop)].astype(np.float32)
        yield part.astype(np.float64), first


def _longest_run(values, value=None):
    """Return where the longest run of equal values begins, or of one value, and its length."""
    differs = values[1:] != values[:-1]
    edges = np.concatenate([[0], np.flatnonzero(differs) + 1, [len(values)]])
    lengths = np.diff(edges)
    if value is not None:
        lengths = np.where(values[edges[:-1]] == value, lengths, 0)
    longest = int(np.argmax(lengths))
    return int(edges[longest]), int(lengths[longest])
