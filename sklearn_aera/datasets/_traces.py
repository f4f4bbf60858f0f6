"""Make data sets of simulated traces."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import Bunch

from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_count
from sklearn_aera.datasets._events import make_events
from sklearn_aera.simulation import TraceSimulator


def make_traces(
    n_events=100,
    *,
    simulator=None,
    signal_fraction=0.5,
    snr=(0.5, 5.0),
    arrival_time=(0.25, 2.5),
    spectral_slope=(-30.0, 0.0),
    first_event_id=0,
    chunk_size=None,
    random_state=None,
):
    """Make simulated traces, with the truth about them.

    Parameters
    ----------
    n_events : int, default=100
    simulator : TraceSimulator, default=None
        None stands for ``TraceSimulator()``. If its own ``random_state`` is None, it gets the
        one given here; it is not changed.
    signal_fraction, snr, arrival_time, spectral_slope, first_event_id
        See `make_events`.
    chunk_size : int, default=None
        Yield the data in pieces of this many events instead of returning them at once, so that
        data sets larger than memory can be made. The pieces together are the same data.
    random_state : int, RandomState instance or None, default=None
        Seed of the events and of their traces.

    Returns
    -------
    Bunch, or with ``chunk_size`` an iterator of such
        - traces : ndarray of shape (n_events, n_samples), float32, in mV
        - y : ndarray of shape (n_events,), int64, 1 where there is a pulse
        - signals : ndarray of shape (n_events, n_samples), float32, the pulses alone in mV
        - events : ndarray of shape (n_events, 5), the event table

    See Also
    --------
    make_events : Draws the event table alone, the input of a pipeline with a simulator.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> data = make_traces(6, random_state=1)
    >>> data.traces.shape, data.y.tolist()
    ((6, 500), [1, 1, 0, 1, 0, 1])
    >>> [len(chunk.y) for chunk in make_traces(10, chunk_size=4, random_state=0)]
    [4, 4, 2]
    """
    n_events = check_count(n_events, "n_events")
    if chunk_size is not None:
        check_count(chunk_size, "chunk_size")
    seed = draw_seed(random_state)
    simulator = TraceSimulator() if simulator is None else clone(simulator)
    if simulator.random_state is None:
        simulator.set_params(random_state=seed)
    table = {
        "signal_fraction": signal_fraction,
        "snr": snr,
        "arrival_time": arrival_time,
        "spectral_slope": spectral_slope,
        "random_state": seed,
    }
    first_events, _ = make_events(1, first_event_id=first_event_id, **table)
    simulator.fit(first_events)

    def make(start, stop):
        events, y = make_events(stop - start, first_event_id=first_event_id + start, **table)
        traces, signals = simulator.simulate(events)
        return Bunch(traces=traces, y=y, signals=signals, events=events)

    if chunk_size is None:
        return make(0, n_events)
    starts = range(0, n_events, chunk_size)
    return (make(start, min(start + chunk_size, n_events)) for start in starts)


def labels_from_signals(signals):
    """1 for each trace whose true signal is not all zero, shape (n_traces,), int64."""
    return np.any(signals != 0, axis=1).astype(np.int64)
