"""Networks that classify traces. Keras is loaded when one is first fitted."""

from sklearn_aera.neural_network._recurrent import RecurrentClassifier

__all__ = ["RecurrentClassifier"]
