"""Networks that classify traces or recover their signals. Keras is loaded by the first fit."""

from sklearn_aera._public import publish
from sklearn_aera.neural_network._architecture import Architecture
from sklearn_aera.neural_network._classifiers import ConvolutionalClassifier, RecurrentClassifier
from sklearn_aera.neural_network._denoiser import RecurrentDenoiser
from sklearn_aera.neural_network._network_estimator import clear_compiled_networks
from sklearn_aera.neural_network._recommended import Detector, make_denoiser, make_detector

__all__ = [
    "Architecture",
    "ConvolutionalClassifier",
    "Detector",
    "RecurrentClassifier",
    "RecurrentDenoiser",
    "clear_compiled_networks",
    "make_denoiser",
    "make_detector",
]

publish(__name__, globals(), __all__)
