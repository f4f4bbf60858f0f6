"""Base of the estimators with a network: parameters, fitted state and training."""

import numbers
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Estimator
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_choice, check_count, check_real
from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network._augmentation import Augmentation
from sklearn_aera.neural_network._schedule import SCHEDULES, learning_rates

# The fitted state from which training can continue.
STATE = ("architecture_", "seed_", "weights_", "optimizer_state_", "history_", "n_iter_")

_WING = "sklearn_aera.neural_network._keras"
# Arguments of Keras' fit, and what replaces them.
_KERAS_ARGUMENTS = {
    "x": "X",
    "validation_data": "X_val and y_val",
    "validation_split": "the parameters early_stopping and validation_fraction",
    "callbacks": "set_callbacks",
    **{name: f"the parameter {name}" for name in ("epochs", "batch_size", "verbose")},
}


class TrainingData(NamedTuple):
    """Checked data on which a network is trained or validated."""

    X: np.ndarray
    """Traces, float32."""
    y: Any
    """Targets as the user gave them."""
    targets: np.ndarray
    """Class indices (n_traces,), or signals of the shape of ``y``, float32."""
    weight: np.ndarray | None = None
    """(n_traces,), float32."""
    signals: np.ndarray | None = None
    """True signals of a classifier, of the shape of ``X``, float32."""

    def take(self, rows):
        """Data of some of the traces."""
        return TrainingData(*(None if part is None else part[rows] for part in self))


def training_method(method):
    """Decorate a training method: set up callbacks, and undo its changes if it fails.

    After any exception, KeyboardInterrupt included, the fitted attributes are what they were.
    """

    @with_callbacks
    @wraps(method)
    def call(self, *args, **kwargs):
        _refuse_keras_arguments(self, kwargs)
        before = _fitted_attributes(self)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            for name in _fitted_attributes(self).keys() - before.keys():
                delattr(self, name)
            vars(self).update(before)
            raise

    return call


def _refuse_keras_arguments(estimator, given):
    for name in given.keys() & _KERAS_ARGUMENTS.keys():
        raise TypeError(
            f"{name} is an argument of Keras' fit; with {type(estimator).__name__} use "
            f"{_KERAS_ARGUMENTS[name]}"
        )


def _fitted_attributes(estimator):
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }


def lend_network(architecture):
    """Lend the compiled network of an architecture; loads Keras at the first call."""
    with _explained():
        from sklearn_aera.neural_network._keras import pool

    return pool.lend(architecture)


@contextmanager
def _explained():
    """Say how to install what an import does not find."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            f"networks need TensorFlow and Keras, but there is no module {error.name}: install "
            "sklearn-aera; sklearn-aera-core applies models that export_onnx has written"
        ) from error


def clear_compiled_networks():
    """Release the networks that were compiled in this process.

    Fitted estimators keep their weights and go on working; the next fit or prediction compiles
    again. Up to 16 compiled networks are kept for the next estimators, some tens of megabytes
    each; the least recently used is released first.

    Examples
    --------
    >>> from sklearn_aera.neural_network import clear_compiled_networks
    >>> clear_compiled_networks()
    """
    pool = sys.modules.get(f"{_WING}.pool")
    if pool is not None:
        pool.clear()


@fill_docstring()
@dataclass(eq=False, repr=False, kw_only=True)
class NetworkEstimator(Estimator):
    """Base of the estimators with a network; its fields are the parameters of the training.

    A subclass has these hooks:

    - ``_check_architecture()`` raises if a parameter of the network is not valid.
    - ``_check_data(X, y, sample_weight, *, reset, classes)`` returns `TrainingData`.
    - ``_check_epoch(transform, data, *, reset)`` returns those of a simulated data set, which has
      a target called ``_epoch_target``.
    - ``_check_validation(X_val, y_val, state)`` returns those of validation data.
    - ``_initial_state(data, seed, classes)`` and ``_current_state(data)`` return the state,
      a dictionary of fitted attributes, in which training begins.
    - ``_network_arrays(data, state)`` returns the network's inputs and targets.
    """

    dropout: float = 0.0
    learning_rate: float = 1e-3
    learning_rate_schedule: str = "constant"
    weight_decay: float = 0.0
    flip_polarity: bool = False
    max_shift: int = 0
    batch_size: int = 128
    epochs: int = 10
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 5
    tol: float = 1e-4
    warm_start: bool = False
    random_state: Any = None
    verbose: int = 0

    @training_method
    def fit_simulated(self, simulator=None, n_events=20_000, *, preprocessing=None, **events):
        """Train on endless data: every epoch gets new events, and none is kept.

        The traces of the next epoch are simulated while the network is trained on this one, so
        memory does not grow with the number of events. With a simulator, the events of epoch e
        have the ids from ``first_event_id + e * n_events`` on, so that they can be made again.
        Traces are not shifted and signals are not mixed, which is for data that are limited.

        Parameters
        ----------
        simulator : TraceSimulator, callable or None, default=None
            Simulator of the events, as in `sklearn_aera.datasets.make_traces`; or a function
            that takes the number of an epoch (0, 1, ...) and returns its data, a Bunch or dict
            with ``traces`` and, for a classifier, ``y`` (0 or 1), for a denoiser, ``signals``.
        n_events : int, default=20_000
            Events per epoch; not used with a function.
        preprocessing : fitted transformer, default=None
            Applied to the traces before the network, such as ``detector[:-1]``.
        **events
            Options of `sklearn_aera.datasets.make_traces` that describe the events: ``snr``,
            ``signal_fraction``, ``arrival_time``, ``spectral_slope``, ``first_event_id``.

        %(fitted)s
            Also if ``early_stopping`` or ``class_weight`` is set, which are for limited data; if
            ``events`` are given with a function, or the function returns no such data set.
        """
        self._check_parameters()
        for name in ("early_stopping", "class_weight"):
            if getattr(self, name, False):
                raise ValueError(f"{name} cannot be used with simulated data, got it set")
        seed = draw_seed(self.random_state)
        make_data = _epochs_of(simulator, n_events, seed, events, self._epoch_target)

        def make_epoch(epoch):
            data = make_data(epoch)
            transform = (lambda X: X) if preprocessing is None else preprocessing.transform
            return self._check_epoch(transform, data, reset=epoch == 0)

        context = self._init_callback_context(max_subtasks=self.epochs)
        context.call_on_fit_task_begin(estimator=self)
        self._keep(self._run_simulated_epochs(make_epoch, seed, context))
        context.call_on_fit_task_end(estimator=self, reconstruction_attributes={})
        return self

    def _run_simulated_epochs(self, make_epoch, seed, context):
        state = None
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(make_epoch, 0)
            for epoch in range(self.epochs):
                data = upcoming.result()
                if epoch + 1 < self.epochs:
                    upcoming = pool.submit(make_epoch, epoch + 1)
                if state is None:
                    # One epoch may hold a single class.
                    state = self._initial_state(data, seed, classes=np.array([0, 1]))
                rates = [self._rates(len(data.X), epoch)]
                options = {"context": context, "endless": True}
                state, stopped = self._run_epochs(state, data, rates, **options)
                if stopped:
                    break
        return state

    @property
    def model_(self):
        """The fitted network as a Keras model of its own, from traces to its outputs."""
        check_is_fitted(self)
        with _explained():
            from sklearn_aera.neural_network._keras.pool import keras_model

        return keras_model(self.architecture_, self.weights_)

    def discard_optimizer_state(self):
        """Discard the state of the optimiser, which only further training needs.

        It is two thirds of a stored model. Training can still continue (`partial_fit`,
        ``warm_start``), with a new optimiser.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.optimizer_state_ = None
        return self

    def _outputs(self, X):
        """Outputs of the fitted network."""
        with lend_network(self.architecture_) as network:
            outputs = network.predict(self.weights_, X)
        if not np.isfinite(outputs).all():
            row = int(np.argmin(np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)))
            raise ValueError(
                f"X: the network's output for trace {row} is not finite; its values go up to "
                f"{np.abs(X[row]).max():g}, or the weights_ are too large"
            )
        return outputs

    def _fit_data(self, X, y, sample_weight, X_val, y_val, **own):
        """Body of `fit`."""
        self._check_parameters()
        continues = self.warm_start and hasattr(self, "weights_")
        data = self._check_data(X, y, sample_weight, reset=not continues, **own)
        state = self._current_state(data) if continues else self._initial_state(data)
        validation = None
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}: validation needs both")
        if X_val is not None:
            validation = self._check_validation(X_val, y_val, state)
        elif self.early_stopping:
            data, validation = self._set_aside(data, state["seed_"])
        rates = [self._rates(len(data.X), epoch) for epoch in range(self.epochs)]
        return self._train_and_keep(data, state, rates, validation)

    def _continue_fit(self, X, y, sample_weight, classes=None, **own):
        """Body of `partial_fit`."""
        first = not hasattr(self, "weights_")
        data = self._check_data(X, y, sample_weight, reset=first, classes=classes, **own)
        state = self._initial_state(data, classes=classes) if first else self._current_state(data)
        rates = learning_rates("constant", self.learning_rate, self._n_steps(len(data.X)))
        return self._train_and_keep(data, state, [rates])

    def _train_and_keep(self, data, state, rates, validation=None):
        """Train as one fit of scikit-learn's callbacks, and keep the result."""
        context = self._init_callback_context(max_subtasks=len(rates))
        metadata = None if data.weight is None else {"sample_weight": data.weight}
        seen = {"X": data.X, "y": data.y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **seen)
        state, _ = self._run_epochs(state, data, rates, validation=validation, context=context)
        self._keep(state)
        context.call_on_fit_task_end(estimator=self, **seen, reconstruction_attributes={})
        return self

    def _check_parameters(self):
        self._check_architecture()
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

    def _set_aside(self, data, seed):
        """Split data into training and validation data, stratified by class."""
        is_class = data.targets.ndim == 1
        try:
            parts = train_test_split(
                np.arange(len(data.X)),
                test_size=self.validation_fraction,
                stratify=data.targets if is_class else None,
                random_state=seed % 2**32,
            )
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(data.X)} traces leaves "
                f"too few for early stopping, of all or of some class: {error}"
            ) from error
        return [data.take(rows) for rows in parts]

    def _untrained_state(self, architecture, seed=None):
        seed = draw_seed(self.random_state) if seed is None else seed
        with lend_network(architecture) as network:
            weights = network.initial_weights(seed)
        return dict(zip(STATE, (architecture, seed, weights, None, {}, 0), strict=True))

    def _fitted_state(self, architecture):
        if architecture != self.architecture_:
            raise ValueError(
                "training cannot continue: the parameters of the network have changed since it "
                f"was fitted; it was fitted with {self.architecture_}"
            )
        return {name: getattr(self, name) for name in STATE}

    def _keep(self, state):
        for name, value in state.items():
            setattr(self, name, value)

    def _n_steps(self, n_traces):
        return -(-n_traces // self.batch_size)

    def _rates(self, n_traces, epoch):
        """Learning rate of every step of an epoch."""
        schedule, n_steps = self.learning_rate_schedule, self._n_steps(n_traces)
        progress = {"epoch": epoch, "n_epochs": self.epochs}
        return learning_rates(schedule, self.learning_rate, n_steps, **progress)

    def _run_epochs(self, state, data, rates, validation=None, context=None, endless=False):
        """Train for as many epochs as there are ``rates``; changes nothing of ``self``.

        ``endless`` data are new in each epoch. Returns the new state, and whether a callback
        stopped the training.
        """
        with lend_network(state["architecture_"]) as network:
            weights, optimizer_state, history, stopped = network.fit(
                state["weights_"],
                state["optimizer_state_"],
                *self._network_arrays(data, state),
                sample_weight=data.weight,
                weight_decay=self.weight_decay,
                learning_rates=rates,
                batch_size=int(self.batch_size),
                epochs=len(rates),
                initial_epoch=state["n_iter_"],
                seed=state["seed_"],
                augment=self._augmentation(state, data, endless),
                validation_data=validation
                and (*self._network_arrays(validation, state), validation.weight),
                epoch_callbacks=self._epoch_callbacks(state, data, validation, context),
            )
        past, n_past, n_new = state["history_"], state["n_iter_"], len(history["loss"])
        state = state | {
            "weights_": weights,
            "optimizer_state_": optimizer_state,
            "history_": {
                name: [*past.get(name, [np.nan] * n_past), *history.get(name, [np.nan] * n_new)]
                for name in past | history
            },
            "n_iter_": n_past + n_new,
        }
        return state, stopped

    def _augmentation(self, state, data, endless):
        # Shifts and other signals replace events that are lacking: endless data lack none.
        max_shift = 0 if endless else int(self.max_shift)
        limited = data.signals is not None and not endless
        mixes = [limited and getattr(self, f"mix_{part}", False) for part in ("signals", "noise")]
        if not (self.flip_polarity or max_shift or any(mixes)):
            return None
        architecture, targets = state["architecture_"], "class"
        if architecture.head == "trace" or architecture.learns_arrival:
            targets = "signal" if architecture.head == "trace" else "row"
        return Augmentation(bool(self.flip_polarity), max_shift, *mixes, targets)

    def _epoch_callbacks(self, state, data, validation, context):
        from sklearn_aera.neural_network._keras import model

        callbacks = []
        if self.early_stopping and validation is not None:
            callbacks.append(model.early_stopping(self.n_iter_no_change, self.tol))
        if self.verbose:
            callbacks.append(model.progress_printer())
        if context is not None:
            callbacks.append(model.epoch_watcher(*self._epoch_tasks(context, state, data)))
        return callbacks

    def _epoch_tasks(self, context, state, data):
        """Functions that begin and end an epoch's task for scikit-learn's callbacks."""
        metadata = None if data.weight is None else {"sample_weight": data.weight}
        seen = {"estimator": self, "X": data.X, "y": data.y, "metadata": metadata}
        current = []

        def begin():
            current[:] = [context.subcontext(task_name="epoch")]
            current[0].call_on_fit_task_begin(**seen)

        def end(weights):
            return current[0].call_on_fit_task_end(
                **seen, reconstruction_attributes=lambda: state | {"weights_": weights()}
            )

        return begin, end


def check_sample_weight(sample_weight, X):
    """Return sample weights as a vector, or raise an error that names them."""
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


def _epochs_of(simulator, n_events, seed, events, target):
    """The function from the number of an epoch to its data that `fit_simulated` is given."""
    if not callable(simulator):
        check_count(n_events, "n_events")
        fraction = events.get("signal_fraction", 0.5)
        if fraction in (0, 1):
            raise ValueError(
                "signal_fraction must be above 0 and below 1: a network learns from both traces "
                f"with pulses and noise alone, got {fraction}"
            )
        first_id = events.pop("first_event_id", 0)
        return lambda epoch: make_traces(
            n_events,
            simulator=simulator,
            random_state=seed,
            first_event_id=first_id + epoch * n_events,
            **events,
        )
    if events:
        raise TypeError(f"{', '.join(events)} cannot be used with a function that makes the data")

    def make_data(epoch):
        data = simulator(epoch)
        keys = data.keys() if hasattr(data, "keys") else ()
        if not {"traces", target} <= set(keys):
            raise TypeError(
                f"simulator must return a data set with 'traces' and {target!r}, such as a Bunch, "
                f"got {type(data).__name__} of {list(keys)} for epoch {epoch}"
            )
        return data

    return make_data
