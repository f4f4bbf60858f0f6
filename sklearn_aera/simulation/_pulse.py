"""Analytic model of an air-shower pulse."""

import numpy as np

from sklearn_aera._arms import direction
from sklearn_aera._base import Documented
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import MAX_SLOPE
from sklearn_aera._validation import check_count, check_interval, check_real, check_reals

# The squares of amplitudes with larger exponents of 10 leave the range of float32.
_MAX_EXPONENT = 15.0


def amplitude_spectrum(frequencies, slope, quadratic_slope=0.0, quadratic_frequency=55.0):
    """Return the amplitude spectrum of an air-shower pulse, at arbitrary scale.

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
    f = check_reals(frequencies, "frequencies", min_val=0.0, max_val=1e6) * 1e-3
    slope = check_reals(slope, "slope", min_val=-MAX_SLOPE, max_val=MAX_SLOPE)
    q = check_real(quadratic_slope, "quadratic_slope", min_val=-1e6, max_val=1e6)
    f_q = check_real(quadratic_frequency, "quadratic_frequency", min_val=0.0, max_val=1e6)
    exponent = np.multiply.outer(slope, f) + q * (f - f_q * 1e-3) ** 2
    if exponent.size and np.abs(exponent.max(axis=-1)).max() > _MAX_EXPONENT:
        raise ValueError(
            "slope and quadratic_slope must give spectra whose largest amplitude is from 1e-15 to "
            f"1e15, got quadratic_slope={q} and slopes from {slope.min()} to {slope.max()}"
        )
    return np.exp((np.log(10) * exponent).astype(np.float32))


@fill_docstring()
class AnalyticPulse(Documented):
    """Pulses with an exponential spectrum and a nearly constant phase.

    The spectral slope m, the polarity and the arrival time are columns of the event table. The
    arrival time is that of the peak of the envelope. Values measured on CoREAS showers at
    30-80 MHz are m from -4.7 to +0.4 per GHz, q from -7 to 30 per GHz squared, and a phase
    within about -31/+16 degrees of 0 or 180. Far from the shower axis m reaches -30 per GHz.

    Parameters
    ----------
    quadratic_slope : float, default=0.0
        q of `amplitude_spectrum`, per GHz squared.
    quadratic_frequency : float, default=55.0
        f_q of `amplitude_spectrum`, in MHz (assumption: the middle of the band).
    phase_jitter : float, default=30.0
        Half width, in degrees, of the uniform distribution of the phase.
    elevation : float or (float, float), default=0.0
        Angle of the electric field above the horizontal plane in degrees, uniform in the range.
        Only a vertical arm of a simulator's ``arms`` makes use of it.

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

    def __init__(
        self, quadratic_slope=0.0, quadratic_frequency=55.0, phase_jitter=30.0, elevation=0.0
    ):
        self.quadratic_slope = quadratic_slope
        self.quadratic_frequency = quadratic_frequency
        self.phase_jitter = phase_jitter
        self.elevation = elevation

    def prepare(self, grid):
        """Check the parameters, and store the frequencies of a grid.

        %(prepared)s
        """
        check_real(self.phase_jitter, "phase_jitter", min_val=0.0, max_val=180.0)
        low, high = check_interval(self.elevation, "elevation", min_val=-90.0, max_val=90.0)
        self.n_uniform = 1 if low == high else 2
        amplitude_spectrum(grid.frequencies, 0.0, self.quadratic_slope, self.quadratic_frequency)
        self.frequencies_ = grid.frequencies
        return self

    def spectra(self, slope, uniform):
        """Return the spectra of pulses, whose phases are set by uniform random numbers.

        %(spectra)s
        """
        quadratic = self.quadratic_slope, self.quadratic_frequency
        amplitude = amplitude_spectrum(self.frequencies_, slope, *quadratic)
        phase = np.deg2rad(float(self.phase_jitter)) * (2 * uniform[:, :1] - 1)
        return amplitude * np.exp(1j * phase).astype(np.complex64)

    def directions(self, polarization, uniform):
        """Return the direction of the electric field of pulses.

        Parameters
        ----------
        polarization : ndarray of shape (n_pulses,)
            Azimuth of the field in degrees.
        uniform : ndarray of shape (n_pulses, n_uniform)
            The numbers that `spectra` is given.

        Returns
        -------
        ndarray of shape (n_pulses, 3), float32
            Unit vectors: components at the azimuths 0 and 90 degrees, and vertical.
        """
        low, high = check_interval(self.elevation, "elevation")
        return direction(polarization, low + (high - low) * uniform[:, -1])

    def shapes(self, spectral_slope, n_slopes):
        """Return the spectra of pulses with equally spaced slopes, from which templates are made.

        Parameters
        ----------
        spectral_slope : float or (float, float)
            Range of slopes per GHz.
        n_slopes : int
            Number of slopes, at the midpoints of equal steps; 1 is used for a single slope.

        Returns
        -------
        spectra : ndarray of shape (n_slopes, n_bins), complex64
            Spectra of phase 0 of pulses whose envelope peaks at time zero.
        phase_jitter : float
            Half width of the distribution of the phase in degrees.
        """
        low, high = check_interval(spectral_slope, "spectral_slope")
        n_slopes = 1 if low == high else check_count(n_slopes, "n_slopes")
        slopes = low + (high - low) * (np.arange(n_slopes) + 0.5) / n_slopes
        return self.spectra(slopes, np.full((n_slopes, 1), 0.5)), float(self.phase_jitter)
