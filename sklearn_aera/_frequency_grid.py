"""The frequency grid on which traces are synthesised."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from sklearn_aera._public import public_in
from sklearn_aera._validation import check_count, check_sampling_rate

# Phase factors of a delay are products of a factor for this many bins and one within them.
_FINE_BINS = 32


@public_in("sklearn_aera.simulation")
@dataclass(frozen=True)
class FrequencyGrid:
    """Frequency bins within the band of a station, on which traces are synthesised.

    Synthesised traces are at least twice as long as needed and are then cropped. Noise on the
    grid of the trace itself would be periodic: its end would continue at its beginning.

    Parameters
    ----------
    sampling_rate : float
        In MHz.
    n_samples, n_grid : int
        Number of samples of a trace, and before cropping.
    first_bin : int
        Index of the first bin with a non-zero response.
    gain : ndarray of shape (n_bins,)
        Amplitude response from the first to the last bin with a non-zero response.

    Examples
    --------
    >>> from sklearn_aera.simulation import BandPass, FrequencyGrid
    >>> grid = FrequencyGrid.from_response(BandPass(), sampling_rate=180.0, n_samples=500)
    >>> grid.n_grid, grid.n_bins, grid.frequencies[:2].round(2)
    (1000, 282, array([29.88, 30.06]))
    """

    sampling_rate: float
    n_samples: int
    n_grid: int
    first_bin: int
    gain: np.ndarray

    @classmethod
    def from_response(cls, response, sampling_rate, n_samples):
        """Make the grid of a response, such as `BandPass`, with the band where it is not zero."""
        rate = check_sampling_rate(sampling_rate)
        n_samples = check_count(n_samples, "n_samples", min_val=2, max_val=2**24)
        n_grid = scipy.fft.next_fast_len(2 * n_samples, real=True)
        frequencies = np.fft.rfftfreq(n_grid, 1 / rate)
        gain = np.array(response.gain(frequencies), dtype=float)
        if gain.shape != frequencies.shape or not np.isfinite(gain).all():
            raise ValueError("response must have a finite gain at each frequency")
        # At zero and at half the sampling rate, the coefficients of a real trace are real.
        gain[0] = 0.0
        gain[2 * frequencies >= rate] = 0.0
        (passed,) = np.nonzero(gain)
        if passed.size == 0:
            raise ValueError(f"response must pass frequencies below sampling_rate / 2 = {rate / 2}")
        first, last = passed[0], passed[-1]
        return cls(rate, n_samples, n_grid, int(first), gain[first : last + 1])

    @property
    def n_bins(self):
        """Number of bins in the band."""
        return len(self.gain)

    @property
    def spacing(self):
        """Distance between bins in MHz."""
        return self.sampling_rate / self.n_grid

    @property
    def frequencies(self):
        """Frequency of each bin in MHz."""
        return (self.first_bin + np.arange(self.n_bins)) * self.spacing

    @property
    def duration(self):
        """Duration of a trace in us."""
        return self.n_samples / self.sampling_rate

    @property
    def times(self):
        """Time of each sample in us."""
        return np.arange(self.n_samples) / self.sampling_rate

    def delay(self, time):
        """Return the phase factors that move pulses from time zero to ``time``.

        Parameters
        ----------
        time : ndarray of shape (n,)
            In us.

        Returns
        -------
        ndarray of shape (n, n_bins), complex64
        """
        n_coarse = -(-self.n_bins // _FINE_BINS)
        step = -2j * np.pi * self.spacing * np.asarray(time, dtype=float)[:, None]
        coarse = np.exp(step * (self.first_bin + _FINE_BINS * np.arange(n_coarse)))
        fine = np.exp(step * np.arange(_FINE_BINS)).astype(np.complex64)
        product = coarse.astype(np.complex64)[:, :, None] * fine[:, None, :]
        return product.reshape(len(product), -1)[:, : self.n_bins]

    def synthesize(self, coefficients):
        """Synthesise traces from Fourier coefficients.

        ``x(t) = 2 sum(Re(c exp(2 pi i f t)))``, summed over the bins.

        Parameters
        ----------
        coefficients : ndarray of shape (n, n_bins) or (n, n_channels, n_bins), complex64

        Returns
        -------
        ndarray of shape (n, n_samples) or (n, n_channels, n_samples), float32
        """
        shape = (*coefficients.shape[:-1], self.n_grid // 2 + 1)
        spectrum = np.zeros(shape, dtype=np.complex64)
        spectrum[..., self.first_bin : self.first_bin + self.n_bins] = coefficients
        traces = scipy.fft.irfft(spectrum, n=self.n_grid, norm="forward", overwrite_x=True)
        return traces[..., : self.n_samples]
