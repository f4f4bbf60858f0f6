"""The package's classifier and the same layers in plain scikeras, for searches and many fits."""

from functools import partial

import keras
from networks import RECURRENT_LAYERS, recurrent_network
from scikeras.wrappers import KerasClassifier

from sklearn_aera.neural_network import RecurrentClassifier

BATCH_SIZE = 128
DEMO = {"n_filters": 16, "kernel_size": 40, "stride": 8}


def plain_network(cell, hidden_size, bidirectional, seed, rate):
    """Network with the front end of the demo, compiled for probabilities."""
    layer = partial(RECURRENT_LAYERS[cell], hidden_size)
    logits = recurrent_network(layer, bidirectional=bidirectional, seed=seed, **DEMO)
    probability = keras.layers.Activation("sigmoid")(logits.output)
    model = keras.Model(logits.input, probability)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def make_classifier(kind, *, seed, epochs, rate=3e-3):
    """Make a classifier.

    Parameters
    ----------
    kind : {"sklearn-aera", "plain scikeras"}
        Plain scikeras is ``KerasClassifier(model=function)``, as in its documentation.
    seed, epochs : int
    rate : float
        Learning rate.

    Returns
    -------
    classifier : estimator
    prefix : str
        Of the names of its network's parameters.
    """
    options = {"batch_size": BATCH_SIZE, "epochs": epochs}
    if kind == "sklearn-aera":
        options |= {"learning_rate": rate, "random_state": seed}
        return RecurrentClassifier(hidden_size=12, **DEMO, **options), ""
    # Without its random_state, which would slow scikeras down by TensorFlow's determinism.
    network = {"model__cell": "gru", "model__hidden_size": 12, "model__bidirectional": True}
    network |= {"model__seed": seed, "model__rate": rate}
    return KerasClassifier(model=plain_network, verbose=0, **network, **options), "model__"
