"""Linear estimation of pulses."""

import numpy as np
from scipy.linalg import toeplitz
from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._channels import validate_traces
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
    autocovariance_ : ndarray of shape (n_samples,)
        Autocovariance of the background from lag 0 on, in the squared unit of the traces.
    signal_autocovariance_ : ndarray of shape (n_samples,)
        Autocovariance of the pulses.
    covariance_ : StationaryCovariance
        Covariance of traces with pulses, the sum of both.
    filter_ : ndarray of shape (n_samples, n_samples), float32, or None
        Matrix that traces are multiplied by from the right. None for more than 1 024 samples, for
        which fast Fourier transforms are faster.
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

        %(X)s
        y : array-like of shape (n_traces,) or (n_traces, n_samples)
            Labels or true signals. The background has the label 0 or False, else the smaller of
            two numbers or the text "noise" or "background"; its true signals are zero throughout.
            Traces of background with more than 100 times their median power are left out, with a
            warning.
            Signals may have any unit: they are only compared with zero.

        %(fitted)s
        """
        regularization = check_regularization(self.regularization)
        options = {"several_channels": False, "multi_output": True, "ensure_min_features": 2}
        X, y = validate_traces(self, X, y, **options)
        is_noise = background_mask(y)
        if is_noise.all() or not is_noise.any():
            raise ValueError("y must have two classes, without and with a pulse, got one class")
        self.autocovariance_ = stationary_autocovariance(background_rows(X, y), regularization)
        self.signal_autocovariance_ = signal_autocovariance(X[~is_noise], self.autocovariance_)
        total = self.autocovariance_ + self.signal_autocovariance_
        self.covariance_ = StationaryCovariance.from_autocovariance(total)
        self.filter_ = None
        if len(total) <= DENSE_LENGTH:
            signal = toeplitz(self.signal_autocovariance_)
            self.filter_ = self.covariance_.solve(signal).T.astype(np.float32)
        return self

    def transform(self, X):
        """Estimate the pulses.

        %(X)s

        %(signals)s
        """
        X = validate_traces(self, X, reset=False, several_channels=False, dtype=np.float32)
        if self.filter_ is not None:
            return X @ self.filter_
        signals = np.empty_like(X)
        for rows in batches(X, 2 * X.shape[1]):
            white = self.covariance_.solve(X[rows].astype(np.float64))
            signals[rows] = toeplitz_product(self.signal_autocovariance_, white)
        return signals

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
