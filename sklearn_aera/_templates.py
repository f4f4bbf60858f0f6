"""Whitened pulse templates for all arrival times, shapes and phases."""

from typing import NamedTuple

import numpy as np

from sklearn_aera._covariance import stationary_autocovariance, whitening_matrix
from sklearn_aera._events import MAX_SLOPE
from sklearn_aera._frequency_grid import FrequencyGrid
from sklearn_aera._public import public_in
from sklearn_aera._scaling import divide_by_peak
from sklearn_aera._validation import check_count, check_interval, check_regularization

# Default range of arrival times, as shares of the trace: 0.25 to 2.5 us of 2.78 us.
_DEFAULT_ARRIVAL = (0.09, 0.9)
# Directions of the whitened templates below this share of the power are left out of the basis.
_NEGLIGIBLE_POWER = 1e-7
# Upper limit of the RMS of a trace in units of the background: its square stays within float32.
LOUDEST = 1e6
# Upper limit of arrival times per sample, slopes and phases: more only fill the memory.
_MAX_PER_CELL = 100


@public_in("sklearn_aera.feature_extraction")
class TemplateBank(NamedTuple):
    """Whitened pulse templates, in a basis of the space that they span.

    A cell of the bank is one arrival time and shape. A pulse with phase psi, whose largest
    absolute sample is 1, is ``(cos(psi) in_phase + sin(psi) quadrature) / peak`` after whitening.

    Parameters
    ----------
    projection : ndarray of shape (n_samples, n_basis), float32
        Matrix from traces to white coefficients.
    templates : ndarray of shape (n_basis, 2 n_cells), float32
        In-phase templates, then quadratures.
    weights : ndarray of shape (n_phases, 2, n_cells), float32
        Cosine and sine of each phase over the peak.
    energy : ndarray of shape (n_phases, n_cells), float32
        Squared norm of the templates of unit peak.
    mean_square : ndarray of shape (n_cells,), float32
        Mean square of pulses of unit peak, over the samples of the trace.
    times : ndarray of shape (n_cells,), float64
        Arrival time of each cell in us.
    """

    projection: np.ndarray
    templates: np.ndarray
    weights: np.ndarray
    energy: np.ndarray
    mean_square: np.ndarray
    times: np.ndarray


def fit_bank(estimator, pulse, response, background):
    """Make the bank of templates that the parameters of an estimator describe.

    The noise is that of ``background``, traces of shape (n_traces, n_samples). Returns the bank
    and the autocovariance of the background from lag 0 on, (n_samples,). The templates are for
    traces divided by the square root of the latter at lag 0.
    """
    regularization = check_regularization(estimator.regularization)
    n_phases = check_count(estimator.n_phases, "n_phases", max_val=_MAX_PER_CELL)
    n_slopes = check_count(estimator.n_slopes, "n_slopes", max_val=_MAX_PER_CELL)
    limits = {"min_val": -MAX_SLOPE, "max_val": MAX_SLOPE}
    slopes = check_interval(estimator.spectral_slope, "spectral_slope", **limits)
    grid = FrequencyGrid.from_response(response, estimator.sampling_rate, background.shape[1])
    times = arrival_times(estimator.arrival_time, grid, estimator.times_per_sample)
    shapes = pulse.prepare(grid).shapes(slopes, n_slopes)
    autocovariance = stationary_autocovariance(background, regularization)
    whitening = whitening_matrix(autocovariance / autocovariance[0])
    return build_bank(*shapes, grid, times, whitening, n_phases), autocovariance


def arrival_times(arrival_time, grid, times_per_sample):
    """Return the arrival times, in us, of the cells of a bank.

    They are the midpoints of equal steps of about one over ``times_per_sample`` of a sample.
    """
    check_count(times_per_sample, "times_per_sample", max_val=_MAX_PER_CELL)
    if arrival_time is None:
        arrival_time = np.multiply(_DEFAULT_ARRIVAL, grid.duration)
    low, high = check_interval(arrival_time, "arrival_time", min_val=0.0, max_val=grid.duration)
    n_steps = max(1, round((high - low) * grid.sampling_rate * times_per_sample))
    return low + (high - low) * (np.arange(n_steps) + 0.5) / n_steps


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


def build_bank(spectra, phase_jitter, grid, times, whitening, n_phases):
    """Whiten the pulses of all shapes and times, and find a basis for them: a `TemplateBank`.

    The spectra, of shape (n_shapes, n_bins), complex64, are those of pulses at time zero, before
    the response of the station. The half width of the phase is in degrees; the arrival times,
    (n_times,), are in us. Traces are whitened by multiplication with ``whitening``, of shape
    (n_samples, n_samples), from the right.
    """
    spectra = spectra * grid.gain.astype(np.float32)
    cells = [_shape_cells(s, phase_jitter, grid, times, n_phases) for s in spectra]
    quadratures, weights, mean_square = zip(*cells, strict=True)
    whitened = np.concatenate(quadratures, axis=1) @ whitening.astype(np.float32)
    whitened = whitened.reshape(-1, len(whitening))
    power, basis = np.linalg.eigh((whitened.T @ whitened).astype(np.float64))
    basis = basis[:, power > _NEGLIGIBLE_POWER * power.sum()]
    templates, weights = whitened @ basis.astype(np.float32), np.concatenate(weights, axis=2)
    return TemplateBank(
        projection=(whitening @ basis).astype(np.float32),
        templates=np.ascontiguousarray(templates.T),
        weights=weights,
        energy=_energy(templates.reshape(2, -1, basis.shape[1]), weights),
        mean_square=np.concatenate(mean_square),
        times=np.tile(times, len(spectra)),
    )


def white_coefficients(X, bank, scale):
    """Divide traces by their root mean square, and project them on the basis of a bank.

    Returns the coefficients, (n_traces, n_basis), float32, zero for a trace that is zero, and the
    root mean square of the traces over ``scale``, (n_traces,), float64.
    """
    X, peak = divide_by_peak(X, dtype=np.float64)
    rms = np.sqrt(np.mean(np.square(X), axis=1, keepdims=True))
    X = np.divide(X, rms, out=X, where=rms > 0).astype(np.float32)
    return X @ bank.projection, np.minimum((rms * (peak / scale))[:, 0], LOUDEST)


def matched_filter(products, pair):
    """Combine the products with both quadratures into the matched filter of one phase.

    The products, (n_traces, 2 n_cells), are white coefficients times the bank's templates. The
    pair, (2, n_cells), is the weights of the phase, from ``bank.weights``.
    """
    n_cells = products.shape[1] // 2
    z = products[:, :n_cells] * pair[0]
    z += products[:, n_cells:] * pair[1]
    return z


def _shape_cells(spectrum, phase_jitter, grid, times, n_phases):
    """Return quadratures, weights and mean squares of one shape at all times."""
    moved = spectrum * grid.delay(times)
    # A spectrum times exp(i psi) is that of the pulse cos(psi) P + sin(psi) Q.
    quadratures = np.stack([grid.synthesize(moved), grid.synthesize(1j * moved)])
    power = np.abs(spectrum) ** 2
    frequency = float(power @ grid.frequencies / power.sum())
    time_step = times[1] - times[0] if len(times) > 1 else 0.0
    psi = phase_nodes(phase_jitter, time_step, frequency, n_phases)
    rotation = np.stack([np.cos(psi), np.sin(psi)], axis=1).astype(np.float32)
    pulses = [np.tensordot(pair, quadratures, axes=1) for pair in rotation]
    peak = np.stack([np.abs(p).max(axis=1) for p in pulses])
    mean_square = np.mean([(p**2).mean(axis=1) for p in pulses] / peak**2, axis=0)
    return quadratures, rotation[:, :, None] / peak[:, None, :], mean_square


def _energy(templates, weights):
    """Return the squared norm of the templates of each phase and cell."""
    in_phase, quadrature = templates
    products = [(in_phase**2).sum(1), (in_phase * quadrature).sum(1), (quadrature**2).sum(1)]
    cosine, sine = weights[:, 0], weights[:, 1]
    energy = cosine**2 * products[0] + 2 * cosine * sine * products[1] + sine**2 * products[2]
    return np.maximum(energy, np.finfo(np.float32).tiny)
