"""Peaks, mean squares and whitened energies of pulse templates at all arrival times."""

import numpy as np
import scipy.fft
from scipy.ndimage import maximum_filter1d


def template_moments(spectrum, phases, grid, times, covariance, times_per_sample):
    """Compute peaks, energies and mean squares of the pulses of one shape at all times.

    The spectrum, (n_bins,), is that of a pulse at time zero, the phases, (n_phases,), are in
    radians, and the times, (n_times,), in us, have steps of one over ``times_per_sample`` of a
    sample. Times that are whole samples apart have the same waveform, moved.

    Returns cosine and sine of each phase over the peak, (n_phases, 2, n_times), the squared norm
    of the whitened templates of unit peak, (n_phases, n_times), and the mean square of the pulses
    of unit peak over the samples of the trace, (n_times,), the mean over the phases.
    """
    rotation = np.stack([np.cos(phases), np.sin(phases)], axis=1)
    peak, square, energy = np.empty((3, len(phases), len(times)))
    for offset in range(min(times_per_sample, len(times))):
        every = slice(offset, None, times_per_sample)
        pair = waveforms(spectrum, grid, times[offset])
        n_moves = len(times[every])
        for number, waveform in enumerate(rotation @ pair):
            peak[number, every], square[number, every] = _in_window(waveform, grid, n_moves)
        products = _whitened_products(pair, n_moves, covariance)
        energy[:, every] = np.einsum("pi,pj,ijt->pt", rotation, rotation, products)
    weights = rotation[:, :, None] / peak[:, None, :]
    return weights, energy / peak**2, np.mean(square / peak**2, axis=0)


def waveforms(spectrum, grid, time):
    """Return a pulse and its quadrature on the whole grid, (2, n_grid)."""
    moved = np.zeros(grid.n_grid, dtype=np.complex128)
    moved[grid.first_bin : grid.first_bin + grid.n_bins] = spectrum * grid.delay([time])[0]
    # A spectrum times exp(i psi) is that of the pulse cos(psi) P + sin(psi) Q.
    analytic = 2 * scipy.fft.ifft(moved, norm="forward")
    return np.stack([analytic.real, -analytic.imag])


def _in_window(waveform, grid, n_moves):
    """Return largest absolute value and mean square of a waveform within the trace.

    The waveform is moved by 0, 1, ... samples: (n_moves,).
    """
    n_samples = grid.n_samples
    seen = np.abs(np.concatenate([waveform[len(waveform) - n_moves + 1 :], waveform[:n_samples]]))
    middle = n_samples // 2
    peak = maximum_filter1d(seen, n_samples)[middle : middle + n_moves]
    total = np.concatenate([[0.0], np.cumsum(seen**2)])
    return peak[::-1], ((total[n_samples:] - total[:-n_samples]) / n_samples)[::-1]


def _whitened_products(pair, n_moves, covariance):
    """Return ``g' C^-1 h`` for both quadratures g, h, moved by 0, 1, ... samples.

    The matrix C^-1 without its first row and column is that without its last row and column plus
    ``(d d' - e e') / a_0``, where a is its first column, d that without a_0, and e all but a_0 in
    reversed order (Trench 1964). The products at one time therefore follow from those a sample
    before, in which the last sample was still in the trace and the first was not.

    The waveforms have the shape (2, n_grid), the result (2, 2, n_moves).
    """
    n_samples, first = covariance.n_samples, covariance.inverse_column
    spectrum = scipy.fft.rfft(pair)

    def along(column):
        """Products of a column with the waveforms, at all moves, (2, n_moves)."""
        product = spectrum.conj() * scipy.fft.rfft(column, pair.shape[1])
        return scipy.fft.irfft(product, pair.shape[1])[:, :n_moves]

    def both(g, h):
        return g[:, None] * h[None]

    start = pair[:, :n_samples]
    start = np.einsum("is,js->ij", start, covariance.solve(start))
    lost, kept, entering = along(first[::-1]), along(first[1:]), along(first)[:, 1:]
    new = pair[:, :0:-1][:, : n_moves - 1]
    change = (both(kept, kept) - both(lost, lost))[..., :-1] / first[0]
    change += both(new, entering) + both(entering, new) - first[0] * both(new, new)
    return start[..., None] + np.concatenate([np.zeros((2, 2, 1)), change.cumsum(axis=2)], axis=2)
