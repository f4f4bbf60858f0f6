"""Classify traces with the likelihood ratio."""

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._validation import check_choice, check_count, check_interval
from sklearn_aera._templates import fit_bank, white_coefficients
from sklearn_aera.likelihood._marginal import (
    fit_noise_scale,
    log_likelihood_ratio,
    relative_amplitudes,
    snr_nodes,
)
from sklearn_aera.likelihood._recovery import PulsePrior, posterior_mean, template_fit


class LikelihoodRatioClassifier(ClassifierMixin, Estimator):
    """The best possible detector of known pulses in stationary Gaussian noise.

    By the lemma of Neyman and Pearson no detector has a higher efficiency at any
    false-positive rate than the ratio of the likelihoods of pulse and noise, averaged over all
    that is not known of a pulse: arrival time, spectral slope, phase, polarity and
    signal-to-noise ratio. Its parameters state what is known; the covariance of the noise and
    the share of traces with a pulse are learnt.

    Parameters
    ----------
    pulse : AnalyticPulse or PulseLibrary, default=None
        Shape of the pulses; None stands for ``AnalyticPulse()``. Every waveform of a library
        is a shape, and time and memory grow with their number.
    response : BandPass, default=None
        The station's band; None stands for ``BandPass()``.
    sampling_rate : float, default=180.0
        In MHz.
    snr : float or (float, float), default=(0.5, 5.0)
        Signal-to-noise ratio, uniform in the range.
    snr_reference : {"noise", "trace"}, default="noise"
        See `sklearn_aera.simulation.TraceSimulator`.
    arrival_time : (float, float) or None, default=None
        In us, uniform in the range; None stands for all but 9 % of the trace at its beginning
        and 10 % at its end, 0.25 to 2.5 us in 500 samples at 180 MHz.
    spectral_slope : float or (float, float), default=(-30.0, 0.0)
        Per GHz, uniform in the range; not used with a library.
    priors : array-like of shape (2,) or None, default=None
        Probabilities of noise and of pulses; None for the shares in the training data.
    regularization : float, default=1e-4
        See `sklearn_aera.preprocessing.SpectralWhitener`.
    times_per_sample, n_slopes, n_phases, n_snr : int, default=2, 2, 2 and 5
        Fineness of the bank of templates. Twice as many of each add 0.0001 to the area under the
        ROC curve and take 0.0004 off the log loss (``examples/benchmarks/limit.py``).

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The larger label is the pulse.
    priors_ : ndarray of shape (2,)
    autocovariance_ : ndarray of shape (n_samples,)
        Of the background, lag 0 first.
    scale_ : float
        Traces are divided by this before they meet the templates.
    degrees_of_freedom_ : float
        Of the variance of the noise, which may differ from trace to trace, as it does behind
        `StdNormalizer`; large where it does not.
    bank_ : TemplateBank
    pulse_prior_ : PulsePrior
        What is known of the strength of a pulse, for `posterior_mean`.
    n_features_in_ : int
        Number of samples of a trace.

    Notes
    -----
    The noise of a trace is Gaussian with the fitted covariance times a factor of its own,
    inverse gamma distributed. Bursts are not part of the model.

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

    def __init__(
        self,
        pulse=None,
        response=None,
        sampling_rate=180.0,
        snr=(0.5, 5.0),
        snr_reference="noise",
        arrival_time=None,
        spectral_slope=(-30.0, 0.0),
        priors=None,
        regularization=1e-4,
        times_per_sample=2,
        n_slopes=2,
        n_phases=2,
        n_snr=5,
    ):
        self.pulse = pulse
        self.response = response
        self.sampling_rate = sampling_rate
        self.snr = snr
        self.snr_reference = snr_reference
        self.arrival_time = arrival_time
        self.spectral_slope = spectral_slope
        self.priors = priors
        self.regularization = regularization
        self.times_per_sample = times_per_sample
        self.n_slopes = n_slopes
        self.n_phases = n_phases
        self.n_snr = n_snr

    @one_task
    def fit(self, X, y):
        """Learn the noise from the background, and make the templates.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
        y : array-like of shape (n_traces,)
            Two classes; the smaller label is the background.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of its range, the traces are not finite, or ``y`` does not
            have exactly two classes.
        """
        snr = self._check_parameters()
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        self._learn_classes(y)
        background = X[y == self.classes_[0]]
        self.bank_, self.autocovariance_ = fit_bank(self, background, X.shape[1])
        self._fit_scale(background)
        nodes, self.snr_weights_ = snr_nodes(snr, self.n_snr)
        self.amplitudes_ = relative_amplitudes(nodes, self.bank_.mean_square, self.snr_reference)
        self.pulse_prior_ = PulsePrior.of(
            snr, self.snr_reference, self.bank_.mean_square, self.priors_
        )
        return self

    def decision_function(self, X):
        """Logarithm of the odds of pulse against noise: the log likelihood ratio plus that of
        the priors.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces,), float64
        """
        X = self._check_traces(X)
        ratio = log_likelihood_ratio(
            X,
            self.bank_,
            self.amplitudes_,
            self.snr_weights_,
            self.scale_,
            self.degrees_of_freedom_,
        )
        return ratio + np.log(self.priors_[1] / self.priors_[0])

    def predict_proba(self, X):
        """Posterior probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, 2), float64
        """
        log_odds = self.decision_function(X)
        return np.column_stack([expit(-log_odds), expit(log_odds)])

    def predict(self, X):
        """The more probable class of each trace.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces,)
        """
        log_odds = self.decision_function(X)
        return self.classes_[(log_odds > 0).astype(int)]

    def posterior_mean(self, X):
        """The best possible estimate of the signal: its mean given the trace.

        No function of the trace has a lower mean square error under the model, in which a
        trace is noise alone with the probability ``priors_[0]``: where there is hardly a pulse,
        the estimate is hardly more than zero. Its energy is below the one to be expected of the
        signal, by the posterior variance.

        A signal wants a finer bank than a decision does: ``examples/benchmarks/recovery.py``
        takes 4 times per sample, 4 slopes and 4 phases. Time grows with their product.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, n_samples), float32
            In the traces' unit.

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
        X = self._check_traces(X)
        noise = self.autocovariance_, self.scale_, self.degrees_of_freedom_
        return posterior_mean(X, self.bank_, self.pulse_prior_, *noise)

    def template_fit(self, X):
        """The classical estimate of the signal: the template, of any amplitude, that fits best.

        It finds a pulse in every trace, also in noise alone.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, n_samples), float32
            In the traces' unit.
        """
        X = self._check_traces(X)
        return template_fit(X, self.bank_, self.autocovariance_, self.scale_)

    def _check_traces(self, X):
        check_is_fitted(self)
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False)

    def _check_parameters(self):
        check_choice(self.snr_reference, "snr_reference", ("noise", "trace"))
        check_count(self.n_snr, "n_snr")
        snr = check_interval(self.snr, "snr", min_val=0.0)
        if snr[0] == 0:
            raise ValueError(f"snr must be above 0 for a pulse, got {self.snr!r}")
        if self.priors is not None:
            priors = np.asarray(self.priors, dtype=float)
            if priors.shape != (2,) or not (np.all(priors > 0) and np.isclose(priors.sum(), 1)):
                raise ValueError(
                    "priors must be two probabilities above 0 that sum to 1, of noise and of "
                    f"pulses, got {self.priors!r}"
                )
        return snr

    def _learn_classes(self, y):
        check_classification_targets(y)
        self.classes_, counts = np.unique(y, return_counts=True)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. y must have two classes, noise and "
                f"pulse, got {len(self.classes_)}"
            )
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must have two classes, noise and pulse, got one class: {self.classes_[0]!r}"
            )
        shares = counts / counts.sum()
        self.priors_ = shares if self.priors is None else np.array(self.priors, dtype=float)

    def _fit_scale(self, background):
        scale = float(np.sqrt(self.autocovariance_[0]))
        coefficients, rms = white_coefficients(background, self.bank_, scale)
        power = rms**2 * np.square(coefficients, dtype=np.float64).sum(axis=1)
        variance, self.degrees_of_freedom_ = fit_noise_scale(power, coefficients.shape[1])
        self.scale_ = scale * float(np.sqrt(variance))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        # On data that are no traces there is nothing to find.
        tags.classifier_tags.poor_score = True
        return tags
