"""Matched filter for pulses of unknown time, shape and phase."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin

from sklearn_aera._base import Estimator, FeatureNamesMixin, one_task
from sklearn_aera._channels import validate_traces
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._labels import background_rows
from sklearn_aera._templates import fit_bank, matched_filter, white_batches
from sklearn_aera._validation import check_part
from sklearn_aera.simulation import AnalyticPulse, BandPass


@fill_docstring()
@dataclass(eq=False, repr=False)
class MatchedFilter(FeatureNamesMixin, TransformerMixin, Estimator):
    """Compute strength, arrival time and polarity of the best fitting pulse of a trace.

    Traces and templates are whitened with the covariance of the background. The matched
    signal-to-noise ratio of a template is the product of whitened trace and whitened template
    over the norm of the latter. In noise alone, it is a standard normal variable. The features
    are those of the template with the largest absolute ratio, over arrival times, spectral
    slopes, phases and, in several channels, polarizations.

    Parameters
    ----------
    %(pulse)s
    %(response)s
    %(sampling_rate)s
    %(arrival_time)s
    %(spectral_slope)s
    %(regularization)s
    %(bank)s
    %(polarizations)s

    Attributes
    ----------
    autocovariance_ : ndarray of shape (n_samples,) or (n_channels, n_samples)
        Autocovariance of the background from lag 0 on.
    bank_ : TemplateBank
        Templates, and what whitens traces.
    %(trace_shape)s

    See Also
    --------
    sklearn_aera.likelihood.LikelihoodRatioClassifier : Average over the templates instead of the
        maximum.

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
    >>> difference = features[:, 1] - data.arrival_time
    >>> bool(abs(difference[data.y == 1]).max() < 0.02)
    True
    """

    _feature_names = ("matched_snr", "arrival_time", "polarity")

    pulse: Any = None
    response: Any = None
    sampling_rate: float = 180.0
    arrival_time: tuple | None = None
    spectral_slope: float | tuple = (-30.0, 0.0)
    regularization: float = 1e-4
    times_per_sample: int = 2
    n_slopes: int | None = None
    n_phases: int = 2
    arms: Sequence | None = None
    n_polarizations: int = 8

    @one_task
    def fit(self, X, y=None):
        """Estimate the covariance of the background, and make the templates.

        %(X_channels)s
        %(y_background)s

        %(fitted)s
        """
        X = validate_traces(self, X, ensure_min_features=2)
        pulse = check_part(self.pulse, "pulse", AnalyticPulse, "shapes")
        response = check_part(self.response, "response", BandPass, "gain")
        self.bank_, self.autocovariance_ = fit_bank(self, pulse, response, background_rows(X, y))
        return self

    def transform(self, X):
        """Find the best fitting template of each trace.

        %(X_channels)s

        Returns
        -------
        ndarray of shape (n_traces, 3), float64
            Matched signal-to-noise ratio, arrival time in us, and polarity (-1 or 1), in several
            channels with a polarization from 0 to 180 degrees. For a trace of zeros, the ratio is
            0 and the other features have no meaning.
        """
        X = validate_traces(self, X, reset=False)
        batches = white_batches(X, self.bank_, np.sqrt(self.autocovariance_[..., 0]))
        return np.concatenate([self._features(white, rms) for _, white, rms, _ in batches])

    def _features(self, white, rms):
        bank = self.bank_
        products = bank.products(white)
        rows = np.arange(len(white))
        best, cell = np.zeros(len(white)), np.zeros(len(white), dtype=int)
        for pair, energy in zip(bank.weights, bank.energy, strict=True):
            statistic = matched_filter(products, pair / np.sqrt(energy))
            strongest = np.abs(statistic).argmax(axis=1)
            value = statistic[rows, strongest]
            better = np.abs(value) > np.abs(best)
            best, cell = np.where(better, value, best), np.where(better, strongest, cell)
        polarity = np.where(best < 0, -1.0, 1.0)
        return np.column_stack([np.abs(best) * rms, bank.times[cell], polarity])
