"""Networks that classify traces. Keras is loaded when one is first fitted."""

from sklearn_aera.neural_network._compiled import clear_compiled_networks
from sklearn_aera.neural_network._convolutional import ConvolutionalClassifier
from sklearn_aera.neural_network._detector import make_detector
from sklearn_aera.neural_network._recurrent import RecurrentClassifier

__all__ = [
    "ConvolutionalClassifier",
    "RecurrentClassifier",
    "clear_compiled_networks",
    "make_detector",
]
