"""From event table to traces."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_choice, check_count, check_real
from sklearn_aera._frequency_grid import FrequencyGrid
from sklearn_aera._events import EVENT_COLUMNS, check_events
from sklearn_aera.simulation._noise import AntennaNoise
from sklearn_aera.simulation._pulse import AnalyticPulse
from sklearn_aera.simulation._bandpass import BandPass
from sklearn_aera._streams import event_draws

# Events per chunk: the arrays of a chunk stay in the processor's cache.
_CHUNK_SIZE = 256


class TraceSimulator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Simulate the voltage traces of events: noise, and a pulse where ``snr`` is above zero.

    A trace is a pure function of the parameters, the seed and its row of the event table: any
    subset, order or chunk of the events, in any process, gives the same traces to float32
    round-off. Two rows with one event_id and different physics share their noise.

    Parameters
    ----------
    pulse : AnalyticPulse or PulseLibrary, default=None
        Shape of the pulses; None stands for ``AnalyticPulse()``.
    noise : AntennaNoise or MeasuredNoise, default=None
        The background; None stands for ``AntennaNoise()``.
    response : BandPass, default=None
        The station's band, which pulses and antenna noise pass; None stands for ``BandPass()``.
    sampling_rate : float, default=180.0
        In MHz.
    n_samples : int, default=500
        Length of a trace; 500 samples at 180 MHz are 2.78 us.
    snr_reference : {"noise", "trace"}, default="noise"
        The signal-to-noise ratio is max|signal| over the RMS, across all samples of the trace,
        of that trace's own noise (the lecture's definition) or of the whole measured trace,
        signal included (the textbook's).
    n_bits : int or None, default=None
        Resolution of the digitiser; None for no quantisation. AERA has 12 bits.
    full_scale : float, default=2.048
        The digitiser's range is plus or minus this many mV, beyond which traces are clipped
        (assumption: one step of 12 bits is then 1 uV, 1 % of the default noise). Not used
        without ``n_bits``.
    random_state : int, RandomState instance or None, default=None
        Seed of all events. With None a fitted simulator keeps the seed drawn in `fit`.
    n_jobs : int or None, default=None
        Number of threads, as in joblib.

    Attributes
    ----------
    seed_ : int
    pulse_, noise_, response_ : objects
        The parts in use, prepared for ``band_``.
    band_ : FrequencyGrid
        Frequency grid of the synthesis.
    n_features_in_ : int
        Number of columns of the event table, 5.

    See Also
    --------
    sklearn_aera.datasets.make_events : Draws event tables.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.simulation import TraceSimulator
    >>> events, y = make_events(6, random_state=0)
    >>> simulator = TraceSimulator(random_state=0).fit(events)
    >>> simulator.transform(events).shape
    (6, 500)
    >>> traces, signals = simulator.simulate(events[y == 1])
    >>> snr = abs(signals).max(axis=1) / (traces - signals).std(axis=1)
    >>> bool(abs(snr - events[y == 1, 1]).max() < 0.01)
    True
    """

    def __init__(
        self,
        pulse=None,
        noise=None,
        response=None,
        sampling_rate=180.0,
        n_samples=500,
        snr_reference="noise",
        n_bits=None,
        full_scale=2.048,
        random_state=None,
        n_jobs=None,
    ):
        self.pulse = pulse
        self.noise = noise
        self.response = response
        self.sampling_rate = sampling_rate
        self.n_samples = n_samples
        self.snr_reference = snr_reference
        self.n_bits = n_bits
        self.full_scale = full_scale
        self.random_state = random_state
        self.n_jobs = n_jobs

    @one_task
    def fit(self, X, y=None):
        """Check the parameters and the events, and prepare the parts.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_events, 5)
            Event table, see `sklearn_aera.datasets.EVENT_COLUMNS`.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or a column of the events is not valid.
        """
        self._check_parameters()
        self.seed_ = draw_seed(self.random_state)
        self.response_ = _part(self.response, "response", BandPass, "gain")
        pulse = _part(self.pulse, "pulse", AnalyticPulse, "spectra")
        noise = _part(self.noise, "noise", AntennaNoise, "traces")
        self.band_ = FrequencyGrid.of(self.response_, self.sampling_rate, self.n_samples)
        self.pulse_ = pulse.prepare(self.band_)
        self.noise_ = noise.prepare(self.band_)
        self._check_input(X)
        self.n_features_in_ = len(EVENT_COLUMNS)
        self._n_features_out = self.n_samples
        return self

    def transform(self, X):
        """Simulate the traces of events.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_events, 5)
            Event table.

        Returns
        -------
        ndarray of shape (n_events, n_samples), float32
            In mV.
        """
        return self._simulate(X, with_signals=False)[0]

    def simulate(self, X):
        """Simulate traces together with the true signals in them.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_events, 5)
            Event table.

        Returns
        -------
        traces : ndarray of shape (n_events, n_samples), float32
            In mV.
        signals : ndarray of shape (n_events, n_samples), float32
            The pulse alone, in mV, before the digitiser; zero where ``snr`` is zero.
        """
        return self._simulate(X, with_signals=True)

    def _simulate(self, X, with_signals):
        check_is_fitted(self)
        events = self._check_input(X)
        shape = (len(events), self.n_samples)
        traces = np.empty(shape, dtype=np.float32)
        signals = np.zeros(shape, dtype=np.float32) if with_signals else None
        chunks = [slice(start, start + _CHUNK_SIZE) for start in range(0, len(events), _CHUNK_SIZE)]
        Parallel(n_jobs=self.n_jobs, require="sharedmem")(
            delayed(self._fill)(events[chunk], traces[chunk], with_signals and signals[chunk])
            for chunk in chunks
        )
        return traces, signals

    def _fill(self, events, traces, signals):
        """Simulate one chunk into ``traces`` and, unless False, ``signals``."""
        event_id, snr, arrival_time, slope, polarity = events.T
        uniform, normal = event_draws(
            self.seed_,
            event_id.astype(np.uint64),
            self.pulse_.n_uniform + self.noise_.n_uniform,
            self.noise_.n_normal,
        )
        pulse_uniform, noise_uniform = np.split(uniform, [self.pulse_.n_uniform], axis=1)
        traces[:] = self.noise_.traces(noise_uniform, normal)
        rows = np.flatnonzero(snr > 0)
        if rows.size:
            spectra = self.pulse_.spectra(slope[rows], pulse_uniform[rows])
            spectra *= self.band_.gain.astype(np.float32)
            spectra *= self.band_.delay(arrival_time[rows])
            pulses = self.band_.synthesize(spectra)
            pulses *= polarity[rows, None].astype(np.float32)
            pulses *= self._amplitude(snr[rows], pulses, traces[rows])[:, None]
            traces[rows] += pulses
            if signals is not False:
                signals[rows] = pulses
        if self.n_bits is not None:
            _quantize(traces, self.n_bits, self.full_scale)

    def _amplitude(self, snr, pulses, noise):
        """Factor that gives each pulse its signal-to-noise ratio, shape (n_pulses,), float32."""
        peak = np.abs(pulses).max(axis=1).astype(float)
        noise_power = _mean_product(noise, noise)
        if not noise_power.all():
            raise ValueError("noise is zero throughout a trace: no signal-to-noise ratio exists")
        if self.snr_reference == "noise":
            return (snr * np.sqrt(noise_power) / peak).astype(np.float32)
        # (a peak)^2 = snr^2 (noise_power + 2 a cross + a^2 pulse_power), solved for a > 0.
        cross = _mean_product(noise, pulses)
        quadratic = peak**2 - snr**2 * _mean_product(pulses, pulses)
        if not np.all(quadratic > 0):
            row = int(np.argmin(quadratic))
            limit = peak[row] / np.sqrt(_mean_product(pulses[row], pulses[row]))
            raise ValueError(
                f"snr={snr[row]} cannot be reached with snr_reference='trace': the peak of this "
                f"pulse is only {limit:.2f} times the RMS of its own trace"
            )
        half_linear = snr**2 * cross
        root = np.sqrt(half_linear**2 + quadratic * snr**2 * noise_power)
        return ((half_linear + root) / quadratic).astype(np.float32)

    def _check_parameters(self):
        check_real(self.sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither")
        check_count(self.n_samples, "n_samples", min_val=2)
        check_choice(self.snr_reference, "snr_reference", ("noise", "trace"))
        check_real(self.full_scale, "full_scale", min_val=0.0, include_boundaries="neither")
        if self.n_bits is not None:
            check_count(self.n_bits, "n_bits", min_val=2, max_val=24)

    def _check_input(self, X):
        events = check_events(X)
        _, snr, arrival_time, _, _ = events.T
        outside = (snr > 0) & ((arrival_time < 0) | (arrival_time > self.band_.duration))
        if outside.any():
            row = int(np.argmax(outside))
            raise ValueError(
                f"arrival_time must lie within the trace, from 0 to {self.band_.duration:.3f} us, "
                f"got {arrival_time[row]!r} in row {row} of events"
            )
        return events

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The input is an event table with its own five columns, not any 2-D array.
        tags.input_tags.two_d_array = False
        tags.requires_fit = True
        return tags


def _part(given, name, default, method):
    """A fresh copy of a part of the simulator, so that the parameter itself stays untouched."""
    if given is None:
        return default()
    if not hasattr(given, method):
        raise TypeError(
            f"{name} must be None or have a method {method!r} as {default.__name__} has, "
            f"got {given!r}"
        )
    return clone(given)


def _mean_product(a, b):
    return np.einsum("...i,...i->...", a, b, dtype=np.float64) / a.shape[-1]


def _quantize(traces, n_bits, full_scale):
    """Round to the steps of a digitiser and clip to its range, in place."""
    step = full_scale / 2 ** (n_bits - 1)
    np.rint(traces / np.float32(step), out=traces)
    np.clip(traces, -(2 ** (n_bits - 1)), 2 ** (n_bits - 1) - 1, out=traces)
    traces *= np.float32(step)
