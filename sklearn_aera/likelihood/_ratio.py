"""Classification and recovery of pulses with the likelihood ratio."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from sklearn_aera._base import Estimator, LogitsMixin, one_task
from sklearn_aera._channels import validate_traces
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import MAX_SNR
from sklearn_aera._labels import background_rows, check_classes
from sklearn_aera._templates import fit_bank, white_batches
from sklearn_aera._validation import (
    check_choice,
    check_count,
    check_interval,
    check_part,
    check_real,
    check_reals,
    shown,
)
from sklearn_aera.likelihood._intervals import pulse_intervals
from sklearn_aera.likelihood._marginal import fit_noise_scale, log_likelihood_ratio
from sklearn_aera.likelihood._prior import PulsePrior, snr_nodes
from sklearn_aera.likelihood._recovery import posterior_mean, template_fit
from sklearn_aera.simulation import AnalyticPulse, BandPass


@fill_docstring()
@dataclass(eq=False, repr=False)
class LikelihoodRatioClassifier(LogitsMixin, ClassifierMixin, Estimator):
    """Classify traces with the likelihood ratio of pulse and noise, the optimal detector.

    For known pulses in stationary Gaussian noise, no detector has a higher efficiency at any
    false-positive rate than the ratio of the likelihoods of pulse and noise (lemma of Neyman and
    Pearson). The ratio is averaged over the unknown parameters of a pulse: arrival time, spectral
    slope, phase, polarity, signal-to-noise ratio and, in several channels, polarization. Their
    ranges are parameters; the covariance of the noise and the share of traces with a pulse are
    estimated.

    Parameters
    ----------
    %(pulse)s
        Each waveform of a library is a shape; time and memory grow with their number.
    %(response)s
    %(sampling_rate)s
    snr : float or (float, float), default=(0.5, 5.0)
        Range of the signal-to-noise ratio, which is uniform.
    %(snr_reference)s
    %(arrival_time)s
    %(spectral_slope)s
    priors : array-like of shape (2,) or None, default=None
        Probabilities of noise and of pulses; None for their shares in the training data.
    %(regularization)s
    %(bank)s
    n_snr : int, default=5
        Number of signal-to-noise ratios in the average. Twice the default of all four numbers
        increases the area under the ROC curve by 0.0001 and decreases the log loss by 0.0004
        (``examples/benchmarks/limit.py``).
    %(polarizations)s

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Labels of noise and of pulses.
    priors_ : ndarray of shape (2,)
        Probabilities of noise and of pulses.
    autocovariance_ : ndarray of shape (n_samples,) or (n_channels, n_samples)
        Autocovariance of the background from lag 0 on.
    scale_ : float or ndarray of shape (n_channels,)
        Scale of the noise, by which traces are divided before they are compared with templates.
    degrees_of_freedom_ : float
        Degrees of freedom of the variance of the noise. They are large if the variance is the
        same in all traces, and small if it varies, as it does behind `StdNormalizer`.
    bank_ : TemplateBank
        Templates, and what whitens traces.
    pulse_prior_ : PulsePrior
        Prior distribution of the strength of a pulse.
    amplitudes_ : ndarray of shape (n_snr, n_cells)
        Peak of the pulse over the RMS of the trace, for each cell of the bank.
    snr_weights_ : ndarray of shape (n_snr,)
        Prior probabilities of the signal-to-noise ratios.
    %(trace_shape)s

    Notes
    -----
    The noise of a trace is Gaussian, with the estimated covariance times a factor from an inverse
    gamma distribution. Bursts are not part of the model.

    In several channels, the signal-to-noise ratio is that of the strongest one, and the noise is
    a mixture of uncorrelated components, see
    `ChannelCovariance <sklearn_aera.preprocessing.ChannelCovariance>`.

    References
    ----------
    Neyman and Pearson 1933, DOI 10.1098/rsta.1933.0009

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.likelihood import LikelihoodRatioClassifier
    >>> train = make_traces(400, snr=2.0, random_state=0)
    >>> test = make_traces(400, snr=2.0, first_event_id=400, random_state=0)
    >>> limit = LikelihoodRatioClassifier(snr=2.0).fit(train.traces, train.y)
    >>> limit.score(test.traces, test.y) > 0.97
    True
    """

    pulse: Any = None
    response: Any = None
    sampling_rate: float = 180.0
    snr: float | tuple = (0.5, 5.0)
    snr_reference: str = "noise"
    arrival_time: tuple | None = None
    spectral_slope: float | tuple = (-30.0, 0.0)
    priors: Any = None
    regularization: float = 1e-4
    times_per_sample: int = 2
    n_slopes: int | None = None
    n_phases: int = 2
    n_snr: int = 5
    arms: Sequence | None = None
    n_polarizations: int = 8

    @one_task
    def fit(self, X, y):
        """Estimate the noise from the background, and make the templates.

        %(X_channels)s
        y : array-like of shape (n_traces,)
            Two labels. The background has the label 0 or False, else the smaller of two numbers or
            the text "noise" or "background". When sorted, it must come first. Traces of background
            with more than 100 times their median power are left out, with a warning.

        %(fitted)s
        """
        snr = self._check_parameters()
        pulse = check_part(self.pulse, "pulse", AnalyticPulse, "shapes")
        response = check_part(self.response, "response", BandPass, "gain")
        X, y = validate_traces(self, X, y, ensure_min_features=2)
        self._learn_classes(y)
        background = background_rows(X, y)
        self.bank_, self.autocovariance_ = fit_bank(self, pulse, response, background)
        self._fit_scale(background)
        self.pulse_prior_ = PulsePrior.from_range(
            snr, self.snr_reference, self.bank_.mean_square, self.priors_
        )
        nodes, self.snr_weights_ = snr_nodes(snr, self.n_snr)
        self.amplitudes_ = self.pulse_prior_.amplitude(nodes[:, None]).astype(np.float32)
        return self

    def decision_function(self, X):
        """Compute the logarithm of the odds of pulse against noise.

        It is the sum of the log likelihood ratio and the log odds of the priors.

        %(X_channels)s

        Returns
        -------
        ndarray of shape (n_traces,), float64
        """
        X = validate_traces(self, X, reset=False)
        noise = self.scale_, self.degrees_of_freedom_
        ratio = log_likelihood_ratio(X, self.bank_, self.amplitudes_, self.snr_weights_, *noise)
        return ratio + np.log(self.priors_[1] / self.priors_[0])

    def posterior_mean(self, X, return_std=False):
        """Recover the signal as its posterior mean, the estimate of lowest mean squared error.

        The model includes noise alone, with the probability ``priors_[0]``: the estimate is
        close to zero where a pulse is unlikely. Its energy is lower than the expected energy of
        the signal, by the posterior variance.

        Recovery needs a finer bank of templates than classification.
        ``examples/benchmarks/recovery.py`` uses ``times_per_sample=4``, ``n_slopes=4`` and
        ``n_phases=4``. The computing time grows with their product.

        %(X_channels)s
        return_std : bool, default=False
            Whether to return the standard deviations, too.

        Returns
        -------
        signals : ndarray of the shape of X, float32
            In the unit of the traces.
        std : ndarray of the shape of X, float32
            Posterior standard deviation of the signal at each sample, only with ``return_std``. It
            includes the possibility that there is no pulse.

        Examples
        --------
        >>> from sklearn_aera.datasets import make_traces
        >>> from sklearn_aera.likelihood import LikelihoodRatioClassifier
        >>> data = make_traces(400, random_state=0)
        >>> limit = LikelihoodRatioClassifier().fit(data.traces, data.y)
        >>> signals = limit.posterior_mean(data.traces)
        >>> error = ((signals - data.signals) ** 2).sum() / (data.signals**2).sum()
        >>> bool(error < 0.1)
        True
        """
        X = validate_traces(self, X, reset=False)
        noise = self.scale_, self.degrees_of_freedom_
        return posterior_mean(X, self.bank_, self.pulse_prior_, *noise, return_std=return_std)

    def predict_pulses(self, X, confidence_level=0.6827):
        """Estimate the amplitude, energy and arrival time of the pulse in each trace.

        The estimates are medians of the posterior distribution, given that there is a pulse, and
        the intervals are central ones: a share ``confidence_level`` of them contains the truth, for
        pulses with the parameters that the model expects. It does so, too, of the pulses that a
        threshold on any function of the traces selects. If ``snr`` is a single number, amplitude
        and energy are almost known. Their intervals are then too short (they contain 56 % and 58 %
        of the pulses at a ratio of 2), since the strength of the noise counts as known.

        It needs a fine bank of templates: ``examples/benchmarks/uncertainty.py`` uses
        ``times_per_sample=4``, ``n_slopes=8`` and ``n_phases=4``. With 4 slopes, the intervals of
        the energy of pulses above a ratio of 3 contain 65 % instead of 68 %. In several channels it
        also needs ``n_polarizations=32``: with 8, those of the amplitude contain 56 %.

        %(X_channels)s
        confidence_level : float, default=0.6827
            Probability content of the intervals; the default is that of one standard deviation.

        Returns
        -------
        PulseParameters
            Named tuple of ``amplitude``, in the unit of the traces, ``energy``, in its square times
            us, and ``time``, in us from the first sample. Each is a tuple of three arrays (value,
            low, high) of shape (n_traces,), float64. They are defined as in
            `sklearn_aera.metrics.pulse_parameters`.

        Raises
        ------
        ValueError
            If ``confidence_level`` is not between 0 and 1, or the traces are not valid.

        Examples
        --------
        >>> from sklearn_aera.datasets import make_traces
        >>> from sklearn_aera.likelihood import LikelihoodRatioClassifier
        >>> data = make_traces(400, snr=4.0, random_state=0)
        >>> limit = LikelihoodRatioClassifier().fit(data.traces, data.y)
        >>> time = limit.predict_pulses(data.traces[data.y == 1][:3]).time
        >>> data.arrival_time[data.y == 1][:3].round(2), time.value.round(2)
        (array([1.82, 1.86, 1.62]), array([1.82, 1.86, 1.62]))
        """
        X = validate_traces(self, X, reset=False)
        open_unit = {"min_val": 0.0, "max_val": 1.0, "include_boundaries": "neither"}
        check_real(confidence_level, "confidence_level", **open_unit)
        noise = self.scale_, self.degrees_of_freedom_
        options = self.sampling_rate, confidence_level
        return pulse_intervals(X, self.bank_, self.pulse_prior_, *noise, *options)

    def template_fit(self, X):
        """Recover the signal as the best fitting template, the classical estimate.

        The amplitude is free. Traces of noise alone get a pulse, too.

        %(X_channels)s

        %(signals_channels)s
        """
        X = validate_traces(self, X, reset=False)
        return template_fit(X, self.bank_, self.scale_)

    def _check_parameters(self):
        check_choice(self.snr_reference, "snr_reference", ("noise", "trace"))
        check_count(self.n_snr, "n_snr", max_val=1000)
        if self.priors is not None:
            priors = check_reals(self.priors, "priors")
            if priors.shape != (2,) or not (np.all(priors > 0) and np.isclose(priors.sum(), 1)):
                raise ValueError(
                    f"priors must be two probabilities above 0 that sum to 1, got {shown(priors)}"
                )
        return check_interval(self.snr, "snr", min_val=1 / MAX_SNR, max_val=MAX_SNR)

    def _learn_classes(self, y):
        with np.errstate(invalid="ignore"):  # Labels beyond integers.
            check_classification_targets(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        if len(self.classes_) != 2:
            raise ValueError(
                "Only binary classification is supported. y must have two classes, noise and "
                f"pulse, got {len(self.classes_)} class(es): {shown(self.classes_.tolist())}"
            )
        check_classes(self.classes_)
        shares = counts / counts.sum()
        self.priors_ = shares if self.priors is None else np.array(self.priors, dtype=float)

    def _fit_scale(self, background):
        scale = np.sqrt(self.autocovariance_[..., 0])
        batches = white_batches(background, self.bank_, scale)
        power = np.concatenate([power for *_, power in batches])
        variance, self.degrees_of_freedom_ = fit_noise_scale(power, self.bank_.n_values)
        self.scale_ = scale * float(np.sqrt(variance))
        if self.scale_.ndim == 0:
            self.scale_ = float(self.scale_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        # The data of scikit-learn's checks are not traces.
        tags.classifier_tags.poor_score = True
        return tags
