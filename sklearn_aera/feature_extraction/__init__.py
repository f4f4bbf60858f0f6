"""Transformers from traces to a few numbers per trace."""

from sklearn_aera.feature_extraction._matched_filter import MatchedFilter
from sklearn_aera.feature_extraction._snr import SNRCalculator

__all__ = ["MatchedFilter", "SNRCalculator"]
