"""The analytic air-shower pulse."""

import numpy as np

from sklearn_aera._base import Documented
from sklearn_aera._validation import check_real


def amplitude_spectrum(frequencies, slope, quadratic_slope=0.0, quadratic_frequency=55.0):
    """Amplitude spectrum of an air-shower pulse, of arbitrary scale.

    ``|E(f)| = A 10**(m f + q (f - f_q)**2)`` (arXiv:1903.07023, arXiv:1905.11185), here with
    A = 1 and f in GHz.

    Parameters
    ----------
    frequencies : array-like of shape (n_frequencies,)
        In MHz.
    slope : float or array-like of shape (n,)
        m, per GHz.
    quadratic_slope : float, default=0.0
        q, per GHz squared.
    quadratic_frequency : float, default=55.0
        f_q, in MHz.

    Returns
    -------
    ndarray of shape (n_frequencies,) or (n, n_frequencies), float32

    Examples
    --------
    >>> from sklearn_aera.simulation import amplitude_spectrum
    >>> float(amplitude_spectrum([0.0, 100.0], -10.0)[1]).__round__(6)
    0.1
    """
    f = np.asarray(frequencies, dtype=float) * 1e-3
    quadratic = quadratic_slope * (f - quadratic_frequency * 1e-3) ** 2
    exponent = np.multiply.outer(np.asarray(slope, dtype=float), f) + quadratic
    return np.exp((np.log(10) * exponent).astype(np.float32))


class AnalyticPulse(Documented):
    """Pulses with an exponential spectrum and a nearly constant phase.

    The slope m of the spectrum is a column of the event table (``spectral_slope``), as are the
    polarity and the arrival time; the arrival time is that of the pulse's envelope peak.
    Measured on CoREAS showers at 30-80 MHz: m from -4.7 to +0.4 per GHz, q from -7 to 30 per
    GHz squared, phase within about -31/+16 degrees of 0 or 180; far from the shower axis m
    reaches -30 per GHz.

    Parameters
    ----------
    quadratic_slope : float, default=0.0
        q of `amplitude_spectrum`, per GHz squared.
    quadratic_frequency : float, default=55.0
        f_q of `amplitude_spectrum`, in MHz (assumption: the middle of the band).
    phase_jitter : float, default=30.0
        The phase of each pulse is uniform within plus or minus this many degrees.

    References
    ----------
    arXiv:1903.07023, arXiv:1905.11185

    Examples
    --------
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.simulation import AnalyticPulse, TraceSimulator
    >>> events, y = make_events(4, random_state=0)
    >>> simulator = TraceSimulator(pulse=AnalyticPulse(phase_jitter=0.0), random_state=0)
    >>> simulator.fit_transform(events).shape
    (4, 500)
    """

    n_uniform = 1

    def __init__(self, quadratic_slope=0.0, quadratic_frequency=55.0, phase_jitter=30.0):
        self.quadratic_slope = quadratic_slope
        self.quadratic_frequency = quadratic_frequency
        self.phase_jitter = phase_jitter

    def prepare(self, band):
        """Check the parameters and take the frequencies of a simulator's band; returns self."""
        check_real(self.quadratic_slope, "quadratic_slope")
        check_real(self.quadratic_frequency, "quadratic_frequency", min_val=0.0)
        check_real(self.phase_jitter, "phase_jitter", min_val=0.0, max_val=180.0)
        self.frequencies_ = band.frequencies
        return self

    def spectra(self, slope, uniform):
        """Spectra of pulses whose envelope peaks at time zero.

        Parameters
        ----------
        slope : ndarray of shape (n_pulses,)
            Per GHz.
        uniform : ndarray of shape (n_pulses, 1)
            One uniform number per pulse, which sets its phase.

        Returns
        -------
        ndarray of shape (n_pulses, n_bins), complex64
            Of arbitrary scale: the simulator scales to the signal-to-noise ratio.
        """
        amplitude = amplitude_spectrum(
            self.frequencies_, slope, self.quadratic_slope, self.quadratic_frequency
        )
        phase = np.deg2rad(self.phase_jitter) * (2 * uniform - 1)
        return amplitude * np.exp(1j * phase).astype(np.complex64)
