"""Pulse templates for all arrival times, shapes and phases, and their products with traces."""

from typing import NamedTuple

import numpy as np
import scipy.fft

from sklearn_aera._channel_covariance import ChannelCovariance, fit_covariance
from sklearn_aera._channel_templates import in_channels, polarizations
from sklearn_aera._channels import by_channel
from sklearn_aera._events import MAX_SLOPE
from sklearn_aera._frequency_grid import FrequencyGrid
from sklearn_aera._public import public_in
from sklearn_aera._scaling import divide_by_peak
from sklearn_aera._template_moments import template_moments, waveforms
from sklearn_aera._toeplitz import StationaryCovariance, batches
from sklearn_aera._validation import check_count, check_interval, check_regularization

# Default range of arrival times, as shares of the trace: 0.25 to 2.5 us of 2.78 us.
_DEFAULT_ARRIVAL = (0.09, 0.9)
# Upper limit of the RMS of a trace in units of the background: its square stays within float32.
LOUDEST = 1e6
# Upper limit of arrival times per sample, slopes and phases: more only fill the memory.
_MAX_PER_CELL = 100
# Of templates with neighbouring slopes, the ratio at one edge of the band differs by this power of
# ten from that at the other. It is that of two slopes in the band of AERA.
_TILT = 0.75


@public_in("sklearn_aera.feature_extraction")
class TemplateBank(NamedTuple):
    """Pulse templates, and the covariance of the noise that traces are whitened with.

    A cell of the bank is one shape and arrival time. A pulse with phase psi, whose largest
    absolute sample is 1, is ``(cos(psi) in_phase + sin(psi) quadrature) / peak``. The arrival
    times of a shape have equal steps, so that one fast Fourier transform gives the products of a
    trace with all its templates. In several channels, a pulse has one waveform, and amplitudes
    that follow from its polarization; the largest, in units of the noise, is 1.

    Parameters
    ----------
    covariance : StationaryCovariance or ChannelCovariance
        Covariance of the noise, the latter for several channels.
    grid : FrequencyGrid
        Frequencies of the templates.
    spectra : ndarray of shape (n_shapes, n_bins), complex64
        Spectrum of each shape at its first arrival time.
    times_per_sample : int
        Number of arrival times per sample.
    weights : ndarray of shape (n_phases, 2 n_channels, n_cells), float32
        Cosine and sine of each phase over the peak. For several channels, each phase is repeated
        for each polarization, and both numbers, times the amplitude, for each channel.
    energy : ndarray of shape (n_phases, n_cells), float32
        Squared norm of the whitened templates of unit peak.
    mean_square : ndarray of shape (n_cells,), float32
        Mean square of pulses of unit peak, over the samples of the trace.
    times : ndarray of shape (n_cells,), float64
        Arrival time of each cell in us.
    n_values : float
        Number of independent values of a trace: the expected squared norm of whitened noise.
    """

    covariance: StationaryCovariance
    grid: FrequencyGrid
    spectra: np.ndarray
    times_per_sample: int
    weights: np.ndarray
    energy: np.ndarray
    mean_square: np.ndarray
    times: np.ndarray
    n_values: float

    def products(self, white):
        """Return the products of templates with traces.

        ``white`` are traces times the inverse of the covariance, (n_traces, n_samples) or
        (n_traces, n_channels, n_samples). The products with the in-phase templates come first,
        then those with the quadratures, both for the first channel, then for the next one:
        (n_traces, 2 n_channels n_cells), float32.
        """
        if white.ndim == 3:
            return np.concatenate([self.products(channel) for channel in by_channel(white)], axis=1)
        n_cells, n_times, band = len(self.times), self._n_times, self._band
        spectrum = scipy.fft.rfft(white.astype(np.float32), self.grid.n_grid)[:, band]
        padded = np.zeros((len(white), self._n_fine), dtype=np.complex64)
        products = np.empty((len(white), 2 * n_cells), dtype=np.float32)
        for shape, first in zip(self.spectra, range(0, n_cells, n_times), strict=True):
            np.multiply(spectrum, 2 * shape.conj(), out=padded[:, band])
            pairs = scipy.fft.ifft(padded, norm="forward")[:, :n_times]
            products[:, first : first + n_times] = pairs.real
            products[:, n_cells + first : n_cells + first + n_times] = pairs.imag
        return products

    def signals(self, amplitudes):
        """Return sums of templates, of the shape of the traces, float32.

        The amplitudes, of shape (n_traces, 2 n_channels n_cells), are in the order of `products`.
        """
        if self.has_channels:
            return self._in_channels(TemplateBank.signals, amplitudes)
        n_cells, n_times, coefficients = len(self.times), self._n_times, 0.0
        for shape, first in zip(self.spectra, range(0, n_cells, n_times), strict=True):
            in_phase, quadrature = (
                amplitudes[:, start : start + n_times] for start in (first, n_cells + first)
            )
            pairs = np.asarray(in_phase + 1j * quadrature, dtype=np.complex64)
            coefficients = coefficients + shape * scipy.fft.fft(pairs, self._n_fine)[:, self._band]
        return self.grid.synthesize(coefficients)

    def quadratures(self, cells):
        """Return the in-phase templates and the quadratures of a slice of the cells.

        Both have the shape (n_selected, n_samples), float32.
        """
        shape = np.arange(len(self.times))[cells] // self._n_times
        spectra = self.spectra[shape] * self.grid.delay(self.times[cells] - self.times[0])
        return self.grid.synthesize(spectra), self.grid.synthesize(1j * spectra)

    def squares(self, amplitudes):
        """Return sums of the squares of templates, of the shape of the traces, float32.

        The square of a template ``a P + b Q`` is ``a^2 P^2 + a b (2 P Q) + b^2 Q^2``. The
        amplitudes, of shape (n_traces, 3 n_channels n_cells), are the factors ``a^2``, ``a b`` and
        ``b^2``, for one channel after the other.
        """
        if self.has_channels:
            return self._in_channels(TemplateBank.squares, amplitudes)
        n_cells, n_times, n_grid, total = len(self.times), self._n_times, self.grid.n_grid, 0.0
        for number, shape in enumerate(self.spectra):
            for offset in range(min(self.times_per_sample, n_times)):
                delay = offset / (self.grid.sampling_rate * self.times_per_sample)
                in_phase, quadrature = waveforms(shape, self.grid, delay)
                for part, product in enumerate(
                    (in_phase**2, 2 * in_phase * quadrature, quadrature**2)
                ):
                    first = part * n_cells + number * n_times
                    moved = amplitudes[:, first + offset : first + n_times : self.times_per_sample]
                    product = scipy.fft.rfft(product.astype(np.float32))
                    total = total + product * scipy.fft.rfft(moved, n_grid)
        return scipy.fft.irfft(total, n_grid)[:, : self.grid.n_samples]

    @property
    def has_channels(self):
        """Whether traces have an axis for channels."""
        return isinstance(self.covariance, ChannelCovariance)

    def _in_channels(self, function, amplitudes):
        """Apply a function of a bank to the amplitudes in each channel."""
        one = self._replace(covariance=self.covariance.components[0])
        n_channels = len(self.covariance.components)
        channels = np.split(amplitudes, n_channels, axis=1)
        return np.stack([function(one, channel) for channel in channels], axis=1)

    @property
    def _n_times(self):
        return len(self.times) // len(self.spectra)

    @property
    def _n_fine(self):
        return self.times_per_sample * self.grid.n_grid

    @property
    def _band(self):
        return slice(self.grid.first_bin, self.grid.first_bin + self.grid.n_bins)


def fit_bank(estimator, pulse, response, background):
    """Make the bank of templates that the parameters of an estimator describe.

    The noise is that of ``background``, traces of shape (n_traces, n_samples) or (n_traces,
    n_channels, n_samples). Returns the bank and the autocovariance of the background from lag 0
    on, (n_samples,) or (n_channels, n_samples). The templates are for traces divided by the square
    root of the latter at lag 0.
    """
    regularization = check_regularization(estimator.regularization)
    n_phases = check_count(estimator.n_phases, "n_phases", max_val=_MAX_PER_CELL)
    limits = {"min_val": -MAX_SLOPE, "max_val": MAX_SLOPE}
    slopes = check_interval(estimator.spectral_slope, "spectral_slope", **limits)
    grid = FrequencyGrid.from_response(response, estimator.sampling_rate, background.shape[-1])
    n_slopes = number_of_slopes(estimator.n_slopes, slopes, grid)
    times = arrival_times(estimator.arrival_time, grid, estimator.times_per_sample)
    shapes = pulse.prepare(grid).shapes(slopes, n_slopes)
    if shapes[0].ndim == 3:
        raise ValueError(
            "pulse must have one waveform for all channels, got a library with three components"
        )
    directions = polarizations(estimator, pulse, background.shape[1:-1])
    covariance, autocovariance = fit_covariance(background, regularization)
    parts = (covariance,) if directions is None else covariance.components
    options = n_phases, estimator.times_per_sample
    banks = [build_bank(*shapes, grid, times, part, *options) for part in parts]
    bank = banks[0]
    if directions is not None:
        bank = in_channels(banks, covariance, directions / np.sqrt(autocovariance[:, 0]))
    # White noise that was added, out of the band, is not in the traces.
    share = regularization / (1 + regularization)
    added = share * sum(part.autocovariance[0] * part.inverse_diagonals()[0] for part in parts)
    return bank._replace(n_values=float(max(bank.n_values - added, 1.0))), autocovariance


def number_of_slopes(n_slopes, slopes, grid):
    """Return the number of spectral slopes, by default as many as the band needs."""
    if n_slopes is not None:
        return check_count(n_slopes, "n_slopes", max_val=_MAX_PER_CELL)
    width = np.count_nonzero(grid.gain >= 0.5 * grid.gain.max()) * grid.spacing * 1e-3  # GHz
    n_slopes = round((slopes[1] - slopes[0]) * width / _TILT)
    return min(max(n_slopes, 2), _MAX_PER_CELL)


def arrival_times(arrival_time, grid, times_per_sample):
    """Return the arrival times, in us, of the cells of a bank.

    Their steps are one over ``times_per_sample`` of a sample; they are in the middle of the range.
    """
    check_count(times_per_sample, "times_per_sample", max_val=_MAX_PER_CELL)
    if arrival_time is None:
        arrival_time = np.multiply(_DEFAULT_ARRIVAL, grid.duration)
    low, high = check_interval(arrival_time, "arrival_time", min_val=0.0, max_val=grid.duration)
    rate = grid.sampling_rate * times_per_sample
    n_steps = max(1, round((high - low) * rate))
    return (low + high) / 2 + (np.arange(n_steps) - (n_steps - 1) / 2) / rate


def phase_nodes(phase_jitter, time_step, frequency, n_phases):
    """Return the phases, in radians and with equal weights, at which a cell is evaluated.

    A small difference in arrival time acts like a difference in phase. The phase of a cell is
    therefore the sum of two uniform variables, the phase jitter, of half width ``phase_jitter`` in
    degrees, and the delay within ``time_step``, in us, times ``frequency``, in MHz. The nodes are
    quantiles of the distribution of this sum.
    """
    wide, narrow = sorted((np.deg2rad(phase_jitter), np.pi * frequency * time_step))[::-1]
    if wide == 0:
        return np.zeros(n_phases)
    rank = (np.arange(n_phases) + 0.5) / n_phases
    tail = np.minimum(rank, 1 - rank)
    # The density is a trapezoid: its quantiles are a square root on the ramp and a straight line
    # on the plateau.
    ramp = np.sqrt(8 * wide * narrow * tail) - wide - narrow
    plateau = 2 * wide * tail - wide
    quantile = np.where(2 * tail * wide < narrow, ramp, plateau)
    return np.where(rank <= 0.5, quantile, -quantile)


def build_bank(spectra, phase_jitter, grid, times, covariance, n_phases, times_per_sample):
    """Make the templates of all shapes and times for noise of a covariance: a `TemplateBank`.

    The spectra, of shape (n_shapes, n_bins), complex64, are those of pulses at time zero, before
    the response of the station. The half width of the phase is in degrees; the arrival times,
    (n_times,), in us, have steps of one over ``times_per_sample`` of a sample.
    """
    spectra = spectra * grid.gain.astype(np.float32)
    time_step = 1 / (grid.sampling_rate * times_per_sample) if len(times) > 1 else 0.0
    cells = []
    for spectrum in spectra:
        power = np.abs(spectrum) ** 2
        frequency = float(power @ grid.frequencies / power.sum())
        phases = phase_nodes(phase_jitter, time_step, frequency, n_phases)
        cells.append(template_moments(spectrum, phases, grid, times, covariance, times_per_sample))
    moments = zip(*cells, strict=True)
    weights, energy, mean_square = (np.concatenate(parts, axis=-1) for parts in moments)
    return TemplateBank(
        covariance=covariance,
        grid=grid,
        spectra=spectra * grid.delay(times[:1]),
        times_per_sample=times_per_sample,
        weights=weights.astype(np.float32),
        energy=np.maximum(energy, np.finfo(np.float32).tiny).astype(np.float32),
        mean_square=mean_square.astype(np.float32),
        times=np.tile(times, len(spectra)),
        n_values=float(covariance.n_samples),
    )


def white_batches(X, bank, scale):
    """Divide traces by their root mean square, and multiply them by the inverse covariance.

    ``scale`` is that of the noise, a number, or (n_channels,) for several channels, which are
    divided by it. Yields, for batches of traces, their slice, the products, of the shape of the
    traces, float64, zero for a trace that is zero, the RMS of the traces over ``scale``, and the
    squared norm of the whitened traces over ``scale``, both (n_traces,), float64.
    """
    axes = tuple(range(1, X.ndim))
    for rows in batches(X, len(bank.times)):
        traces, unit = X[rows], scale
        if bank.has_channels:
            unit = np.mean(scale)
            traces = traces / (scale / unit)[:, None]
        relative, peak = divide_by_peak(traces, dtype=np.float64)
        rms = np.sqrt(np.mean(np.square(relative), axis=axes, keepdims=True))
        np.divide(relative, rms, out=relative, where=rms > 0)
        white = bank.covariance.solve(relative)
        rms = np.minimum((rms * (peak / unit)).reshape(-1), LOUDEST)
        power = rms**2 * np.einsum("ij,ij->i", *(a.reshape(len(a), -1) for a in (relative, white)))
        yield rows, white, rms, np.maximum(power, 0)


def matched_filter(products, weights):
    """Combine the products with all quadratures into the matched filter of one phase.

    The products, (n_traces, 2 n_channels n_cells), are those of `TemplateBank.products`. The
    weights, (2 n_channels, n_cells), are those of the phase, from ``bank.weights``.
    """
    parts = np.split(products, len(weights), axis=1)
    z = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        z += part * weight
    return z
