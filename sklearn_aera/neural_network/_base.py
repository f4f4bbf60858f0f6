"""What the networks that classify traces have in common: training and prediction."""

import numbers
from concurrent.futures import ThreadPoolExecutor
from functools import partial

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
from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network._networks import build_network
from sklearn_aera.neural_network._training import SCHEDULES, flip_and_shift, learning_rates

_STATE = (
    "classes_",
    "architecture_",
    "seed_",
    "weights_",
    "optimizer_state_",
    "history_",
    "n_iter_",
)


class TraceClassifier(ClassifierMixin, BaseEstimator):
    """Base of the classifiers of traces.

    A subclass has the training parameters as attributes and the hooks `_check_architecture`,
    which raises if a parameter of the network is not valid, and
    ``_architecture(n_classes, n_features)``, which returns its `Architecture`.
    """

    def fit(self, X, y, sample_weight=None):
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
        self._keep(self._train(state, X, y, sample_weight, self.epochs, self.early_stopping))
        return self

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
        rates = self._rates(len(X), 1, "constant")
        self._keep(self._train(state, X, y, sample_weight, 1, early_stopping=False, rates=rates))
        return self

    def fit_simulated(self, simulator=None, n_events=20_000, *, preprocessing=None, **events):
        """Train on endless data: every epoch simulates new events, and none is kept.

        The next epoch's traces are simulated beside the training step, so memory does not grow
        with their number. The events of epoch e have the ids from ``first_event_id +
        e * n_events`` on, so that they can be made again.

        Parameters
        ----------
        simulator : TraceSimulator, default=None
            See `sklearn_aera.datasets.make_traces`.
        n_events : int, default=20_000
            Events per epoch; there are ``epochs`` of them.
        preprocessing : fitted transformer, default=None
            What the traces pass before the network, such as ``detector[:-1]``.
        **events
            Options of `sklearn_aera.datasets.make_traces` that describe the events: ``snr``,
            ``signal_fraction``, ``arrival_time``, ``spectral_slope``, ``first_event_id``.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is not valid, or ``early_stopping`` or ``class_weight`` is set: there
            is no validation data and no need of weights where data is free.
        """
        self._check_parameters()
        check_count(n_events, "n_events")
        for name in ("early_stopping", "class_weight"):
            if getattr(self, name):
                raise ValueError(f"{name} cannot be used with simulated data, got it set")
        seed = draw_seed(self.random_state)
        first_id = events.pop("first_event_id", 0)
        transform = (lambda X: X) if preprocessing is None else preprocessing.transform

        def make_epoch(epoch):
            first = first_id + epoch * n_events
            options = {"simulator": simulator, "random_state": seed, "first_event_id": first}
            data = make_traces(n_events, **options, **events)
            return self._check_training_data(transform(data.traces), data.y, None, reset=True)

        rates = self._rates(n_events, self.epochs, self.learning_rate_schedule)
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(make_epoch, 0)
            state = None
            for epoch in range(self.epochs):
                X, y, _ = upcoming.result()
                upcoming = pool.submit(make_epoch, epoch + 1) if epoch + 1 < self.epochs else None
                if state is None:
                    state = self._initial_state(unique_labels(y), X.shape[1], seed)
                state = self._train(state, X, y, None, 1, False, rates=rates[epoch : epoch + 1])
        self._keep(state)
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
        X = validate_data(self, self._flat(X), dtype=np.float32, reset=False)
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
        self._check_architecture()
        check_count(self.n_channels, "n_channels")
        check_real(self.dropout, "dropout", min_val=0.0, max_val=1.0, include_boundaries="left")
        for name in ("batch_size", "epochs", "n_iter_no_change"):
            check_count(getattr(self, name), name)
        check_count(self.max_shift, "max_shift", min_val=0)
        for name in ("early_stopping", "warm_start", "flip_polarity"):
            check_choice(getattr(self, name), name, (True, False))
        check_real(self.learning_rate, "learning_rate", min_val=0.0, include_boundaries="neither")
        check_choice(self.learning_rate_schedule, "learning_rate_schedule", SCHEDULES)
        check_real(self.weight_decay, "weight_decay", min_val=0.0)
        fraction = {"min_val": 0.0, "max_val": 1.0, "include_boundaries": "neither"}
        check_real(self.validation_fraction, "validation_fraction", **fraction)
        check_real(self.tol, "tol", min_val=0.0)

    def _flat(self, X):
        """Traces of several channels as one row each."""
        if getattr(X, "ndim", 2) != 3:
            return X
        n_channels = X.shape[2]
        if n_channels != self.n_channels:
            raise ValueError(
                f"X has {n_channels} channels in its last dimension, but "
                f"n_channels={self.n_channels}"
            )
        return X.reshape(len(X), -1)

    def _check_training_data(self, X, y, sample_weight, reset):
        X, y = validate_data(self, self._flat(X), y, dtype=np.float32, reset=reset)
        if X.shape[1] % self.n_channels:
            raise ValueError(
                f"X has {X.shape[1]} values per trace, which n_channels={self.n_channels} does "
                "not divide"
            )
        check_classification_targets(y)
        if sample_weight is None and self.class_weight is None:
            return X, y, None
        weight = compute_sample_weight(self.class_weight, y)
        if sample_weight is not None:
            weight *= _check_sample_weight(sample_weight, X)
        used = weight > 0
        return X[used], y[used], weight[used].astype(np.float32)

    def _initial_state(self, classes, n_features, seed=None):
        """Everything that training changes, of a network that has learned nothing yet."""
        if len(classes) < 2:
            raise ValueError(f"y has only 1 class, {classes.tolist()[0]!r}: at least 2 are needed")
        from sklearn_aera.neural_network._engine import lend_engine

        seed = draw_seed(self.random_state) if seed is None else seed
        architecture = self._architecture(len(classes), n_features)
        with lend_engine(architecture) as engine:
            weights, optimizer_state = engine.initial_state(seed)
        values = (classes, architecture, seed, weights, optimizer_state, {}, 0)
        return dict(zip(_STATE, values, strict=True))

    def _current_state(self):
        if self._architecture(len(self.classes_), self.n_features_in_) != self.architecture_:
            raise ValueError(
                "training cannot go on: the parameters of the network have changed since it was "
                f"fitted; fitted was {self.architecture_}"
            )
        return {name: getattr(self, name) for name in _STATE}

    def _keep(self, state):
        """Make a state the fitted one: the last thing that a fit does."""
        for name, value in state.items():
            setattr(self, name, value)

    def _rates(self, n_traces, epochs, schedule):
        """Learning rate of every step of every epoch, shape (epochs, n_steps)."""
        n_steps = -(-n_traces // self.batch_size)
        rates = learning_rates(schedule, self.learning_rate, epochs * n_steps)
        return rates.reshape(epochs, n_steps)

    def _augmentation(self):
        if not self.flip_polarity and not self.max_shift:
            return None
        return partial(
            flip_and_shift,
            flip_polarity=self.flip_polarity,
            max_shift=self.max_shift,
            n_channels=self.n_channels,
        )

    def _train(self, state, X, y, sample_weight, epochs, early_stopping, rates=None):
        """The state after ``epochs`` more; nothing of the estimator itself changes."""
        from sklearn_aera.neural_network import _engine

        codes = np.searchsorted(state["classes_"], y)
        validation, callbacks = None, []
        if early_stopping:
            X, codes, sample_weight, validation = self._split(X, codes, sample_weight, state)
            callbacks.append(_engine.early_stopping(self.n_iter_no_change, self.tol))
        if self.verbose:
            callbacks.append(_engine.progress_printer())
        if rates is None:
            rates = self._rates(len(X), epochs, self.learning_rate_schedule)
        with _engine.lend_engine(state["architecture_"]) as engine:
            weights, optimizer_state, history = engine.fit(
                state["weights_"],
                state["optimizer_state_"],
                X,
                codes,
                sample_weight=sample_weight,
                weight_decay=self.weight_decay,
                learning_rates=rates,
                batch_size=int(self.batch_size),
                epochs=int(epochs),
                initial_epoch=state["n_iter_"],
                seed=state["seed_"],
                augment=self._augmentation(),
                validation_data=validation,
                epoch_callbacks=callbacks,
            )
        past = state["history_"]
        return state | {
            "weights_": weights,
            "optimizer_state_": optimizer_state,
            "history_": {name: [*past.get(name, []), *values] for name, values in history.items()},
            "n_iter_": state["n_iter_"] + len(history["loss"]),
        }

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
