"""What all estimators with a network have in common: its state, and how it is trained."""

from concurrent.futures import ThreadPoolExecutor
from functools import wraps

import numpy as np
from sklearn.callback import with_callbacks
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Estimator
from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_choice, check_count, check_real
from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network._training import SCHEDULES, Augmentation, learning_rates

# The fitted state, in the order in which training goes on from it.
STATE = ("architecture_", "seed_", "weights_", "optimizer_state_", "history_", "n_iter_")


def trains(method):
    """Decorate a method that trains: callbacks are set up and torn down, failures leave no trace.

    Whatever goes wrong, Ctrl-C included, the fitted attributes are those of before.
    """

    @with_callbacks
    @wraps(method)
    def train(self, *args, **kwargs):
        before = _fitted_attributes(self)
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            for name in _fitted_attributes(self).keys() - before.keys():
                delattr(self, name)
            vars(self).update(before)
            raise

    return train


def _fitted_attributes(estimator):
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }


class NetworkEstimator(Estimator):
    """Base of the estimators with a network.

    A subclass has the training parameters as attributes, and these hooks: `_check_architecture`
    raises if a parameter of the network is not valid, `_training_data` turns what a user gives
    into `TrainingData`, `_initial_state` is where training starts from, `_simulated_data` makes
    it of simulated traces, and `_for_network` gives the network's inputs and targets.
    """

    @trains
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
            if getattr(self, name, False):
                raise ValueError(f"{name} cannot be used with simulated data, got it set")
        seed = draw_seed(self.random_state)
        first_id = events.pop("first_event_id", 0)
        transform = (lambda X: X) if preprocessing is None else preprocessing.transform

        def make_epoch(epoch):
            first = first_id + epoch * n_events
            options = {"simulator": simulator, "random_state": seed, "first_event_id": first}
            data = make_traces(n_events, **options, **events)
            return self._simulated_data(transform(data.traces), data)

        context = self._init_callback_context(max_subtasks=self.epochs)
        context.call_on_fit_task_begin(estimator=self)
        rates = self._rates(n_events, self.epochs, self.learning_rate_schedule)
        with ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(make_epoch, 0)
            state = None
            for epoch in range(self.epochs):
                data = upcoming.result()
                upcoming = pool.submit(make_epoch, epoch + 1) if epoch + 1 < self.epochs else None
                if state is None:
                    state = self._initial_state(data, seed)
                epochs = rates[epoch : epoch + 1]
                state, stopped = self._train(state, data, epochs, context=context)
                if stopped:
                    break
        self._keep(state)
        context.call_on_fit_task_end(estimator=self, reconstruction_attributes={})
        return self

    @property
    def model_(self):
        """The fitted network as a Keras model of its own, from traces to its outputs."""
        check_is_fitted(self)
        from sklearn_aera.neural_network._engine import keras_model

        return keras_model(self.architecture_, self.weights_)

    def discard_optimizer_state(self):
        """Forget what only further training needs, two thirds of what is stored of a model.

        Training that goes on all the same (`partial_fit`, ``warm_start``) starts with a fresh
        optimiser.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.optimizer_state_ = None
        return self

    def _fit(self, data, *, state, rates, validation=None):
        """Train on data as one fit of scikit-learn's callbacks, and keep the result."""
        context = self._init_callback_context(max_subtasks=len(rates))
        metadata = None if data.weight is None else {"sample_weight": data.weight}
        seen = {"X": data.X, "y": data.y, "metadata": metadata}
        context.call_on_fit_task_begin(estimator=self, **seen)
        state, _ = self._train(state, data, rates, validation=validation, context=context)
        self._keep(state)
        context.call_on_fit_task_end(estimator=self, **seen, reconstruction_attributes={})

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

    def _validates(self, X_val, y_val):
        """Whether there is validation data."""
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}: validation needs both")
        return X_val is not None

    def _set_aside(self, data, seed, stratify=None):
        """Training data, and a share of it for validation."""
        try:
            parts = train_test_split(
                np.arange(len(data.X)),
                test_size=self.validation_fraction,
                stratify=stratify,
                random_state=seed % 2**32,
            )
        except ValueError as error:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of {len(data.X)} traces leaves "
                f"too few for early stopping, of all or of some class: {error}"
            ) from error
        return [data.take(rows) for rows in parts]

    def _new_state(self, architecture, seed=None):
        """Everything that training changes, of a network that has learned nothing yet."""
        from sklearn_aera.neural_network._engine import lend_engine

        seed = draw_seed(self.random_state) if seed is None else seed
        with lend_engine(architecture) as engine:
            weights = engine.initial_weights(seed)
        return dict(zip(STATE, (architecture, seed, weights, None, {}, 0), strict=True))

    def _state_to_go_on(self, architecture):
        if architecture != self.architecture_:
            raise ValueError(
                "training cannot go on: the parameters of the network have changed since it was "
                f"fitted; fitted was {self.architecture_}"
            )
        return {name: getattr(self, name) for name in STATE}

    def _keep(self, state):
        """Make a state the fitted one: the last thing that a fit does."""
        for name, value in state.items():
            setattr(self, name, value)

    def _rates(self, n_traces, epochs, schedule):
        """Learning rate of every step of every epoch, shape (epochs, n_steps)."""
        n_steps = -(-n_traces // self.batch_size)
        rates = learning_rates(schedule, self.learning_rate, epochs * n_steps)
        return rates.reshape(epochs, n_steps)

    def _train(self, state, data, rates, validation=None, context=None):
        """The state after as many epochs more as there are rates, and whether a callback ended it.

        Nothing of ``self`` changes.
        """
        from sklearn_aera.neural_network import _engine, _loop

        callbacks = []
        if self.early_stopping and validation is not None:
            callbacks.append(_loop.early_stopping(self.n_iter_no_change, self.tol))
        if self.verbose:
            callbacks.append(_loop.progress_printer())
        if context is not None:
            callbacks.append(_loop.epoch_watcher(*self._epoch_tasks(context, state, data)))
        augmentation = Augmentation(
            bool(self.flip_polarity),
            int(self.max_shift),
            int(self.n_channels),
            targets_too=state["architecture_"].head == "trace",
        )
        with _engine.lend_engine(state["architecture_"]) as engine:
            weights, optimizer_state, history, stopped = engine.fit(
                state["weights_"],
                state["optimizer_state_"],
                *self._for_network(data, state),
                sample_weight=data.weight,
                weight_decay=self.weight_decay,
                learning_rates=rates,
                batch_size=int(self.batch_size),
                epochs=len(rates),
                initial_epoch=state["n_iter_"],
                seed=state["seed_"],
                augment=augmentation if augmentation.changes_traces else None,
                validation_data=validation
                and (*self._for_network(validation, state), validation.weight),
                epoch_callbacks=callbacks,
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
