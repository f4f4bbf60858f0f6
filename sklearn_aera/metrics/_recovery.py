"""Quality of recovered signals: energy, peak, error and remaining noise."""

from typing import NamedTuple

import numpy as np
import scipy.signal

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_real, check_rows, check_sampling_rate, window_samples
from sklearn_aera.metrics._detection import Interval, binomial_interval

_FLOATS = (np.float64, np.float32)
_PARAMETERS = {
    "traces": """
traces : array-like of shape (n_traces, n_samples)
    In mV.""",
    "pair": """
true_signals, recovered : array-like of shape (n_traces, n_samples)
    True and recovered signals, both in the same unit.""",
}


class PulsePeak(NamedTuple):
    """Amplitude and time of the peak of each trace's envelope, see `pulse_peak`."""

    amplitude: np.ndarray
    time: np.ndarray


class InventedPulses(NamedTuple):
    """Rate and energy of pulses recovered from noise alone, see `invented_pulses`."""

    rate: Interval
    energy: float


@fill_docstring(**_PARAMETERS)
def trace_energy(traces, *, sampling_rate=180.0, window=None):
    """Energy of traces: the sum of squares times the sampling interval.

    Parameters
    ----------
    %(traces)s
    %(sampling_rate)s
    %(window)s

    Returns
    -------
    ndarray of shape (n_traces,), float64
        In mV^2 us.

    Raises
    ------
    ValueError
        If the traces are not finite or the window holds no sample.

    Examples
    --------
    >>> from sklearn_aera.metrics import trace_energy
    >>> trace_energy([[0.0, 3.0, -4.0, 1.0]], sampling_rate=2.0)
    array([13.])
    >>> trace_energy([[0.0, 3.0, -4.0, 1.0]], sampling_rate=2.0, window=(1.0, 2.0))
    array([8.5])
    """
    traces = check_rows(traces, "traces", _FLOATS)
    traces = traces[:, window_samples(window, "window", sampling_rate, traces.shape[1])]
    return np.einsum("ij,ij->i", traces, traces, dtype=np.float64) / float(sampling_rate)


@fill_docstring(**_PARAMETERS)
def energy_ratio(true_signals, recovered, *, sampling_rate=180.0, window=None):
    """Ratio of the energies of recovered and true signals, trace by trace.

    Parameters
    ----------
    %(pair)s
    %(sampling_rate)s
    %(window)s

    Returns
    -------
    ndarray of shape (n_traces,), float64
        NaN where the true signal is zero.

    Raises
    ------
    ValueError
        If the arrays are not finite or differ in shape, or ``window`` holds no sample.

    Examples
    --------
    >>> from sklearn_aera.metrics import energy_ratio
    >>> energy_ratio([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    array([0.5, nan])
    """
    true_signals, recovered = _check_pair(true_signals, recovered)
    truth, found = (
        trace_energy(traces, sampling_rate=sampling_rate, window=window)
        for traces in (true_signals, recovered)
    )
    return np.divide(found, truth, out=np.full(len(truth), np.nan), where=truth > 0)


@fill_docstring(**_PARAMETERS)
def pulse_peak(traces, *, sampling_rate=180.0):
    """Amplitude and time of the maximum of the Hilbert envelope.

    The envelope does not depend on the phase of a pulse, unlike its largest sample.

    Parameters
    ----------
    %(traces)s
    %(sampling_rate)s

    Returns
    -------
    PulsePeak
        Named tuple of ``amplitude`` (n_traces,), in mV, and ``time`` (n_traces,), in us from the
        first sample. The time is that of a sample.

    Raises
    ------
    ValueError
        If the traces are not finite, or ``sampling_rate`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import pulse_peak
    >>> t = np.arange(500) / 180.0
    >>> pulse = 0.3 * np.exp(-(((t - 1.5) / 0.02) ** 2)) * np.sin(2 * np.pi * 55.0 * (t - 1.5))
    >>> amplitude, time = pulse_peak([pulse, -pulse])
    >>> amplitude.round(2), time.round(2)
    (array([0.3, 0.3]), array([1.5, 1.5]))
    """
    traces, rate = check_rows(traces, "traces", _FLOATS), check_sampling_rate(sampling_rate)
    envelope = np.abs(scipy.signal.hilbert(traces, axis=1))
    return PulsePeak(envelope.max(axis=1), envelope.argmax(axis=1) / rate)


@fill_docstring(**_PARAMETERS)
def normalized_mean_squared_error(true_signals, recovered):
    """Squared error of the recovered signals, relative to the energy of the true signals.

    The error is ``sum (r - s)^2 / sum s^2``, with sums over all samples of all traces. A perfect
    recovery has 0, a recovered signal of zeros has 1. The posterior mean of the signal minimises
    the error.

    Parameters
    ----------
    %(pair)s

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the arrays differ in shape or are not finite, or all true signals are zero.

    Examples
    --------
    >>> from sklearn_aera.metrics import normalized_mean_squared_error
    >>> normalized_mean_squared_error([[0.0, 2.0, 0.0]], [[0.0, 1.0, 1.0]])
    0.5
    """
    true_signals, recovered = _check_pair(true_signals, recovered)
    energy = _sum_of_squares(true_signals)
    if energy == 0:
        raise ValueError("true_signals must not all be zero")
    return _sum_of_squares(recovered - true_signals) / energy


def snr_gain(true_signals, traces, recovered):
    """Gain in signal-to-noise ratio by the recovery, in dB.

    The gain is ``10 log10( sum (x - s)^2 / sum (r - s)^2 )``, with sums over all samples of all
    traces: the power of the noise before recovery over the power of the error after it. Lost
    parts of the signal count as error.

    Parameters
    ----------
    true_signals, traces, recovered : array-like of shape (n_traces, n_samples)
        True signals, measured traces and recovered signals, all in the same unit.

    Returns
    -------
    float
        In dB; infinite if the recovery is perfect.

    Raises
    ------
    ValueError
        If the arrays differ in shape or are not finite, or the traces are free of noise.

    Examples
    --------
    >>> from sklearn_aera.metrics import snr_gain
    >>> snr_gain([[0.0, 2.0, 0.0]], [[1.0, 3.0, -1.0]], [[0.1, 2.1, -0.1]]).__round__(1)
    20.0
    """
    true_signals, recovered = _check_pair(true_signals, recovered)
    true_signals, traces = _check_pair(true_signals, traces, "traces")
    noise = _sum_of_squares(traces - true_signals)
    if noise == 0:
        raise ValueError("traces must differ from true_signals: there is no noise in them")
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(noise / np.float64(_sum_of_squares(recovered - true_signals))))


@fill_docstring(**_PARAMETERS)
def invented_pulses(recovered, threshold, *, sampling_rate=180.0, confidence_level=0.6827):
    """Rate and mean energy of pulses that are recovered from noise alone.

    Parameters
    ----------
    recovered : array-like of shape (n_traces, n_samples)
        Signals recovered from traces without a pulse, in mV.
    threshold : float
        Amplitude in mV above which the peak of the envelope (see `pulse_peak`) counts as a pulse.
        `threshold_at_fpr` can choose it, with the amplitudes as scores.
    %(sampling_rate)s
    %(confidence_level)s

    Returns
    -------
    InventedPulses
        Named tuple of ``rate``, the share of traces with an invented pulse and its exact interval
        (value, low, high), and ``energy``, the mean energy of the invented pulses in mV^2 us,
        NaN without any.

    Raises
    ------
    ValueError
        If the traces are not finite, or ``threshold`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import invented_pulses
    >>> recovered = np.zeros((100, 500))
    >>> recovered[:3, 200:204] = [1.0, -2.0, 2.0, -1.0]
    >>> rate, energy = invented_pulses(recovered, 1.5)
    >>> rate.value, round(energy, 3)
    (0.03, 0.056)
    """
    threshold = check_real(threshold, "threshold", min_val=0.0)
    recovered = check_rows(recovered, "recovered", _FLOATS)
    is_pulse = pulse_peak(recovered, sampling_rate=sampling_rate).amplitude > np.float64(threshold)
    energy = trace_energy(recovered, sampling_rate=sampling_rate)[is_pulse]
    rate = binomial_interval(int(is_pulse.sum()), len(is_pulse), confidence_level)
    return InventedPulses(rate, float(energy.mean()) if energy.size else float("nan"))


def _check_pair(true_signals, other, name="recovered"):
    """Return both as finite arrays of the same shape."""
    true_signals = check_rows(true_signals, "true_signals", _FLOATS)
    other = check_rows(other, name, _FLOATS)
    if other.shape != true_signals.shape:
        raise ValueError(
            f"{name} must have the shape of true_signals, {true_signals.shape}, got {other.shape}"
        )
    return true_signals, other


def _sum_of_squares(traces):
    return float(np.einsum("ij,ij->", traces, traces, dtype=np.float64))
