"""The matched filter: the pulse that fits a trace best."""

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._validation import check_input_features
from sklearn_aera._templates import (
    fit_bank,
    matched_filter,
    white_coefficients,
)
from sklearn_aera._covariance import background_rows

_NAMES = ("matched_snr", "arrival_time", "polarity")
_CHUNK_SIZE = 256


class MatchedFilter(TransformerMixin, Estimator):
    """Strength, arrival time and polarity of the pulse that fits a trace best.

    Traces and templates are whitened with the covariance of the background. The matched
    signal-to-noise ratio of a template is the whitened trace times the whitened template over
    the latter's norm: a standard normal variable in noise alone. The features belong to the
    template of largest absolute value, over arrival times, spectral slopes and phases.

    Parameters
    ----------
    pulse : AnalyticPulse or PulseLibrary, default=None
        Shape of the pulses; None stands for ``AnalyticPulse()``.
    response : BandPass, default=None
        The station's band; None stands for ``BandPass()``.
    sampling_rate : float, default=180.0
        In MHz.
    arrival_time : (float, float) or None, default=None
        Where pulses are searched, in us; None stands for all but 9 % of the trace at its
        beginning and 10 % at its end.
    spectral_slope : float or (float, float), default=(-30.0, 0.0)
        Range in per GHz; not used with a library.
    regularization : float, default=1e-4
        See `sklearn_aera.preprocessing.SpectralWhitener`.
    times_per_sample, n_slopes, n_phases : int, default=2, 2 and 2
        Fineness of the bank of templates.

    Attributes
    ----------
    autocovariance_ : ndarray of shape (n_samples,)
        Of the background, lag 0 first.
    bank_ : TemplateBank
    n_features_in_ : int
        Number of samples of a trace.

    See Also
    --------
    sklearn_aera.likelihood.LikelihoodRatioClassifier : Averages where this takes the best.

    References
    ----------
    Turin 1960, DOI 10.1109/TIT.1960.1057571

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.feature_extraction import MatchedFilter
    >>> data = make_traces(300, snr=5.0, random_state=0)
    >>> features = MatchedFilter().fit_transform(data.traces, data.y)
    >>> bool(features[data.y == 1, 0].min() > features[data.y == 0, 0].max())
    True
    >>> difference = features[data.y == 1, 1] - data.events[data.y == 1, 2]
    >>> bool(abs(difference).max() < 0.02)
    True
    """

    def __init__(
        self,
        pulse=None,
        response=None,
        sampling_rate=180.0,
        arrival_time=None,
        spectral_slope=(-30.0, 0.0),
        regularization=1e-4,
        times_per_sample=2,
        n_slopes=2,
        n_phases=2,
    ):
        self.pulse = pulse
        self.response = response
        self.sampling_rate = sampling_rate
        self.arrival_time = arrival_time
        self.spectral_slope = spectral_slope
        self.regularization = regularization
        self.times_per_sample = times_per_sample
        self.n_slopes = n_slopes
        self.n_phases = n_phases

    @one_task
    def fit(self, X, y=None):
        """Learn the covariance of the background, and make the templates.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
        y : array-like of shape (n_traces,), default=None
            The background are the traces with y == 0; all traces if there is no such value or
            y is None.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of its range or the traces are not finite.
        """
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        self.bank_, self.autocovariance_ = fit_bank(self, background_rows(X, y), X.shape[1])
        return self

    def transform(self, X):
        """Find the best template.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, 3), float64
            Matched signal-to-noise ratio, arrival time in us, polarity (-1 or 1). For a trace
            that is zero the ratio is 0 and the rest has no meaning.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        chunks = [X[start : start + _CHUNK_SIZE] for start in range(0, len(X), _CHUNK_SIZE)]
        return np.concatenate([self._features(chunk) for chunk in chunks])

    def get_feature_names_out(self, input_features=None):
        """Names of the output columns: matched_snr, arrival_time, polarity.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the names seen in `fit`, not used otherwise.
        """
        check_is_fitted(self, "n_features_in_")
        check_input_features(self, input_features)
        return np.array(_NAMES, dtype=object)

    def _features(self, X):
        bank = self.bank_
        coefficients, rms = white_coefficients(X, bank, np.sqrt(self.autocovariance_[0]))
        products = coefficients @ bank.templates
        rows = np.arange(len(X))
        best, cell = np.zeros(len(X)), np.zeros(len(X), dtype=int)
        for pair, energy in zip(bank.weights, bank.energy, strict=True):
            statistic = matched_filter(products, pair / np.sqrt(energy))
            strongest = np.abs(statistic).argmax(axis=1)
            value = statistic[rows, strongest]
            better = np.abs(value) > np.abs(best)
            best, cell = np.where(better, value, best), np.where(better, strongest, cell)
        polarity = np.where(best < 0, -1.0, 1.0)
        return np.column_stack([np.abs(best) * rms, bank.times[cell], polarity])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags
