"""Augmentation: traces with opposite polarity, shifted in time, or with other signals."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Augmentation(NamedTuple):
    """Random changes of the training traces and their targets, drawn anew in each epoch.

    Mixed signals have new times: their traces are not shifted, which would move pulses over the
    ends of traces and, with the edge of the noise, into their middle.
    """

    flip_polarity: bool
    max_shift: int
    mix_signals: bool
    targets: str
    """What a target is: "class", "signal", or a "row" of the class and the flat signal."""

    def __call__(self, traces, targets, rng):
        """Return augmented traces and their targets."""
        seed = rng.integers(2**63)
        is_row = self.targets == "row"
        signals = targets[:, 1:].reshape(traces.shape) if is_row else targets
        if self.mix_signals:
            traces, signals = mix_signals(traces, signals, rng)
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
    """Put the signals into the noise of random traces, each at the time of another signal.

    The noise of each trace, which is the trace without its signal, is used once. The number of
    traces with a signal, the amplitudes of the signals and the distribution of their times stay
    the same.
    """
    n_traces, n_samples = len(traces), traces.shape[-1]
    rows = np.flatnonzero(signals.reshape(n_traces, -1).any(axis=1))
    chosen = signals[rng.permutation(rows)]
    peaks = np.abs(chosen).reshape(len(rows), -1, n_samples).max(axis=1).argmax(axis=1)
    shifts = peaks[rng.permutation(len(rows))] - peaks
    columns = (np.arange(n_samples) - shifts[:, None]) % n_samples
    columns = columns.reshape(len(rows), *[1] * (traces.ndim - 2), n_samples)
    mixed = np.zeros_like(signals)
    mixed[rng.permutation(n_traces)[: len(rows)]] = np.take_along_axis(chosen, columns, axis=-1)
    return traces - signals + mixed, mixed
