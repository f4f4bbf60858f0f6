"""Templates: what a pulse looks like at every arrival time, for every shape and phase."""

from typing import NamedTuple

import numpy as np

from sklearn_aera._covariance import (
    check_regularization,
    stationary_autocovariance,
    whitening_matrix,
)
from sklearn_aera._frequency_grid import FrequencyGrid
from sklearn_aera._validation import check_count, check_interval, check_real
from sklearn_aera.simulation import AnalyticPulse, BandPass, PulseLibrary

# Where pulses may arrive unless told, as shares of the trace: 0.25 to 2.5 us in 2.78 us.
_DEFAULT_ARRIVAL = (0.09, 0.9)
# Directions of the whitened templates with less than this share of the power are left out.
_NEGLIGIBLE_POWER = 1e-7
# Traces are taken as at most this many times as loud as the background: their squares stay
# within the range of float32.
_LOUDEST = 1e6


class TemplateBank(NamedTuple):
    """Whitened templates in a basis of their own; a cell is one arrival time and shape.

    A pulse with the phase psi whose largest absolute sample is 1 is, whitened,
    ``(cos(psi) in_phase + sin(psi) quadrature) / peak``.
    """

    projection: np.ndarray
    """(n_samples, n_basis), float32: from traces to white coefficients."""
    templates: np.ndarray
    """(n_basis, 2 n_cells), float32: in-phase templates, then quadratures."""
    weights: np.ndarray
    """(n_phases, 2, n_cells), float32: cosine and sine of each phase over the peak."""
    energy: np.ndarray
    """(n_phases, n_cells), float32: squared norm of the templates of unit peak."""
    mean_square: np.ndarray
    """(n_cells,), float32: mean square of the pulses of unit peak over the trace's samples."""
    times: np.ndarray
    """(n_cells,), float64: arrival time of each cell in us."""


def make_band(response, sampling_rate, n_samples):
    """The band in which templates are made, or a ValueError that says what is wrong."""
    rate = check_real(sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither")
    if n_samples < 2:
        raise ValueError(f"traces must have at least 2 samples, got n_features = {n_samples}")
    response = BandPass() if response is None else response
    if not hasattr(response, "gain"):
        raise TypeError(f"response must be None or have a method 'gain', got {response!r}")
    return FrequencyGrid.of(response, rate, n_samples)


def arrival_times(arrival_time, band, times_per_sample):
    """Midpoints, in us, of equal steps of about one over ``times_per_sample`` of a sample."""
    check_count(times_per_sample, "times_per_sample")
    if arrival_time is None:
        arrival_time = np.multiply(_DEFAULT_ARRIVAL, band.duration)
    low, high = check_interval(arrival_time, "arrival_time", min_val=0.0)
    if high > band.duration:
        raise ValueError(
            f"arrival_time must lie within the trace, from 0 to {band.duration:.3f} us, "
            f"got {arrival_time!r}"
        )
    n_steps = max(1, round((high - low) * band.sampling_rate * times_per_sample))
    return low + (high - low) * (np.arange(n_steps) + 0.5) / n_steps


def pulse_shapes(pulse, band, spectral_slope, n_slopes):
    """Spectra, after the station's band, of all shapes that a pulse may have.

    Parameters
    ----------
    pulse : AnalyticPulse, PulseLibrary or None
    band : FrequencyGrid
    spectral_slope : float or (float, float)
        Range of m per GHz; not used with a library, every waveform of which is a shape.
    n_slopes : int
        Number of slopes in the range, at the midpoints of equal steps.

    Returns
    -------
    spectra : ndarray of shape (n_shapes, n_bins), complex64
        At phase 0, with the envelope's peak at time zero.
    phase_jitter : float
        The pulses' phase is uniform within plus or minus this many degrees.
    """
    check_count(n_slopes, "n_slopes")
    low, high = check_interval(spectral_slope, "spectral_slope")
    if isinstance(pulse, PulseLibrary):
        library = PulseLibrary(**pulse.get_params(deep=False)).prepare(band)
        return library.spectra_ * band.gain.astype(np.float32), 0.0
    pulse = AnalyticPulse() if pulse is None else pulse
    if not isinstance(pulse, AnalyticPulse):
        raise TypeError(f"pulse must be None, an AnalyticPulse or a PulseLibrary, got {pulse!r}")
    if low == high:
        n_slopes = 1
    slopes = low + (high - low) * (np.arange(n_slopes) + 0.5) / n_slopes
    pulse = AnalyticPulse(**pulse.get_params(deep=False)).prepare(band)
    middle = np.full((len(slopes), 1), 0.5)
    return pulse.spectra(slopes, middle) * band.gain.astype(np.float32), pulse.phase_jitter


def phase_nodes(phase_jitter, time_step, frequency, n_phases):
    """Phases in radians that stand, with equal weights, for a cell of the bank.

    A pulse that arrives a little beside its cell's time looks, within a fraction of a period,
    like one with another phase: the phase of a cell is the sum of two uniform variables, the
    jitter and the delay within the time step. The nodes are quantiles of that distribution.

    Parameters
    ----------
    phase_jitter : float
        Half width of the first, in degrees.
    time_step : float
        Full width of the delay, in us.
    frequency : float
        Of the pulse, in MHz.
    n_phases : int

    Returns
    -------
    ndarray of shape (n_phases,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera._templates import phase_nodes
    >>> np.rad2deg(phase_nodes(30.0, 0.0, 50.0, n_phases=3)).round() + 0.0
    array([-20.,   0.,  20.])
    """
    wide, narrow = sorted((np.deg2rad(phase_jitter), np.pi * frequency * time_step))[::-1]
    if wide == 0:
        return np.zeros(n_phases)
    rank = (np.arange(n_phases) + 0.5) / n_phases
    tail = np.minimum(rank, 1 - rank)
    # Half a trapezoid: a parabola up to the plateau, a straight line on it.
    ramp = np.sqrt(8 * wide * narrow * tail) - wide - narrow
    plateau = 2 * wide * tail - wide
    quantile = np.where(2 * tail * wide < narrow, ramp, plateau)
    return np.where(rank <= 0.5, quantile, -quantile)


def build_bank(spectra, phase_jitter, band, times, whitening, n_phases):
    """Whiten the pulses of all shapes and times, and find the basis they need.

    Parameters
    ----------
    spectra : ndarray of shape (n_shapes, n_bins), complex64
    phase_jitter : float
        In degrees.
    band : FrequencyGrid
    times : ndarray of shape (n_times,)
        Arrival times in us.
    whitening : ndarray of shape (n_samples, n_samples)
        The rows of a trace times this matrix are white.
    n_phases : int

    Returns
    -------
    TemplateBank
    """
    step = times[1] - times[0] if len(times) > 1 else 0.0
    cells = [_cells_of(s, phase_jitter, band, times, step, n_phases) for s in spectra]
    quadratures, weights, mean_square = (
        np.concatenate(part, axis=axis)
        for part, axis in zip(zip(*cells, strict=True), (1, 2, 0), strict=True)
    )
    whitened = (quadratures @ whitening.astype(np.float32)).reshape(-1, len(whitening))
    power, basis = np.linalg.eigh((whitened.T @ whitened).astype(np.float64))
    basis = basis[:, power > _NEGLIGIBLE_POWER * power.sum()]
    templates = whitened @ basis.astype(np.float32)
    return TemplateBank(
        projection=(whitening @ basis).astype(np.float32),
        templates=np.ascontiguousarray(templates.T),
        weights=weights,
        energy=_energy(templates.reshape(2, -1, basis.shape[1]), weights),
        mean_square=mean_square,
        times=np.tile(times, len(spectra)),
    )


def fit_bank(estimator, background, n_samples):
    """The bank that an estimator's parameters describe, for the noise of background traces.

    Parameters
    ----------
    estimator : LikelihoodRatioClassifier or MatchedFilter
    background : ndarray of shape (n_traces, n_samples)
    n_samples : int

    Returns
    -------
    bank : TemplateBank
        For traces over the square root of ``autocovariance[0]``.
    autocovariance : ndarray of shape (n_samples,)
    """
    regularization = check_regularization(estimator.regularization)
    check_count(estimator.n_phases, "n_phases")
    band = make_band(estimator.response, estimator.sampling_rate, n_samples)
    times = arrival_times(estimator.arrival_time, band, estimator.times_per_sample)
    spectra, phase_jitter = pulse_shapes(
        estimator.pulse, band, estimator.spectral_slope, estimator.n_slopes
    )
    autocovariance = stationary_autocovariance(background, regularization)
    whitening = whitening_matrix(autocovariance / autocovariance[0])
    bank = build_bank(spectra, phase_jitter, band, times, whitening, estimator.n_phases)
    return bank, autocovariance


def white_coefficients(X, bank, scale):
    """Traces over their RMS in the bank's basis, and the RMS in units of ``scale``.

    Returns
    -------
    coefficients : ndarray of shape (n_traces, n_basis), float32
        Zero for a trace that is zero.
    rms : ndarray of shape (n_traces,), float64
    """
    largest = np.abs(X).max(axis=1, keepdims=True).astype(np.float64)
    X = np.divide(X, largest, out=np.zeros(X.shape), where=largest > 0)
    rms = np.sqrt(np.mean(np.square(X), axis=1, keepdims=True))
    X = np.divide(X, rms, out=X, where=rms > 0).astype(np.float32)
    return X @ bank.projection, np.minimum((rms * (largest / scale))[:, 0], _LOUDEST)


def matched_filter(products, pair):
    """The matched filter at one phase, from the products with both quadratures.

    Parameters
    ----------
    products : ndarray of shape (n_traces, 2 n_cells)
        White coefficients times the bank's templates.
    pair : ndarray of shape (2, n_cells)
        The phase's weights.

    Returns
    -------
    ndarray of shape (n_traces, n_cells)
    """
    n_cells = products.shape[1] // 2
    z = products[:, :n_cells] * pair[0]
    z += products[:, n_cells:] * pair[1]
    return z


def _cells_of(spectrum, phase_jitter, band, times, time_step, n_phases):
    """Quadratures, weights and mean squares of one shape at all times."""
    moved = spectrum * band.delay(times)
    # Multiplied by exp(i psi), a spectrum turns into that of cos(psi) P + sin(psi) Q.
    quadratures = np.stack([band.synthesize(moved), band.synthesize(1j * moved)])
    power = np.abs(spectrum) ** 2
    frequency = float(power @ band.frequencies / power.sum())
    psi = phase_nodes(phase_jitter, time_step, frequency, n_phases)
    rotation = np.stack([np.cos(psi), np.sin(psi)], axis=1).astype(np.float32)
    pulses = [np.tensordot(pair, quadratures, axes=1) for pair in rotation]
    peak = np.stack([np.abs(p).max(axis=1) for p in pulses])
    mean_square = np.mean([(p**2).mean(axis=1) for p in pulses] / peak**2, axis=0)
    return quadratures, rotation[:, :, None] / peak[:, None, :], mean_square


def _energy(templates, weights):
    in_phase, quadrature = templates
    products = [(in_phase**2).sum(1), (in_phase * quadrature).sum(1), (quadrature**2).sum(1)]
    cosine, sine = weights[:, 0], weights[:, 1]
    energy = cosine**2 * products[0] + 2 * cosine * sine * products[1] + sine**2 * products[2]
    return np.maximum(energy, np.finfo(np.float32).tiny)
