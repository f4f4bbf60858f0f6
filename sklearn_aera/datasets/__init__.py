"""Event tables, traces, pulses and recordings: simulate, load and save them."""

from sklearn_aera._events import EVENT_COLUMNS
from sklearn_aera._public import publish
from sklearn_aera._recording import Recording
from sklearn_aera.datasets._coreas import load_coreas
from sklearn_aera.datasets._events import make_events
from sklearn_aera.datasets._files import load_traces, save_traces
from sklearn_aera.datasets._recordings import load_recording
from sklearn_aera.datasets._simulated_files import simulate_to_file
from sklearn_aera.datasets._simulated_recording import make_recording
from sklearn_aera.datasets._traces import make_traces

__all__ = [
    "EVENT_COLUMNS",
    "Recording",
    "load_coreas",
    "load_recording",
    "load_traces",
    "make_events",
    "make_recording",
    "make_traces",
    "save_traces",
    "simulate_to_file",
]

publish(__name__, globals(), __all__)
