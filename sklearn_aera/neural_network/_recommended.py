"""The recommended detector and denoiser."""

from copy import copy

from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Documented
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_interval, check_sampling_rate, shown
from sklearn_aera.neural_network._classifiers import RecurrentClassifier
from sklearn_aera.neural_network._denoiser import RecurrentDenoiser
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

# Network and training for whitened traces of some microseconds.
_DETECTOR = {
    "cell": "lstm",
    # The recurrent layer takes most of the time; twice the units detect no more pulses.
    "hidden_size": 16,
    "bidirectional": True,
    "pooling": "log_sum_exp",
    # Short filters with small steps resolve the phase of a pulse.
    "n_filters": (32, 40),
    "kernel_size": (24, 8),
    "stride": (2, 4),
    "mix_signals": True,
    "mix_noise": True,
    "learning_rate": 8e-3,
    # Training is limited by its steps: small batches need fewer events for the same result.
    "batch_size": 32,
}
_DENOISER = {
    "cell": "gru",
    "hidden_size": 32,
    "bidirectional": True,
    "n_filters": 96,
    "kernel_size": 128,
    "stride": 4,
    "learning_rate": 4e-3,
}
_TRAINING = {"learning_rate_schedule": "cosine", "weight_decay": 0.01, "flip_polarity": True}

# Sampling rate over bandwidth for which the lengths above are, in samples: that of AERA.
_SAMPLES_PER_WIDTH = 180.0 / 50.0
_MAX_SHIFT = 200

_PARAMETERS = """
sampling_rate : float, default=180.0
    Sampling rate of the traces in MHz.
band : (float, float), default=(30.0, 80.0)
    Lowest and highest frequency of the station in MHz. A pulse is as long as one over the
    bandwidth, and so are the filters: 6.7 over the bandwidth for the first of the detector, 36
    for that of the denoiser.
max_shift : int or None, default=None
    Largest time shift of a training trace in samples; 0 for none, None for 56 over the bandwidth.
    A detector that is given signals puts them into other traces instead.
random_state : int, RandomState instance or None, default=None
    Seed of the network's training.
verbose : int, default=0
    Print a line per epoch if above 0.
"""


@fill_docstring()
class Detector(Documented, Pipeline):
    """Pipeline from traces to probabilities whose `fit` takes true signals too.

    The signals pass through the same fitted transformers as the traces, which must be linear.
    `make_detector` makes the recommended detector.

    Parameters
    ----------
    steps : list of tuple (name, estimator)
        Transformers of traces, and a classifier whose `fit` takes ``signals``.
    transform_input : list of str, default=None
        Names of other data that the transformers are applied to, as in `Pipeline`.
    memory : str or joblib.Memory, default=None
        Cache of the fitted transformers.
    verbose : bool, default=False
        Whether to print the time of each step.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import make_detector
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> detector = make_detector(epochs=1, random_state=0)
    >>> detector.fit(data.traces, data.y, signals=data.signals).predict(data.traces).shape
    (200,)
    """

    def fit(self, X, y=None, signals=None, **params):
        """Fit the steps one after the other.

        %(X_channels)s
            Traces.
        y : array-like of shape (n_traces,)
            Labels.
        signals : array-like of the shape of X, default=None
            True signals in the traces, in their unit, zero for noise alone.
        **params
            Parameters of the steps' `fit`, as of `sklearn.pipeline.Pipeline`.

        Returns
        -------
        self
        """
        if signals is None:
            return super().fit(X, y, **params)
        routed = copy(self)
        routed.transform_input = ["signals"]  # Allowed only where metadata routing is enabled.
        with config_context(enable_metadata_routing=True):
            super(Detector, routed).fit(X, y, signals=signals, **params)
        self.steps = routed.steps
        return self

    def adapt(self, X):
        """Follow a change of the background, without labels and without training.

        Transmitters and the gain of the antenna change. The steps that have a method ``adapt``,
        such as the normaliser and the whitener, are fitted to the new background; the network,
        which sees whitened traces, stays as it is. Some hundred traces suffice, of which a half may
        have pulses (see `sklearn_aera.preprocessing.SpectralWhitener.adapt`).

        Like `fit`, this changes the detector itself. To keep the detector as it is, adapt a copy,
        ``copy.copy(detector).adapt(X)``, which gets new steps and shares the network. After an
        error, the detector is what it was.

        %(X_channels)s
            Traces of the new background, of the length and the sampling rate of those in the fit.

        %(fitted)s
            Also if no step can be adapted.

        See Also
        --------
        sklearn_aera.inspection.check_background : Says whether the background has changed.

        Examples
        --------
        >>> from sklearn_aera.datasets import make_traces
        >>> from sklearn_aera.neural_network import make_detector
        >>> from sklearn_aera.simulation import AntennaNoise, TraceSimulator
        >>> data = make_traces(200, snr=5.0, random_state=0)
        >>> detector = make_detector(epochs=1, random_state=0).fit(data.traces, data.y)
        >>> other = TraceSimulator(noise=AntennaNoise(carriers=(36.3, 44.9)))
        >>> traces = make_traces(200, simulator=other, random_state=0).traces
        >>> detector.adapt(traces).predict(traces).shape
        (200,)
        """
        check_is_fitted(self)
        steps = list(self.steps)
        adaptable = [n for n, (_, step) in enumerate(steps) if hasattr(step, "adapt")]
        if not adaptable:
            names = ", ".join(name for name, _ in steps)
            raise ValueError(f"none of the steps {names} can be adapted to another background")
        for number, (name, step) in enumerate(steps[: adaptable[-1] + 1]):
            if number in adaptable:
                step = copy(step).adapt(X)
                steps[number] = (name, step)
            if number < adaptable[-1] and step not in (None, "passthrough"):
                X = step.transform(X)
        self.steps = steps
        return self


@fill_docstring(shared=_PARAMETERS)
def make_detector(
    *,
    epochs=60,
    sampling_rate=180.0,
    band=(30.0, 80.0),
    max_shift=None,
    random_state=None,
    memory=None,
    verbose=0,
):
    """Make the recommended pipeline from traces to probabilities: normalise, whiten, classify.

    In whitened traces a pulse is visible that carriers hid. Convolutions and a bidirectional LSTM
    give logits of a pulse at each time, and their log-sum-exp is the logit of the trace. Traces
    are divided by one standard deviation, that of the training data: divided by its own, a trace
    would lose the level of its noise, which carriers of varying strength hide.

    Give the true signals where they are known, as ``fit(traces, y, signals=signals)``: the network
    then learns when pulses arrive, and each epoch puts the signals into the noise of other traces.

    Parameters
    ----------
    epochs : int, default=60
        Passes over the training traces; with more traces fewer are enough (10 for 40 000).
    %(shared)s
    memory : str or joblib.Memory, default=None
        Cache of the pipeline's fitted transformers.

    Returns
    -------
    Detector
        Pipeline with the steps ``normalize``, ``whiten`` and ``classify``; ``set_params`` changes
        any of their parameters.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import make_detector
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> detector = make_detector(epochs=1, random_state=0).fit(data.traces, data.y)
    >>> detector.predict_proba(data.traces).shape
    (200, 2)
    """
    scale = _length_scale(sampling_rate, band)
    (first, second), (step, second_step) = _DETECTOR["kernel_size"], _DETECTOR["stride"]
    lengths = {
        "kernel_size": (_scaled(first, scale), second),
        "stride": (_scaled(step, scale), second_step),
    }
    classifier = RecurrentClassifier(
        **_DETECTOR | lengths,
        **_TRAINING,
        max_shift=_scaled(_MAX_SHIFT, scale) if max_shift is None else max_shift,
        epochs=epochs,
        random_state=random_state,
        verbose=verbose,
    )
    steps = [
        ("normalize", StdNormalizer(per="dataset")),
        ("whiten", SpectralWhitener()),
        ("classify", classifier),
    ]
    return Detector(steps, memory=memory)


@fill_docstring(shared=_PARAMETERS)
def make_denoiser(
    *,
    epochs=30,
    sampling_rate=180.0,
    band=(30.0, 80.0),
    max_shift=None,
    learn_std=False,
    random_state=None,
    verbose=0,
):
    """Make the recommended denoiser, which normalises and whitens traces and recovers the signals.

    Parameters
    ----------
    epochs : int, default=30
        Passes over the training traces.
    learn_std : bool, default=False
        Whether the network also learns the standard deviation of each sample, which errors of
        pulses need. The signals are the same; training takes a tenth longer.
    %(shared)s

    Returns
    -------
    RecurrentDenoiser
        With a `sklearn_aera.preprocessing.SpectralWhitener` as its ``whitener``. It is fitted with
        traces and their true signals, and predicts signals in the unit of these.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import make_denoiser
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> denoiser = make_denoiser(epochs=1, random_state=0).fit(data.traces, data.signals)
    >>> denoiser.predict(data.traces).shape
    (200, 500)
    """
    scale = _length_scale(sampling_rate, band)
    lengths = {name: _scaled(_DENOISER[name], scale) for name in ("kernel_size", "stride")}
    return RecurrentDenoiser(
        **_DENOISER | lengths,
        **_TRAINING,
        whitener=SpectralWhitener(),
        learn_std=learn_std,
        max_shift=_scaled(_MAX_SHIFT, scale) if max_shift is None else max_shift,
        epochs=epochs,
        random_state=random_state,
        verbose=verbose,
    )


def _length_scale(sampling_rate, band):
    """Samples in one over the bandwidth, relative to those of AERA."""
    rate = check_sampling_rate(sampling_rate)
    low, high = check_interval(band, "band", min_val=0.0)
    if not 0 < high - low <= rate / 2:
        raise ValueError(
            f"band must be a pair (low, high) in MHz, no wider than half the sampling rate of "
            f"{rate:g} MHz, got {shown(band)}"
        )
    return rate / (high - low) / _SAMPLES_PER_WIDTH


def _scaled(n_samples, scale):
    return max(1, round(n_samples * scale))
