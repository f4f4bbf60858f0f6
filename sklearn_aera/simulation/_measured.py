"""Background cut from recordings."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import check_array

from sklearn_aera._base import Documented
from sklearn_aera._validation import check_real


class MeasuredNoise(Documented):
    """Background cut at random places from recorded traces.

    The cut is chosen by the event's own random numbers, so an event always gets the same
    background. Two events may get overlapping cuts of one recording: keep training and test
    recordings apart.

    Parameters
    ----------
    recordings : array-like of shape (n_recordings, n_times)
        Recorded background without pulses, in mV, at least as long as a trace. It has passed the
        station's band already: the simulator's response is not applied to it.
    sampling_rate : float, default=180.0
        Of the recordings, in MHz; it must be the simulator's.

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

    def prepare(self, band):
        """Check the recordings against a simulator's band; returns self.

        Raises
        ------
        ValueError
            If the recordings are shorter than a trace, sampled at another rate, or silent.
        """
        recordings = check_array(self.recordings, dtype=np.float32, input_name="recordings")
        rate = check_real(self.sampling_rate, "sampling_rate")
        if rate != band.sampling_rate:
            raise ValueError(
                f"sampling_rate of the recordings must be the simulator's, "
                f"{band.sampling_rate} MHz, got {rate} MHz"
            )
        if recordings.shape[1] < band.n_samples:
            raise ValueError(
                f"recordings must be at least as long as a trace of {band.n_samples} samples, "
                f"got {recordings.shape[1]}"
            )
        if not recordings.any(axis=1).all():
            silent = int(np.argmin(recordings.any(axis=1)))
            raise ValueError(f"recordings: number {silent} is zero throughout")
        self.recordings_ = recordings
        self.n_samples_ = band.n_samples
        return self

    def traces(self, uniform, normal):
        """Cuts chosen by two uniform numbers each (recording and start).

        Parameters
        ----------
        uniform : ndarray of shape (n_events, 2)
        normal : ndarray of shape (n_events, 0)

        Returns
        -------
        ndarray of shape (n_events, n_samples), float32
        """
        windows = sliding_window_view(self.recordings_, self.n_samples_, axis=1)
        n_recordings, n_starts, _ = windows.shape
        recording = np.floor(uniform[:, 0] * n_recordings).astype(int)
        start = np.floor(uniform[:, 1] * n_starts).astype(int)
        return windows[recording, start]
