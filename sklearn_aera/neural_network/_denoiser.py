"""The recurrent denoiser: from traces to the signals in them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._channels import validate_traces
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._scaling import divide_by_std
from sklearn_aera._validation import check_choice, check_count
from sklearn_aera.neural_network._architecture import Architecture, check_recurrent_network
from sklearn_aera.neural_network._network_estimator import (
    NetworkEstimator,
    TrainingData,
    check_sample_weight,
    training_method,
)
from sklearn_aera.neural_network._parameter_texts import TEXTS
from sklearn_aera.neural_network._pulse_calibration import PulseCalibrationMixin


@fill_docstring(**TEXTS)
@dataclass(eq=False, repr=False, kw_only=True)
class RecurrentDenoiser(PulseCalibrationMixin, RegressorMixin, NetworkEstimator):
    """Recover the pulses in traces with a recurrent network.

    A convolution (or the samples themselves, or frames of them) turns a trace into a sequence.
    Recurrent layers read it and weight, at each time, the outputs of linear filters; a sum of
    learned waveforms with these amplitudes is the signal. Where there is no pulse the signal is
    close to zero.

    Each trace is divided by its standard deviation and whitened before the network, and the
    network's output is multiplied by the standard deviation. Signals are therefore returned in the
    unit of those in the fit, and an antenna with twice the gain gives twice the signal.

    Parameters
    ----------
    %(cell)s
    n_filters : int, default=64
        Number of filters of the convolution in front, and of waveforms; 0 for none: the recurrent
        layers then read frames and give the samples of each.
    kernel_size : int, default=48
        Length of the filters and waveforms, or of the frames, in samples.
    stride : int, default=4
        Distance between two positions of the filters or frames, in samples. With ``n_filters=0``,
        ``kernel_size=1`` and ``stride=1`` the recurrent layer reads and gives single samples.
    whitener : transformer or None, default=None
        Applied between the division and the network, such as
        `sklearn_aera.preprocessing.SpectralWhitener`; fitted with the divided traces and their
        signals.
    learn_std : bool, default=False
        Whether the network also learns the standard deviation of each sample, for
        ``predict(X, return_std=True)``. The signals are the same with and without.
    %(training)s

    Attributes
    ----------
    whitener_ : transformer or None
        The fitted ``whitener``.
    scale_ : float
        Root mean square of the training signals, in standard deviations of their traces.
    pulse_calibration_ : dict or None
        Errors of pulses, measured by `calibrate_pulses`.
    %(attributes)s
    history_ : dict of list of float
        ``loss`` of each epoch, the mean square error in units of ``scale_``, to which ``learn_std``
        adds a negative logarithm of the likelihood; with validation data ``val_loss`` too.

    See Also
    --------
    make_denoiser : The recommended denoiser.

    Notes
    -----
    A whitener in front of the denoiser, as a step of a pipeline, is worse: it removes the carriers
    and with them the strength of the noise, to which the signal-to-noise ratio of a pulse, and so
    its expected amplitude, refers. Behind `sklearn_aera.preprocessing.StdNormalizer` the standard
    deviation of a trace is lost altogether.

    References
    ----------
    Recovery of AERA's signals with a network: arXiv:1901.04079. Learning of standard deviations:
    arXiv:2203.09168.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import RecurrentDenoiser
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> denoiser = RecurrentDenoiser(hidden_size=8, n_filters=8, stride=8, epochs=1, random_state=0)
    >>> denoiser.fit(data.traces, data.signals).predict(data.traces).shape
    (200, 500)
    """

    cell: str = "gru"
    hidden_size: int | tuple = 32
    bidirectional: bool = True
    n_filters: int = 64
    kernel_size: int = 48
    stride: int = 4
    whitener: Any = None
    learn_std: bool = False

    _epoch_target = "signals"

    @training_method
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        %(traces)s
            They must not be whitened if there is a ``whitener``.
        y : array-like of the shape of X
            The true signals, all zero for noise alone, in any unit. For traces of one channel it
            may have fewer columns: the signals at the first samples.
        %(sample_weight)s
        %(validation)s

        %(fitted)s
            The error is raised before the training starts.
        """
        return self._fit_data(X, y, sample_weight, X_val, y_val)

    @training_method
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch, at a constant learning rate.

        %(traces)s
        y : array-like of the shape of X
            The true signals.
        %(sample_weight)s

        %(fitted)s
        """
        self._check_parameters()
        return self._continue_fit(X, y, sample_weight)

    def predict(self, X, return_std=False):
        """Recover the signals in traces.

        %(X_channels)s
        return_std : bool, default=False
            Whether to return the standard deviations, too; for ``learn_std=True``.

        Returns
        -------
        signals : ndarray of the shape of the signals in the fit, float64
            In the unit of those signals.
        std : ndarray of the same shape, float64
            Standard deviation of the true signal at each sample, given the trace. Only with
            ``return_std``.

        Raises
        ------
        ValueError
            If ``return_std`` is set and the denoiser was fitted without ``learn_std``.
        """
        check_is_fitted(self)
        learned = self.architecture_.learns_std
        if return_std and not learned:
            raise ValueError(
                "return_std=True needs a denoiser that was fitted with learn_std=True, got "
                "learn_std=False"
            )
        X = validate_traces(self, X, dtype=np.float32, reset=False)
        divided, trace_std = self._divided(X, self.whitener_)
        unit = self.scale_ * trace_std
        outputs = self._outputs(divided)
        signals, std = (outputs[:, 0], outputs[:, 1]) if learned else (outputs, None)
        return (signals * unit, std * unit) if return_std else signals * unit

    def score(self, X, y, sample_weight=None):
        """Share of the signals' variance that is recovered, `sklearn.metrics.r2_score`.

        %(traces)s
        y : array-like of the shape of X
            The true signals.
        %(sample_weight)s

        Returns
        -------
        float
            Mean over the samples.
        """
        recovered = self.predict(X)
        if recovered.ndim == 3:
            y, recovered = (np.reshape(signals, (len(recovered), -1)) for signals in (y, recovered))
        return r2_score(y, recovered, sample_weight=sample_weight)

    def _check_architecture(self):
        check_recurrent_network(self)
        for name in ("n_filters", "kernel_size", "stride"):
            check_count(getattr(self, name), name, min_val=int(name != "n_filters"))
        check_choice(self.learn_std, "learn_std", (True, False))
        if not (self.whitener is None or hasattr(self.whitener, "transform")):
            raise TypeError(f"whitener must be a transformer or None, got {self.whitener!r}")

    def _architecture(self, data):
        shape = data.targets.shape[1:]
        return Architecture(
            trace_shape=self.trace_shape_,
            output_shape=(2, *shape) if self.learn_std else shape,
            learns_std=bool(self.learn_std),
            pooling="none",
            dropout=float(self.dropout),
            head="trace",
            **check_recurrent_network(self),
        )

    def _check_data(self, X, y, sample_weight=None, *, reset, classes=None):
        options = {"dtype": np.float32, "multi_output": True, "reset": reset}
        y_shape = np.asarray(y).shape
        flat = np.reshape(y, (len(y), -1)) if len(y_shape) == 3 else y
        X, y = validate_traces(self, X, flat, **options)
        signals = np.asarray(y, dtype=np.float32)
        if len(y_shape) == 3 or X.ndim == 3:
            if y_shape != X.shape:
                raise ValueError(f"y must have the shape of X, {X.shape}, got {y_shape}")
            signals = signals.reshape(X.shape)
        else:
            signals = signals.reshape(len(signals), -1)
            self._check_signal_length(signals, X)
        if sample_weight is None:
            return TrainingData(X, y, signals)
        weight = check_sample_weight(sample_weight, X)
        return TrainingData(X, y, signals, weight.astype(np.float32)).take(weight > 0)

    def _check_signal_length(self, signals, X):
        if signals.shape[1] > X.shape[1]:
            raise ValueError(
                f"y must be the signals in X, with at most {X.shape[1]} samples, got "
                f"{signals.shape[1]}"
            )
        if self.max_shift > 0 and signals.shape[1] < X.shape[1]:
            raise ValueError(
                f"y must have as many samples as X where max_shift={self.max_shift} moves traces, "
                f"{X.shape[1]}, got {signals.shape[1]}"
            )

    def _check_epoch(self, transform, data, *, reset):
        return self._check_data(transform(data["traces"]), data["signals"], reset=reset)

    def _check_validation(self, X_val, y_val, state):
        validation = self._check_data(X_val, y_val, reset=False)
        found, expected = validation.targets.shape[1:], state["architecture_"].target_shape
        if found != expected:
            raise ValueError(f"y_val must have signals of the shape {expected}, got {found}")
        return validation

    def _initial_state(self, data, seed=None, classes=None):
        traces, std = divide_by_std(data.X)
        whitener = None
        if self.whitener is not None:
            whitener = clone(self.whitener).fit(traces, data.targets)
        signals = _divided_by(data.targets, std).reshape(len(std), -1)
        power = np.mean(np.square(signals, dtype=np.float64), axis=1)
        scale = float(np.sqrt(np.average(power, weights=data.weight))) or 1.0
        own = {"whitener_": whitener, "scale_": scale, "pulse_calibration_": None}
        return own | self._untrained_state(self._architecture(data), seed)

    def _current_state(self, data):
        own = {"whitener_": self.whitener_, "scale_": self.scale_, "pulse_calibration_": None}
        return own | self._fitted_state(self._architecture(data))

    def _network_arrays(self, data, state):
        traces, std = self._divided(data.X, state["whitener_"])
        return traces, _divided_by(data.targets, state["scale_"] * std).astype(np.float32)

    def _divided(self, X, whitener):
        """The network's input, and the standard deviations by which the traces were divided."""
        X, std = divide_by_std(X)
        return (X if whitener is None else whitener.transform(X)), std

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        # scikit-learn's data are no traces: there is nothing to recover.
        tags.regressor_tags.poor_score = True
        return tags


def _divided_by(signals, unit):
    return signals / np.where(unit > 0, unit, 1.0)
