"""Losses that Keras does not have."""

import keras
from keras import ops


class SignalError(keras.losses.Loss):
    """Mean square error of each signal, over its channels and samples.

    If the output is a pair of signal and standard deviation, the negative logarithm of the
    likelihood of a normal distribution (without constants, times 2) is added. The gradient of
    this term passes to the standard deviation only, and each sample is weighted with its own
    standard deviation: otherwise the many samples without a pulse would dominate (beta-NLL with
    beta = 1/2, arXiv:2203.09168).
    """

    def call(self, signals, recovered):
        axes = tuple(range(1, len(signals.shape)))
        if len(recovered.shape) == len(signals.shape):
            return ops.mean(ops.square(signals - recovered), axis=axes)
        recovered, std = recovered[:, 0], recovered[:, 1]
        error = ops.square(signals - recovered)
        likelihood = ops.stop_gradient(error) / ops.square(std) + 2 * ops.log(std)
        return ops.mean(error + ops.stop_gradient(std) * likelihood, axis=axes)


class DetectionLoss(keras.losses.Loss):
    """Cross-entropy of the label and, for pulses, of the arrival cell.

    A row of the targets is a label and the true signal; of the outputs, the logit and the logits
    of the cells. A signal is in the cells of its peak: shares are proportional to the eighth power
    of its amplitude, so its unit does not matter. The posterior probabilities minimise both terms,
    so the label's stay calibrated. A row without a signal has the first term only.
    """

    def __init__(self, architecture, **options):
        super().__init__(**options)
        self._architecture = architecture

    def call(self, rows, outputs):
        label, logit, cells = rows[:, 0], outputs[:, 0], outputs[:, 1:]
        detection = ops.relu(logit) - label * logit + ops.softplus(-ops.abs(logit))
        share = self._peak_shares(rows[:, 1:], cells.shape[1])
        return detection - ops.sum(share * (cells - logit[:, None]), axis=1)

    def _peak_shares(self, signals, n_cells):
        """Share of each signal's peak in the cells: step, sample within it, channel, sign."""
        a = self._architecture
        signals = ops.transpose(ops.reshape(signals, (-1, a.n_channels, a.n_samples)), (0, 2, 1))
        n_covered = n_cells // (2 * a.n_channels)
        signals = ops.pad(signals, ((0, 0), (0, max(n_covered - a.n_samples, 0)), (0, 0)))
        both_signs = ops.stack([signals, -signals], axis=3)[:, :n_covered]
        amplitude = ops.relu(ops.reshape(both_signs, (-1, n_cells)))
        # Scaled by the peak first: the powers of signals in any unit stay within float32.
        peak = ops.max(amplitude, axis=1, keepdims=True)
        share = amplitude / ops.maximum(peak, 1e-30)
        for _ in range(3):
            share = ops.square(share)
        return share / ops.maximum(ops.sum(share, axis=1, keepdims=True), 1e-30)


def detection_accuracy(rows, outputs):
    """Whether the label agrees with the sign of the logit."""
    return ops.cast(ops.equal(rows[:, 0] > 0.5, outputs[:, 0] > 0), "float32")
