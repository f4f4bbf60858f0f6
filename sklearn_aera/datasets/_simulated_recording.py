"""Simulate long recordings with pulses at known times."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import Bunch

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._random import draw_seed
from sklearn_aera._recording import Recording
from sklearn_aera._validation import check_count, check_part, check_real
from sklearn_aera.datasets._events import make_events
from sklearn_aera.datasets._traces import named_columns
from sklearn_aera.simulation import TraceSimulator

# Length of the traces that are joined to noise, and of a pulse, in samples. Pulses behind a brick
# wall ring; 2 048 samples at 180 MHz are 11 us.
_BLOCK, _PULSE = 16_384, 2048
# Blocks of the noise from which its RMS is measured.
_N_RMS = 16
_POSITIVE = {"min_val": 0.0, "include_boundaries": "neither"}
# Share of the time from one pulse to the next within which a pulse is placed at random.
_SPREAD = 0.5


@fill_docstring()
def make_recording(
    duration, *, n_antennas=1, simulator=None, pulse_rate=0.0, snr=(0.5, 5.0),
    spectral_slope=(-30.0, 0.0), random_state=None,
):  # fmt: skip
    """Simulate a recording of any length, with pulses at known times.

    The samples are computed when they are read. Any piece is a pure function of the parameters,
    the seed and its time, to float32 round-off.

    Parameters
    ----------
    duration : float
        In us.
    n_antennas : int, default=1
        Antennas with independent noise. A pulse arrives at all of them at the same time.
    simulator : TraceSimulator, default=None
        Its pulses, noise, response and sampling rate are used, and not its other parameters. None
        means ``TraceSimulator()``.
    pulse_rate : float, default=0.0
        Pulses per second. They follow each other at this rate, each at a random time within the
        middle half of its interval.
    snr : float or (float, float), default=(0.5, 5.0)
        Signal-to-noise ratio: largest absolute value of the pulse over the RMS of the noise, that
        of the first 131 072 samples of the first antenna, and not of each trace.
    spectral_slope : float or (float, float), default=(-30.0, 0.0)
        Range of spectral slopes per GHz.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise and of the pulses.

    Returns
    -------
    Bunch
        - recording : Recording, in mV
        - events : ndarray of shape (n_pulses, 5), the event table of the pulses; arrival times are
          those of the recording
        - snr, arrival_time, event_id : ndarrays of shape (n_pulses,), columns of the event table

    Raises
    ------
    ValueError, TypeError
        If a parameter is not valid, or pulses would follow each other within 2 048 samples.

    Notes
    -----
    Noise traces of 16 384 samples overlap by half, and are faded into one another with the sine
    and the cosine of a phase: the power is the same at all times. A carrier keeps its phase for
    such a time, 45 us at 180 MHz.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_recording
    >>> stream = make_recording(1000.0, pulse_rate=10_000.0, snr=4.0, random_state=0)
    >>> stream.recording
    <Recording of 1 antenna, 180000 samples at 180 MHz, 1000.0 us from 0.0 us>
    >>> stream.arrival_time[:3].round()
    array([ 60., 161., 256.])
    """
    duration = check_real(duration, "duration", **_POSITIVE)
    n_antennas = check_count(n_antennas, "n_antennas", max_val=10_000)
    rate = check_real(pulse_rate, "pulse_rate", min_val=0.0, max_val=1e6)
    seed = draw_seed(random_state)
    simulator = check_part(simulator, "simulator", TraceSimulator, "simulate")
    simulator.set_params(random_state=seed, n_bits=None)
    n_times = round(duration * simulator.sampling_rate)
    events = np.zeros((0, 5))
    options = {"snr": snr, "spectral_slope": spectral_slope, "random_state": seed}
    make_events(1, **options)
    if rate * duration >= 1e6:
        events = _pulses(duration, 1e6 / rate, options)
        if 1e6 / rate * (1 - _SPREAD) * simulator.sampling_rate < _PULSE:
            raise ValueError(f"pulse_rate must leave {_PULSE} samples between pulses, got {rate:g}")
    source = _Simulated(simulator, (n_antennas, n_times), events)
    recording = Recording(source, simulator.sampling_rate)
    return Bunch(recording=recording, events=events, **named_columns(events))


def _pulses(duration, spacing, options):
    """Return the events of pulses, one in each interval of this length."""
    n_pulses = int(duration / spacing)
    within = spacing * (1 - _SPREAD) / 2, spacing * (1 + _SPREAD) / 2
    events, _ = make_events(max(n_pulses, 1), signal_fraction=1.0, arrival_time=within, **options)
    events = events[:n_pulses]
    events[:, 2] += spacing * np.arange(n_pulses)
    return events


class _Simulated:
    """Samples of noise and pulses, computed when they are read."""

    def __init__(self, simulator, shape, events):
        self.shape, self._events = shape, events
        first = np.array([[0, 0.0, 0.0, 0.0, 1.0]])
        self._noise = clone(simulator).set_params(n_samples=_BLOCK).fit(first)
        self._pulse = clone(simulator).set_params(n_samples=_PULSE).fit(first)
        self._rate = float(simulator.sampling_rate)
        self._fade = np.sin(np.pi * (np.arange(_BLOCK) + 0.5) / _BLOCK).astype(np.float32)
        noise = self._blocks(0, np.arange(_N_RMS))
        if noise.ndim != 2:
            raise ValueError("simulator must be for one channel")
        self._rms = float(np.sqrt(np.mean(noise.astype(np.float64) ** 2)))

    def read(self, rows, start, stop):
        """Return samples of some antennas, of shape (n_rows, stop - start), float32."""
        signal = self._signal(start, stop)
        return np.stack([self._background(int(row), start, stop) + signal for row in rows])

    def _blocks(self, antenna, number):
        """Return traces of noise; each has an event of its own."""
        events = np.zeros((len(number), 5))
        events[:, 0], events[:, 4] = number * self.shape[0] + antenna, 1.0
        return self._noise.transform(events)

    def _background(self, antenna, start, stop):
        """Return noise: two blocks overlap at any time."""
        half = _BLOCK // 2
        first, last = start // half, max(stop - 1, start) // half
        blocks = self._blocks(antenna, np.arange(first, last + 2)) * self._fade
        halves = blocks[1:, :half] + blocks[:-1, half:]
        return halves.ravel()[start - first * half : stop - first * half]

    def _signal(self, start, stop):
        """Return the pulses, which are the same in all antennas."""
        signal = np.zeros(stop - start, np.float32)
        begins = np.rint(self._events[:, 2] * self._rate).astype(int) - _PULSE // 2
        near = np.flatnonzero((begins + _PULSE > start) & (begins < stop))
        if near.size == 0:
            return signal
        events = self._events[near].copy()
        events[:, 2] -= begins[near] / self._rate
        pulses = self._pulse.simulate(events)[1]
        pulses *= (events[:, 1] * self._rms / np.abs(pulses).max(axis=1))[:, None]
        for begin, pulse in zip(begins[near] - start, pulses, strict=True):
            into = slice(max(begin, 0), min(begin + _PULSE, len(signal)))
            signal[into] += pulse[into.start - begin : into.stop - begin]
        return signal
