"""What the networks that classify traces have in common."""

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._channels import check_channels, flatten_channels
from sklearn_aera.neural_network._base import NetworkEstimator, trains
from sklearn_aera.neural_network._training import TrainingData, check_sample_weight


class TraceClassifier(ClassifierMixin, NetworkEstimator):
    """Base of the classifiers of traces.

    Beside the hooks of `NetworkEstimator` a subclass has ``_architecture(n_classes, n_features)``,
    which returns its `Architecture`.
    """

    @trains
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
            Traces; float32 is taken without a copy. With several channels of shape
            (n_traces, n_samples, n_channels), or the same flattened to two dimensions.
        y : array-like of shape (n_traces,)
            Labels of two or more classes, numbers or strings.
        sample_weight : array-like of shape (n_traces,), default=None
            Weight of each trace, at least 0.
        X_val : array-like of shape (n_validation_traces, n_samples), default=None
            Traces that are not trained on: after each epoch ``history_`` gets the loss and the
            accuracy on them, and ``early_stopping`` looks at these instead of setting a share of
            the training traces aside.
        y_val : array-like of shape (n_validation_traces,), default=None
            Their labels.

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
        data = self._training_data(X, y, sample_weight, reset=not goes_on)
        if goes_on and not np.array_equal(unique_labels(data.y), self.classes_):
            raise ValueError(
                f"y has the classes {unique_labels(data.y).tolist()}, but with warm_start=True "
                f"fit goes on with {self.classes_.tolist()}"
            )
        classes = unique_labels(data.y)
        validation = self._validation_data(X_val, y_val, classes)
        state = self._current_state() if goes_on else self._initial_state(data)
        if self.early_stopping and validation is None:
            data, validation = self._set_aside(data, state["seed_"], stratify=data.targets)
        rates = self._rates(len(data.X), self.epochs, self.learning_rate_schedule)
        self._fit(data, state=state, rates=rates, validation=validation)
        return self

    @trains
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch more, at a constant learning rate.

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

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not valid, ``classes`` is missing at the first call, or
            ``class_weight`` is "balanced", which needs all of the data.
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
        data = self._training_data(X, y, sample_weight, reset=first, classes=known)
        state = self._initial_state(data, classes=known) if first else self._current_state()
        self._fit(data, state=state, rates=self._rates(len(data.X), 1, "constant"))
        return self

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
        X = validate_data(self, flatten_channels(X, self.n_channels), dtype=np.float32, reset=False)
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
        """The most probable class of each trace.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces,)
        """
        logits = self.decision_function(X)
        codes = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
        return self.classes_[codes]

    def _simulated_data(self, X, data):
        # One epoch may hold a single class.
        return self._training_data(X, data.y, classes=np.array([0, 1]))

    def _for_network(self, data, state):
        return data.X, data.targets

    def _training_data(self, X, y, sample_weight=None, reset=True, classes=None):
        X, y = validate_data(
            self, flatten_channels(X, self.n_channels), y, dtype=np.float32, reset=reset
        )
        check_channels(X, self.n_channels)
        check_classification_targets(y)
        weight = None
        if sample_weight is not None or self.class_weight is not None:
            weight = compute_sample_weight(self.class_weight, y).astype(np.float32)
            if sample_weight is not None:
                weight *= check_sample_weight(sample_weight, X)
            counts = weight > 0
            if not counts.any():
                raise ValueError("sample_weight and class_weight leave no trace a weight above 0")
            X, y, weight = X[counts], y[counts], weight[counts]
        classes = unique_labels(y) if classes is None else classes
        return TrainingData(X, y, _class_codes(y, classes, "y"), weight)

    def _validation_data(self, X_val, y_val, classes):
        if not self._validates(X_val, y_val):
            return None
        X_val = flatten_channels(X_val, self.n_channels, "X_val")
        X, y = validate_data(self, X_val, y_val, dtype=np.float32, reset=False)
        return TrainingData(X, y, _class_codes(y, classes, "y_val"))

    def _initial_state(self, data, seed=None, classes=None):
        classes = unique_labels(data.y) if classes is None else classes
        if len(classes) < 2:
            among = "" if data.weight is None else " of weight above 0"
            raise ValueError(
                f"y has only 1 class{among}, {classes.tolist()[0]!r}: at least 2 are needed"
            )
        architecture = self._architecture(len(classes), data.X.shape[1])
        return {"classes_": classes, **self._new_state(architecture, seed)}

    def _current_state(self):
        architecture = self._architecture(len(self.classes_), self.n_features_in_)
        return {"classes_": self.classes_, **self._state_to_go_on(architecture)}


def _class_codes(y, classes, name):
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(
            f"{name} has labels that are not among the classes: {unknown.tolist()}; "
            f"the classes are {classes.tolist()}"
        )
    return np.searchsorted(classes, y)
