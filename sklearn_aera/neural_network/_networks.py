"""Layer graphs: from an architecture, which is plain data, to a Keras model."""

from dataclasses import dataclass

import numpy as np

CELLS = ("simple_rnn", "lstm", "gru")
POOLINGS = ("max", "mean", "last", "flatten")


@dataclass(frozen=True)
class Architecture:
    """All that decides the shape of a network; estimators of one architecture share its graph."""

    n_samples: int
    n_outputs: int
    cell: str
    hidden_size: tuple[int, ...]
    bidirectional: bool
    pooling: str
    n_filters: int
    kernel_size: int
    stride: int
    dropout: float


def build_network(architecture, seed, model_class=None):
    """Build the Keras model of an architecture with the initial weights of a seed.

    Parameters
    ----------
    architecture : Architecture
    seed : int
    model_class : subclass of keras.Model, default=None
        What to make of the layers; None for keras.Model itself.

    Returns
    -------
    keras.Model
        From traces (n, n_samples) to logits (n, n_outputs), not compiled.
    """
    import keras

    seeds = iter(np.random.SeedSequence(seed).generate_state(64) >> 1)
    traces = keras.Input((architecture.n_samples,), name="traces")
    x = _front_end(traces, architecture, seeds)
    last = len(architecture.hidden_size) - 1
    for number, size in enumerate(architecture.hidden_size):
        return_sequences = number < last or architecture.pooling != "last"
        x = _recurrent(architecture, size, return_sequences, seeds)(x)
    x = _pool(x, architecture.pooling)
    if architecture.dropout:
        x = keras.layers.Dropout(architecture.dropout, seed=int(next(seeds)))(x)
    kernel = keras.initializers.GlorotUniform(seed=int(next(seeds)))
    logits = keras.layers.Dense(architecture.n_outputs, kernel_initializer=kernel, name="logits")(x)
    return (model_class or keras.Model)(traces, logits, name=f"{architecture.cell}_classifier")


def _front_end(traces, architecture, seeds):
    """From traces (n, n_samples) to a sequence (n, n_steps, n_features)."""
    import keras

    kernel_size, stride = architecture.kernel_size, architecture.stride
    if architecture.n_filters:
        return keras.layers.Conv1D(
            architecture.n_filters,
            kernel_size,
            strides=stride,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed=int(next(seeds))),
            name="filters",
        )(keras.layers.Reshape((-1, 1))(traces))
    if kernel_size == stride == 1:
        return keras.layers.Reshape((-1, 1))(traces)
    # Frames: zeros behind the trace complete the last one.
    n_missing = max(kernel_size - architecture.n_samples, 0)
    n_missing += (kernel_size - architecture.n_samples - n_missing) % stride
    padded = keras.ops.pad(traces, ((0, 0), (0, n_missing)))
    return keras.ops.extract_sequences(padded, kernel_size, stride)


def _recurrent(architecture, size, return_sequences, seeds):
    import keras

    layer_class = {
        "simple_rnn": keras.layers.SimpleRNN,
        "lstm": keras.layers.LSTM,
        "gru": keras.layers.GRU,
    }[architecture.cell]

    def layer(**options):
        return layer_class(
            size,
            return_sequences=return_sequences,
            kernel_initializer=keras.initializers.GlorotUniform(seed=int(next(seeds))),
            recurrent_initializer=keras.initializers.Orthogonal(seed=int(next(seeds))),
            **options,
        )

    if not architecture.bidirectional:
        return layer()
    # The backward layer is given, not copied: a copy would start with the same weights.
    return keras.layers.Bidirectional(layer(), backward_layer=layer(go_backwards=True))


def _pool(x, pooling):
    import keras

    if pooling == "max":
        return keras.layers.GlobalMaxPooling1D()(x)
    if pooling == "mean":
        return keras.layers.GlobalAveragePooling1D()(x)
    return keras.layers.Flatten()(x)
