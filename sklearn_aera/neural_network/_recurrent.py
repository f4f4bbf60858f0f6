"""The recurrent classifier of traces."""

from sklearn_aera._validation import check_choice, check_count, check_sizes
from sklearn_aera.neural_network._classifier import TraceClassifier
from sklearn_aera.neural_network._networks import CELLS, POOLINGS, Architecture


class RecurrentClassifier(TraceClassifier):
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
    n_channels : int, default=1
        Number of channels (polarisations) of an antenna.
    learning_rate : float, default=1e-3
        Step size of the Adam optimiser.
    learning_rate_schedule : {"constant", "cosine"}, default="constant"
        Keep the step size, or let it rise over the first tenth of the training and then fall
        along half a cosine to zero.
    weight_decay : float, default=0.0
        Share of the weights, per step and in units of the step size, that decays (AdamW,
        arXiv:1711.05101).
    flip_polarity : bool, default=False
        Turn a random half of the training traces upside down in each epoch: nature knows no
        preferred sign of noise, and pulses come with both.
    max_shift : int, default=0
        Roll each training trace by up to this many samples in each epoch: noise is stationary
        and pulses come at any time.
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
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _check_architecture(self):
        check_choice(self.cell, "cell", CELLS)
        check_choice(self.pooling, "pooling", POOLINGS)
        check_sizes(self.hidden_size, "hidden_size")
        check_choice(self.bidirectional, "bidirectional", (True, False))
        check_count(self.n_filters, "n_filters", min_val=0)
        check_count(self.kernel_size, "kernel_size")
        check_count(self.stride, "stride")

    def _architecture(self, n_classes, n_features):
        frame = (int(self.kernel_size), int(self.stride))
        return Architecture(
            n_samples=n_features // self.n_channels,
            n_channels=int(self.n_channels),
            n_outputs=1 if n_classes == 2 else n_classes,
            filters=((int(self.n_filters), *frame),) if self.n_filters else (),
            frame=frame,
            cell=self.cell,
            hidden_size=check_sizes(self.hidden_size, "hidden_size"),
            bidirectional=bool(self.bidirectional),
            pooling=self.pooling,
            dropout=float(self.dropout),
        )
