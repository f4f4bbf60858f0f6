"""Recordings of several antennas, which are read in pieces."""

from itertools import pairwise

import numpy as np

from sklearn_aera._fir import Filtered, design
from sklearn_aera._public import public_in
from sklearn_aera._validation import (
    as_real_array,
    check_count,
    check_real,
    check_sampling_rate,
    shown,
)

_PIECE = 2**20


class ArraySource:
    """Samples of an array of shape (n_antennas, n_times), such as a memory map."""

    def __init__(self, array):
        self.shape, self._array = array.shape, array

    def read(self, rows, start, stop):
        """Return samples of some antennas, of shape (n_rows, stop - start)."""
        return np.stack([self._array[row, start:stop] for row in rows])


@public_in("sklearn_aera.datasets")
class Recording:
    """Samples of antennas over a time, which stay in their file until they are read.

    `load_recording` makes recordings of files. Indexing selects antennas and times without
    reading: ``recording[:3, 1000:2000]`` is the recording of the first three antennas in these
    samples, and ``recording[2]`` that of one antenna. Times keep their meaning: those of a part
    are times of the whole.

    Parameters
    ----------
    samples : array-like of shape (n_antennas, n_times)
        In mV, or in counts of the digitiser. A memory map is not loaded. Any object will do that
        has this ``shape`` and a method ``read(rows, start, stop)``, which returns an array.
    sampling_rate : float
        In MHz.
    antennas : sequence of str, default=None
        Names of the antennas; None for their numbers.
    start_time : numpy.datetime64, default=None
        Absolute time (UTC) of the time zero; None if it is not known.
    first_time : float, default=0.0
        Time of the first sample in us.
    scale : float, default=None
        mV per count; None if it is not known, or the samples are in mV.
    nyquist_zone : int, default=1
        Number of the band that was sampled: 1 from zero to half the sampling rate, 2 from there
        to the sampling rate, recorded upside down, and so on. `band_pass` unfolds it.
    positions : array-like of shape (n_antennas, 3), default=None
        Of the antennas, in m (east, north, up).

    Attributes
    ----------
    shape : tuple of int
        (n_antennas, n_times).
    duration : float
        In us.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.datasets import Recording
    >>> noise = np.random.default_rng(0).normal(size=(2, 100_000))
    >>> recording = Recording(noise, sampling_rate=180.0)
    >>> recording[0, 1000:1200].read().shape
    (1, 200)
    >>> recording.band_pass(30.0, 80.0, sampling_rate=200.0)
    <Recording of 2 antennas, 110470 samples at 200 MHz, 552.4 us from 1.6 us>
    """

    def __init__(
        self, samples, sampling_rate, *, antennas=None, start_time=None, first_time=0.0,
        scale=None, nyquist_zone=1, positions=None,
    ):  # fmt: skip
        self._source = samples if hasattr(samples, "read") else _array_source(samples)
        self.shape = tuple(self._source.shape)
        self.sampling_rate = check_sampling_rate(sampling_rate)
        self.antennas = _check_names(antennas, self.shape[0])
        self.start_time = None if start_time is None else _check_time(start_time)
        self.first_time = check_real(first_time, "first_time")
        limits = {"min_val": 0.0, "max_val": 1e30, "include_boundaries": "neither"}
        self.scale = None if scale is None else check_real(scale, "scale", **limits)
        self.nyquist_zone = check_count(nyquist_zone, "nyquist_zone", max_val=100)
        self.positions = _check_positions(positions, self.shape[0])

    def __repr__(self):
        n_antennas, n_times = self.shape
        return (
            f"<Recording of {n_antennas} antenna{'s' * (n_antennas != 1)}, {n_times} samples at "
            f"{self.sampling_rate:g} MHz, {self.duration:.1f} us from {self.first_time:.1f} us>"
        )

    @property
    def duration(self):
        """Duration in us."""
        return self.shape[1] / self.sampling_rate

    def time_of(self, sample):
        """Return the time of a sample, or of an array of them, in us."""
        return self.first_time + np.asarray(sample) / self.sampling_rate

    def absolute(self, time):
        """Return times in us as absolute times, NaT if the start is not known."""
        nanoseconds = np.rint(np.asarray(time) * 1e3).astype("timedelta64[ns]")
        start = np.datetime64("NaT", "ns") if self.start_time is None else self.start_time
        return start + nanoseconds

    def read(self, start=0, stop=None):
        """Read samples.

        Parameters
        ----------
        start, stop : int
            Numbers of the first sample, and of that behind the last; None for the end.

        Returns
        -------
        ndarray of shape (n_antennas, stop - start), float32
            In mV if the scale is known, else in the unit of the file.
        """
        start, stop, _ = slice(start, stop).indices(self.shape[1])
        samples = self._source.read(range(self.shape[0]), start, max(start, stop))
        samples = np.asarray(samples, dtype=np.float32)
        return samples if self.scale is None else samples * np.float32(self.scale)

    def pieces(self, size=_PIECE):
        """Yield the samples one after another, in arrays of at most ``size`` samples an antenna."""
        size = check_count(size, "size")
        for start in range(0, self.shape[1], size):
            yield self.read(start, start + size)

    def __array__(self, dtype=None, copy=None):
        return self.read().astype(dtype or np.float32, copy=False)

    def __deepcopy__(self, memo):
        return self  # Nothing changes a recording, and it may be larger than memory.

    def __getitem__(self, key):
        rows, times = key if isinstance(key, tuple) else (key, slice(None))
        if not isinstance(times, slice) or times.step not in (None, 1):
            raise IndexError(f"times must be a range of samples, as in [:, 10:20], got {times}")
        start, stop, _ = times.indices(self.shape[1])
        rows = np.atleast_1d(np.arange(self.shape[0])[rows])
        return self._with(_Part(self._source, rows, start, max(start, stop)), start, rows)

    def between(self, low, high):
        """Return the recording of the times from ``low`` to ``high``, in us."""
        low, high = check_real(low, "low"), check_real(high, "high")
        if high <= low:
            raise ValueError(f"high must be above low={low} us, got {high} us")
        ends = np.ceil((np.array([low, high]) - self.first_time) * self.sampling_rate - 1e-6)
        start, stop = np.clip(ends.astype(int), 0, self.shape[1])
        return self[:, start:stop]

    def split(self, shares=(0.5, 0.25, 0.25)):
        """Divide the time into parts that follow one another, such as training and test.

        Parameters
        ----------
        shares : sequence of float, default=(0.5, 0.25, 0.25)
            Shares of the duration, which sum to at most 1.

        Returns
        -------
        list of Recording

        Raises
        ------
        ValueError
            If the shares are not positive or sum to more than 1.
        """
        limits = {"min_val": 0.0, "include_boundaries": "neither"}
        shares = [check_real(share, "shares", **limits) for share in shares]
        edges = np.cumsum([0.0, *shares])
        if edges[-1] > 1 + 1e-9:
            raise ValueError(f"shares must sum to at most 1, got {edges[-1]:g}")
        edges = np.rint(edges * self.shape[1]).astype(int)
        return [self[:, start:stop] for start, stop in pairwise(edges)]

    def band_pass(self, low, high, *, sampling_rate=None, edge_width=2.0):
        """Return the recording filtered to a band, unfolded and resampled when it is read.

        A symmetric filter of finite length does all at once: zeros are inserted between the
        samples, which mirrors the spectrum at each multiple of half the sampling rate, and the
        filter keeps the true image. It has zero phase. The first and last samples, for which it
        would need samples that were not recorded, are left out.

        Parameters
        ----------
        low, high : float
            Edges of the band in MHz, where the gain is 1/2.
        sampling_rate : float, default=None
            New sampling rate in MHz; None for the lowest multiple of the present rate that holds
            the band.
        edge_width : float, default=2.0
            Width of an edge in MHz, from gain 1 to 0. Frequencies outside are attenuated by
            100 dB.

        Returns
        -------
        Recording

        Raises
        ------
        ValueError
            If the band, with its edges, is not within the Nyquist zone of the recording and below
            half the new sampling rate, or the recording is shorter than the filter.
        """
        zone = (self.nyquist_zone, self.sampling_rate)
        taps, up, down = design(low, high, *zone, sampling_rate, edge_width)
        source = Filtered(self._source, taps, up, down)
        return self._with(
            source, source.delay, sampling_rate=self.sampling_rate * up / down, nyquist_zone=1
        )

    def _with(self, source, shift, rows=slice(None), **changes):
        """Return a recording of another source, which begins ``shift`` samples later."""
        options = {
            "sampling_rate": self.sampling_rate,
            "antennas": np.array(self.antennas)[rows].tolist(),
            "start_time": self.start_time,
            "first_time": self.first_time + shift / self.sampling_rate,
            "scale": self.scale,
            "nyquist_zone": self.nyquist_zone,
            "positions": None if self.positions is None else self.positions[rows],
        }
        return Recording(source, **(options | changes))


class _Part:
    """Some antennas and times of a source."""

    def __init__(self, source, rows, start, stop):
        self.shape = (len(rows), stop - start)
        self._source, self._rows, self._start = source, rows, start

    def read(self, rows, start, stop):
        rows = self._rows[np.asarray(rows, dtype=int)]
        return self._source.read(rows, self._start + start, self._start + stop)


def _array_source(samples):
    samples = as_real_array(samples, "samples")
    if np.ndim(samples) != 2 or 0 in np.shape(samples):
        raise ValueError(
            f"samples must be of shape (n_antennas, n_times), not empty, got {np.shape(samples)}"
        )
    return ArraySource(samples)


def _check_time(start_time):
    try:
        return np.datetime64(start_time, "ns")
    except (ValueError, TypeError, OverflowError):
        raise ValueError(
            f"start_time must be a numpy.datetime64, got {shown(start_time)}"
        ) from None


def _check_names(antennas, n_antennas):
    is_list = isinstance(antennas, list | tuple | np.ndarray) and not np.ma.is_masked(antennas)
    if not (antennas is None or is_list):
        raise TypeError(f"antennas must be a list of names, got {shown(antennas)}")
    names = [str(name) for name in (range(n_antennas) if antennas is None else np.ravel(antennas))]
    if len(names) != n_antennas or len(set(names)) < n_antennas:
        raise ValueError(f"antennas must be {n_antennas} different names, got {names}")
    return names


def _check_positions(positions, n_antennas):
    if positions is None:
        return None
    positions = np.array(as_real_array(positions, "positions"), dtype=np.float64)
    if positions.shape != (n_antennas, 3) or not np.isfinite(positions).all():
        raise ValueError(
            f"positions must be finite, of shape ({n_antennas}, 3), got {positions.shape}"
        )
    return positions
