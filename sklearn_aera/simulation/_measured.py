"""Measured background noise."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sklearn_aera._base import Documented
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_rows, check_sampling_rate


@fill_docstring()
class MeasuredNoise(Documented):
    """Background noise from random segments of recordings.

    The event's random numbers select the segment: an event always gets the same background.
    Segments of different events may overlap: use different recordings for training and test.

    Parameters
    ----------
    recordings : array-like of shape (n_recordings, n_times)
        Recorded background without pulses, in mV, at least as long as a trace. The simulator's
        frequency response is not applied to it, since recordings already contain it.
    sampling_rate : float, default=180.0
        Sampling rate of the recordings in MHz, equal to that of the simulator.

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

    def __init__(self, recordings, sampling_rate=180.0):
        self.recordings = recordings
        self.sampling_rate = sampling_rate

    def prepare(self, grid):
        """Check the recordings, which must be as long as a trace and not zero throughout.

        %(prepared)s
        """
        recordings = check_rows(self.recordings, "recordings", np.float32)
        rate = check_sampling_rate(self.sampling_rate)
        if not np.isclose(rate, grid.sampling_rate, rtol=1e-6):
            raise ValueError(
                f"sampling_rate of the recordings must be the simulator's, "
                f"{grid.sampling_rate} MHz, got {rate} MHz"
            )
        if recordings.shape[1] < grid.n_samples:
            raise ValueError(
                f"recordings must be at least as long as a trace of {grid.n_samples} samples, "
                f"got {recordings.shape[1]}"
            )
        silent = np.flatnonzero(~recordings.any(axis=1))
        if silent.size:
            raise ValueError(f"recordings must not be zero throughout, as number {silent[0]} is")
        self.recordings_ = recordings
        self.n_samples_ = grid.n_samples
        return self

    def traces(self, uniform, normal):
        """Return segments selected by uniform random numbers.

        Parameters
        ----------
        uniform : ndarray of shape (n_events, 2)
            Numbers that select the recording and the first sample.
        normal : ignored

        %(in_mV)s
        """
        windows = sliding_window_view(self.recordings_, self.n_samples_, axis=1)
        n_recordings, n_starts, _ = windows.shape
        recording = np.floor(uniform[:, 0] * n_recordings).astype(int)
        start = np.floor(uniform[:, 1] * n_starts).astype(int)
        return windows[recording, start]
