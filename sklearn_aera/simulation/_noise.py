"""Noise of a radio antenna: Galaxy, electronics, narrowband carriers and bursts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson

from sklearn_aera._base import Documented
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_choice, check_interval, check_real, check_reals, shown

_SPEED_OF_LIGHT = 299_792_458.0  # m / s
_BOLTZMANN = 1.380649e-23  # J / K
_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
_JITTER = 0.3  # of the amplitude of a carrier
# Probability that a trace has more bursts than are simulated, and their largest mean number.
_BURST_TAIL, _MAX_BURSTS = 1e-9, 1000.0
# Limits of frequencies in MHz, amplitudes in mV and durations in us: traces then stay finite.
_LIMITS = {"min_val": 1e-6, "max_val": 1e6}


def galactic_brightness(frequencies):
    """Return the radio brightness of the sky after Cane (1979).

    ``I(v) = Ig v**-0.52 (1 - exp(-tau)) / tau + Ieg v**-0.80 exp(-tau)`` with
    ``tau = 5.0 v**-2.1``, v in MHz.

    Parameters
    ----------
    frequencies : array-like of float
        In MHz, positive.

    Returns
    -------
    ndarray of the same shape
        In W / (m^2 Hz sr).

    References
    ----------
    H. V. Cane, "Spectra of the non-thermal radio radiation from the galactic polar regions",
    MNRAS 189 (1979) 465, DOI 10.1093/mnras/189.3.465

    Examples
    --------
    >>> from sklearn_aera.simulation import galactic_brightness
    >>> print(f"{galactic_brightness(55.0):.2e}")
    3.51e-21
    """
    v = check_reals(frequencies, "frequencies", **_LIMITS)
    tau = 5.0 * v**-2.1
    galactic = 2.48e-20 * v**-0.52 * -np.expm1(-tau) / tau
    extragalactic = 1.06e-20 * v**-0.80 * np.exp(-tau)
    return galactic + extragalactic


def galactic_temperature(frequencies):
    """Return the brightness temperature of the sky, ``T = I c**2 / (2 k v**2)``.

    The brightness I is `galactic_brightness`.

    Parameters
    ----------
    frequencies : array-like of float
        In MHz, positive.

    Returns
    -------
    ndarray of the same shape
        In K.

    Examples
    --------
    >>> from sklearn_aera.simulation import galactic_temperature
    >>> galactic_temperature([30.0, 55.0, 80.0]).round()
    array([17781.,  3781.,  1453.])
    """
    v = check_reals(frequencies, "frequencies", **_LIMITS) * 1e6
    return galactic_brightness(frequencies) * _SPEED_OF_LIGHT**2 / (2 * _BOLTZMANN * v**2)


@fill_docstring()
@dataclass(eq=False, repr=False)
class AntennaNoise(Documented):
    """Noise of an antenna: broadband noise, narrowband carriers and optional bursts.

    In several channels, the broadband noise is independent, as it is between orthogonal arms, and
    carriers and bursts are the same (assumption: a transmitter has the same amplitude and phase in
    each channel).

    Broadband noise is Gaussian. Its spectrum is the sum of the galactic brightness temperature
    and the temperature of the electronics, times the squared gain of the station: a matched
    antenna delivers the power k T per Hz. Fourier amplitudes are Rayleigh distributed, so that
    the RMS fluctuates from trace to trace.

    Parameters
    ----------
    rms : float, default=0.1
        Root mean square of broadband noise and carriers together, in mV (about 0.1 mV in the
        textbook data, measured).
    electronics_temperature : float, default=300.0
        Noise temperature of the electronics in K, the same at all frequencies.
    carriers : sequence of float, default=(58.887, 61.523, 68.555, 71.191)
        Frequencies of narrowband transmitters in MHz. The default is AERA's beacon.
    carrier_share : float, default=0.9
        Share of the mean noise power in the carriers, at least 0 and below 1, split evenly among
        them. A larger share makes detection easier, since carriers can be removed.
    carrier_amplitude : {"jitter", "rayleigh"}, default="jitter"
        Distribution of a carrier's amplitude over events: uniform within 30 % of its mean, as for
        a transmitter that is always on, or Rayleigh distributed. Rayleigh amplitudes and random
        phases make the noise exactly Gaussian.
    burst_rate : float, default=0.0
        Mean number of bursts per us. Bursts are pulsed man-made interference, for example from
        power lines.
    burst_duration : float or (float, float), default=(0.03, 0.3)
        Range of the full width at half maximum of a burst's envelope, in us.
    burst_amplitude : float or (float, float), default=(1.0, 5.0)
        Range of the peak amplitude of a burst, in units of ``rms`` (assumption).

    Notes
    -----
    Bursts have a Gaussian envelope, a frequency drawn uniformly from the band and a random phase
    (assumption). Their power is added to that given by ``rms``.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.simulation import AntennaNoise, TraceSimulator
    >>> events, y = make_events(3, signal_fraction=0.0, random_state=0)
    >>> simulator = TraceSimulator(noise=AntennaNoise(carrier_share=0.0), random_state=0)
    >>> simulator.fit_transform(events).std(axis=1).round(2)
    array([0.09, 0.09, 0.09], dtype=float32)
    """

    rms: float = 0.1
    electronics_temperature: float = 300.0
    carriers: Sequence[float] = (58.887, 61.523, 68.555, 71.191)
    carrier_share: float = 0.9
    carrier_amplitude: str = "jitter"
    burst_rate: float = 0.0
    burst_duration: float | tuple = (0.03, 0.3)
    burst_amplitude: float | tuple = (1.0, 5.0)

    def prepare(self, grid):
        """Check the parameters, and compute the spectra of the noise on a frequency grid.

        %(prepared)s
        """
        rms = check_real(self.rms, "rms", **_LIMITS)
        temperature = check_real(
            self.electronics_temperature, "electronics_temperature", min_val=0.0, max_val=1e15
        )
        share = check_real(
            self.carrier_share, "carrier_share", min_val=0.0, max_val=1.0, include_boundaries="left"
        )
        check_choice(self.carrier_amplitude, "carrier_amplitude", ("jitter", "rayleigh"))
        carriers = self._check_carriers(grid, share)
        self._prepare_bursts(grid)
        power = (galactic_temperature(grid.frequencies) + temperature) * grid.gain**2
        self.power_ = (1 - share) * rms**2 * power / power.sum()
        self.carrier_power_ = np.full(len(carriers), share * rms**2 / max(len(carriers), 1))
        phase = 2 * np.pi * np.outer(carriers, grid.times)
        self.carrier_waves_ = np.concatenate([np.cos(phase), np.sin(phase)]).astype(np.float32)
        self.frequency_grid_ = grid
        self.n_normal = 2 * grid.n_bins
        self.n_uniform = 2 * len(carriers) + self._n_burst_uniform
        return self

    def traces(self, uniform, normal):
        """Compute noise traces from standard random numbers.

        Parameters
        ----------
        uniform : ndarray of shape (n_events, n_uniform)
        normal : ndarray of shape (n_events, n_normal) or (n_events, n_channels, n_normal), float32

        %(in_mV)s
        """
        n_carrier_uniform = 2 * len(self.carrier_power_)
        # Two normal numbers per bin: x(t) = 2 Re(c exp(i w t)) has the variance 4 scale**2.
        scale = np.repeat(np.sqrt(self.power_) / 2, 2).astype(np.float32)
        coefficients = (normal * scale).view(np.complex64)
        if self.n_bursts_:
            self._add_bursts(coefficients, uniform[:, n_carrier_uniform:])
        traces = self.frequency_grid_.synthesize(coefficients)
        if n_carrier_uniform:
            carriers = self._carriers(uniform[:, :n_carrier_uniform])
            traces = traces + carriers.reshape(_in_each_channel(carriers, traces))
        return traces

    def autocovariance(self):
        """Return the expected autocovariance of broadband noise and carriers.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In mV^2, from lag 0 on. Bursts are not included.
        """
        grid = self.frequency_grid_
        broadband = self.power_ @ np.cos(2 * np.pi * np.outer(grid.frequencies, grid.times))
        cosines = self.carrier_waves_[: len(self.carrier_power_)].astype(float)
        return broadband + self.carrier_power_ @ cosines

    def _check_carriers(self, grid, share):
        half_rate = grid.sampling_rate / 2
        limits = {"min_val": 0.0, "max_val": half_rate, "include_boundaries": "neither"}
        carriers = check_reals(self.carriers, "carriers", **limits)
        if carriers.ndim != 1 or (share > 0 and carriers.size == 0):
            raise ValueError(
                f"carriers must be a sequence of frequencies below {half_rate} MHz, not empty "
                f"with carrier_share={share}, got {shown(self.carriers)}"
            )
        return carriers if share > 0 else carriers[:0]

    def _carriers(self, uniform):
        n_carriers = uniform.shape[1] // 2
        strength, phase = uniform[:, :n_carriers], 2 * np.pi * uniform[:, n_carriers:]
        if self.carrier_amplitude == "rayleigh":
            power = -2 * np.log1p(-strength)
        else:
            power = 2 * (1 + _JITTER * (2 * strength - 1)) ** 2 / (1 + _JITTER**2 / 3)
        amplitude = np.sqrt(self.carrier_power_ * power)
        weights = np.concatenate([amplitude * np.cos(phase), amplitude * np.sin(phase)], axis=1)
        return weights.astype(np.float32) @ self.carrier_waves_

    def _prepare_bursts(self, grid):
        highest_rate = _MAX_BURSTS / grid.duration
        rate = check_real(self.burst_rate, "burst_rate", min_val=0.0, max_val=highest_rate)
        check_interval(self.burst_duration, "burst_duration", **_LIMITS)
        check_interval(self.burst_amplitude, "burst_amplitude", min_val=0.0, max_val=1e6)
        self.n_bursts_ = int(poisson.ppf(1 - _BURST_TAIL, rate * grid.duration)) if rate else 0
        self._n_burst_uniform = 1 + 5 * self.n_bursts_ if rate else 0

    def _add_bursts(self, coefficients, uniform):
        """Add the Fourier coefficients of each event's bursts, in place."""
        mean = float(self.burst_rate) * self.frequency_grid_.duration
        count = poisson.ppf(uniform[:, 0], mean)
        for number in range(self.n_bursts_):
            rows = np.flatnonzero(count > number)
            if rows.size == 0:
                return
            first = 1 + 5 * number
            bursts = self._burst_coefficients(uniform[rows, first : first + 5])
            coefficients[rows] += bursts.reshape(_in_each_channel(bursts, coefficients))

    def _burst_coefficients(self, uniform):
        grid = self.frequency_grid_
        time = uniform[:, 0] * grid.duration
        sigma = _between(self.burst_duration, uniform[:, 1:2]) / _FWHM_PER_SIGMA
        amplitude = float(self.rms) * _between(self.burst_amplitude, uniform[:, 2:3])
        center = grid.frequencies[0] + uniform[:, 3:4] * np.ptp(grid.frequencies)
        # Fourier coefficients on the grid of A exp(-t^2 / 2 sigma^2) cos(2 pi f0 t + phase).
        envelope = np.exp(-2 * (np.pi * sigma * (grid.frequencies - center)) ** 2)
        peak = amplitude * sigma * np.sqrt(np.pi / 2) * grid.spacing
        phase = np.exp(2j * np.pi * uniform[:, 4:5])
        spectrum = (peak * phase * envelope * grid.gain).astype(np.complex64)
        return spectrum * grid.delay(time)


def _in_each_channel(values, like):
    """Shape in which values (n, m) are broadcast over the channels of an array."""
    return (len(values), *[1] * (like.ndim - 2), -1)


def _between(interval, uniform):
    low, high = check_interval(interval, "interval")
    return low + (high - low) * uniform
