"""Plain data that say what a network looks like; nothing here needs Keras."""

from dataclasses import dataclass

from sklearn_aera._validation import check_choice, check_count, check_sizes

CELLS = ("simple_rnn", "lstm", "gru")
RECURRENT_POOLINGS = ("max", "mean", "last", "flatten")
CONVOLUTIONAL_POOLINGS = ("max_logit", "max", "mean", "flatten")


@dataclass(frozen=True)
class Architecture:
    """Description of a network; estimators with equal architectures share a compiled graph.

    Parameters
    ----------
    trace_shape : tuple of int
        Shape of a trace, (n_samples,) or (n_channels, n_samples).
    output_shape : tuple of int
        Shape of the output for one trace: (n_logits,), or that of a signal.
    filters : tuple of (n_filters, kernel_size, stride)
        Convolutions in front, one after the other; empty for none.
    frame : (kernel_size, stride)
        Without convolutions: the frames of samples that the sequence consists of.
    cell : {"simple_rnn", "lstm", "gru"} or None
        Recurrent cell; None for a network of convolutions alone.
    hidden_size : tuple of int
        Units of each recurrent layer.
    bidirectional : bool
    pooling : str
        How the sequence is reduced over time; "none" for the trace head.
    dropout : float
    head : {"logits", "trace"}, default="logits"
        What the network gives: logits of the classes or the signal in the trace.
    """

    trace_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    filters: tuple[tuple[int, int, int], ...]
    frame: tuple[int, int]
    cell: str | None
    hidden_size: tuple[int, ...]
    bidirectional: bool
    pooling: str
    dropout: float
    head: str = "logits"

    @property
    def n_samples(self):
        """Number of samples of each channel."""
        return self.trace_shape[-1]

    @property
    def n_channels(self):
        """Number of channels."""
        return self.trace_shape[0] if len(self.trace_shape) == 2 else 1


def check_recurrent_parameters(estimator):
    """Raise ValueError or TypeError if a parameter of a recurrent network is not valid."""
    check_choice(estimator.cell, "cell", CELLS)
    check_sizes(estimator.hidden_size, "hidden_size")
    check_choice(estimator.bidirectional, "bidirectional", (True, False))
    check_count(estimator.n_filters, "n_filters", min_val=0)
    check_count(estimator.kernel_size, "kernel_size")
    check_count(estimator.stride, "stride")


def recurrent_network(estimator):
    """Fields of `Architecture` that the parameters of a recurrent estimator determine."""
    frame = (int(estimator.kernel_size), int(estimator.stride))
    return {
        "filters": ((int(estimator.n_filters), *frame),) if estimator.n_filters else (),
        "frame": frame,
        "cell": estimator.cell,
        "hidden_size": check_sizes(estimator.hidden_size, "hidden_size"),
        "bidirectional": bool(estimator.bidirectional),
    }
