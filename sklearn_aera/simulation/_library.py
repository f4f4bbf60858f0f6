"""Pulses taken from recorded or simulated waveforms."""

import numpy as np
import scipy.fft
from sklearn.utils import check_array

from sklearn_aera._base import Documented
from sklearn_aera._validation import check_real

# How finely the envelope is sampled to find its peak, in samples of the simulator.
_OVERSAMPLING = 16


class PulseLibrary(Documented):
    """Real pulse waveforms, resampled to the simulator's band and chosen by event.

    Each waveform's Fourier integral is taken at the simulator's own frequencies: exact
    band-limited resampling, with no interpolation in time. The waveform is then moved so that
    its envelope in the band peaks at the event's arrival time. The column ``spectral_slope`` of
    the event table is not used: a waveform has its own spectrum.

    Parameters
    ----------
    waveforms : array-like of shape (n_waveforms, n_times)
        Pulses in any one unit; the simulator scales them to the signal-to-noise ratio.
    sampling_rate : float
        Of the waveforms, in MHz.

    See Also
    --------
    sklearn_aera.datasets.load_coreas : Reads the electric fields of a CoREAS shower.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.simulation import PulseLibrary, TraceSimulator
    >>> t = np.arange(-0.05, 0.05, 0.001)  # us
    >>> bipolar = -t * np.exp(-((t / 0.005) ** 2))
    >>> library = PulseLibrary([bipolar], sampling_rate=1000.0)
    >>> events, y = make_events(3, signal_fraction=1.0, random_state=0)
    >>> TraceSimulator(pulse=library, random_state=0).fit_transform(events).shape
    (3, 500)
    """

    n_uniform = 1

    def __init__(self, waveforms, sampling_rate):
        self.waveforms = waveforms
        self.sampling_rate = sampling_rate

    def prepare(self, band):
        """Transform the waveforms to a simulator's band; returns self.

        Raises
        ------
        ValueError
            If a waveform has no power in the band, or the waveforms are sampled too coarsely
            for it.
        """
        waveforms = check_array(self.waveforms, dtype=np.float64, input_name="waveforms")
        rate = check_real(
            self.sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither"
        )
        highest = band.frequencies[-1]
        if rate < 2 * highest:
            raise ValueError(
                f"sampling_rate of the waveforms must be at least twice the band's upper edge, "
                f"{2 * highest:.1f} MHz, got {rate} MHz"
            )
        phase = -2j * np.pi * np.outer(np.arange(waveforms.shape[1]) / rate, band.frequencies)
        spectra = waveforms @ np.exp(phase)
        strength = np.abs(spectra * band.gain).max(axis=1)
        if not strength.all():
            raise ValueError(
                f"waveforms: number {int(np.argmin(strength))} has no power in the band"
            )
        spectra /= strength[:, None]
        peak = _envelope_peak_time(spectra * band.gain, band)
        spectra *= np.exp(2j * np.pi * np.outer(peak, band.frequencies))
        self.spectra_ = spectra.astype(np.complex64)
        return self

    def spectra(self, slope, uniform):
        """Spectra of waveforms chosen by one uniform number per pulse.

        Parameters
        ----------
        slope : ndarray of shape (n_pulses,)
            Not used.
        uniform : ndarray of shape (n_pulses, 1)

        Returns
        -------
        ndarray of shape (n_pulses, n_bins), complex64
            With the envelope's peak at time zero.
        """
        return self.spectra_[self.chosen(uniform)]

    def chosen(self, uniform):
        """Index of the waveform that each uniform number stands for, shape (n_pulses,)."""
        return np.floor(uniform[:, 0] * len(self.spectra_)).astype(int)


def _envelope_peak_time(spectra, band):
    """Time in us, modulo the grid's length, of the envelope peak of each spectrum."""
    n_fine = _OVERSAMPLING * band.n_grid
    # One-sided spectrum: the inverse transform is the analytic signal up to a phase.
    envelope = np.abs(scipy.fft.ifft(spectra, n=n_fine, axis=1))
    return np.argmax(envelope, axis=1) / (band.sampling_rate * _OVERSAMPLING)
