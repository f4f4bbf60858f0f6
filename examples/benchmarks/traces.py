"""Simulated traces that several benchmarks use."""

from functools import cache

from sklearn_aera.datasets import make_traces
from sklearn_aera.simulation import TraceSimulator

SEED = 0
# Event ids of the data that networks are trained with epoch by epoch: beyond those of all others.
FIRST_ENDLESS_ID = 10**12


def make_data(n_train, n_test, snr, **simulator):
    """Training, validation and test traces that share no event.

    Parameters
    ----------
    n_train, n_test : int
        Events for training, and for each of validation and test.
    snr : float or (float, float)
    **simulator
        Parameters of `TraceSimulator`.
    """
    options = {"simulator": TraceSimulator(**simulator), "snr": snr, "random_state": SEED}
    return [
        make_traces(n, first_event_id=number * 10**8, **options)
        for number, n in enumerate((n_train, n_test, n_test))
    ]


@cache
def normalized_traces(n_traces):
    """Traces over their standard deviations, and their labels."""
    data = make_traces(n_traces, snr=(0.5, 5.0), random_state=SEED)
    return data.traces / data.traces.std(axis=1, keepdims=True), data.y
