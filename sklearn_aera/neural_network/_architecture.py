"""Plain data that say what a network looks like; nothing here needs Keras."""

import math
from dataclasses import dataclass
from typing import ClassVar

from sklearn_aera._validation import check_choice, check_count, check_sizes

CELLS = ("simple_rnn", "lstm", "gru")
RECURRENT_POOLINGS = ("log_sum_exp", "max", "mean", "last", "flatten")
CONVOLUTIONAL_POOLINGS = ("max_logit", "log_sum_exp", "max", "mean", "flatten")


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
    learns_std : bool, default=False
        Whether a trace head also gives standard deviations: its output then has the shape
        ``(2, *signal_shape)``.
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
    learns_std: bool = False

    # Added to powers, so that their logarithms are finite.
    POWER_FLOOR: ClassVar = 1e-3
    # Lower limit of variances, in the mean square of the training signals.
    LOWEST_VARIANCE: ClassVar = 1e-6

    @property
    def target_shape(self):
        """Shape of one target: a class index, a signal, or a row of both."""
        if self.head == "trace":
            return self.output_shape[int(self.learns_std) :]
        return (1 + math.prod(self.trace_shape),) if self.learns_arrival else (1,)

    @property
    def learns_arrival(self):
        """Whether there is a logit for each cell of the arrival time."""
        return self.pooling == "log_sum_exp" and self.output_shape == (1,)

    @property
    def stride(self):
        """Samples between two steps of the sequence."""
        return math.prod(stride for *_, stride in self.filters or (self.frame,))

    @property
    def n_samples(self):
        """Number of samples of each channel."""
        return self.trace_shape[-1]

    @property
    def n_channels(self):
        """Number of channels."""
        return self.trace_shape[0] if len(self.trace_shape) == 2 else 1


def check_filters(estimator):
    """Return (n_filters, kernel_size, stride) of each convolution, or raise an error."""
    n_filters = check_sizes(estimator.n_filters, "n_filters")
    layers = [n_filters]
    for name in ("kernel_size", "stride"):
        sizes = check_sizes(getattr(estimator, name), name)
        if len(sizes) not in (1, len(n_filters)):
            raise ValueError(
                f"{name} must be one number or one for each of the {len(n_filters)} layers, "
                f"got {getattr(estimator, name)!r}"
            )
        layers.append(sizes * len(n_filters) if len(sizes) == 1 else sizes)
    return tuple(zip(*layers, strict=True))


def check_recurrent_network(estimator):
    """Return the fields of `Architecture` that the parameters of a recurrent network determine.

    Raises ValueError or TypeError if one of the parameters is not valid.
    """
    check_choice(estimator.cell, "cell", CELLS)
    check_choice(estimator.bidirectional, "bidirectional", (True, False))
    frame, filters = (1, 1), ()
    if isinstance(estimator.n_filters, tuple | list) or check_count(
        estimator.n_filters, "n_filters", min_val=0
    ):
        filters = check_filters(estimator)
    else:
        frame = tuple(check_count(getattr(estimator, n), n) for n in ("kernel_size", "stride"))
    return {
        "filters": filters,
        "frame": frame,
        "cell": estimator.cell,
        "hidden_size": check_sizes(estimator.hidden_size, "hidden_size"),
        "bidirectional": bool(estimator.bidirectional),
    }
