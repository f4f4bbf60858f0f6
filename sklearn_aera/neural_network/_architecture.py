"""Layer graphs: from an architecture, which is plain data, to a Keras model."""

from dataclasses import dataclass
from functools import partial

import numpy as np

CELLS = ("simple_rnn", "lstm", "gru")
POOLINGS = ("max", "mean", "last", "flatten")


@dataclass(frozen=True)
class Architecture:
    """All that decides the shape of a network; estimators of one architecture share its graph.

    Parameters
    ----------
    n_samples, n_channels, n_outputs : int
    filters : tuple of (n_filters, kernel_size, stride)
        Convolutions in front, one after the other; empty for none.
    frame : (kernel_size, stride)
        Without convolutions: the frames of samples that the sequence is cut into.
    cell : str or None
        Recurrent cell; None for a network of convolutions alone.
    hidden_size : tuple of int
        Units of each recurrent layer.
    bidirectional : bool
    pooling : str
    dropout : float
    head : {"logits", "trace"}
        What comes last: a value per class, or a value per sample.
    """

    n_samples: int
    n_channels: int
    n_outputs: int
    filters: tuple[tuple[int, int, int], ...]
    frame: tuple[int, int]
    cell: str | None
    hidden_size: tuple[int, ...]
    bidirectional: bool
    pooling: str
    dropout: float
    head: str = "logits"

    @property
    def n_features(self):
        """Length of a flattened trace."""
        return self.n_samples * self.n_channels


def build_network(architecture, seed, model_class=None, projected=False):
    """Build the Keras model of an architecture with the initial weights of a seed.

    Parameters
    ----------
    architecture : Architecture
    seed : int
    model_class : subclass of keras.Model, default=None
        What to make of the layers; None for keras.Model itself.
    projected : bool, default=False
        Whether recurrent layers project their whole input at once, see `_recurrence`: the same
        weights and results, in less time where there is no GPU with a kernel of its own.

    Returns
    -------
    keras.Model
        From flattened traces (n, n_features) to outputs (n, n_outputs), not compiled.
    """
    import keras

    seeds = iter(np.random.SeedSequence(seed).generate_state(64) >> 1)
    traces = keras.Input((architecture.n_features,), name="traces")
    x = features = _front_end(traces, architecture, seeds)
    last = len(architecture.hidden_size) - 1
    for number, size in enumerate(architecture.hidden_size):
        return_sequences = number < last or architecture.pooling != "last"
        x = _recurrent(architecture, size, return_sequences, seeds, projected)(x)
    if architecture.head == "trace":
        outputs = _trace_head(x, features, traces, architecture, seeds)
    else:
        outputs = _logits_head(x, architecture, seeds)
    kind = "denoiser" if architecture.head == "trace" else "classifier"
    name = f"{architecture.cell or 'convolutional'}_{kind}"
    return (model_class or keras.Model)(traces, outputs, name=name)


def _logits_head(x, architecture, seeds):
    """From a sequence to a logit per class (one for two classes)."""
    import keras

    if architecture.pooling != "max_logit":
        x = _pool(x, architecture.pooling)
    x = _dropout(x, architecture, seeds)
    logits = keras.layers.Dense(
        architecture.n_outputs, kernel_initializer=_glorot(seeds), name="logits"
    )(x)
    return _pool(logits, "max") if architecture.pooling == "max_logit" else logits


def _trace_head(x, features, traces, architecture, seeds):
    """From a sequence to a value per sample: pulses are sums of learned waveforms.

    What linear filters see in the trace is weighted over time, as probabilities weight matched
    filters in the best possible estimate; a transposed convolution turns the result into a trace.
    Without filters the sequence gives the waveforms' amplitudes itself.
    """
    import keras

    x = _dropout(x, architecture, seeds)
    padding, (kernel_size, stride) = "valid", architecture.frame
    if architecture.filters:
        padding, (_, kernel_size, stride) = "same", architecture.filters[0]
        weights = _weights_over_time(x, features, architecture, seeds)
        seen = _convolution(_channels(traces, architecture), architecture.filters[0], None, seeds)
        x = _corrected(keras.layers.Multiply()([seen, weights]), weights, seeds)
    x = keras.layers.Conv1DTranspose(
        architecture.n_channels,
        kernel_size,
        strides=stride,
        padding=padding,
        kernel_initializer=_glorot(seeds),
        name="waveforms",
    )(x)
    return keras.layers.Flatten()(x)[:, : architecture.n_outputs]


def _weights_over_time(x, features, architecture, seeds):
    """How much each filter is believed at each time: a softmax with the choice of no time at all.

    The recurrent layers know the whole trace, the features what it looks like here.
    """
    import keras

    n_filters = architecture.filters[0][0]
    x = keras.layers.Concatenate()([x, features])
    x = keras.layers.Dense(n_filters, "relu", kernel_initializer=_glorot(seeds))(x)
    logits = keras.layers.Dense(n_filters, kernel_initializer=_glorot(seeds), name="weights")(x)
    weights = keras.ops.softmax(keras.ops.pad(logits, ((0, 0), (0, 1), (0, 0))), axis=1)
    # Times the number of steps, so that weights are about 1 before anything is learned.
    return weights[:, :-1] * logits.shape[1]


def _corrected(amplitudes, weights, seeds):
    """Amplitudes over time, corrected by what they are in all.

    Their means over time describe the whole pulse. From them follow a factor and an addition for
    each waveform, as what is known of the pulses there are moves an estimate that noise has moved.
    """
    import keras

    n_filters = amplitudes.shape[-1]
    pulse = keras.layers.GlobalAveragePooling1D()(amplitudes)
    pulse = keras.layers.Dense(2 * n_filters, "relu", kernel_initializer=_glorot(seeds))(pulse)
    # At first nothing is corrected.
    zero = {"kernel_initializer": "zeros"}
    factor = keras.layers.Dense(n_filters, bias_initializer="ones", name="factor", **zero)(pulse)
    addition = keras.layers.Dense(n_filters, name="addition", **zero)(pulse)
    return amplitudes * factor[:, None] + weights * addition[:, None]


def _dropout(x, architecture, seeds):
    import keras

    if not architecture.dropout:
        return x
    return keras.layers.Dropout(architecture.dropout, seed=int(next(seeds)))(x)


def _glorot(seeds):
    import keras

    return keras.initializers.GlorotUniform(seed=int(next(seeds)))


def _channels(traces, architecture):
    import keras

    return keras.layers.Reshape((architecture.n_samples, architecture.n_channels))(traces)


def _convolution(x, filters, activation, seeds):
    import keras

    n_filters, kernel_size, stride = filters
    return keras.layers.Conv1D(
        n_filters,
        kernel_size,
        strides=stride,
        padding="same",
        activation=activation,
        kernel_initializer=_glorot(seeds),
    )(x)


def _front_end(traces, architecture, seeds):
    """From traces (n, n_features) to a sequence (n, n_steps, n_step_features)."""
    if not architecture.filters:
        return _frames(traces, architecture)
    x = _channels(traces, architecture)
    for filters in architecture.filters:
        x = _convolution(x, filters, "relu", seeds)
    return x


def _frames(traces, architecture):
    """Frames of samples, one step of the sequence each; zeros complete the last."""
    import keras

    kernel_size, stride = architecture.frame
    n_samples, n_channels = architecture.n_samples, architecture.n_channels
    if kernel_size == stride == 1:
        return _channels(traces, architecture)
    n_missing = max(kernel_size - n_samples, 0)
    n_missing += (kernel_size - n_samples - n_missing) % stride
    padded = keras.ops.pad(traces, ((0, 0), (0, n_missing * n_channels)))
    return keras.ops.extract_sequences(padded, kernel_size * n_channels, stride * n_channels)


def _recurrent(architecture, size, return_sequences, seeds, projected):
    import keras

    make = partial(_projected_layer if projected else _keras_layer, architecture.cell, size)

    def layer(**options):
        return make(
            return_sequences=return_sequences,
            kernel_initializer=_glorot(seeds),
            recurrent_initializer=keras.initializers.Orthogonal(seed=int(next(seeds))),
            **options,
        )

    if not architecture.bidirectional:
        return layer()
    # The backward layer is given, not copied: a copy would start with the same weights.
    return keras.layers.Bidirectional(layer(), backward_layer=layer(go_backwards=True))


def _keras_layer(cell, size, **options):
    import keras

    layers = {
        "simple_rnn": keras.layers.SimpleRNN,
        "lstm": keras.layers.LSTM,
        "gru": keras.layers.GRU,
    }
    return layers[cell](size, **options)


def _projected_layer(cell, size, **options):
    from sklearn_aera.neural_network._recurrence import projected_layer

    return projected_layer(cell, size, **options)


def _pool(x, pooling):
    import keras

    if pooling == "max":
        return keras.layers.GlobalMaxPooling1D()(x)
    if pooling == "mean":
        return keras.layers.GlobalAveragePooling1D()(x)
    return keras.layers.Flatten()(x)
