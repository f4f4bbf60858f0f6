"""Simulation of traces: the simulator and its parts."""

from sklearn_aera._frequency_grid import FrequencyGrid
from sklearn_aera._public import publish
from sklearn_aera.simulation._bandpass import BandPass
from sklearn_aera.simulation._library import PulseLibrary
from sklearn_aera.simulation._measured import MeasuredNoise
from sklearn_aera.simulation._noise import AntennaNoise, galactic_brightness, galactic_temperature
from sklearn_aera.simulation._pulse import AnalyticPulse, amplitude_spectrum
from sklearn_aera.simulation._simulator import TraceSimulator
from sklearn_aera.simulation._stations import STATIONS, make_station

__all__ = [
    "STATIONS",
    "AnalyticPulse",
    "AntennaNoise",
    "BandPass",
    "FrequencyGrid",
    "MeasuredNoise",
    "PulseLibrary",
    "TraceSimulator",
    "amplitude_spectrum",
    "galactic_brightness",
    "galactic_temperature",
    "make_station",
]

publish(__name__, globals(), __all__)
