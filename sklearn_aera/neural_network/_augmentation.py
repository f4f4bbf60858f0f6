"""Augmentation: traces with the other polarity or moved in time."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Augmentation(NamedTuple):
    """Random changes of the training traces, other ones in each epoch; see `flip_and_shift`."""

    flip_polarity: bool
    max_shift: int
    targets_too: bool
    """Whether the targets are signals, which are flipped and shifted with their traces."""

    def __call__(self, traces, targets, rng):
        """Augmented traces and their targets."""
        seed = rng.integers(2**63)
        options = {"flip_polarity": self.flip_polarity, "max_shift": self.max_shift}
        traces = flip_and_shift(traces, np.random.default_rng(seed), **options)
        if self.targets_too:
            targets = flip_and_shift(targets, np.random.default_rng(seed), **options)
        return traces, targets


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
