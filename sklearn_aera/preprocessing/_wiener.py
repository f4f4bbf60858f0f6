"""Linear estimation of pulses."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve, toeplitz
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._channels import validate_traces
from sklearn_aera._covariance import (
    check_regularization,
    signal_autocovariance,
    stationary_autocovariance,
)
from sklearn_aera._docstrings import PARAMETERS, fill_docstring


@fill_docstring(**PARAMETERS)
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
    filter_ : ndarray of shape (n_samples, n_samples), float32
        Matrix that traces are multiplied by from the right.
    %(one_channel)s

    See Also
    --------
    SpectralWhitener : Linear filter for detection.
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

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
        y : array-like of shape (n_traces,) or (n_traces, n_samples)
            Labels, the smallest for the background, or true signals, zero throughout for the
            background. Signals may have any unit: they are only compared with zero.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``regularization`` is not above 0 and at most 1, if the traces are not finite or
            have several channels or less than 2 samples, or if all traces are of one class.
        """
        regularization = check_regularization(self.regularization)
        X, y = validate_traces(self, X, y, several_channels=False, multi_output=True)
        if X.shape[1] < 2:
            raise ValueError("traces must have at least 2 samples, got n_features = 1")
        has_pulse = _has_pulse(y)
        self.autocovariance_ = stationary_autocovariance(X[~has_pulse], regularization)
        self.signal_autocovariance_ = signal_autocovariance(X[has_pulse], self.autocovariance_)
        signal, noise = toeplitz(self.signal_autocovariance_), toeplitz(self.autocovariance_)
        self.filter_ = cho_solve(cho_factor(signal + noise), signal).astype(np.float32)
        return self

    def transform(self, X):
        """Estimate the pulses.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, n_samples), float32
            In the unit of the traces.
        """
        check_is_fitted(self)
        X = validate_traces(self, X, reset=False, several_channels=False, dtype=np.float32)
        return X @ self.filter_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _has_pulse(y):
    """Return which traces have a pulse, from labels or true signals."""
    if y.ndim == 2 and y.shape[1] > 1:
        y = np.any(y != 0, axis=1)
    labels, number = np.unique(y, return_inverse=True)
    if len(labels) < 2:
        raise ValueError(
            "y must have two classes, traces without and with a pulse, got one class: all are "
            f"{labels[0]!r}"
        )
    return number.reshape(-1) > 0
