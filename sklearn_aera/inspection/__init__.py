"""Displays of traces, spectra, trainings, searches and results, and a check of the background."""

from sklearn_aera._public import publish
from sklearn_aera.inspection._background import check_background
from sklearn_aera.inspection._efficiency import EfficiencyDisplay
from sklearn_aera.inspection._rate import RateDisplay
from sklearn_aera.inspection._recording import RecordingDisplay
from sklearn_aera.inspection._recovery import RecoveryDisplay, ResolutionDisplay
from sklearn_aera.inspection._search import SearchDisplay
from sklearn_aera.inspection._spectrum import SpectrumDisplay
from sklearn_aera.inspection._trace import TraceDisplay
from sklearn_aera.inspection._training import TrainingDisplay

__all__ = [
    "EfficiencyDisplay",
    "RateDisplay",
    "RecordingDisplay",
    "RecoveryDisplay",
    "ResolutionDisplay",
    "SearchDisplay",
    "SpectrumDisplay",
    "TraceDisplay",
    "TrainingDisplay",
    "check_background",
]

publish(__name__, globals(), __all__)
