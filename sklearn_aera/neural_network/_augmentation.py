"""Augmentation: traces with opposite polarity, shifted in time, with other signals or noise."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_aera._background import largest_usual_peak
from sklearn_aera._carriers import low_frequencies

# How far in the order of the power of their noise signals change places, as a share of all.
_REACH = 0.05


class Augmentation(NamedTuple):
    """Random changes of the training traces and their targets, drawn anew in each epoch.

    Mixed signals have new times: their traces are not shifted, which would move pulses over the
    ends of traces and, with the edge of the noise, into their middle.
    """

    flip_polarity: bool
    max_shift: int
    mix_signals: bool
    mix_noise: bool
    targets: str
    """What a target is: "class", "signal", or a "row" of the class and the flat signal."""

    def __call__(self, traces, targets, rng):
        """Return augmented traces and their targets."""
        seed = rng.integers(2**63)
        is_row = self.targets == "row"
        signals = targets[:, 1:].reshape(traces.shape) if is_row else targets
        if self.mix_signals:
            traces, signals = mix_signals(traces, signals, rng)
        if self.mix_noise:
            traces = mix_noise(traces - signals, rng) + signals
        max_shift = 0 if self.mix_signals else self.max_shift
        options = {"flip_polarity": self.flip_polarity, "max_shift": max_shift}
        traces = flip_and_shift(traces, np.random.default_rng(seed), **options)
        if self.targets == "class":
            return traces, targets
        signals = flip_and_shift(signals, np.random.default_rng(seed), **options)
        if not is_row:
            return traces, signals
        signals = signals.reshape(len(signals), -1)
        labels = signals.any(axis=1) if self.mix_signals else targets[:, 0]
        return traces, np.column_stack([labels, signals]).astype(np.float32)


def flip_and_shift(traces, rng, *, flip_polarity, max_shift):
    """Flip the polarity of a random half of the traces and shift each in time.

    Traces of shape (n_traces, ..., n_samples) are shifted by up to ``max_shift`` samples to either
    side, all channels together; samples that leave a trace at one end enter it at the other.
    """
    n_traces, n_samples = len(traces), traces.shape[-1]
    if max_shift:
        starts = rng.integers(-max_shift, max_shift + 1, n_traces) % n_samples
        windows = sliding_window_view(np.concatenate([traces, traces], axis=-1), n_samples, axis=-1)
        traces = windows[np.arange(n_traces), ..., starts, :]
    if flip_polarity:
        signs = rng.choice(np.array([-1, 1], dtype=traces.dtype), n_traces)
        traces = traces * signs.reshape(-1, *[1] * (traces.ndim - 1))
    return traces


def mix_signals(traces, signals, rng):
    """Put the signals into the noise of other traces, each at the time of another signal.

    The noise of each trace, which is the trace without its signal, is used once. The number of
    traces with a signal, the amplitudes of the signals and the distribution of their times stay
    the same, and nearly the same the power of the noise at the lowest frequencies, where a whitener
    leaves the carriers: the signal-to-noise ratio refers to these.
    """
    n_traces, n_samples = len(traces), traces.shape[-1]
    noise = traces - signals
    power = np.square(noise @ low_frequencies(n_samples).astype(noise.dtype))
    power = power.sum(axis=tuple(range(1, power.ndim)))
    rows = rng.permutation(np.flatnonzero(signals.reshape(n_traces, -1).any(axis=1)))
    hosts = rng.permutation(n_traces)[: len(rows)]
    # Both are random samples of the same noise: in the order of its power they match.
    ranks = np.argsort(np.argsort(power[rows])) + rng.uniform(0, _REACH * len(rows), len(rows))
    rows = rows[np.argsort(ranks)]
    hosts = hosts[np.argsort(power[hosts])]
    chosen = signals[rows]
    peaks = np.abs(chosen).reshape(len(rows), -1, n_samples).max(axis=1).argmax(axis=1)
    shifts = peaks[rng.permutation(len(rows))] - peaks
    columns = (np.arange(n_samples) - shifts[:, None]) % n_samples
    columns = columns.reshape(len(rows), *[1] * (traces.ndim - 2), n_samples)
    mixed = np.zeros_like(signals)
    mixed[hosts] = np.take_along_axis(chosen, columns, axis=-1)
    return noise + mixed, mixed


def mix_noise(noise, rng):
    """Replace the noise of traces by sums of that of two traces, which has the same covariance.

    Of Gaussian noise, n1 cos(a) + n2 sin(a) with a random angle a has the distribution of n1 and
    n2. The lowest frequencies, where a whitener leaves the carriers, are not Gaussian and stay as
    they are, and so does noise with a larger peak than is usual for Gaussian noise.
    """
    n_samples = noise.shape[-1]
    low = low_frequencies(n_samples).astype(noise.dtype)
    gaussian = noise - (noise @ low) @ low.T
    peak = np.abs(gaussian).max(axis=-1)
    limit = largest_usual_peak(n_samples) * np.sqrt(np.square(gaussian).mean(axis=-1))
    usual = (peak <= limit).reshape(len(noise), -1).all(axis=1)
    first = rng.permutation(np.flatnonzero(usual))
    second = np.roll(first, 1)
    angle = rng.uniform(0, 2 * np.pi, (len(first), *[1] * (noise.ndim - 1))).astype(noise.dtype)
    mixed = noise.copy()
    mixed[first] += (np.cos(angle) - 1) * gaussian[first] + np.sin(angle) * gaussian[second]
    return mixed
