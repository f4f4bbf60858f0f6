"""Figures. Matplotlib is loaded when one is drawn."""

from sklearn_aera.inspection._efficiency import EfficiencyDisplay
from sklearn_aera.inspection._recovery import RecoveryDisplay, ResolutionDisplay
from sklearn_aera.inspection._trace import TraceDisplay

__all__ = ["EfficiencyDisplay", "RecoveryDisplay", "ResolutionDisplay", "TraceDisplay"]
