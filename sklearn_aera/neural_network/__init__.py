"""Networks that classify traces or recover their signals. Keras is loaded by the first fit."""

from sklearn_aera.neural_network._compiled import clear_compiled_networks
from sklearn_aera.neural_network._convolutional import ConvolutionalClassifier
from sklearn_aera.neural_network._denoiser import RecurrentDenoiser
from sklearn_aera.neural_network._detector import make_denoiser, make_detector
from sklearn_aera.neural_network._recurrent import RecurrentClassifier

__all__ = [
    "ConvolutionalClassifier",
    "RecurrentClassifier",
    "RecurrentDenoiser",
    "clear_compiled_networks",
    "make_denoiser",
    "make_detector",
]
