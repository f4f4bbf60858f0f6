"""The classifiers of traces."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from sklearn_aera._base import LogitsMixin
from sklearn_aera._channels import validate_traces
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._labels import check_classes
from sklearn_aera._validation import check_choice, check_real, shown
from sklearn_aera.neural_network._architecture import (
    CONVOLUTIONAL_POOLINGS,
    RECURRENT_POOLINGS,
    Architecture,
    check_filters,
    check_recurrent_network,
)
from sklearn_aera.neural_network._network_estimator import (
    NetworkEstimator,
    TrainingData,
    check_sample_weight,
    training_method,
)
from sklearn_aera.neural_network._parameter_texts import TEXTS


@fill_docstring(**TEXTS)
@dataclass(eq=False, repr=False, kw_only=True)
class TraceClassifier(LogitsMixin, ClassifierMixin, NetworkEstimator):
    """Base of the classifiers: a subclass describes its network by ``_network()``."""

    class_weight: Any = None

    # In scikit-learn's metadata routing, signals go to `fit` without being requested.
    __metadata_request__fit = {"signals": True}  # noqa: RUF012

    _epoch_target = "y"

    @training_method
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, signals=None):
        """Train the network.

        %(traces)s
        y : array-like of shape (n_traces,)
            Labels of two or more classes. Of two, the background has the label 0 or False, else
            the smaller of two numbers or the text "noise" or "background"; when sorted, it must
            come first.
        %(sample_weight)s
        %(validation)s
        signals : array-like of the shape of X, default=None
            True signals in the traces, zero for noise alone, in the unit of ``X`` and after the
            same preprocessing. With ``pooling="log_sum_exp"`` the network learns from them when
            pulses arrive, which takes fewer traces than to learn it from labels.

        %(fitted)s
            The error is raised before the training starts.
        """
        return self._fit_data(X, y, sample_weight, X_val, y_val, signals=signals)

    @training_method
    def partial_fit(self, X, y, classes=None, sample_weight=None, signals=None):
        """Train for one more epoch, at a constant learning rate.

        %(traces)s
        y : array-like of shape (n_traces,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All classes that any call will have; needed at the first call.
        %(sample_weight)s
        signals : array-like of the shape of X, default=None
            True signals, as in `fit`.

        %(fitted)s
            Also if ``classes`` is missing at the first call, or ``class_weight`` is "balanced",
            which needs all of the data.
        """
        self._check_parameters()
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} cannot be used with partial_fit, which does "
                "not see all of the data: give the weights as a dictionary"
            )
        first = not hasattr(self, "weights_")
        if first and classes is None:
            raise ValueError("classes must be given at the first call to partial_fit")
        known = unique_labels(classes) if classes is not None else self.classes_
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes must stay {self.classes_.tolist()}, got {known.tolist()}")
        return self._continue_fit(X, y, sample_weight, known, signals=signals)

    def decision_function(self, X):
        """Logits of traces.

        %(X_channels)s

        Returns
        -------
        ndarray of shape (n_traces,) for two classes, else (n_traces, n_classes), float64
        """
        X = validate_traces(self, X, dtype=np.float32, reset=False)
        logits = self._outputs(X).astype(np.float64)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def _check_parameters(self):
        super()._check_parameters()
        weights = self.class_weight
        if isinstance(weights, dict):
            for weight in weights.values():
                check_real(weight, "class_weight", min_val=0.0)
        elif not (weights is None or (isinstance(weights, str) and weights == "balanced")):
            raise ValueError(
                f"class_weight must be a dictionary, 'balanced' or None, got {shown(weights)}"
            )

    def _check_data(self, X, y, sample_weight=None, *, reset, classes=None, signals=None):
        X, y = validate_traces(self, X, y, dtype=np.float32, reset=reset)
        with np.errstate(invalid="ignore"):  # Labels beyond integers.
            check_classification_targets(y)
        if signals is not None:
            signals = self._check_signals(signals, X)
        weight = None
        if sample_weight is not None or self.class_weight is not None:
            weight = compute_sample_weight(self.class_weight, y).astype(np.float32)
            if sample_weight is not None:
                weight *= check_sample_weight(sample_weight, X)
            counts = weight > 0
            if not counts.any():
                raise ValueError("sample_weight and class_weight leave no trace a weight above 0")
            X, y, weight = X[counts], y[counts], weight[counts]
            signals = signals if signals is None else signals[counts]
        labels = unique_labels(y)
        if not reset and classes is None and not np.array_equal(labels, self.classes_):
            raise ValueError(
                f"y has the classes {labels.tolist()}, but with warm_start=True fit continues with "
                f"{self.classes_.tolist()}"
            )
        codes = _class_codes(y, labels if classes is None else classes)
        if signals is not None:
            _check_signal_labels(signals, codes, labels if classes is None else classes)
        return TrainingData(X, y, codes, weight, signals)

    def _check_signals(self, signals, X):
        if self.pooling != "log_sum_exp":
            raise ValueError(
                f"signals can be used with pooling='log_sum_exp' only, got pooling={self.pooling!r}"
            )
        options = {"dtype": np.float32, "allow_nd": True, "input_name": "signals"}
        signals = check_array(signals, **options)
        if signals.shape != X.shape:
            raise ValueError(f"signals must have the shape of X, {X.shape}, got {signals.shape}")
        return signals

    def _check_epoch(self, transform, data, *, reset):
        own = {"classes": np.array([0, 1])}
        if self.pooling == "log_sum_exp" and data.get("signals") is not None:
            own["signals"] = transform(data["signals"])
        return self._check_data(transform(data["traces"]), data["y"], reset=reset, **own)

    def _check_validation(self, X_val, y_val, state):
        X, y = validate_traces(self, X_val, y_val, dtype=np.float32, reset=False)
        return TrainingData(X, y, _class_codes(y, state["classes_"], "y_val"))

    def _initial_state(self, data, seed=None, classes=None):
        classes = unique_labels(data.y) if classes is None else classes
        if len(classes) < 2:
            among = "" if data.weight is None else " of weight above 0"
            raise ValueError(
                f"y has only 1 class{among}, {classes.tolist()[0]!r}: at least 2 are needed"
            )
        check_classes(classes)
        return {"classes_": classes, **self._untrained_state(self._architecture(classes), seed)}

    def _current_state(self, data):
        architecture = self._architecture(self.classes_)
        return {"classes_": self.classes_, **self._fitted_state(architecture)}

    def _network_arrays(self, data, state):
        if not state["architecture_"].learns_arrival:
            return data.X, data.targets
        signals = np.zeros_like(data.X) if data.signals is None else data.signals
        rows = np.column_stack([data.targets, signals.reshape(len(signals), -1)])
        return data.X, rows.astype(np.float32)

    def _architecture(self, classes):
        return Architecture(
            trace_shape=self.trace_shape_,
            output_shape=(1 if len(classes) == 2 else len(classes),),
            pooling=self.pooling,
            dropout=float(self.dropout),
            **self._network(),
        )


@fill_docstring(**TEXTS)
@dataclass(eq=False, repr=False, kw_only=True)
class RecurrentClassifier(TraceClassifier):
    """Classify traces with a recurrent network: simple RNN, LSTM or GRU, one- or bidirectional.

    A convolution (or the samples themselves, or frames of them) turns a trace into a sequence, one
    or more recurrent layers read it, their outputs are pooled over time, and a dense layer gives
    the logits. The network is a Keras model inside a scikeras ``KerasClassifier``. The fitted
    state consists of NumPy arrays: estimators pickle small, and TensorFlow is not loaded with them.

    Parameters
    ----------
    %(cell)s
    pooling : {"log_sum_exp", "max", "mean", "last", "flatten"}, default="max"
        How the sequence is reduced over time. With "log_sum_exp" the network gives logits of a
        pulse for each arrival time, from the recurrent outputs and the features in front of them,
        and their log-sum-exp is the logit, as in the likelihood ratio. The others reduce the
        outputs of the last recurrent layer.
    n_filters : int or tuple of int, default=64
        Number of filters of the convolution in front (rectified), or of each of several; 0 for
        none.
    kernel_size : int or tuple of int, default=48
        Length of the filters in steps of the layer's input, or of the frames if there are no
        filters, in samples.
    stride : int or tuple of int, default=4
        Distance between two positions of the filters or frames. With ``n_filters=0``,
        ``kernel_size=1`` and ``stride=1`` the recurrent layer reads single samples.
    mix_signals : bool, default=False
        In each epoch, put the training signals into the noise of other traces, at the times of
        other signals: limited data then give new traces in each epoch. Traces are then not
        shifted, whatever ``max_shift`` is. Only used if `fit` is given ``signals``, and not for
        the endless data of `fit_simulated`.
    mix_noise : bool, default=False
        In each epoch, replace the noise of the training traces by n1 cos(a) + n2 sin(a), with the
        noise of two traces and a random angle. For whitened Gaussian noise, this is noise of the
        same kind that the network has not seen. The lowest frequencies, where
        `sklearn_aera.preprocessing.SpectralWhitener` leaves the carriers, stay as they are, and so
        does noise with an unusual peak, such as a burst. Only used if `fit` is given ``signals``,
        and not by `fit_simulated`.
    %(training)s
    %(class_weight)s

    Attributes
    ----------
    %(classifier_attributes)s

    See Also
    --------
    make_detector : The recommended pipeline.
    sklearn_aera.preprocessing.StdNormalizer : Brings traces to the scale that networks expect.

    Notes
    -----
    A fit that is repeated with the same ``random_state`` and data on the same machine gives the
    same predictions. The number of threads may change the last digits.

    References
    ----------
    LSTM: Hochreiter and Schmidhuber 1997, DOI 10.1162/neco.1997.9.8.1735. GRU:
    arXiv:1406.1078; in Keras' GRU z and 1 - z are exchanged and the reset gate is applied after
    the matrix product. Recurrent and convolutional networks for AERA: arXiv:1901.04079.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.neural_network import RecurrentClassifier
    >>> from sklearn_aera.preprocessing import StdNormalizer
    >>> from sklearn_aera.simulation import TraceSimulator
    >>> events, y = make_events(200, snr=5.0, random_state=0)
    >>> pipeline = make_pipeline(
    ...     TraceSimulator(random_state=0),
    ...     StdNormalizer(),
    ...     RecurrentClassifier(hidden_size=8, n_filters=8, stride=8, epochs=2, random_state=0),
    ... ).fit(events, y)
    >>> pipeline[1:].predict_proba(pipeline[0].transform(events)).shape
    (200, 2)

    The network of the course:

    >>> course = RecurrentClassifier(
    ...     cell="lstm", hidden_size=(32, 64, 10), bidirectional=False, n_filters=0,
    ...     kernel_size=1, stride=1, pooling="flatten", dropout=0.3, batch_size=256, epochs=20,
    ... )
    """

    cell: str = "gru"
    hidden_size: int | tuple = 32
    bidirectional: bool = True
    pooling: str = "max"
    n_filters: int | tuple = 64
    kernel_size: int | tuple = 48
    stride: int | tuple = 4
    mix_signals: bool = False
    mix_noise: bool = False

    def _check_architecture(self):
        check_recurrent_network(self)
        check_choice(self.pooling, "pooling", RECURRENT_POOLINGS)
        check_choice(self.mix_signals, "mix_signals", (True, False))
        check_choice(self.mix_noise, "mix_noise", (True, False))

    def _network(self):
        return check_recurrent_network(self)


@fill_docstring(**TEXTS)
@dataclass(eq=False, repr=False, kw_only=True)
class ConvolutionalClassifier(TraceClassifier):
    """Classify traces with convolutions alone.

    One or more rectified convolutions, pooled over time, and a dense layer for the logits. With
    one layer of long filters and the largest logit over time it is a bank of learned matched
    filters: the reference that shows what recurrence adds.

    Parameters
    ----------
    n_filters : int or tuple of int, default=128
        Number of filters of the layer, or of each of several.
    kernel_size : int or tuple of int, default=48
        Length of the filters in steps of the layer's input; one number holds for all layers.
    stride : int or tuple of int, default=4
        Distance between two positions of the filters; one number holds for all layers.
    pooling : {"max_logit", "log_sum_exp", "max", "mean", "flatten"}, default="max_logit"
        How the outputs of the last layer are reduced over time. With "max_logit" the dense layer
        gives logits at every step, and the largest of each class over time is the result. With
        "log_sum_exp" there are two dense layers, which also see the power of the whole trace, and
        logits for each arrival time, as in `RecurrentClassifier`: it detects more where the
        signal-to-noise ratio varies.
    %(training)s
    %(class_weight)s

    Attributes
    ----------
    %(classifier_attributes)s

    See Also
    --------
    RecurrentClassifier : Reads the outputs of a convolution as a sequence.

    References
    ----------
    Convolutional networks for AERA traces: arXiv:1901.04079, arXiv:2502.21198.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import ConvolutionalClassifier
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> classifier = ConvolutionalClassifier(n_filters=(16, 8), epochs=1, random_state=0)
    >>> classifier.fit(data.traces, data.y).predict_proba(data.traces).shape
    (200, 2)
    """

    n_filters: int | tuple = 128
    kernel_size: int | tuple = 48
    stride: int | tuple = 4
    pooling: str = "max_logit"

    def _check_architecture(self):
        check_filters(self)
        check_choice(self.pooling, "pooling", CONVOLUTIONAL_POOLINGS)

    def _network(self):
        return {
            "filters": check_filters(self),
            "frame": (1, 1),
            "cell": None,
            "hidden_size": (),
            "bidirectional": False,
        }


def _class_codes(y, classes, name="y"):
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(
            f"{name} has labels that are not among the classes: {unknown.tolist()}; "
            f"the classes are {classes.tolist()}"
        )
    return np.searchsorted(classes, y)


def _check_signal_labels(signals, codes, classes):
    """Raise ValueError unless the traces that have a signal are those of the second class."""
    if len(classes) != 2:
        raise ValueError(f"signals can be used with two classes only, y has {len(classes)}")
    has_signal = signals.reshape(len(signals), -1).any(axis=1)
    wrong = np.flatnonzero(has_signal != (codes == 1))
    if wrong.size:
        row, found = wrong[0], "not zero" if has_signal[wrong[0]] else "zero"
        raise ValueError(
            "signals must be zero for traces of noise alone, and not zero for traces with a pulse: "
            f"they are {found} in row {row}, whose label is {classes.tolist()[codes[row]]!r}, and "
            f"wrong in {wrong.size} rows in total"
        )
