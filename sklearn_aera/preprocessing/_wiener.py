"""Linear estimation of pulses."""

import numpy as np
from scipy.linalg import toeplitz
from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._channel_covariance import channel_unmixing
from sklearn_aera._channels import by_channel, validate_traces
from sklearn_aera._covariance import signal_autocovariance, stationary_autocovariance
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._labels import background_mask, background_rows
from sklearn_aera._toeplitz import (
    DENSE_LENGTH,
    StationaryCovariance,
    batches,
    toeplitz_product,
)
from sklearn_aera._validation import check_regularization


@fill_docstring()
class WienerFilter(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Recover pulses with the linear filter of lowest mean squared error.

    The estimate of the pulse in a trace x is ``S (S + C)^-1 x``, where C is the covariance of
    the noise and S that of the pulses. Both are assumed to be stationary: the gain at each
    frequency is the share of the pulses in the power, so that carriers are removed. Both are
    estimated from labelled traces by maximum likelihood. The true pulses need not be known, and
    traces may be normalised before.

    Parameters
    ----------
    %(regularization)s

    Attributes
    ----------
    autocovariance_ : ndarray of shape (n_samples,) or (n_channels, n_samples)
        Autocovariance of the background from lag 0 on, in the squared unit of the traces.
    unmixing_ : ndarray of shape (n_channels, n_channels), or None
        Matrix that turns channels into uncorrelated components; None for one channel.
    signal_autocovariance_ : ndarray of shape (n_samples,) or (n_channels, n_samples)
        Autocovariance of the pulses, in each component.
    covariance_ : StationaryCovariance or tuple
        Covariance of traces with pulses, the sum of both; one for each component.
    filter_ : ndarray of shape (n_samples, n_samples), float32, None or tuple
        Matrix that traces are multiplied by from the right; one for each component. None for more
        than 1 024 samples, for which fast Fourier transforms are faster.
    %(trace_shape)s

    See Also
    --------
    sklearn_aera.likelihood.LikelihoodRatioClassifier.posterior_mean : Estimate with the lowest
        mean squared error of all.

    Notes
    -----
    A linear filter does not depend on the arrival time of the pulse. It keeps noise with the
    spectrum of a pulse in the whole trace, and reduces the amplitude of every pulse.
    ``examples/benchmarks/recovery.py`` compares it with non-linear estimates.

    Several channels are turned into components whose noise is uncorrelated, as in
    `ChannelCovariance`. Pulses count as uncorrelated, too, which they are for orthogonal arms with
    noise of the same strength and a uniform polarization.

    References
    ----------
    N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series" (1949)

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.metrics import snr_gain
    >>> from sklearn_aera.preprocessing import WienerFilter
    >>> data = make_traces(400, random_state=0)
    >>> recovered = WienerFilter().fit_transform(data.traces, data.y)
    >>> snr_gain(data.signals, data.traces, recovered) > 10
    True
    """

    def __init__(self, regularization=1e-4):
        self.regularization = regularization

    @one_task
    def fit(self, X, y):
        """Estimate the covariances of background and pulses.

        %(X_channels)s
        y : array-like of shape (n_traces,) or of the shape of X
            Labels or true signals. The background has the label 0 or False, else the smaller of
            two numbers or the text "noise" or "background"; its true signals are zero throughout.
            Traces of background with more than 100 times their median power are left out, with a
            warning.
            Signals may have any unit: they are only compared with zero.

        %(fitted)s
        """
        regularization = check_regularization(self.regularization)
        X, y = validate_traces(self, X, y, multi_output=True, ensure_min_features=2)
        is_noise = background_mask(y)
        if is_noise.all() or not is_noise.any():
            raise ValueError("y must have two classes, without and with a pulse, got one class")
        background, traces = background_rows(X, y), X[~is_noise]
        self.unmixing_ = None
        if X.ndim == 3:
            self.unmixing_ = channel_unmixing(background, regularization)
            background, traces = (_mixed(self.unmixing_, x) for x in (background, traces))
        parts = zip(by_channel(background), by_channel(traces), strict=True)
        parts = [_fit(*part, regularization) for part in parts]
        if X.ndim == 2:
            (part,) = parts
            self.autocovariance_, self.signal_autocovariance_, self.covariance_, self.filter_ = part
            return self
        noise, signal, self.covariance_, self.filter_ = zip(*parts, strict=True)
        self.signal_autocovariance_ = np.stack(signal)
        self.autocovariance_ = np.linalg.inv(self.unmixing_) ** 2 @ np.stack(noise)
        return self

    def transform(self, X):
        """Estimate the pulses.

        %(X_channels)s

        %(signals_channels)s
        """
        X = validate_traces(self, X, reset=False, dtype=np.float32)
        if X.ndim == 2:
            return _filtered(X, self.signal_autocovariance_, self.covariance_, self.filter_)
        parts = self.signal_autocovariance_, self.covariance_, self.filter_
        components = by_channel(_mixed(self.unmixing_, X))
        signals = [_filtered(*part) for part in zip(components, *parts, strict=True)]
        return _mixed(np.linalg.inv(self.unmixing_), np.stack(signals, axis=1))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _fit(background, traces, regularization):
    """Return the autocovariances of noise and pulses, their sum, and the matrix of the filter."""
    noise = stationary_autocovariance(background, regularization)
    signal = signal_autocovariance(traces, noise)
    covariance = StationaryCovariance.from_autocovariance(noise + signal)
    matrix = None
    if len(noise) <= DENSE_LENGTH:
        matrix = covariance.solve(toeplitz(signal)).T.astype(np.float32)
    return noise, signal, covariance, matrix


def _filtered(X, signal, covariance, matrix):
    if matrix is not None:
        return X @ matrix
    signals = np.empty_like(X)
    for rows in batches(X, 2 * X.shape[1]):
        white = covariance.solve(X[rows].astype(np.float64))
        signals[rows] = toeplitz_product(signal, white)
    return signals


def _mixed(matrix, X):
    return matrix.astype(X.dtype) @ X
