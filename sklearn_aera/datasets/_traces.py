"""Make data sets of simulated traces."""

import numpy as np
from sklearn.utils import Bunch, gen_batches

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import EVENT_COLUMNS
from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_count, check_part, check_sampling_rate
from sklearn_aera.datasets._events import SLOPE_OPTIONS, SNR_OPTIONS, make_events
from sklearn_aera.simulation import TraceSimulator

SIMULATION_OPTIONS = f"""
simulator : TraceSimulator, default=None
    Simulator of the traces; None means ``TraceSimulator()``. It is not changed. If its
    ``random_state`` is None, the one given here is used.
{SNR_OPTIONS.strip()}
arrival_time : float or (float, float), default=None
    Time of the peak of the pulse's envelope in us from the first sample, uniform in the range.
    None for 9 to 90 % of the duration of a trace, (0.25, 2.5) for 500 samples at 180 MHz.
{SLOPE_OPTIONS.strip()}
polarization : float or (float, float), default=None
    Azimuth of the electric field of the pulse in degrees, uniform in the range. None for all
    directions, (0, 180), if the simulator has ``arms``.
"""


@fill_docstring(simulation_options=SIMULATION_OPTIONS)
def make_traces(
    n_events=100, *, simulator=None, signal_fraction=0.5, snr=(0.5, 5.0), arrival_time=None,
    spectral_slope=(-30.0, 0.0), polarization=None, first_event_id=0, chunk_size=None,
    random_state=None,
):  # fmt: skip
    """Make simulated traces together with their true labels and signals.

    Parameters
    ----------
    n_events : int, default=100
        Number of events.
    %(simulation_options)s
    chunk_size : int, default=None
        Yield the data in pieces of this many events instead of returning them at once, for data
        sets larger than memory. The pieces together are the same data.
    random_state : int, RandomState instance or None, default=None
        Seed of the events and of their traces.

    Returns
    -------
    Bunch, or with ``chunk_size`` an iterator of Bunches
        - traces : ndarray of shape (n_events, n_samples), or (n_events, n_channels, n_samples) if
          the simulator has ``arms``, float32, in mV
        - y : ndarray of shape (n_events,), int64: 1 for events with a pulse, 0 for the others
        - signals : ndarray of the shape of ``traces``, float32: the pulses without noise, in mV
        - events : ndarray of shape (n_events, 5) or (n_events, 6), the event table
        - snr, arrival_time, event_id : ndarrays of shape (n_events,), columns of the event table

    See Also
    --------
    make_events : Draws the event table alone, the input of a pipeline with a simulator.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> data = make_traces(6, random_state=1)
    >>> data.traces.shape, data.y.tolist()
    ((6, 500), [1, 1, 0, 1, 0, 1])
    >>> data.snr.round(1).tolist()
    [4.1, 1.1, 0.0, 0.7, 0.0, 1.1]
    >>> [len(chunk.y) for chunk in make_traces(10, chunk_size=4, random_state=0)]
    [4, 4, 2]
    """
    n_events = check_count(n_events, "n_events")
    if chunk_size is not None:
        check_count(chunk_size, "chunk_size")
    seed = draw_seed(random_state)
    simulator = check_part(simulator, "simulator", TraceSimulator, "simulate")
    if simulator.random_state is None:
        simulator.set_params(random_state=seed)
    table = {
        "signal_fraction": signal_fraction,
        "snr": snr,
        "arrival_time": middle_of_trace(simulator) if arrival_time is None else arrival_time,
        "spectral_slope": spectral_slope,
        "polarization": polarization,
        "random_state": seed,
    }
    if polarization is None and getattr(simulator, "arms", None) is not None:
        table["polarization"] = (0.0, 180.0)
    first_events, _ = make_events(1, first_event_id=first_event_id, **table)
    simulator.fit(first_events)

    def make(rows):
        first = first_event_id + rows.start
        events, y = make_events(rows.stop - rows.start, first_event_id=first, **table)
        traces, signals = simulator.simulate(events)
        return Bunch(traces=traces, y=y, signals=signals, events=events, **named_columns(events))

    if chunk_size is None:
        return make(slice(0, n_events))
    return (make(rows) for rows in gen_batches(n_events, chunk_size))


def middle_of_trace(simulator):
    """Return the range of arrival times in us that keeps pulses away from the edges of a trace."""
    duration = check_count(simulator.n_samples, "n_samples") / check_sampling_rate(
        simulator.sampling_rate
    )
    return round(0.09 * duration, 6), round(0.9 * duration, 6)


def named_columns(events):
    """Columns of an event table that a data set offers by name; None without a table."""
    names = ("snr", "arrival_time", "event_id")
    if events is None:
        return dict.fromkeys(names)
    columns = {name: events[:, EVENT_COLUMNS.index(name)] for name in names}
    return columns | {"event_id": columns["event_id"].astype(np.int64)}
