"""Networks in plain Keras that the package is compared with."""

import time

import keras
import numpy as np
from keras import layers

RECURRENT_LAYERS = {"simple_rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


class CourseNetwork:
    """The network of the course's hands-on: LSTM layers on normalised samples, flattened.

    Parameters
    ----------
    bidirectional : bool
    """

    def __init__(self, *, bidirectional):
        recurrent = [layers.LSTM(size, return_sequences=True) for size in (32, 64, 10)]
        if bidirectional:
            recurrent = [layers.Bidirectional(layer) for layer in recurrent]
        head = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")]
        self.network = keras.Sequential([keras.Input((500, 1)), *recurrent, *head])

    def fit(self, traces, y, *, epochs, batch_size, decay, budget=np.inf):
        """Train with Adam; ``decay`` lowers the rate epoch by epoch, ``budget`` is in seconds."""
        rate = 1e-3
        if decay:
            n_steps = -(-len(y) // batch_size)
            rate = keras.optimizers.schedules.ExponentialDecay(rate, n_steps, 0.9)
        self.network.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
        started = time.perf_counter()

        def stop_in_time(batch, logs):
            self.network.stop_training |= time.perf_counter() - started > budget

        callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=stop_in_time)]
        options = {"epochs": epochs, "batch_size": batch_size, "callbacks": callbacks}
        self.network.fit(self._scaled(traces), y, verbose=0, **options)
        return self

    def decision_function(self, traces):
        """Probability of a pulse, less one half."""
        probability = self.network.predict(self._scaled(traces), batch_size=1000, verbose=0)
        return probability[:, 0].astype(float) - 0.5

    def _scaled(self, traces):
        return (traces / traces.std(axis=1, keepdims=True))[:, :, None]


def fit_autoencoder(traces, signals, epochs):
    """Fit a convolutional autoencoder, of the kind of arXiv:1901.04079.

    Returns
    -------
    function
        From traces to signals.
    """
    inputs = keras.Input((traces.shape[1], 1))
    x = layers.ZeroPadding1D((6, 6))(inputs)
    for n_filters in (32, 64, 64, 128):
        x = layers.Conv1D(n_filters, 9, strides=2, padding="same", activation="relu")(x)
    for n_filters in (64, 64, 32, 32):
        x = layers.Conv1DTranspose(n_filters, 9, strides=2, padding="same", activation="relu")(x)
    x = layers.Cropping1D((6, 6))(layers.Conv1D(1, 9, padding="same")(x))
    network = keras.Model(inputs, x)
    network.compile(keras.optimizers.Adam(1e-3), "mse")
    scale, unit = traces.std(), float(np.sqrt(np.mean(signals**2)))

    def scaled(traces):
        return (traces / scale)[:, :, None]

    targets = (signals / unit)[:, :, None]
    network.fit(scaled(traces), targets, batch_size=128, epochs=epochs, verbose=0)
    return lambda traces: unit * network.predict(scaled(traces), verbose=0)[:, :, 0]


def recurrent_network(
    make_layer, *, n_filters, kernel_size, stride, n_samples=500, bidirectional=True, seed=0
):
    """Build the layers of `RecurrentClassifier`: from traces (n, n_samples) to a logit.

    Parameters
    ----------
    make_layer : function
        Makes a recurrent layer; its options are ``return_sequences``, ``kernel_initializer``,
        ``recurrent_initializer`` and ``go_backwards``.
    n_filters, kernel_size, stride : int
        Convolution in front; with 0 filters the frames of samples that are the sequence.
    n_samples : int, default=500
    bidirectional : bool, default=True
    seed : int, default=0

    Returns
    -------
    keras.Model
        Not compiled.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(16).tolist())

    def glorot():
        return keras.initializers.GlorotUniform(seed=next(seeds))

    def recurrent(**options):
        orthogonal = keras.initializers.Orthogonal(seed=next(seeds))
        options |= {"kernel_initializer": glorot(), "recurrent_initializer": orthogonal}
        return make_layer(return_sequences=True, **options)

    inputs = keras.Input((n_samples,))
    if n_filters:
        options = {"padding": "same", "activation": "relu", "kernel_initializer": glorot()}
        x = layers.Reshape((n_samples, 1))(inputs)
        x = layers.Conv1D(n_filters, kernel_size, strides=stride, **options)(x)
    else:
        x = keras.ops.extract_sequences(inputs, kernel_size, stride)
    if bidirectional:
        x = layers.Bidirectional(recurrent(), backward_layer=recurrent(go_backwards=True))(x)
    else:
        x = recurrent()(x)
    x = layers.GlobalMaxPooling1D()(x)
    return keras.Model(inputs, layers.Dense(1, kernel_initializer=glorot())(x))
