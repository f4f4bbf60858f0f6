"""Amplitude, energy and time of recovered pulses, with errors that cover the truth."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_real, check_sampling_rate
from sklearn_aera.metrics import Interval, PulseParameters, pulse_parameters

_N_GROUPS = 5
# Pulses of a group from which quantiles are taken.
_MIN_PULSES = 10 * _N_GROUPS


@fill_docstring()
class PulseCalibrationMixin:
    """Mixin for denoisers whose ``predict(X, return_std=True)`` gives signals and deviations."""

    def calibrate_pulses(self, X, y, *, sampling_rate=180.0, confidence_level=0.6827):
        """Measure the errors of recovered pulses, for the intervals of `predict_pulses`.

        For pulses like those given here, a share ``confidence_level`` of the intervals contains the
        truth. Select these pulses as those to which the intervals will apply, for example by the
        threshold of a detector. Some thousand are enough; `fit` discards the result.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
            Traces with a pulse, on which the network was not trained.
        y : array-like of the shape of X
            The true signals.
        %(sampling_rate)s
        confidence_level : float, default=0.6827
            Probability content of the intervals; the default is that of one standard deviation.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the denoiser was fitted without ``learn_std``, there are less than 50 traces, a
            signal is zero or has not the shape of its trace.

        Examples
        --------
        >>> from sklearn_aera.datasets import make_traces
        >>> from sklearn_aera.neural_network import RecurrentDenoiser
        >>> train = make_traces(200, snr=5.0, random_state=0)
        >>> pulses = make_traces(60, snr=5.0, signal_fraction=1.0, random_state=1)
        >>> network = {"hidden_size": 8, "n_filters": 8, "stride": 8, "epochs": 1}
        >>> denoiser = RecurrentDenoiser(**network, learn_std=True, random_state=0)
        >>> denoiser.fit(train.traces, train.signals)
        RecurrentDenoiser(...)
        >>> denoiser.calibrate_pulses(pulses.traces, pulses.signals)
        RecurrentDenoiser(...)
        >>> value, low, high = denoiser.predict_pulses(train.traces[:3]).amplitude
        >>> value.shape
        (3,)
        """
        recovered, std = self.predict(X, return_std=True)
        floats = [np.float64, np.float32]
        signals = check_array(y, dtype=floats, allow_nd=True, input_name="y")
        if signals.shape != recovered.shape:
            raise ValueError(f"y must have the shape {recovered.shape}, got {signals.shape}")
        is_pulse = signals.reshape(len(signals), -1).any(axis=1)
        if len(signals) < _MIN_PULSES or not is_pulse.all():
            raise ValueError(
                f"y must be at least {_MIN_PULSES} signals of pulses, none of them zero, got "
                f"{len(signals)}, {np.sum(~is_pulse)} of them zero"
            )
        rate = check_sampling_rate(sampling_rate)
        limits = {"min_val": 0.0, "max_val": 1.0, "include_boundaries": "neither"}
        level = check_real(confidence_level, "confidence_level", **limits)
        self.pulse_calibration_ = fit_calibration(signals, recovered, std, rate, level)
        return self

    def predict_pulses(self, X):
        """Estimate the amplitude, energy and arrival time of the pulse in each trace.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)

        Returns
        -------
        PulseParameters
            Named tuple of ``amplitude``, in the unit of the signals, ``energy``, in its square
            times us, and ``time``, in us from the first sample. Each is a tuple of three arrays
            (value, low, high) of shape (n_traces,), float64. They are defined as in
            `sklearn_aera.metrics.pulse_parameters`.

        Raises
        ------
        NotFittedError
            Before `calibrate_pulses`.
        """
        check_is_fitted(self)
        if getattr(self, "pulse_calibration_", None) is None:
            raise NotFittedError("predict_pulses needs calibrate_pulses to be called before")
        recovered, std = self.predict(X, return_std=True)
        return calibrated_pulses(recovered, std, self.pulse_calibration_)


def fit_calibration(true_signals, recovered, std, sampling_rate, confidence_level):
    """Measure the errors of recovered pulses, relative to the uncertainty that is expected.

    The uncertainty of a pulse is the root of the share of its energy that is variance. It is
    proportional to the errors of amplitude, energy and time, if these are small. The quantiles
    of the true errors over this uncertainty make the intervals, as in split conformal prediction
    (arXiv:1604.04173), in groups of pulses with similar uncertainty.

    Signals and standard deviations are of shape (n_pulses, n_samples) or (n_pulses, n_channels,
    n_samples). Returns a dictionary of
    ``sampling_rate``; ``uncertainty``, (n_groups,), the median of each group; and ``quantiles``,
    (3, 3, n_groups): median, lower and upper end for amplitude, energy and time.
    """
    values, scale, uncertainty = _estimates(recovered, std, sampling_rate)
    truth = np.array(pulse_parameters(true_signals, sampling_rate=sampling_rate))
    errors = (truth - values) / scale
    groups = np.array_split(np.argsort(uncertainty), _N_GROUPS)
    tail = (1 - confidence_level) / 2
    quantiles = [np.quantile(errors[:, rows], [0.5, tail, 1 - tail], axis=1).T for rows in groups]
    return {
        "sampling_rate": sampling_rate,
        "uncertainty": np.array([np.median(uncertainty[rows]) for rows in groups]),
        "quantiles": np.stack(quantiles, axis=2),
    }


def calibrated_pulses(recovered, std, calibration):
    """Compute `PulseParameters` of `Interval`, each of arrays of shape (n_pulses,), float64."""
    values, scale, uncertainty = _estimates(recovered, std, calibration["sampling_rate"])
    parameters = []
    for value, unit, quantiles in zip(values, scale, calibration["quantiles"], strict=True):
        errors = (np.interp(uncertainty, calibration["uncertainty"], q) for q in quantiles)
        parameters.append(Interval(*(value + unit * error for error in errors)))
    return PulseParameters(*parameters)


def _estimates(recovered, std, sampling_rate):
    """Amplitude, energy and time, the expected errors of each, (3, n_pulses), and uncertainties.

    The expected energy of a signal is the sum of those of its mean and its standard deviation.
    """
    amplitude, energy, time = pulse_parameters(recovered, sampling_rate=sampling_rate)
    variance = np.square(std).reshape(len(std), -1).sum(axis=1) / sampling_rate
    expected = energy + variance
    uncertainty = np.sqrt(
        np.divide(variance, expected, out=np.ones_like(expected), where=expected > 0)
    )
    scale = np.stack([amplitude * uncertainty, expected * uncertainty, uncertainty / sampling_rate])
    return np.stack([amplitude, expected, time]), scale, uncertainty
