"""The convolutional classifier of traces."""

from sklearn_aera._validation import check_choice, check_sizes
from sklearn_aera.neural_network._classifier import TraceClassifier
from sklearn_aera.neural_network._networks import Architecture

POOLINGS = ("max_logit", "max", "mean", "flatten")


class ConvolutionalClassifier(TraceClassifier):
    """Classify traces with convolutions alone.

    One or more rectified convolutions, pooled over time, and a dense layer for the logits. With
    one layer of long filters and the largest logit over time it is a bank of matched filters that
    is learned; it is the reference that shows what recurrence adds.

    Parameters
    ----------
    n_filters : int or tuple of int, default=128
        Number of filters of the layer, or of each of several.
    kernel_size : int or tuple of int, default=48
        Length of the filters in steps of the layer's input; one number holds for all layers.
    stride : int or tuple of int, default=4
        Step from one position of the filters to the next; one number holds for all layers.
    pooling : {"max_logit", "max", "mean", "flatten"}, default="max_logit"
        What is kept of the last layer's outputs over time; with "max_logit" the dense layer gives
        logits at every step, and the largest of each class over time is kept.
    dropout, n_channels, learning_rate, learning_rate_schedule, weight_decay, flip_polarity, \
max_shift, batch_size, epochs, early_stopping, validation_fraction, n_iter_no_change, tol, \
class_weight, warm_start, random_state, verbose
        See `RecurrentClassifier`.

    Attributes
    ----------
    classes_, n_features_in_, architecture_, weights_, optimizer_state_, history_, n_iter_, seed_
        See `RecurrentClassifier`.

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

    def __init__(
        self,
        n_filters=128,
        kernel_size=48,
        stride=4,
        pooling="max_logit",
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
        self.n_filters = n_filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.pooling = pooling
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

    def _filters(self):
        n_filters = check_sizes(self.n_filters, "n_filters")
        layers = [n_filters]
        for name in ("kernel_size", "stride"):
            sizes = check_sizes(getattr(self, name), name)
            if len(sizes) not in (1, len(n_filters)):
                raise ValueError(
                    f"{name} must be one number or one for each of the {len(n_filters)} layers, "
                    f"got {getattr(self, name)!r}"
                )
            layers.append(sizes * len(n_filters) if len(sizes) == 1 else sizes)
        return tuple(zip(*layers, strict=True))

    def _check_architecture(self):
        self._filters()
        check_choice(self.pooling, "pooling", POOLINGS)

    def _architecture(self, n_classes, n_features):
        return Architecture(
            n_samples=n_features // self.n_channels,
            n_channels=int(self.n_channels),
            n_outputs=1 if n_classes == 2 else n_classes,
            filters=self._filters(),
            frame=(1, 1),
            cell=None,
            hidden_size=(),
            bidirectional=False,
            pooling=self.pooling,
            dropout=float(self.dropout),
        )
