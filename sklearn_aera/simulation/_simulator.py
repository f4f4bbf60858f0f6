"""Simulation of the traces of an event table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._arms import check_arms
from sklearn_aera._base import Estimator, one_task
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import EVENT_COLUMNS, check_events, require
from sklearn_aera._frequency_grid import FrequencyGrid
from sklearn_aera._random import draw_seed
from sklearn_aera._streams import event_draws
from sklearn_aera._validation import (
    check_choice,
    check_count,
    check_n_jobs,
    check_part,
    check_real,
)
from sklearn_aera.simulation._bandpass import BandPass
from sklearn_aera.simulation._noise import AntennaNoise
from sklearn_aera.simulation._pulse import AnalyticPulse

# Events per batch: the arrays of a batch stay in the processor's cache.
_BATCH_SIZE = 256


@fill_docstring()
@dataclass(eq=False, repr=False)
class TraceSimulator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Simulate the voltage traces of events: noise, and a pulse where ``snr`` is above zero.

    A trace is a pure function of the parameters, the seed and its row of the event table. Any
    subset, order or batch of the events, in any process, gives the same traces to float32
    round-off. Two rows with the same event_id have the same noise, whatever their pulses.

    Parameters
    ----------
    %(pulse)s
    noise : AntennaNoise or MeasuredNoise, default=None
        Background noise; None for ``AntennaNoise()``.
    %(response)s
        It applies to pulses and to `AntennaNoise`.
    %(sampling_rate)s
    n_samples : int, default=500
        Number of samples of a trace; 500 samples at 180 MHz last 2.78 us.
    arms : sequence of float or "vertical", default=None
        Arms of the antenna, one for each channel: the azimuth of a horizontal arm in degrees, or
        "vertical", as in ``(0, 90)`` or ``(0, 90, "vertical")``. A channel receives the component
        of the electric field along its arm. The event table then has the column "polarization",
        the azimuth of the field in degrees. With None there is one channel, which receives the
        whole field, and traces have no axis for channels.
    %(snr_reference)s
    n_bits : int or None, default=None
        Resolution of the digitiser; None for no quantisation. AERA has 12 bits.
    full_scale : float, default=2.048
        Range of the digitiser: traces are clipped at plus and minus this many mV. With 12 bits,
        one step is then 1 uV, 1 % of the default noise (assumption). Not used without ``n_bits``.
    random_state : int, RandomState instance or None, default=None
        Seed of all events. With None, `fit` draws a seed, which the fitted simulator keeps.
    n_jobs : int or None, default=None
        Number of threads, as in joblib.

    Attributes
    ----------
    seed_ : int
        Seed in use.
    pulse_, noise_, response_ : objects
        Parts in use, prepared for ``frequency_grid_``.
    frequency_grid_ : FrequencyGrid
        Frequency bins on which traces are synthesised.
    arms_ : ndarray of shape (n_channels, 3) or None
        Unit vectors of the arms.
    n_features_in_ : int
        Number of columns of the event table.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.simulation import TraceSimulator
    >>> events, y = make_events(6, as_frame=True, random_state=0)
    >>> simulator = TraceSimulator(random_state=0).fit(events)
    >>> simulator.transform(events).shape
    (6, 500)
    >>> traces, signals = simulator.simulate(events[y == 1])
    >>> snr = abs(signals).max(axis=1) / (traces - signals).std(axis=1)
    >>> bool(abs(snr - events.snr[y == 1]).max() < 0.01)
    True
    """

    pulse: Any = None
    noise: Any = None
    response: Any = None
    sampling_rate: float = 180.0
    n_samples: int = 500
    arms: Sequence | None = None
    snr_reference: str = "noise"
    n_bits: int | None = None
    full_scale: float = 2.048
    random_state: Any = None
    n_jobs: int | None = None

    @one_task
    def fit(self, X, y=None):
        """Check the parameters and the events, and prepare the parts.

        %(event_table)s
        y : ignored

        %(fitted)s
        """
        check_choice(self.snr_reference, "snr_reference", ("noise", "trace"))
        check_real(self.full_scale, "full_scale", min_val=1e-6, max_val=1e6)
        if self.n_bits is not None:
            check_count(self.n_bits, "n_bits", min_val=2, max_val=24)
        check_n_jobs(self.n_jobs)
        self.seed_ = draw_seed(self.random_state)
        self.response_ = check_part(self.response, "response", BandPass, "gain")
        pulse = check_part(self.pulse, "pulse", AnalyticPulse, "spectra")
        noise = check_part(self.noise, "noise", AntennaNoise, "traces")
        grid = FrequencyGrid.from_response(self.response_, self.sampling_rate, self.n_samples)
        self.frequency_grid_ = grid
        self.pulse_, self.noise_ = pulse.prepare(grid), noise.prepare(grid)
        self.arms_ = None if self.arms is None else check_arms(self.arms)
        self.n_features_in_ = self._check_input(X).shape[1]
        self._n_features_out = grid.n_samples
        return self

    def transform(self, X):
        """Simulate the traces of events.

        %(event_table)s

        %(in_mV)s
        """
        return self._simulate(X, with_signals=False)[0]

    def simulate(self, X):
        """Simulate traces and the true signals in them.

        %(event_table)s

        Returns
        -------
        traces : ndarray of shape (n_events, n_samples) or (n_events, n_channels, n_samples)
            In mV, float32.
        signals : ndarray of the shape of ``traces``, float32
            Pulses without noise and quantisation, in mV; zero where ``snr`` is zero.
        """
        return self._simulate(X, with_signals=True)

    def _simulate(self, X, with_signals):
        check_is_fitted(self)
        events = self._check_input(X)
        shape = (len(events), *self._channels, self.frequency_grid_.n_samples)
        traces = np.empty(shape, dtype=np.float32)
        signals = np.zeros(shape, dtype=np.float32) if with_signals else None
        Parallel(n_jobs=check_n_jobs(self.n_jobs), require="sharedmem")(
            delayed(self._fill)(events[b], traces[b], signals[b] if with_signals else None)
            for b in gen_batches(len(events), _BATCH_SIZE)
        )
        return traces, signals

    def _fill(self, events, traces, signals):
        """Simulate a batch into ``traces`` and into ``signals``, unless it is None."""
        event_id, snr = events[:, 0].astype(np.uint64), events[:, 1]
        n_uniform, n_normal = self.pulse_.n_uniform + self.noise_.n_uniform, self.noise_.n_normal
        n_channels = math.prod(self._channels)
        uniform, normal = event_draws(self.seed_, event_id, n_uniform, n_normal * n_channels)
        pulse_uniform, noise_uniform = np.split(uniform, [self.pulse_.n_uniform], axis=1)
        normal = normal.reshape(len(events), *self._channels, n_normal)
        noise = self.noise_.traces(noise_uniform, normal)
        if noise.shape != traces.shape:
            raise ValueError(
                f"noise must have the channels of the simulator's arms: traces of shape "
                f"{traces.shape[1:]}, got {noise.shape[1:]}"
            )
        traces[:] = noise
        rows = np.flatnonzero(snr > 0)
        if rows.size:
            pulses = self._pulses(events[rows], pulse_uniform[rows])
            amplitude = self._amplitude(snr[rows], pulses, traces[rows])
            pulses *= amplitude.reshape(-1, *[1] * (pulses.ndim - 1))
            traces[rows] += pulses
            if signals is not None:
                signals[rows] = pulses
        if self.n_bits is not None:
            _quantize(traces, self.n_bits, self.full_scale)

    @property
    def _channels(self):
        """Shape of the axis of channels, which one channel does not have."""
        return () if self.arms_ is None else (len(self.arms_),)

    def _pulses(self, events, uniform):
        """Return pulses of the size of their spectra, in each channel."""
        grid = self.frequency_grid_
        _, _, arrival_time, slope, polarity, *polarization = events.T
        spectra = self.pulse_.spectra(slope, uniform)
        delay = grid.delay(arrival_time)
        if spectra.ndim == 3:
            spectra, delay = self._along_arms(spectra), delay[:, None]
        spectra *= grid.gain.astype(np.float32)
        spectra *= delay
        pulses = grid.synthesize(spectra)
        if self.arms_ is not None and pulses.ndim == 2:
            along_arms = self.pulse_.directions(polarization[0], uniform) @ self.arms_.T
            pulses = along_arms[:, :, None] * pulses[:, None]
        pulses *= polarity.astype(np.float32).reshape(-1, *[1] * (pulses.ndim - 1))
        return pulses

    def _along_arms(self, spectra):
        if self.arms_ is None:
            raise ValueError("arms must be given for a library of pulses with three components")
        return np.matmul(self.arms_, spectra)

    def _amplitude(self, snr, pulses, noise):
        """Return the factor that gives each pulse its SNR, of shape (n_pulses,), float32.

        In several channels it is the factor with which the first one reaches the SNR.
        """
        if pulses.ndim == 2:
            pulses, noise = pulses[:, None], noise[:, None]
        peak = np.abs(pulses).max(axis=2).astype(float)
        noise_power = _mean_product(noise, noise)
        if not noise_power.all():
            raise ValueError("noise must not be zero throughout a trace with a pulse")
        if not (np.isfinite(peak).all() and peak.any(axis=1).all()):
            raise ValueError("pulse must have spectra that are finite, and not zero in the band")
        snr = snr[:, None]
        if self.snr_reference == "noise":
            with np.errstate(divide="ignore"):
                return (snr * np.sqrt(noise_power) / peak).min(axis=1).astype(np.float32)
        # (a peak)^2 = snr^2 (noise_power + 2 a cross + a^2 pulse_power), solved for a > 0.
        cross = _mean_product(noise, pulses)
        quadratic = peak**2 - snr**2 * _mean_product(pulses, pulses)
        if not np.all((quadratic > 0).any(axis=1)):
            row = int(np.argmin(quadratic.max(axis=1)))
            strongest = pulses[row, peak[row].argmax()]
            limit = peak[row].max() / np.sqrt(_mean_product(strongest, strongest))
            raise ValueError(
                f"snr={snr[row, 0]} cannot be reached with snr_reference='trace': the peak of this "
                f"pulse is only {limit:.2f} times the RMS of its own trace"
            )
        half_linear = snr**2 * cross
        with np.errstate(invalid="ignore", divide="ignore"):
            root = np.sqrt(half_linear**2 + quadratic * snr**2 * noise_power)
            factor = np.where(quadratic > 0, (half_linear + root) / quadratic, np.inf)
        return factor.min(axis=1).astype(np.float32)

    def _check_input(self, X):
        events, duration = check_events(X), self.frequency_grid_.duration
        snr, arrival_time = events[:, 1], events[:, 2]
        inside = (arrival_time >= 0) & (arrival_time <= duration)
        allowed = f"within the trace, from 0 to {duration:.3f} us"
        require(inside | (snr == 0), "arrival_time", arrival_time, allowed)
        if self.arms_ is not None and events.shape[1] == len(EVENT_COLUMNS):
            raise ValueError("events must have the column 'polarization' for a simulator with arms")
        return events

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The input is an event table with five given columns, not an arbitrary 2-D array.
        tags.input_tags.two_d_array = False
        return tags


def _mean_product(a, b):
    return np.einsum("...i,...i->...", a, b, dtype=np.float64) / a.shape[-1]


def _quantize(traces, n_bits, full_scale):
    """Round traces to the steps of a digitiser and clip them to its range, in place."""
    step = full_scale / 2 ** (n_bits - 1)
    np.rint(traces / np.float32(step), out=traces)
    np.clip(traces, -(2 ** (n_bits - 1)), 2 ** (n_bits - 1) - 1, out=traces)
    traces *= np.float32(step)
