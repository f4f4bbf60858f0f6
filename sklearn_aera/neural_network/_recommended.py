"""The recommended detector and denoiser."""

from sklearn.pipeline import Pipeline

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera.neural_network._classifiers import RecurrentClassifier
from sklearn_aera.neural_network._denoiser import RecurrentDenoiser
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

# Network and training for whitened traces of some microseconds.
_RECIPE = {
    "cell": "gru",
    "hidden_size": 32,
    "bidirectional": True,
    "n_filters": 96,
    "kernel_size": 64,
    "stride": 8,
    "learning_rate": 2e-3,
    "learning_rate_schedule": "cosine",
    "weight_decay": 0.01,
    "flip_polarity": True,
}


_PARAMETERS = """
max_shift : int, default=200
    Largest time shift of a training trace in samples; 0 for none.
random_state : int, RandomState instance or None, default=None
    Seed of the network's training.
verbose : int, default=0
    Print a line per epoch if above 0.
"""


@fill_docstring(shared=_PARAMETERS)
def make_detector(*, epochs=60, max_shift=200, random_state=None, memory=None, verbose=0):
    """Make the recommended pipeline from traces to probabilities: normalise, whiten, classify.

    In whitened traces a pulse is visible that carriers hid. A convolution with long filters and a
    bidirectional GRU find it. The classifier is trained with AdamW, a cosine schedule, polarity
    flips and time shifts, so that some thousands of traces are enough.

    Parameters
    ----------
    epochs : int, default=60
        Passes over the training traces; with more traces fewer are enough (10 for 40 000).
    %(shared)s
    memory : str or joblib.Memory, default=None
        Cache of the pipeline's fitted transformers.

    Returns
    -------
    sklearn.pipeline.Pipeline
        With the steps ``normalize``, ``whiten`` and ``classify``; ``set_params`` changes any of
        their parameters.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import make_detector
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> detector = make_detector(epochs=1, random_state=0).fit(data.traces, data.y)
    >>> detector.predict_proba(data.traces).shape
    (200, 2)
    """
    classifier = RecurrentClassifier(
        **_RECIPE,
        pooling="max",
        max_shift=max_shift,
        epochs=epochs,
        random_state=random_state,
        verbose=verbose,
    )
    steps = [
        ("normalize", StdNormalizer()),
        ("whiten", SpectralWhitener()),
        ("classify", classifier),
    ]
    return Pipeline(steps, memory=memory)


@fill_docstring(shared=_PARAMETERS)
def make_denoiser(*, epochs=30, max_shift=200, random_state=None, verbose=0):
    """Make the recommended denoiser, which normalises and whitens traces and recovers the signals.

    Parameters
    ----------
    epochs : int, default=30
        Passes over the training traces.
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
    # Longer filters, which are waveforms too, and finer steps in time than detection needs.
    finer = {"kernel_size": 128, "stride": 4, "learning_rate": 4e-3}
    return RecurrentDenoiser(
        **(_RECIPE | finer),
        whitener=SpectralWhitener(),
        max_shift=max_shift,
        epochs=epochs,
        random_state=random_state,
        verbose=verbose,
    )
