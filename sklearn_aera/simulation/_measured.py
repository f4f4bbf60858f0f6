"""Measured background noise."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_aera._base import Documented
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import (
    check_interval,
    check_sampling_rate,
    equal_rates,
    shown,
)
from sklearn_aera.simulation._recording_checks import as_recordings, check_samples


@fill_docstring()
class MeasuredNoise(Documented):
    """Background noise from random segments of recordings.

    The event's random numbers select the segment: an event always gets the same background.
    Segments of different events may overlap: use different recordings for training and test.

    Parameters
    ----------
    recordings : array-like of shape (n_recordings, n_times), or Recording
        Recorded background without pulses, in mV, at least as long as a trace; for several
        channels an array of shape (n_recordings, n_channels, n_times). Their mean must be
        subtracted. An array, which may be a memory map, is used without a copy. The simulator's
        frequency response is not applied to it, since recordings already contain it. Each
        antenna of a `sklearn_aera.datasets.Recording` is one of the recordings: select one, as
        in ``recording[0]``, to train a detector for its spectrum.
    sampling_rate : float, default=180.0
        Sampling rate of the recordings in MHz, equal to that of the simulator. A `Recording`
        says its own.
    exclude : sequence of (float, float), default=()
        Times in us that hold a pulse, from and to: no trace contains them. The time of the first
        sample is zero, or that of the `Recording`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.simulation import MeasuredNoise, TraceSimulator
    >>> recordings = np.random.default_rng(0).normal(size=(10, 2000))
    >>> events, y = make_events(3, random_state=0)
    >>> noise = MeasuredNoise(recordings)
    >>> TraceSimulator(noise=noise, random_state=0).fit_transform(events).shape
    (3, 500)
    """

    n_uniform = 2
    n_normal = 0

    def __init__(self, recordings, sampling_rate=180.0, exclude=()):
        self.recordings = recordings
        self.sampling_rate = sampling_rate
        self.exclude = exclude

    def prepare(self, grid):
        """Check the recordings.

        They must be as long as a trace and noise: finite, without a pedestal and without times
        of one value, apart from the excluded times. There is a warning if they are clipped.

        %(prepared)s
        """
        recordings = as_recordings(self.recordings)
        rate = check_sampling_rate(getattr(self.recordings, "sampling_rate", self.sampling_rate))
        if not equal_rates(rate, grid.sampling_rate):
            raise ValueError(
                f"sampling_rate of the recordings must be the simulator's, "
                f"{grid.sampling_rate} MHz, got {rate} MHz"
            )
        if recordings.shape[-1] < grid.n_samples:
            raise ValueError(
                f"recordings must be at least as long as a trace of {grid.n_samples} samples, "
                f"got {recordings.shape[-1]}"
            )
        starts = self._allowed_starts(recordings.shape[-1], grid)
        check_samples(recordings, np.add(starts, [0, grid.n_samples - 1]), grid.n_samples)
        self.recordings_, self.n_samples_, self.starts_ = recordings, grid.n_samples, starts
        return self

    def __sklearn_clone__(self):
        """Return a copy with the same recordings, which nothing changes: they may be large."""
        return type(self)(**self.get_params(deep=False))

    def traces(self, uniform, normal):
        """Return segments selected by uniform random numbers.

        Parameters
        ----------
        uniform : ndarray of shape (n_events, 2)
            Numbers that select the recording and the first sample.
        normal : ignored

        %(in_mV)s
        """
        windows = sliding_window_view(self.recordings_, self.n_samples_, axis=-1)
        recording = np.floor(uniform[:, 0] * len(windows)).astype(int)
        first, behind = self.starts_.T
        n_before = np.cumsum(behind - first)
        rank = np.floor(uniform[:, 1] * n_before[-1]).astype(int)
        part = np.searchsorted(n_before, rank, side="right")
        first_sample = behind[part] - n_before[part] + rank
        return windows[recording, ..., first_sample, :].astype(np.float32)

    def _allowed_starts(self, n_times, grid):
        """Return the ranges of first samples of traces, (n_ranges, 2), between excluded times."""
        is_array = isinstance(self.exclude, np.ndarray) and self.exclude.ndim > 0
        if not (is_array or isinstance(self.exclude, list | tuple)):
            raise TypeError(f"exclude must be a list of pairs of times, got {shown(self.exclude)}")
        zero = getattr(self.recordings, "first_time", 0.0)
        ends = [0]
        for times in sorted(check_interval(times, "exclude") for times in self.exclude):
            low, high = (np.array(times) - zero) * grid.sampling_rate
            ends += [np.floor(low + 1e-6) - grid.n_samples + 1, np.floor(high + 1e-6) + 1]
        ends = np.clip([*ends, n_times - grid.n_samples + 1], 0, n_times - grid.n_samples + 1)
        starts = np.maximum.accumulate(ends[::2].astype(int)), ends[1::2].astype(int)
        ranges = np.column_stack(starts)
        ranges = ranges[ranges[:, 1] > ranges[:, 0]]
        if len(ranges) == 0:
            raise ValueError(
                f"exclude must leave a trace of {grid.n_samples} samples, got {shown(self.exclude)}"
            )
        return ranges
