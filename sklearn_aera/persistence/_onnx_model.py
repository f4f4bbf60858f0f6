"""Models in .onnx files as scikit-learn estimators, without scikit-learn being loaded for them.

Importing scikit-learn takes longer than everything else that a prediction needs. The classes here
therefore follow its protocol for estimators instead of deriving from its base classes.
"""

import json

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._files import as_path, check_readable
from sklearn_aera.persistence._onnx_format import FORMAT, SUFFIX, is_intact, metadata_key

# Traces of one call of onnxruntime. With 8 to 16 the recommended detector is fastest: more do not
# stay in the processor's cache.
_BATCH_SIZE = 16
_TEXTS = {
    "X": """
%(X_channels)s
    Traces in mV.""",
    "parameters": """
Parameters
----------
content : bytes
    Content of the file.
threads : int, default=1
    Number of threads of a prediction.""",
    "trace": """
%(trace_shape)s
sampling_rate_ : float or None
    Sampling rate of the traces in MHz, if the exported model knew it.""",
    "recovered": """
Returns
-------
ndarray of the shape of the signals in the fit, float64
    In the unit of those signals.""",
}


def load_onnx(path, *, threads=1):
    """Load a model that `export_onnx` has written; it runs on onnxruntime alone.

    Parameters
    ----------
    path : str or path-like
        File with the ending ``.onnx``.
    threads : int, default=1
        Number of threads of a prediction.

    Returns
    -------
    OnnxClassifier or OnnxDenoiser

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If the package onnxruntime is not installed.
    ValueError
        If the file is damaged, was not written by `export_onnx`, or was written by a version of
        this package whose format is newer.

    See Also
    --------
    export_onnx : Writes the file.

    Notes
    -----
    Loading runs no code from the file. Keras, TensorFlow and scikit-learn are not imported.
    """
    path = as_path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"the ending of path {path.name!r} must be {SUFFIX!r}")
    check_readable(path)
    content = path.read_bytes()
    try:
        session = _session(content, threads)
        metadata = _read_metadata(session)
        if not is_intact(content, metadata.get("sha256")):
            raise _NotOursError("is damaged, or was changed after the export")
        # Not by `__init__`, which would load the graph a second time.
        model = object.__new__(_KINDS[metadata["kind"]])
        model._use(session, content, threads)
        return model
    except _NotOursError as error:
        raise ValueError(f"path: {path} {error}") from error.__cause__


class _NotOursError(ValueError):
    """Content is no model that this version of `export_onnx` has written."""


def _session(content, threads):
    """Session of onnxruntime for the content of a file."""
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise ValueError(f"threads must be an integer >= 1, got {threads!r}")
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "running .onnx models needs the package onnxruntime: pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.log_severity_level = 4  # Errors are raised as well.
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    # onnxruntime has a class for each kind of damage.
    except Exception as error:
        raise _NotOursError(f"is damaged or no ONNX model: {error}") from error


def _read_metadata(session):
    """Metadata that `export_onnx` has written."""
    found = session.get_modelmeta().custom_metadata_map
    prefix = metadata_key("")
    try:
        metadata = {k.removeprefix(prefix): json.loads(v) for k, v in found.items() if prefix in k}
    except ValueError as error:
        raise _NotOursError(f"has damaged metadata: {error}") from error
    written = metadata.get("format")
    if not isinstance(written, int) or metadata.get("kind") not in _KINDS:
        raise _NotOursError("is an ONNX model of another program: export_onnx has not written it")
    if written > FORMAT:
        raise _NotOursError(
            f"has format {written}, written by sklearn-aera {metadata.get('version')}, but this "
            f"version reads formats up to {FORMAT}: install a newer version of sklearn-aera"
        )
    return metadata


class _OnnxModel:
    """Base of the models: the protocol of scikit-learn's estimators, and checks of traces."""

    def __init__(self, content, threads=1):
        self._use(_session(content, threads), content, threads)

    def _use(self, session, content, threads):
        self.content, self.threads, self._running = content, int(threads), session
        metadata = _read_metadata(session)
        self.trace_shape_ = tuple(metadata["trace_shape"])
        self.n_features_in_ = int(np.prod(self.trace_shape_))
        self.sampling_rate_ = metadata.get("sampling_rate")
        return metadata

    def fit(self, X, y=None):
        """Return the model as it is: it is fitted already.

        Parameters
        ----------
        X : ignored
        y : ignored

        Returns
        -------
        self
        """
        return self

    def get_params(self, deep=True):
        """Return the parameters: the content of the file and the number of threads.

        Parameters
        ----------
        deep : ignored

        Returns
        -------
        dict
        """
        return {"content": self.content, "threads": self.threads}

    def set_params(self, **params):
        """Set the number of threads, or the content of a file.

        Parameters
        ----------
        **params
            ``threads`` or ``content``.

        Returns
        -------
        self
        """
        self.__init__(**(self.get_params() | params))
        return self

    def _run(self, X, output):
        """One output for traces, float64."""
        X = self._checked(X)
        parts = [
            self._running.run([output], {"traces": X[start : start + _BATCH_SIZE]})[0]
            for start in range(0, len(X), _BATCH_SIZE)
        ]
        result = (parts[0] if len(parts) == 1 else np.concatenate(parts)).astype(np.float64)
        if not np.isfinite(result).all():
            row = int(np.argmin(np.isfinite(result).reshape(len(result), -1).all(axis=1)))
            raise ValueError(
                f"X: the model's output for trace {row} is not finite; its values go up to "
                f"{np.abs(X[row]).max():g}"
            )
        return result

    def _checked(self, X):
        """Finite traces of the right shape, float32 and contiguous."""
        X = np.asarray(X)
        if X.dtype.kind not in "biuf":
            raise TypeError(f"X must contain real numbers, got values of type {X.dtype}")
        if X.ndim != 1 + len(self.trace_shape_) or X.shape[1:] != self.trace_shape_:
            expected = ", ".join(map(str, self.trace_shape_))
            raise ValueError(f"X must have the shape (n_traces, {expected}), got {X.shape}")
        if len(X) == 0:
            raise ValueError("X must have at least one trace, got none")
        with np.errstate(over="ignore"):
            X = np.ascontiguousarray(X, dtype=np.float32)
        if not np.isfinite(X).all():
            raise ValueError("X must be finite in float32, but it contains NaN or infinity")
        return X

    def __getstate__(self):
        return self.get_params()

    def __setstate__(self, state):
        self.__init__(**state)

    def __repr__(self):
        return f"{type(self).__name__}(<{len(self.content):,} bytes>, threads={self.threads})"

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_clone__(self):
        return self

    def __sklearn_tags__(self):
        from sklearn.utils import InputTags, Tags, TargetTags

        shape = {"two_d_array": True, "three_d_array": len(self.trace_shape_) == 2}
        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(**shape),
            requires_fit=False,
        )


@fill_docstring(**_TEXTS)
class OnnxClassifier(_OnnxModel):
    """A classifier in an ``.onnx`` file, run by onnxruntime.

    It follows scikit-learn's protocol without deriving from its classes, so that a program that
    only predicts need not import scikit-learn. `load_onnx` makes it. A pickle contains the whole
    file. Like a frozen estimator it is never fitted again: `fit` and ``clone`` return the model
    itself.

    %(parameters)s

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, in increasing order.
    %(trace)s
    threshold_ : float or None
        Log odds from which a trace counts as a pulse, as given to `export_onnx`; `predict` does
        not use it.
    """

    def _use(self, *parts):
        metadata = super()._use(*parts)
        self.classes_ = np.array(metadata["classes"])
        self.threshold_ = metadata.get("threshold")

    def decision_function(self, X):
        """Log odds of traces.

        %(X)s

        Returns
        -------
        ndarray of shape (n_traces,) for two classes, else (n_traces, n_classes), float64
        """
        return self._run(X, "log_odds")

    def predict_proba(self, X):
        """Probabilities of the classes.

        %(X)s

        Returns
        -------
        ndarray of shape (n_traces, n_classes), float64
        """
        return self._run(X, "probabilities")

    def predict(self, X):
        """Most probable class of each trace.

        %(X)s

        Returns
        -------
        ndarray of shape (n_traces,)
        """
        logits = self.decision_function(X)
        codes = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
        return self.classes_[codes]

    def score(self, X, y, sample_weight=None):
        """Accuracy on labelled traces.

        %(X)s
        y : array-like of shape (n_traces,)
            Labels.
        sample_weight : array-like of shape (n_traces,), default=None

        Returns
        -------
        float
        """
        return float(np.average(self.predict(X) == np.asarray(y), weights=sample_weight))

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags(multi_class=len(self.classes_) > 2)
        return tags


@fill_docstring(**_TEXTS)
class OnnxDenoiser(_OnnxModel):
    """A denoiser in an ``.onnx`` file, run by onnxruntime.

    It follows scikit-learn's protocol as `OnnxClassifier` does. It is a regressor, as
    `sklearn_aera.neural_network.RecurrentDenoiser` is, and a transformer from traces to signals.

    %(parameters)s

    Attributes
    ----------
    %(trace)s
    """

    def predict(self, X, return_std=False):
        """Recover the signals in traces.

        %(X)s
        return_std : bool, default=False
            Whether to return the standard deviations, too; for a denoiser that was fitted with
            ``learn_std=True``.

        Returns
        -------
        signals : ndarray of the shape of the signals in the fit, float64
            In the unit of those signals.
        std : ndarray of the same shape, float64
            Standard deviation of the true signal at each sample. Only with ``return_std``.
        """
        if not return_std:
            return self._run(X, "signals")
        if "std" not in [output.name for output in self._running.get_outputs()]:
            raise ValueError("return_std=True needs a denoiser that was fitted with learn_std=True")
        return self._run(X, "signals"), self._run(X, "std")

    def transform(self, X):
        """Recover the signals in traces, as `predict` does.

        %(X)s

        %(recovered)s
        """
        return self.predict(X)

    def __sklearn_tags__(self):
        from sklearn.utils import RegressorTags, TransformerTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        tags.regressor_tags, tags.transformer_tags = RegressorTags(), TransformerTags()
        tags.target_tags.multi_output, tags.target_tags.single_output = True, False
        return tags


_KINDS = {"classifier": OnnxClassifier, "denoiser": OnnxDenoiser}
