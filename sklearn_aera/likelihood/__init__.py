"""The physical limit of detection."""

from sklearn_aera.likelihood._ratio import LikelihoodRatioClassifier

__all__ = ["LikelihoodRatioClassifier"]
