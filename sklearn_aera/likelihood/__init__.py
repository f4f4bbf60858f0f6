"""Likelihood ratio of pulse and noise: the physical limit of detection and recovery."""

from sklearn_aera._public import publish
from sklearn_aera.likelihood._prior import PulsePrior
from sklearn_aera.likelihood._ratio import LikelihoodRatioClassifier

__all__ = ["LikelihoodRatioClassifier", "PulsePrior"]

publish(__name__, globals(), __all__)
