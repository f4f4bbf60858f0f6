"""The recurrent denoiser: from traces to the signals in them."""

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._channels import check_channels, flatten_channels, in_shape_of
from sklearn_aera._validation import check_choice, check_count, check_sizes
from sklearn_aera.neural_network._base import NetworkEstimator, trains
from sklearn_aera.neural_network._networks import CELLS, Architecture
from sklearn_aera.neural_network._training import TrainingData, check_sample_weight
from sklearn_aera.preprocessing._normalizer import divide_by_std


class RecurrentDenoiser(RegressorMixin, NetworkEstimator):
    """Recover the pulses in traces with a recurrent network.

    A convolution (or the raw samples, or frames of them) turns a trace into a sequence, recurrent
    layers read it and say at which time each of a number of linear filters is to be believed, and
    what these see there is put together from learned waveforms. Where there is no pulse the
    network gives next to nothing.

    Each trace is divided by its standard deviation, whitened, and given to the network, and what
    the network gives is multiplied by the standard deviation again: the signals come back in the
    unit of those it was fitted with, and an antenna with twice the gain gives twice the signal.

    Parameters
    ----------
    cell : {"gru", "lstm", "simple_rnn"}, default="gru"
        The recurrent cell.
    hidden_size : int or tuple of int, default=32
        Number of units of the recurrent layer, or of each of several.
    bidirectional : bool, default=True
        Whether a second layer reads the sequence backwards in time.
    n_filters : int, default=64
        Number of filters of the convolution in front, and of waveforms; 0 for none: the recurrent
        layers then read frames, and give the samples of each.
    kernel_size : int, default=48
        Length of the filters and waveforms, or of the frames, in samples.
    stride : int, default=4
        Step from one position to the next, in samples. With ``n_filters=0``, ``kernel_size=1`` and
        ``stride=1`` the recurrent layer reads and gives single samples.
    whitener : transformer, default=None
        What traces pass between the division and the network, such as
        `sklearn_aera.preprocessing.SpectralWhitener`; fitted with traces and their signals, as a
        step of a pipeline is. None for nothing.
    dropout, n_channels, learning_rate, learning_rate_schedule, weight_decay, batch_size, epochs, \
early_stopping, validation_fraction, n_iter_no_change, tol, warm_start, random_state, verbose
        See `RecurrentClassifier`.
    flip_polarity, max_shift
        See `RecurrentClassifier`; the signals turn and move with their traces.

    Attributes
    ----------
    whitener_ : transformer or None
        The fitted ``whitener``.
    scale_ : float
        Root mean square of the signals to learn, in standard deviations of their traces.
    n_features_in_, architecture_, weights_, optimizer_state_, n_iter_, seed_
        See `RecurrentClassifier`.
    history_ : dict of list of float
        ``loss`` per epoch, the mean square error in units of ``scale_``; with validation data
        ``val_loss`` too.

    See Also
    --------
    make_denoiser : The recommended denoiser.

    Notes
    -----
    A whitener in front of the denoiser, as a step of a pipeline, works too and is worse: with the
    carriers it takes away how strong the noise was, in units of which the signal-to-noise ratio of
    a pulse, and so its amplitude, is more probable to have one value than another. Behind
    `sklearn_aera.preprocessing.StdNormalizer` the standard deviation of a trace is lost altogether.

    References
    ----------
    Recovery of AERA's signals with a network: arXiv:1901.04079.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.neural_network import RecurrentDenoiser
    >>> data = make_traces(200, snr=5.0, random_state=0)
    >>> denoiser = RecurrentDenoiser(hidden_size=8, n_filters=8, stride=8, epochs=1, random_state=0)
    >>> denoiser.fit(data.traces, data.signals).predict(data.traces).shape
    (200, 500)
    """

    def __init__(
        self,
        cell="gru",
        hidden_size=32,
        bidirectional=True,
        n_filters=64,
        kernel_size=48,
        stride=4,
        whitener=None,
        dropout=0.0,
        n_channels=1,
        learning_rate=1e-3,
        learning_rate_schedule="constant",
        weight_decay=0.0,
        flip_polarity=False,
        max_shift=0,
        batch_size=128,
        epochs=10,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        tol=1e-4,
        warm_start=False,
        random_state=None,
        verbose=0,
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.whitener = whitener
        self.dropout = dropout
        self.n_channels = n_channels
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.weight_decay = weight_decay
        self.flip_polarity = flip_polarity
        self.max_shift = max_shift
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @trains
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
            Traces, whitened or not. With several channels of shape (n_traces, n_samples,
            n_channels), or the same flattened to two dimensions.
        y : array-like of shape (n_traces, n_samples) or (n_traces, n_samples, n_channels)
            The true signals, all zero for noise alone, in any unit. With fewer columns than X the
            signals at the first samples.
        sample_weight : array-like of shape (n_traces,), default=None
            Weight of each trace, at least 0.
        X_val, y_val : array-like, default=None
            Traces and signals that are not trained on: after each epoch ``history_`` gets the loss
            on them, and ``early_stopping`` looks at it instead of setting a share of the training
            traces aside.

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
        state = self._current_state(data) if goes_on else self._initial_state(data)
        validation = self._validation_data(X_val, y_val, state)
        if self.early_stopping and validation is None:
            data, validation = self._set_aside(data, state["seed_"])
        rates = self._rates(len(data.X), self.epochs, self.learning_rate_schedule)
        self._fit(data, state=state, rates=rates, validation=validation)
        return self

    @trains
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch more, at a constant learning rate.

        Parameters
        ----------
        X, y, sample_weight
            See `fit`.

        Returns
        -------
        self
        """
        self._check_parameters()
        first = not hasattr(self, "weights_")
        data = self._training_data(X, y, sample_weight, reset=first)
        state = self._initial_state(data) if first else self._current_state(data)
        self._fit(data, state=state, rates=self._rates(len(data.X), 1, "constant"))
        return self

    def predict(self, X):
        """Recover the signals in traces.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of the shape of X, float64
            In the unit of the signals it was fitted with; as many samples as these had.
        """
        check_is_fitted(self)
        flat = flatten_channels(X, self.n_channels)
        flat = validate_data(self, flat, dtype=np.float32, reset=False)
        from sklearn_aera.neural_network._engine import lend_engine

        divided, std = self._divided(flat, self.whitener_)
        with lend_engine(self.architecture_) as engine:
            signals = engine.predict(self.weights_, divided) * (self.scale_ * std)
        return in_shape_of(signals, X) if signals.shape == flat.shape else signals

    def score(self, X, y, sample_weight=None):
        """Share of the signals' variance that is recovered, `sklearn.metrics.r2_score`.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples) or (n_traces, n_samples, n_channels)
        y : array-like
            The true signals, of one of these shapes.
        sample_weight : array-like of shape (n_traces,), default=None

        Returns
        -------
        float
            Mean over the samples.
        """
        X, y = flatten_channels(X, self.n_channels), flatten_channels(y, self.n_channels, "y")
        return super().score(X, y, sample_weight)

    def _check_architecture(self):
        check_choice(self.cell, "cell", CELLS)
        check_sizes(self.hidden_size, "hidden_size")
        check_choice(self.bidirectional, "bidirectional", (True, False))
        check_count(self.n_filters, "n_filters", min_val=0)
        check_count(self.kernel_size, "kernel_size")
        check_count(self.stride, "stride")
        if not (self.whitener is None or hasattr(self.whitener, "transform")):
            raise TypeError(f"whitener must be a transformer or None, got {self.whitener!r}")

    def _architecture(self, data):
        frame = (int(self.kernel_size), int(self.stride))
        return Architecture(
            n_samples=data.X.shape[1] // self.n_channels,
            n_channels=int(self.n_channels),
            n_outputs=data.targets.shape[1],
            filters=((int(self.n_filters), *frame),) if self.n_filters else (),
            frame=frame,
            cell=self.cell,
            hidden_size=check_sizes(self.hidden_size, "hidden_size"),
            bidirectional=bool(self.bidirectional),
            pooling="none",
            dropout=float(self.dropout),
            head="trace",
        )

    def _training_data(self, X, y, sample_weight=None, reset=True):
        X, y = flatten_channels(X, self.n_channels), flatten_channels(y, self.n_channels, "y")
        X, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, reset=reset)
        check_channels(X, self.n_channels)
        signals = np.asarray(y, dtype=np.float32).reshape(len(y), -1)
        if signals.shape[1] > X.shape[1]:
            raise ValueError(
                f"y must be the signals in X, with at most {X.shape[1]} samples, got "
                f"{signals.shape[1]}"
            )
        if self.max_shift > 0 and signals.shape[1] < X.shape[1]:
            raise ValueError(
                f"y must have as many samples as X where max_shift={self.max_shift} moves traces, "
                f"{X.shape[1]}, got {signals.shape[1]}"
            )
        if sample_weight is None:
            return TrainingData(X, y, signals)
        weight = check_sample_weight(sample_weight, X)
        return TrainingData(X, y, signals, weight.astype(np.float32)).take(weight > 0)

    def _validation_data(self, X_val, y_val, state):
        if not self._validates(X_val, y_val):
            return None
        validation = self._training_data(X_val, y_val, reset=False)
        n_outputs = state["architecture_"].n_outputs
        if validation.targets.shape[1] != n_outputs:
            raise ValueError(
                f"y_val must have {n_outputs} samples as y has, got {validation.targets.shape[1]}"
            )
        return validation

    def _initial_state(self, data, seed=None):
        traces, std = divide_by_std(data.X)
        whitener = None
        if self.whitener is not None:
            whitener = clone(self.whitener).fit(traces, data.targets)
        power = np.mean(np.square(_divided_by(data.targets, std), dtype=np.float64), axis=1)
        scale = float(np.sqrt(np.average(power, weights=data.weight))) or 1.0
        own = {"whitener_": whitener, "scale_": scale}
        return own | self._new_state(self._architecture(data), seed)

    def _current_state(self, data):
        own = {"whitener_": self.whitener_, "scale_": self.scale_}
        return own | self._state_to_go_on(self._architecture(data))

    def _simulated_data(self, X, data):
        return self._training_data(X, data.signals)

    def _for_network(self, data, state):
        traces, std = self._divided(data.X, state["whitener_"])
        return traces, _divided_by(data.targets, state["scale_"] * std).astype(np.float32)

    def _divided(self, X, whitener):
        """Traces as the network sees them, and the standard deviations they were divided by."""
        X, std = divide_by_std(X)
        return (X if whitener is None else whitener.transform(X)), std

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        # On data that are no traces there is nothing to recover.
        tags.regressor_tags.poor_score = True
        return tags


def _divided_by(signals, unit):
    return signals / np.where(unit > 0, unit, 1.0)
