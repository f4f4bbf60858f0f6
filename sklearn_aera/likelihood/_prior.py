"""Prior distribution of the strength of pulses."""

from typing import NamedTuple

import numpy as np


class PulsePrior(NamedTuple):
    """Prior distribution of the strength of a pulse.

    Parameters
    ----------
    snr : (float, float)
        Range in which the signal-to-noise ratio is uniform.
    mean_square : ndarray of shape (n_cells,), float32
        Mean square of pulses of unit peak; 0 if the ratio refers to the measured trace.
    log_odds : float
        Logarithm of the odds of a pulse against noise alone.
    """

    snr: tuple[float, float]
    mean_square: np.ndarray
    log_odds: float

    @classmethod
    def from_range(cls, snr, snr_reference, mean_square, priors):
        """Make the prior from parameters of a classifier and ``mean_square`` of its bank."""
        if snr_reference == "trace":
            mean_square = np.zeros_like(mean_square)
        return cls(snr, mean_square, float(np.log(priors[1] / priors[0])))

    def amplitude(self, snr):
        """Return the peak of a pulse over the RMS of the whole trace.

        It is ``snr / sqrt(1 + snr**2 mean_square)``: the power of the trace is that of the noise
        plus that of the pulse. Their product is left out, since it averages to zero. With the
        exact density, neither the area under the ROC curve nor the log loss changes by 0.0001
        (``examples/benchmarks/limit.py``).
        """
        return snr / np.sqrt(1 + snr**2 * self.mean_square)

    def snr_of(self, amplitude):
        """Return the signal-to-noise ratio of an amplitude, the inverse of `amplitude`."""
        return amplitude / np.sqrt(1 - amplitude**2 * self.mean_square)

    def clip(self, amplitude):
        """Limit amplitudes to the range of the signal-to-noise ratio."""
        low, high = (self.amplitude(np.float32(snr)) for snr in self.snr)
        return np.clip(amplitude, low, high)


def snr_nodes(snr, n_nodes):
    """Return nodes and weights, (n_nodes,), of a uniform prior of the signal-to-noise ratio.

    The nodes are equally spaced in the logarithm, since weak pulses need small steps. There is a
    single one if both ends of the range ``snr``, which are positive, are equal.
    """
    low, high = snr
    if low == high:
        return np.array([low]), np.ones(1)
    edges = np.geomspace(low, high, n_nodes + 1)
    return np.sqrt(edges[1:] * edges[:-1]), np.diff(edges) / (high - low)
