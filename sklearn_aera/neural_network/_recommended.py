"""The recommended pipelines."""

from sklearn.pipeline import Pipeline

from sklearn_aera.neural_network._denoiser import RecurrentDenoiser
from sklearn_aera.neural_network._recurrent import RecurrentClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

# The network and its training, for whitened traces of some microseconds.
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


def make_detector(
    *, epochs=60, max_shift=200, n_channels=1, random_state=None, memory=None, verbose=0
):
    """The recommended pipeline from traces to probabilities: normalise, whiten, classify.

    Whitened traces show a pulse where carriers hid it; a convolution of long filters and a
    bidirectional GRU find it. The classifier is trained with AdamW, a cosine schedule, polarity
    flips and time shifts, so that some thousands of traces are enough.

    Parameters
    ----------
    epochs : int, default=60
        Passes over the training traces; fewer are enough for more traces (10 for 40 000).
    max_shift : int, default=200
        Largest time shift of a training trace in samples; 0 for none.
    n_channels : int, default=1
        Number of channels (polarisations) of a trace.
    random_state : int, RandomState instance or None, default=None
        Of the classifier.
    memory : str or joblib.Memory, default=None
        Cache of the pipeline's fitted transformers.
    verbose : int, default=0
        Of the classifier.

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
        n_channels=n_channels,
        epochs=epochs,
        random_state=random_state,
        verbose=verbose,
    )
    whitener = SpectralWhitener(n_channels=n_channels)
    steps = [("normalize", StdNormalizer()), ("whiten", whitener), ("classify", classifier)]
    return Pipeline(steps, memory=memory)


def make_denoiser(*, epochs=30, max_shift=200, n_channels=1, random_state=None, verbose=0):
    """The recommended denoiser: normalise, whiten, recover.

    Parameters
    ----------
    epochs, max_shift, n_channels, random_state, verbose
        See `make_detector`.

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
    # Longer filters, which are waveforms too, and finer steps in time than it takes to detect.
    finer = {"kernel_size": 128, "stride": 4, "learning_rate": 4e-3}
    return RecurrentDenoiser(
        **(_RECIPE | finer),
        whitener=SpectralWhitener(n_channels=n_channels),
        max_shift=max_shift,
        n_channels=n_channels,
        epochs=epochs,
        random_state=random_state,
        verbose=verbose,
    )
