"""Credible intervals of the amplitude, energy and time of pulses."""

import numpy as np
from sklearn.utils import gen_batches

from sklearn_aera._templates import white_batches
from sklearn_aera.likelihood._recovery import amplitude_terms, match
from sklearn_aera.metrics import Interval, PulseParameters, pulse_parameters

# Amplitudes of a template, within 3.5 standard deviations on both sides of the best one.
_N_STEPS = 16
# Templates with less than exp(-10) of the largest likelihood do not count.
_NEGLIGIBLE_LOSS = 10.0


def pulse_intervals(X, bank, prior, scale, degrees_of_freedom, sampling_rate, confidence_level):
    """Compute medians and central intervals of the parameters of a pulse, given that there is one.

    They are quantiles of the posterior distribution over the pulses of a bank. Returns
    `PulseParameters` of `Interval`, each of arrays of shape (n_traces,), float64, in the unit of
    the traces, us and the square of that unit times us. They are defined as in
    `sklearn_aera.metrics.pulse_parameters`. Other arguments are those of
    `sklearn_aera.likelihood._recovery.posterior_mean`.
    """
    tail = (1 - confidence_level) / 2
    probabilities = np.array([0.5, tail, 1 - tail])
    shapes = _CellShapes(bank, scale, sampling_rate)
    found = np.empty((len(X), 3, len(probabilities)))
    for rows, white, *strength in white_batches(X, bank, scale):
        traces = _traces(bank.products(white), *strength, bank, prior, degrees_of_freedom)
        quantiles = [
            _trace_quantiles(z, gain, largest, bank, prior, shapes, probabilities)
            for z, gain, largest in traces
        ]
        unit = strength[0][:, None] ** [1, 2, 0]
        found[rows] = np.array(quantiles) * unit[:, :, None]
    return PulseParameters(*(Interval(*found[:, number].T) for number in range(3)))


class _CellShapes:
    """What the parameters of a pulse are for templates of unit peak, in the unit of the traces.

    ``amplitude`` and ``energy`` have the shape (n_phases, n_cells); ``slot``, (n_cells,), is the
    number of the arrival time, between ``edges``, (n_times + 1,), in us. ``steps``, (n_steps,
    n_cells), are shares of the range of amplitudes, others in each cell: together the cells have
    many different amplitudes.
    """

    def __init__(self, bank, scale, sampling_rate):
        moments = [
            _moments(*bank.quadratures(cells)) for cells in gen_batches(len(bank.times), 256)
        ]
        envelope, *products = np.concatenate(moments, axis=1)
        weights = bank.weights.astype(np.float64).swapaxes(0, 1)
        weights = weights * np.repeat(scale, 2)[:, None, None]
        cosine, sine = weights[::2], weights[1::2]  # Of each channel.
        self.amplitude = np.hypot(cosine, sine).max(axis=0) * envelope
        energy = cosine**2 * products[0] + 2 * cosine * sine * products[1] + sine**2 * products[2]
        self.energy = energy.sum(axis=0) / sampling_rate
        golden_ratio = (1 + np.sqrt(5)) / 2
        offset = np.arange(len(bank.times)) * golden_ratio % 1
        self.steps = ((np.arange(_N_STEPS)[:, None] + offset) / _N_STEPS).astype(np.float32)
        times, self.slot = np.unique(bank.times, return_inverse=True)
        step = times[1] - times[0] if len(times) > 1 else 1 / sampling_rate
        self.edges = np.append(times - step / 2, times[-1] + step / 2)


def _moments(in_phase, quadrature):
    """Return amplitudes, and sums of squares and products, of templates: (4, n_cells)."""
    in_phase, quadrature = in_phase.astype(np.float64), quadrature.astype(np.float64)
    pairs = (in_phase, in_phase), (in_phase, quadrature), (quadrature, quadrature)
    products = [np.einsum("ci,ci->c", *pair) for pair in pairs]
    return np.stack([pulse_parameters(in_phase).amplitude, *products])


def _traces(products, rms, power, bank, prior, degrees_of_freedom):
    """Yield the matched filters, (n_cells,) of each phase, gain and largest term of each trace."""
    pairs, gain, largest, _ = match(products, rms, power, bank, prior, degrees_of_freedom)
    for row in range(len(rms)):
        yield [z[row] for z, _ in pairs], gain[row : row + 1], largest[row : row + 1]


def _trace_quantiles(matched, gain, largest, bank, prior, shapes, probabilities):
    """Quantiles of amplitude, energy and time, (3, n_probabilities), over the RMS of the trace."""
    weights, amplitudes, energies, slots = [], [], [], []
    for number, (z, energy) in enumerate(zip(matched, bank.energy, strict=True)):
        for polarity in (1, -1):
            terms = polarity * z[None], energy, prior, gain, largest
            _, cells, at_nodes = amplitude_terms(*terms, shapes.steps, _NEGLIGIBLE_LOSS)
            for amplitude, weight in at_nodes:
                weights.append(weight)
                amplitudes.append(amplitude * shapes.amplitude[number, cells])
                energies.append(amplitude**2 * shapes.energy[number, cells])
                slots.append(shapes.slot[cells])
    weights = np.concatenate(weights, dtype=np.float64)
    in_slot = np.bincount(np.concatenate(slots), weights, len(shapes.edges) - 1)
    share = np.append(0.0, np.cumsum(in_slot)) / in_slot.sum()
    time = np.interp(probabilities, share, shapes.edges)
    amplitude, energy = map(np.concatenate, (amplitudes, energies))
    return [*(_quantiles(v, weights, probabilities) for v in (amplitude, energy)), time]


def _quantiles(values, weights, probabilities):
    """Quantiles of a weighted sample, interpolated between the middles of its steps."""
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    share = np.cumsum(weights) - weights / 2
    return np.interp(probabilities * weights.sum(), share, values)
