"""Pulses with recorded or externally simulated waveforms."""

import numpy as np
import scipy.fft

from sklearn_aera._arms import direction
from sklearn_aera._base import Documented
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_rows, check_sampling_rate

# Points per sample at which the envelope is computed to find its peak.
_OVERSAMPLING = 16


@fill_docstring()
class PulseLibrary(Documented):
    """Library of pulse waveforms, from which each event takes one at random.

    With three components, at the azimuths 0 and 90 degrees and vertical, a waveform is the vector
    of the electric field, which a simulator with ``arms`` needs for pulses whose polarization
    varies in time. With one component the field has the direction given by the column
    "polarization" of the event table.

    Waveforms are resampled by their Fourier integral at the simulator's frequencies. This
    resampling is exact for band-limited signals and needs no interpolation in time. The peak of
    the envelope in the band is moved to the event's arrival time. The column ``spectral_slope``
    of the event table is not used, since each waveform has its own spectrum.

    Parameters
    ----------
    waveforms : array-like of shape (n_waveforms, n_times) or (n_waveforms, 3, n_times)
        Pulses in any unit; the simulator scales them to the signal-to-noise ratio.
    sampling_rate : float
        Sampling rate of the waveforms in MHz.

    See Also
    --------
    sklearn_aera.datasets.load_coreas : Read the electric fields of a CoREAS shower.

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

    def prepare(self, grid):
        """Check the waveforms, which must have power in the band, and transform them to a grid.

        %(prepared)s
        """
        waveforms = check_rows(self.waveforms, "waveforms", np.float64, channels=True)
        if waveforms.ndim == 3 and waveforms.shape[1] != 3:
            raise ValueError(
                f"waveforms must have one component or three, got shape {waveforms.shape}"
            )
        rate = check_sampling_rate(self.sampling_rate)
        highest = grid.frequencies[-1]
        if rate < 2 * highest:
            raise ValueError(
                f"sampling_rate of the waveforms must be at least twice the band's upper edge, "
                f"{2 * highest:.1f} MHz, got {rate} MHz"
            )
        phase = -2j * np.pi * np.outer(np.arange(waveforms.shape[-1]) / rate, grid.frequencies)
        spectra = waveforms @ np.exp(phase)
        by_waveform = tuple(range(1, spectra.ndim))
        strength = np.abs(spectra * grid.gain).max(axis=by_waveform, keepdims=True)
        usable = (strength > 1e-200) & (strength < 1e200)  # Others leave the range of the floats.
        if not usable.all():
            number = int(np.argmin(usable))
            raise ValueError(f"waveforms must have power in the band, got none in number {number}")
        spectra /= strength
        # The inverse transform of a one-sided spectrum is the analytic signal, up to a phase.
        n_fine = _OVERSAMPLING * grid.n_grid
        envelope = np.abs(scipy.fft.ifft(spectra * grid.gain, n=n_fine, axis=-1))
        if envelope.ndim == 3:
            envelope = np.linalg.norm(envelope, axis=1)
        peak = np.argmax(envelope, axis=1) / (grid.sampling_rate * _OVERSAMPLING)
        shift = np.exp(2j * np.pi * np.outer(peak, grid.frequencies))
        spectra *= shift if spectra.ndim == 2 else shift[:, None]
        self.spectra_ = spectra.astype(np.complex64)
        return self

    def spectra(self, slope, uniform):
        """Return the spectra of waveforms, which uniform random numbers choose.

        %(spectra)s
            With three components the shape is (n_pulses, 3, n_bins).
        """
        return self.spectra_[self.chosen(uniform)]

    def directions(self, polarization, uniform):
        """Return the direction of the electric field, which is horizontal.

        Parameters
        ----------
        polarization : ndarray of shape (n_pulses,)
            Azimuth of the field in degrees.
        uniform : ignored

        Returns
        -------
        ndarray of shape (n_pulses, 3), float32
            Unit vectors: components at the azimuths 0 and 90 degrees, and vertical.
        """
        return direction(polarization, 0.0)

    def shapes(self, spectral_slope=None, n_slopes=None):
        """Return the spectra of all waveforms and their phase jitter, 0, to make templates.

        The parameters, those of `AnalyticPulse.shapes`, are ignored.
        """
        return self.spectra_, 0.0

    def chosen(self, uniform):
        """Return the index of the waveform for each uniform number, of shape (n_pulses,)."""
        return np.floor(uniform[:, 0] * len(self.spectra_)).astype(int)
