"""Build Keras models from architectures."""

from functools import partial

import keras
import numpy as np

from sklearn_aera._carriers import low_frequencies
from sklearn_aera.neural_network._architecture import Architecture
from sklearn_aera.neural_network._keras.model import TraceModel

KERAS_LAYERS = {
    "simple_rnn": keras.layers.SimpleRNN,
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
}
# Units of the layer before the logits of the cells.
_CELL_UNITS = 32
# Units of the layer before the standard deviations.
_STD_UNITS = 32


def build_network(architecture, seed, *, training=False, recurrent_layers=KERAS_LAYERS):
    """Build the Keras model of an architecture with the initial weights of a seed.

    It maps traces (n, *trace_shape) to outputs (n, *output_shape) and is not compiled. With
    ``training`` it is a `TraceModel`, and the logits of arrival cells are appended to the output.
    ``recurrent_layers`` are layer classes by the name of the cell; `FAST_LAYERS` have the same
    weights and outputs as `KERAS_LAYERS`.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(64) >> 1)
    traces = keras.Input(architecture.trace_shape, name="traces")
    samples = _time_first(traces, architecture)
    x = features = _front_end(samples, architecture, seeds)
    if architecture.pooling == "log_sum_exp":
        x = _with_power(x, samples)
    last = len(architecture.hidden_size) - 1
    for number, size in enumerate(architecture.hidden_size):
        return_sequences = number < last or architecture.pooling != "last"
        make = partial(recurrent_layers[architecture.cell], size, return_sequences=return_sequences)
        x = _recurrent(make, architecture.bidirectional, seeds)(x)
    if architecture.head == "trace":
        outputs, kind = _trace_head(x, features, samples, architecture, seeds), "denoiser"
    elif architecture.pooling == "log_sum_exp":
        outputs, kind = _cells_head(x, features, architecture, seeds, training), "classifier"
    else:
        outputs, kind = _logits_head(x, architecture, seeds), "classifier"
    model_class = TraceModel if training else keras.Model
    return model_class(traces, outputs, name=f"{architecture.cell or 'convolutional'}_{kind}")


def _logits_head(x, architecture, seeds):
    """Logits (n, n_logits) from a sequence (n, n_steps, n_features)."""
    (n_logits,) = architecture.output_shape
    if architecture.pooling != "max_logit":
        x = _pool(x, architecture.pooling)
    x = _dropout(x, architecture, seeds)
    logits = _dense(n_logits, seeds, name="logits")(x)
    return _pool(logits, "max") if architecture.pooling == "max_logit" else logits


def _cells_head(x, features, architecture, seeds, with_cells):
    """Logits as log-sum-exp of logits of cells, as the likelihood ratio sums over arrival times.

    A cell is a step, for two classes a sample within it, a channel and a sign. The recurrent
    outputs, if any, summarise the whole trace, the features describe each step.
    """
    (n_logits,) = architecture.output_shape
    n_parts = 2 * architecture.stride * architecture.n_channels if n_logits == 1 else 1
    if architecture.cell is not None:
        x = keras.layers.Concatenate()([x, features])
    x = _dropout(x, architecture, seeds)
    x = _dense(_CELL_UNITS, seeds, activation="relu")(x)
    cells = _dense(n_parts * n_logits, seeds, name="cells")(x)
    n_cells = cells.shape[1] * n_parts
    cells = keras.layers.Reshape((n_cells, n_logits))(cells) - float(np.log(n_cells))
    logits = keras.ops.logsumexp(cells, axis=1)
    return keras.ops.concatenate([logits, cells[..., 0]], axis=1) if with_cells else logits


def _with_power(features, samples):
    """Features of each step, and the logarithms of the power of the whole trace, by channel.

    It is the power of all frequencies, and of the lowest, where a whitener leaves the carriers.
    """
    low = low_frequencies(samples.shape[1]).T.astype("float32")
    parts = [samples, keras.ops.matmul(low, samples)] if len(low) else [samples]
    powers = [
        keras.ops.log(keras.ops.mean(part * part, axis=1) + Architecture.POWER_FLOOR)
        for part in parts
    ]
    power = keras.ops.concatenate(powers, axis=1)[:, None]
    power = keras.ops.repeat(power, features.shape[1], axis=1)
    return keras.layers.Concatenate()([features, power])


def _trace_head(x, features, samples, architecture, seeds):
    """Signals from a sequence: sums of learned waveforms.

    The outputs of linear filters are weighted over time, as probabilities weight matched filters
    in the best possible estimate, and a transposed convolution turns them into a signal. Without
    filters the sequence itself gives the waveforms' amplitudes.
    """
    sequence = x
    x = _dropout(x, architecture, seeds)
    padding, (kernel_size, stride) = "valid", architecture.frame
    if architecture.filters:
        padding, (_, kernel_size, stride) = "same", architecture.filters[0]
        weights = _weights_over_time(x, features, architecture, seeds)
        filtered = _convolution(samples, architecture.filters[0], None, seeds)
        x = _corrected(keras.layers.Multiply()([filtered, weights]), weights, seeds)
    synthesis = {"kernel_size": kernel_size, "strides": stride, "padding": padding}
    signal = _transposed(x, architecture, seeds, name="waveforms", **synthesis)
    if not architecture.learns_std:
        return _as_signal(signal, architecture)
    std = _std_head(sequence, features, signal, architecture, seeds, synthesis)
    return keras.ops.stack([_as_signal(part, architecture) for part in (signal, std)], axis=1)


def _std_head(x, features, signal, architecture, seeds, synthesis):
    """Standard deviation of the recovered signal at each sample, of the shape of ``signal``.

    It sees the sequence, the features and the power that was recovered around each step. No
    gradient passes to these: the signal is learned as it is without standard deviations.
    """
    stride = architecture.stride
    pool = {"pool_size": 4 * stride, "strides": stride, "padding": "same"}
    power = keras.layers.AveragePooling1D(**pool)(keras.ops.square(signal))
    power = keras.ops.log(power[:, : x.shape[1]] + Architecture.LOWEST_VARIANCE)
    x = keras.ops.stop_gradient(keras.ops.concatenate([x, features, power], axis=2))
    x = _dense(_STD_UNITS, seeds, activation="relu")(x)
    log_variance = _transposed(x, architecture, seeds, name="log_variance", **synthesis)
    # The limits keep the loss of an untrained network finite.
    log_variance = keras.ops.clip(log_variance, -30.0, 30.0)
    return keras.ops.sqrt(keras.ops.exp(log_variance) + Architecture.LOWEST_VARIANCE)


def _transposed(x, architecture, seeds, **options):
    """Samples (n, n_samples, n_channels) from a sequence, by a transposed convolution."""
    initializer = {"kernel_initializer": _glorot(seeds)}
    layer = keras.layers.Conv1DTranspose(architecture.n_channels, **options, **initializer)
    return layer(x)


def _as_signal(samples, architecture):
    """Samples in the shape of the targets."""
    if len(architecture.target_shape) == 2:
        samples = keras.layers.Permute((2, 1))(samples)
    else:
        samples = keras.layers.Flatten()(samples)
    return samples[..., : architecture.target_shape[-1]]


def _weights_over_time(x, features, architecture, seeds):
    """Weight of each filter at each time: a softmax over the times and "there is no pulse".

    The recurrent outputs summarise the whole trace, the features describe each time.
    """
    n_filters = architecture.filters[0][0]
    x = keras.layers.Concatenate()([x, features])
    x = _dense(n_filters, seeds, activation="relu")(x)
    logits = _dense(n_filters, seeds, name="weights")(x)
    weights = keras.ops.softmax(keras.ops.pad(logits, ((0, 0), (0, 1), (0, 0))), axis=1)
    # Times the number of steps, so that weights are about 1 before training.
    return weights[:, :-1] * logits.shape[1]


def _corrected(amplitudes, weights, seeds):
    """Amplitudes over time, corrected for the whole pulse by a factor and an offset.

    Both are functions of the amplitudes' means over time, one for each waveform: they shrink
    estimates towards what the training pulses have, as prior knowledge does.
    """
    n_filters = amplitudes.shape[-1]
    pulse = _pool(amplitudes, "mean")
    pulse = _dense(2 * n_filters, seeds, activation="relu")(pulse)
    # Before training nothing is corrected.
    zeros = {"kernel_initializer": "zeros"}
    factor = keras.layers.Dense(n_filters, bias_initializer="ones", name="factor", **zeros)(pulse)
    offset = keras.layers.Dense(n_filters, name="addition", **zeros)(pulse)
    return amplitudes * factor[:, None] + weights * offset[:, None]


def _front_end(samples, architecture, seeds):
    """Sequence (n, n_steps, n_features) from samples (n, n_samples, n_channels)."""
    if not architecture.filters:
        return _frames(samples, architecture)
    for filters in architecture.filters:
        samples = _convolution(samples, filters, "relu", seeds)
    return samples


def _frames(samples, architecture):
    """Frames of samples, one step of the sequence each; zeros complete the last."""
    kernel_size, stride = architecture.frame
    n_samples, n_channels = architecture.n_samples, architecture.n_channels
    if kernel_size == stride == 1:
        return samples
    n_missing = max(kernel_size - n_samples, 0)
    n_missing += (kernel_size - n_samples - n_missing) % stride
    flat = keras.layers.Flatten()(samples)
    padded = keras.ops.pad(flat, ((0, 0), (0, n_missing * n_channels)))
    return keras.ops.extract_sequences(padded, kernel_size * n_channels, stride * n_channels)


def _time_first(traces, architecture):
    """Samples (n, n_samples, n_channels) of traces."""
    if len(architecture.trace_shape) == 2:
        return keras.layers.Permute((2, 1))(traces)
    return keras.layers.Reshape((architecture.n_samples, 1))(traces)


def _recurrent(make, bidirectional, seeds):
    """A recurrent layer, in one or both directions, with initial weights of its own."""

    def layer(**options):
        return make(
            kernel_initializer=_glorot(seeds),
            recurrent_initializer=keras.initializers.Orthogonal(seed=int(next(seeds))),
            seed=0,  # Not used, but without one Keras draws from Python's global generator.
            **options,
        )

    if not bidirectional:
        return layer()
    # The backward layer is given, not copied: a copy would start with the same weights.
    forward, backward = layer(), layer(go_backwards=True)
    return keras.layers.Bidirectional(forward, backward_layer=backward)


def _convolution(x, filters, activation, seeds):
    n_filters, kernel_size, stride = filters
    return keras.layers.Conv1D(
        n_filters,
        kernel_size,
        strides=stride,
        padding="same",
        activation=activation,
        kernel_initializer=_glorot(seeds),
    )(x)


def _dense(n_units, seeds, **options):
    return keras.layers.Dense(n_units, kernel_initializer=_glorot(seeds), **options)


def _dropout(x, architecture, seeds):
    if not architecture.dropout:
        return x
    return keras.layers.Dropout(architecture.dropout, seed=int(next(seeds)))(x)


def _pool(x, pooling):
    if pooling == "last":  # The last recurrent layer gives its last output alone.
        return x
    if pooling == "max":
        return keras.layers.GlobalMaxPooling1D()(x)
    if pooling == "mean":
        return keras.layers.GlobalAveragePooling1D()(x)
    return keras.layers.Flatten()(x)


def _glorot(seeds):
    return keras.initializers.GlorotUniform(seed=int(next(seeds)))
