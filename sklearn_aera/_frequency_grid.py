"""The frequency grid on which traces are synthesised."""

from dataclasses import dataclass

import numpy as np
import scipy.fft

# The delay of a pulse is built from a coarse and a fine phase of this many bins.
_FINE_BINS = 32


@dataclass(frozen=True)
class FrequencyGrid:
    """The bins of an FFT grid that a station's response lets through.

    The grid is at least twice as long as the trace and the trace is cropped from it: noise
    made on the trace's own grid would be circular (its end continuous with its beginning).

    Parameters
    ----------
    sampling_rate : float
        In MHz.
    n_samples, n_grid : int
        Length of a trace and of the grid.
    first_bin : int
        Index of the first bin with a non-zero response.
    gain : ndarray of shape (n_bins,)
        Amplitude response at each bin, starting with the first.
    """

    sampling_rate: float
    n_samples: int
    n_grid: int
    first_bin: int
    gain: np.ndarray

    @classmethod
    def of(cls, response, sampling_rate, n_samples):
        """The band of a response, such as `BandPass`, for traces of ``n_samples``."""
        n_grid = scipy.fft.next_fast_len(2 * n_samples, real=True)
        frequencies = np.fft.rfftfreq(n_grid, 1 / sampling_rate)
        gain = np.asarray(response.gain(frequencies), dtype=float)
        # A real trace has no free phase at zero and at half the sampling rate.
        gain[0] = 0.0
        gain[2 * frequencies >= sampling_rate] = 0.0
        (passed,) = np.nonzero(gain)
        if passed.size == 0:
            raise ValueError(
                f"response lets nothing through below half the sampling_rate of {sampling_rate} MHz"
            )
        first, last = passed[0], passed[-1]
        return cls(float(sampling_rate), n_samples, n_grid, int(first), gain[first : last + 1])

    @property
    def n_bins(self):
        return len(self.gain)

    @property
    def spacing(self):
        """Distance of the bins in MHz."""
        return self.sampling_rate / self.n_grid

    @property
    def frequencies(self):
        """Frequency of each bin in MHz."""
        return (self.first_bin + np.arange(self.n_bins)) * self.spacing

    @property
    def duration(self):
        """Length of a trace in us."""
        return self.n_samples / self.sampling_rate

    @property
    def times(self):
        """Time of each sample in us."""
        return np.arange(self.n_samples) / self.sampling_rate

    def delay(self, time):
        """Phase factors that move a pulse from time zero to ``time``.

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
        """Traces from Fourier coefficients c: x(t) = sum over bins of 2 Re(c exp(2 pi i f t)).

        Parameters
        ----------
        coefficients : ndarray of shape (n, n_bins), complex64

        Returns
        -------
        ndarray of shape (n, n_samples), float32
        """
        spectrum = np.zeros((len(coefficients), self.n_grid // 2 + 1), dtype=np.complex64)
        spectrum[:, self.first_bin : self.first_bin + self.n_bins] = coefficients
        traces = scipy.fft.irfft(spectrum, n=self.n_grid, norm="forward", overwrite_x=True)
        return traces[:, : self.n_samples]
