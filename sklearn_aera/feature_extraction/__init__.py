"""Transformers from traces to a few features per trace."""

from sklearn_aera._public import publish
from sklearn_aera._templates import TemplateBank
from sklearn_aera.feature_extraction._matched_filter import MatchedFilter
from sklearn_aera.feature_extraction._snr import SNRCalculator

__all__ = ["MatchedFilter", "SNRCalculator", "TemplateBank"]

publish(__name__, globals(), __all__)
