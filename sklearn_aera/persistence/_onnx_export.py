"""Export fitted models as ONNX."""

import json

import numpy as np

from sklearn_aera import __version__
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._files import as_path, written_whole
from sklearn_aera.persistence._onnx_format import FORMAT, NO_HASH, SUFFIX, metadata_key, with_hash


@fill_docstring()
def export_onnx(model, path, *, threshold=None, overwrite=False):
    """Write a fitted detector or denoiser as one ONNX graph, for programs without TensorFlow.

    The graph maps traces in mV, float32 of shape (n_traces, n_samples) or (n_traces, n_channels,
    n_samples), to the outputs "log_odds" and "probabilities", or with a denoiser to "signals", and
    "std" if it learned standard deviations. It is written from the fitted arrays: neither Keras nor
    TensorFlow is loaded. Any program with an ONNX runtime can run the file; `load_onnx` makes an
    estimator of it.

    These can be exported, alone, in a `Pipeline` or as the result of a search: `StdNormalizer
    <sklearn_aera.preprocessing.StdNormalizer>`, `SpectralWhitener
    <sklearn_aera.preprocessing.SpectralWhitener>`, `WienerFilter
    <sklearn_aera.preprocessing.WienerFilter>`, `SNRCalculator
    <sklearn_aera.feature_extraction.SNRCalculator>`, `MatchedFilter
    <sklearn_aera.feature_extraction.MatchedFilter>` and scikit-learn's ``StandardScaler``, in
    front of a network of `sklearn_aera.neural_network` or of scikit-learn's
    ``LogisticRegression`` or ``LinearDiscriminantAnalysis``.

    Parameters
    ----------
    model : estimator
        Fitted classifier or denoiser, or a pipeline that ends with one. A simulator in front must
        be left out, as in ``pipeline[1:]``.
    path : str or path-like
        File to write, with the ending ``.onnx``.
    threshold : float, default=None
        Log odds from which a trace counts as a pulse, such as that of
        `sklearn_aera.metrics.operating_point`. It is stored with the model.
    %(overwrite)s
    ImportError
        If the package onnx is not installed.
    TypeError
        If a step cannot be exported; the error names it.
    ValueError
        If the ending of the path is not ``.onnx``, if classes are neither numbers nor texts, or
        if a threshold is given for a denoiser.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    See Also
    --------
    load_onnx : Loads the file.
    save_model : Stores a model that can be trained further.

    Notes
    -----
    Recurrent layers become ONNX' operators ``RNN``, ``LSTM`` and ``GRU``. The metadata of the file
    have the keys ``sklearn_aera.format``, ``version``, ``kind`` ("classifier" or "denoiser"),
    ``trace_shape``, ``classes``, ``sampling_rate`` (MHz, if the model knows it), ``threshold`` and
    ``sha256``, by which `load_onnx` notices damage; all with the same prefix and as JSON.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.feature_extraction import SNRCalculator
    >>> from sklearn_aera.persistence import export_onnx, load_onnx
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> model = make_pipeline(SNRCalculator(), LogisticRegression()).fit(data.traces, data.y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_onnx(model, f"{folder}/threshold.onnx")
    ...     detector = load_onnx(f"{folder}/threshold.onnx")
    >>> bool((detector.predict(data.traces) == model.predict(data.traces)).all())
    True
    """
    from sklearn.base import BaseEstimator
    from sklearn.utils.validation import check_is_fitted

    from sklearn_aera._validation import check_choice, shown

    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model must be an estimator, got {shown(model)}")
    path = as_path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", (SUFFIX,))
    try:
        from sklearn_aera.persistence import _onnx_graph, _onnx_pipeline
    except ImportError as error:
        if error.name != "onnx":
            raise
        raise ImportError(
            "writing .onnx files needs the package onnx: pip install 'sklearn-aera[onnx]'"
        ) from error
    steps = _onnx_pipeline.steps_of(model)
    _onnx_pipeline.check_steps(steps)
    check_is_fitted(model)
    metadata = _metadata(model, steps, threshold)
    graph = _onnx_graph.Graph()
    outputs = _onnx_pipeline.write_steps(graph, steps)
    producer = ("sklearn-aera", __version__)
    written = graph.model(_trace_shape(steps), outputs, metadata, producer).SerializeToString()
    with written_whole(path, overwrite) as temporary:
        temporary.write_bytes(with_hash(written))


def _metadata(model, steps, threshold):
    """Describe a model; the values are JSON."""
    from sklearn_aera._validation import check_real

    classes = getattr(steps[-1], "classes_", None)
    values = {
        "format": FORMAT,
        "version": __version__,
        "sha256": NO_HASH,
        "kind": "denoiser" if classes is None else "classifier",
        "trace_shape": _trace_shape(steps),
        "sampling_rate": _sampling_rate(model, steps),
    }
    if classes is not None:
        values["classes"] = _labels(classes)
    if threshold is not None:
        if classes is None or len(classes) != 2:
            raise ValueError("threshold is for models of two classes")
        values["threshold"] = check_real(threshold, "threshold")
    return {
        metadata_key(name): json.dumps(value) for name, value in values.items() if value is not None
    }


def _trace_shape(steps):
    return list(getattr(steps[0], "trace_shape_", (steps[0].n_features_in_,)))


def _sampling_rate(model, steps):
    """Sampling rate in MHz that a model or one of its steps knows; else None."""
    known = [getattr(model, "sampling_rate_", None)]
    known += [getattr(step, "sampling_rate", None) for step in steps]
    return next((float(rate) for rate in known if rate is not None), None)


def _labels(classes):
    labels = np.asarray(classes).tolist()
    if not all(isinstance(label, bool | int | float | str) for label in labels):
        raise ValueError(f"classes must be numbers or texts, got {labels}")
    return labels
