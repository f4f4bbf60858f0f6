"""The best linear estimate of the pulse in a trace."""

import numpy as np
import scipy.fft
from scipy.linalg import cho_factor, cho_solve, toeplitz
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._covariance import (
    _quadratic_forms,
    _sample_covariance,
    check_regularization,
    one_thread,
    stationary_autocovariance,
)

# The spectrum of a pulse is smooth: a grid just fine enough for any Toeplitz matrix will do.
_FREQUENCIES_PER_SAMPLE = 2
_N_ITERATIONS = 30


class WienerFilter(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """The linear estimate of a pulse with the lowest mean square error.

    A trace x with a pulse becomes ``S (S + C)^-1 x``, where C is the covariance of the noise
    and S that of the pulses, both taken as stationary: a filter that keeps each frequency as
    far as the pulses outweigh the noise there. Carriers are removed. Both are learnt from
    labelled traces by maximum likelihood, so that the true pulses need not be known and traces
    may be normalised before.

    Parameters
    ----------
    regularization : float, default=1e-4
        See `SpectralWhitener`.

    Attributes
    ----------
    autocovariance_ : ndarray of shape (n_samples,)
        Of the background, lag 0 first, in the square of the traces' unit.
    signal_autocovariance_ : ndarray of shape (n_samples,)
        Of the pulses.
    filter_ : ndarray of shape (n_samples, n_samples), float32
        Traces, as rows, are multiplied by this matrix from the right.
    n_features_in_ : int
        Number of samples of a trace.

    See Also
    --------
    SpectralWhitener : The filter for detection.
    sklearn_aera.likelihood.LikelihoodRatioClassifier.posterior_mean : The best estimate of all.

    Notes
    -----
    A linear filter cannot know when a pulse arrives: it keeps the noise that looks like pulses
    all along the trace, and takes a share of every pulse. ``examples/benchmarks/recovery.py``
    measures it beside estimates that can.

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
        """Learn the covariances of background and pulses.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
        y : array-like of shape (n_traces,) or (n_traces, n_samples)
            Labels, of which the smallest is the background, or the true signals, zero
            throughout for the background: of these nothing else is used, so that they need not
            be in the unit of ``X``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``regularization`` is not between 0 and 1, the traces are not finite or shorter
            than 2 samples, or there are not traces of both kinds.
        """
        regularization = check_regularization(self.regularization)
        X, y = validate_data(self, X, y, multi_output=True, dtype=(np.float64, np.float32))
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
            In the traces' unit.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        return X @ self.filter_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.requires_fit = True
        return tags


def _has_pulse(y):
    """Whether there is a pulse in each trace, from labels or true signals."""
    if y.ndim == 2 and y.shape[1] > 1:
        y = np.any(y != 0, axis=1)
    labels, number = np.unique(y, return_inverse=True)
    if len(labels) < 2:
        raise ValueError(
            "y must have two classes, traces without and with a pulse, got one class: all are "
            f"{labels[0]!r}"
        )
    return number.reshape(-1) > 0


@one_thread
def signal_autocovariance(traces, noise):
    """Maximum-likelihood autocovariance of a stationary signal in noise that is known.

    As `stationary_autocovariance`, with the noise in place of the white floor: the powers S of
    the signal climb the likelihood of the covariance ``K = S + C`` by
    ``S <- S (f' K^-1 R K^-1 f) / (f' K^-1 f)``. They stay positive, where the difference of two
    estimated covariances is mostly the error of both.

    Parameters
    ----------
    traces : ndarray of shape (n_traces, n_samples)
        Signal and noise.
    noise : ndarray of shape (n_samples,)
        Autocovariance of the noise, lag 0 first; positive definite.

    Returns
    -------
    ndarray of shape (n_samples,), float64

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.preprocessing._wiener import signal_autocovariance
    >>> rng = np.random.default_rng(0)
    >>> signal, noise = rng.normal(size=(2, 5000, 16))
    >>> traces = noise[:, 1:] + signal[:, 1:] + signal[:, :-1]
    >>> signal_autocovariance(traces, np.eye(15)[0])[:3].round(1) + 0.0
    array([2., 1., 0.])
    """
    sample, power = _sample_covariance(traces)
    n_samples = len(sample)
    if power == 0:
        return np.zeros(n_samples)
    n_grid = _FREQUENCIES_PER_SAMPLE * scipy.fft.next_fast_len(n_samples, real=True)
    spectrum = np.ones(n_grid // 2 + 1)
    for _ in range(_N_ITERATIONS):
        covariance = toeplitz(scipy.fft.irfft(spectrum, n_grid)[:n_samples] + noise / power)
        inverse = cho_solve(cho_factor(covariance), np.eye(n_samples))
        gain = _quadratic_forms(inverse @ sample @ inverse, n_grid)
        spectrum *= np.maximum(gain, 0) / _quadratic_forms(inverse, n_grid)
    return power * scipy.fft.irfft(spectrum, n_grid)[:n_samples]
