"""Amplitude, energy and time of pulses, and how well any estimate can know them."""

import numbers
from typing import Any, NamedTuple

import numpy as np
import scipy.signal
from scipy.linalg import cho_factor, cho_solve, toeplitz

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_real, check_rows, check_sampling_rate, check_vector
from sklearn_aera.metrics._recovery import trace_energy

_FLOATS = (np.float64, np.float32)
_PARAMETERS = {
    "signals": """
signals : array-like of shape (n_pulses, n_samples)
    Signals without noise, true or recovered, in mV.""",
}
# Largest share of a sample by which the vertex of a parabola can differ from the largest sample.
_HALF = 0.5


class PulseParameters(NamedTuple):
    """Amplitude, energy and time of pulses, each an array or an `Interval` of arrays.

    Parameters
    ----------
    amplitude : ndarray of shape (n_pulses,), or Interval
        Maximum of the Hilbert envelope, in mV; of several channels the largest.
    energy : ndarray of shape (n_pulses,), or Interval
        Sum of squares times the sampling interval, in mV^2 us, over all channels.
    time : ndarray of shape (n_pulses,), or Interval
        Time of the maximum of the envelope, in us from the first sample.
    """

    amplitude: Any
    energy: Any
    time: Any


@fill_docstring(**_PARAMETERS)
def pulse_parameters(signals, *, sampling_rate=180.0):
    """Amplitude, energy and time of the pulse in each signal.

    Amplitude and time are those of the maximum of the Hilbert envelope, which does not depend on
    the phase of the pulse. They are interpolated between samples by a parabola through the
    squares of the envelope at the largest sample and its neighbours. In several channels, they are
    those of the channel with the largest maximum, and the energy is the sum over the channels.

    Parameters
    ----------
    signals : array-like of shape (n_pulses, n_samples) or (n_pulses, n_channels, n_samples)
        Signals without noise, true or recovered, in mV.
    %(sampling_rate)s

    Returns
    -------
    PulseParameters
        Named tuple of ``amplitude``, in mV, ``energy``, in mV^2 us, and ``time``, in us from the
        first sample, each of shape (n_pulses,), float64.

    Raises
    ------
    ValueError
        If the signals are not finite, or ``sampling_rate`` is not positive.

    See Also
    --------
    pulse_peak : Amplitude and time at the sample with the largest envelope.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import pulse_parameters
    >>> t = np.arange(500) / 180.0 - 1.503
    >>> pulse = 0.3 * np.exp(-((t / 0.02) ** 2)) * np.cos(2 * np.pi * 55.0 * t)
    >>> amplitude, energy, time = pulse_parameters([pulse])
    >>> amplitude.round(2), energy.round(5), time.round(4)
    (array([0.3]), array([0.00113]), array([1.503]))
    """
    signals = check_rows(signals, "signals", _FLOATS, channels=True)
    rate = check_sampling_rate(sampling_rate)
    channels = signals.reshape(-1, signals.shape[-1])
    energy = trace_energy(channels, sampling_rate=rate)
    # Relative to the largest sample, so that squares stay within the range of the floats.
    peak = np.abs(channels).max(axis=1, keepdims=True).astype(np.float64)
    relative = np.divide(channels, peak, out=np.zeros(channels.shape), where=peak > 0)
    power = np.abs(scipy.signal.hilbert(relative, axis=1)) ** 2
    rows, largest = np.arange(len(power)), power.argmax(axis=1)
    before, after = (power[rows, (largest + step) % power.shape[1]] for step in (-1, 1))
    centre = power[rows, largest]
    curvature = np.maximum(2 * centre - before - after, np.finfo(float).tiny)
    shift = np.clip((after - before) / (2 * curvature), -_HALF, _HALF)
    highest = centre + (after - before) * shift / 4
    by_pulse = len(signals), -1
    amplitude = (np.sqrt(highest) * peak[:, 0]).reshape(by_pulse)
    time = ((largest + shift) / rate).reshape(by_pulse)
    pulses, strongest = np.arange(len(signals)), amplitude.argmax(axis=1)
    energy = energy.reshape(by_pulse).sum(axis=1)
    return PulseParameters(amplitude[pulses, strongest], energy, time[pulses, strongest])


@fill_docstring(**_PARAMETERS)
def cramer_rao_bound(signals, autocovariance, *, sampling_rate=180.0, phase_std=np.inf):
    """Lowest standard deviations of unbiased estimates of amplitude, energy and time.

    The noise is Gaussian and stationary, and the pulse is known but for its amplitude, arrival time
    and phase. The inverse of the Fisher information ``J = D' C^-1 D`` is the covariance of the best
    estimates (Kay, section 3.9). C is the covariance of the noise, and D has the derivatives of
    the signal s: s itself for the logarithm of the amplitude, -ds/dt for the time and the Hilbert
    transform of s for the phase. Without the phase, whose derivative is orthogonal to s, these
    are the formulas ``1 / sqrt(g' C^-1 g)`` for the amplitude of a pulse A g, and
    ``1 / (A sqrt(g_t' C^-1 g_t))`` for its time, with g_t = dg/dt. The relative error of the energy
    is twice that of the amplitude.

    Prior knowledge of amplitude and time is not part of the bound: an estimate that uses it, such
    as a posterior mean, can have a smaller error. Prior knowledge of the phase is added to the
    information (Van Trees, section 2.4.3).

    Parameters
    ----------
    %(signals)s
    autocovariance : array-like of shape (n_samples,)
        Autocovariance of the noise from lag 0 on, in mV^2, such as ``autocovariance_`` of
        `sklearn_aera.likelihood.LikelihoodRatioClassifier`.
    %(sampling_rate)s
    phase_std : float, default=inf
        Prior standard deviation of the phase in degrees: infinite if the phase is unknown, 0 if it
        is known.

    Returns
    -------
    PulseParameters
        Named tuple of the standard deviations of ``amplitude``, in mV, ``energy``, in mV^2 us, and
        ``time``, in us, each of shape (n_pulses,), float64.

    Raises
    ------
    ValueError
        If the signals are not finite or one is zero, the autocovariance has another length than
        the signals or is not that of noise with power at all frequencies, or ``phase_std`` is
        negative.

    References
    ----------
    Kay 1993, "Fundamentals of Statistical Signal Processing: Estimation Theory", chapter 3,
    ISBN 978-0-13-345711-7. Van Trees 1968, "Detection, Estimation, and Modulation Theory",
    part I, DOI 10.1002/0471221082

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.metrics import cramer_rao_bound, pulse_parameters
    >>> t = np.arange(500) / 180.0 - 1.5
    >>> pulse = 0.3 * np.exp(-((t / 0.02) ** 2)) * np.cos(2 * np.pi * 55.0 * t)
    >>> noise = 0.1**2 * np.eye(500)[0]
    >>> amplitude, energy, time = cramer_rao_bound([pulse], noise)
    >>> amplitude.round(4), energy.round(6), time.round(4)
    (array([0.0666]), array([0.000501]), array([0.0044]))
    """
    signals, rate = (
        check_rows(signals, "signals", (np.float64,)),
        check_sampling_rate(sampling_rate),
    )
    noise = check_vector(autocovariance, "autocovariance")
    if not (isinstance(phase_std, numbers.Real) and phase_std == np.inf):
        phase_std = check_real(phase_std, "phase_std", min_val=0.0)
    if len(noise) != signals.shape[1]:
        raise ValueError(
            f"autocovariance must have one value for each of the {signals.shape[1]} samples, got "
            f"{len(noise)}"
        )
    peak = pulse_parameters(signals, sampling_rate=rate)
    if not (peak.amplitude > 0).all():
        raise ValueError("signals must not be zero: there is no pulse to measure")
    information = _fisher_information(_derivatives(signals, rate), noise)
    if phase_std == 0:
        information = information[:, :2, :2]
    else:
        information[:, 2, 2] += np.deg2rad(phase_std) ** -2
    variance = np.diagonal(np.linalg.inv(information), axis1=1, axis2=2)
    relative, time = np.sqrt(variance[:, 0]), np.sqrt(variance[:, 1])
    return PulseParameters(peak.amplitude * relative, 2 * peak.energy * relative, time)


def _derivatives(signals, rate):
    """Derivatives by log amplitude, time and phase, (n_pulses, 3, n_samples)."""
    n_samples = signals.shape[1]
    spectrum = np.fft.rfft(signals)
    frequencies = 2j * np.pi * np.fft.rfftfreq(n_samples, 1 / rate)
    slope = np.fft.irfft(-frequencies * spectrum, n_samples)
    return np.stack([signals, slope, scipy.signal.hilbert(signals, axis=1).imag], axis=1)


def _fisher_information(derivatives, autocovariance):
    """Return D' C^-1 D for each pulse, (n_pulses, 3, 3)."""
    try:
        factor = cho_factor(toeplitz(autocovariance))
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "autocovariance must be positive definite: there is no noise at some frequency"
        ) from error
    flat = derivatives.reshape(-1, derivatives.shape[-1])
    weighted = cho_solve(factor, flat.T).T.reshape(derivatives.shape)
    return derivatives @ weighted.transpose(0, 2, 1)
