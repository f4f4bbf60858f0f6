"""The recurrent classifier of traces."""

import numbers

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_choice, check_count, check_real
from sklearn_aera.neural_network._networks import CELLS, POOLINGS, Architecture, build_network


class RecurrentClassifier(ClassifierMixin, BaseEstimator):
    """Classify traces with a recurrent network: simple RNN, LSTM or GRU, one- or bidirectional.

    A convolution (or the raw samples, or frames of them) turns a trace into a sequence, one or
    more recurrent layers read it, their outputs are pooled over time, and a dense layer gives
    the logits. The network is a Keras model inside a scikeras ``KerasClassifier``; the fitted
    state is plain NumPy arrays, so estimators pickle small and need no TensorFlow to be loaded.

    Parameters
    ----------
    cell : {"gru", "lstm", "simple_rnn"}, default="gru"
        The recurrent cell.
    hidden_size : int or tuple of int, default=32
        Number of units of the recurrent layer, or of each of several.
    bidirectional : bool, default=True
        Whether a second layer reads the sequence backwards in time; its outputs are appended.
    pooling : {"max", "mean", "last", "flatten"}, default="max"
        What is kept of the last recurrent layer's outputs over time.
    n_filters : int, default=64
        Number of filters of the convolution in front (rectified); 0 for none.
    kernel_size : int, default=48
        Length of the filters in samples, or of the frames if there are no filters.
    stride : int, default=4
        Step from one filter or frame position to the next, in samples. With ``n_filters=0``,
        ``kernel_size=1`` and ``stride=1`` the recurrent layer reads the raw samples.
    dropout : float, default=0.0
        Share of the pooled outputs dropped while training, at least 0 and below 1.
    learning_rate : float, default=1e-3
        Step size of the Adam optimiser.
    batch_size : int, default=128
        Traces per training step.
    epochs : int, default=10
        Passes over the training data (the most of them with ``early_stopping``).
    early_stopping : bool, default=False
        Set a share of the training data aside, stop when the loss on it no longer falls, and go
        back to the weights where it was lowest.
    validation_fraction : float, default=0.1
        The share set aside, stratified by class.
    n_iter_no_change : int, default=5
        Epochs without improvement after which training stops.
    tol : float, default=1e-4
        The least decrease of the loss that counts as improvement.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as everywhere in scikit-learn.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last call.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, order of the traces, dropout and validation split.
    verbose : int, default=0
        Print a line an epoch if above 0.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
        Number of samples of a trace.
    architecture_ : Architecture
        What the fitted network looks like.
    weights_ : list of ndarray
        Weights of the network, in Keras' order.
    optimizer_state_ : list of ndarray
        What the optimiser needs to go on.
    history_ : dict of list of float
        ``loss`` and ``accuracy`` per epoch, with early stopping ``val_loss`` and
        ``val_accuracy`` too.
    n_iter_ : int
        Number of epochs trained, over all calls that went on from one another.
    seed_ : int

    See Also
    --------
    sklearn_aera.preprocessing.StdNormalizer : The scale the network expects.

    Notes
    -----
    A fit that is repeated with the same ``random_state`` and data on the same machine gives the
    same predictions. The number of threads may change the last digits.

    References
    ----------
    LSTM: Hochreiter and Schmidhuber 1997, DOI 10.1162/neco.1997.9.8.1735. GRU:
    arXiv:1406.1078; Keras' has the roles of z and 1 - z exchanged and applies the reset gate
    after the matrix product. Recurrent and convolutional networks for AERA: arXiv:1901.04079.

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

    The network of the course is one setting:

    >>> course = RecurrentClassifier(
    ...     cell="lstm", hidden_size=(32, 64, 10), bidirectional=False, n_filters=0,
    ...     kernel_size=1, stride=1, pooling="flatten", dropout=0.3, batch_size=256, epochs=20,
    ... )
    """

    def __init__(
        self,
        cell="gru",
        hidden_size=32,
        bidirectional=True,
        pooling="max",
        n_filters=64,
        kernel_size=48,
        stride=4,
        dropout=0.0,
        learning_rate=1e-3,
        batch_size=128,
        epochs=10,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        tol=1e-4,
        class_weight=None,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
            Traces; float32 is taken without a copy.
        y : array-like of shape (n_traces,)
            Labels of two or more classes, numbers or strings.
        sample_weight : array-like of shape (n_traces,), default=None
            Weight of each trace, at least 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not valid; before any training starts.
        """
        self._check_parameters()
        goes_on = self.warm_start and hasattr(self, "weights_")
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, reset=not goes_on)
        classes = unique_labels(y)
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y has the classes {classes.tolist()}, but with warm_start=True fit goes on "
                f"with {self.classes_.tolist()}"
            )
        state = self._current_state() if goes_on else self._initial_state(classes, X.shape[1])
        return self._train(state, X, y, sample_weight, self.epochs, self.early_stopping)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch more.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
        y : array-like of shape (n_traces,)
        classes : array-like of shape (n_classes,), default=None
            All classes that any call will have; needed at the first call.
        sample_weight : array-like of shape (n_traces,), default=None

        Returns
        -------
        self
        """
        self._check_parameters()
        first = not hasattr(self, "weights_")
        if first and classes is None:
            raise ValueError("classes must be given at the first call to partial_fit")
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, reset=first)
        if classes is not None:
            classes = unique_labels(classes)
            if not first and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"classes must stay {self.classes_.tolist()}, got {classes.tolist()}"
                )
        known = classes if first else self.classes_
        unknown = np.setdiff1d(y, known)
        if unknown.size:
            raise ValueError(f"y has labels that are not among the classes: {unknown.tolist()}")
        state = self._initial_state(known, X.shape[1]) if first else self._current_state()
        return self._train(state, X, y, sample_weight, epochs=1, early_stopping=False)

    def decision_function(self, X):
        """Logits of traces.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces,) for two classes, else (n_traces, n_classes), float64
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        from sklearn_aera.neural_network._engine import lend_engine

        with lend_engine(self.architecture_) as engine:
            logits = engine.predict(self.weights_, X).astype(np.float64)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, n_classes), float64
        """
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.column_stack([expit(-logits), expit(logits)])
        return softmax(logits, axis=1)

    def predict(self, X):
        """The most probable class of each trace, shape (n_traces,)."""
        logits = self.decision_function(X)
        codes = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
        return self.classes_[codes]

    @property
    def model_(self):
        """The fitted network as a Keras model of its own, from traces to logits."""
        check_is_fitted(self)
        from sklearn_aera.neural_network._engine import load_weights

        model = build_network(self.architecture_, seed=0)
        load_weights(model, self.weights_)
        return model

    def _check_parameters(self):
        check_choice(self.cell, "cell", CELLS)
        check_choice(self.pooling, "pooling", POOLINGS)
        for size in self._hidden_sizes():
            check_count(size, "hidden_size")
        for name in ("kernel_size", "stride", "batch_size", "epochs", "n_iter_no_change"):
            check_count(getattr(self, name), name)
        check_count(self.n_filters, "n_filters", min_val=0)
        check_real(self.dropout, "dropout", min_val=0.0, max_val=1.0, include_boundaries="left")
        for name in ("bidirectional", "early_stopping", "warm_start"):
            check_choice(getattr(self, name), name, (True, False))
        check_real(self.learning_rate, "learning_rate", min_val=0.0, include_boundaries="neither")
        fraction = {"min_val": 0.0, "max_val": 1.0, "include_boundaries": "neither"}
        check_real(self.validation_fraction, "validation_fraction", **fraction)
        check_real(self.tol, "tol", min_val=0.0)

    def _hidden_sizes(self):
        if isinstance(self.hidden_size, numbers.Integral):
            return (self.hidden_size,)
        if not isinstance(self.hidden_size, tuple | list) or len(self.hidden_size) == 0:
            raise TypeError(
                f"hidden_size must be an integer or a tuple of integers, got {self.hidden_size!r}"
            )
        return tuple(self.hidden_size)

    def _check_training_data(self, X, y, sample_weight, reset):
        X, y = validate_data(self, X, y, dtype=np.float32, reset=reset)
        check_classification_targets(y)
        if sample_weight is None and self.class_weight is None:
            return X, y, None
        weight = compute_sample_weight(self.class_weight, y)
        if sample_weight is not None:
            weight *= _check_sample_weight(sample_weight, X)
        used = weight > 0
        return X[used], y[used], weight[used].astype(np.float32)

    def _initial_state(self, classes, n_samples):
        """Everything that training changes, of a network that has learned nothing yet."""
        if len(classes) < 2:
            raise ValueError(f"y has only 1 class, {classes.tolist()[0]!r}: at least 2 are needed")
        from sklearn_aera.neural_network._engine import lend_engine

        seed = draw_seed(self.random_state)
        architecture = self._architecture(len(classes), n_samples)
        with lend_engine(architecture) as engine:
            weights, optimizer_state = engine.initial_state(seed)
        return {
            "classes_": classes,
            "architecture_": architecture,
            "seed_": seed,
            "weights_": weights,
            "optimizer_state_": optimizer_state,
            "history_": {},
            "n_iter_": 0,
        }

    def _current_state(self):
        names = ("classes_", "architecture_", "seed_", "weights_", "optimizer_state_", "history_")
        state = {name: getattr(self, name) for name in (*names, "n_iter_")}
        if self._architecture(len(self.classes_), self.n_features_in_) != self.architecture_:
            raise ValueError(
                "training cannot go on: the parameters of the network have changed since it was "
                f"fitted; fitted was {self.architecture_}"
            )
        return state

    def _train(self, state, X, y, sample_weight, epochs, early_stopping):
        """Go on from ``state`` and, once all is done, make the outcome the fitted state."""
        from sklearn_aera.neural_network import _engine

        codes = np.searchsorted(state["classes_"], y)
        validation, callbacks = None, []
        if early_stopping:
            X, codes, sample_weight, validation = self._split(X, codes, sample_weight, state)
            callbacks.append(_engine.early_stopping(self.n_iter_no_change, self.tol))
        if self.verbose:
            callbacks.append(_engine.progress_printer(state["n_iter_"] + epochs))
        with _engine.lend_engine(state["architecture_"]) as engine:
            weights, optimizer_state, history = engine.fit(
                state["weights_"],
                state["optimizer_state_"],
                X,
                codes,
                sample_weight=sample_weight,
                learning_rate=self.learning_rate,
                batch_size=int(self.batch_size),
                epochs=int(epochs),
                initial_epoch=state["n_iter_"],
                seed=state["seed_"],
                validation_data=validation,
                epoch_callbacks=callbacks,
            )
        state |= {"weights_": weights, "optimizer_state_": optimizer_state}
        state["history_"] = {
            name: [*state["history_"].get(name, []), *values] for name, values in history.items()
        }
        state["n_iter_"] += len(history["loss"])
        for name, value in state.items():
            setattr(self, name, value)
        return self

    def _split(self, X, codes, sample_weight, state):
        """Set the validation traces aside: (X, codes, sample_weight, (X_val, ...))."""
        if sample_weight is None:
            sample_weight = np.ones(len(X), dtype=np.float32)
        try:
            X, X_val, codes, codes_val, weight, weight_val = train_test_split(
                X,
                codes,
                sample_weight,
                test_size=self.validation_fraction,
                stratify=codes,
                random_state=state["seed_"] % 2**32,
            )
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(X)} traces leaves no "
                f"trace of some class for early stopping: {error}"
            ) from error
        return X, codes, weight, (X_val, codes_val, weight_val)

    def _architecture(self, n_classes, n_samples):
        return Architecture(
            n_samples=n_samples,
            n_outputs=1 if n_classes == 2 else n_classes,
            cell=self.cell,
            hidden_size=tuple(int(size) for size in self._hidden_sizes()),
            bidirectional=bool(self.bidirectional),
            pooling=self.pooling,
            n_filters=int(self.n_filters),
            kernel_size=int(self.kernel_size),
            stride=int(self.stride),
            dropout=float(self.dropout),
        )


def _check_sample_weight(sample_weight, X):
    if isinstance(sample_weight, numbers.Real):
        sample_weight = np.full(len(X), sample_weight)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be one-dimensional, got shape {weight.shape}")
    check_consistent_length(X, weight)
    if (weight < 0).any():
        raise ValueError(f"sample_weight must be 0 or positive, got {weight.min()}")
    if not weight.any():
        raise ValueError("sample_weight must not be zero for all traces")
    return weight
