"""A trace is a pure function of the parameters, the seed and its row of the event table."""

import subprocess
import sys

import numpy as np
import pytest
from helpers import event_column
from sklearn.base import clone

from sklearn_aera.datasets import EVENT_COLUMNS, make_events
from sklearn_aera.simulation import AntennaNoise, MeasuredNoise, PulseLibrary, TraceSimulator

# Traces have an RMS of 0.1 mV; sums in another order move the last bits of a float32.
ROUND_OFF = 1e-6


def _simulators():
    rng = np.random.default_rng(0)
    return [
        TraceSimulator(random_state=1),
        TraceSimulator(noise=AntennaNoise(burst_rate=1.0), snr_reference="trace", random_state=1),
        TraceSimulator(
            pulse=PulseLibrary(rng.normal(size=(7, 40)), 400.0),
            noise=MeasuredNoise(rng.normal(size=(5, 900)) * 0.1),
            random_state=1,
        ),
    ]


@pytest.fixture(params=range(3), ids=["analytic", "bursts", "library"])
def simulated(request):
    events, _ = make_events(600, snr=(0.5, 4.0), random_state=2)
    simulator = _simulators()[request.param].fit(events)
    return simulator, events, simulator.transform(events)


def test_permuted(simulated):
    simulator, events, traces = simulated
    order = np.random.default_rng(0).permutation(len(events))
    np.testing.assert_allclose(simulator.transform(events[order]), traces[order], atol=ROUND_OFF)


def test_subset(simulated):
    simulator, events, traces = simulated
    for rows in (slice(0, 1), slice(300, 310), slice(1, None, 7)):
        np.testing.assert_allclose(simulator.transform(events[rows]), traces[rows], atol=ROUND_OFF)


def test_jobs(simulated):
    simulator, events, traces = simulated
    parallel = clone(simulator).set_params(n_jobs=2).fit(events)
    np.testing.assert_allclose(parallel.transform(events), traces, atol=ROUND_OFF)


def test_fit_on_other_events(simulated):
    simulator, events, traces = simulated
    again = clone(simulator).fit(events[:3])
    np.testing.assert_allclose(again.transform(events), traces, atol=ROUND_OFF)


def test_simulate_gives_the_same_traces(simulated):
    simulator, events, traces = simulated
    np.testing.assert_array_equal(simulator.simulate(events)[0], traces)


def test_another_process():
    code = (
        "import sys, numpy as np\n"
        "from sklearn_aera.datasets import make_events\n"
        "from sklearn_aera.simulation import TraceSimulator\n"
        "events, _ = make_events(20, random_state=2)\n"
        "traces = TraceSimulator(random_state=1).fit_transform(events)\n"
        "sys.stdout.buffer.write(traces.tobytes())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    events, _ = make_events(20, random_state=2)
    here = TraceSimulator(random_state=1).fit_transform(events)
    there = np.frombuffer(printed, dtype=np.float32).reshape(here.shape)
    np.testing.assert_allclose(there, here, atol=ROUND_OFF)


def test_one_event_id_has_one_noise():
    events, _ = make_events(50, signal_fraction=1.0, random_state=0)
    silent = events.copy()
    silent[:, EVENT_COLUMNS.index("snr")] = 0.0
    simulator = TraceSimulator(random_state=0).fit(events)
    traces, signals = simulator.simulate(events)
    np.testing.assert_allclose(traces - signals, simulator.transform(silent), atol=ROUND_OFF)


def test_different_event_ids_share_nothing():
    """Correlations between the noise of events scatter as those of independent noise."""
    n = 200
    events, _ = make_events(n, signal_fraction=0.0, random_state=0)
    simulator = TraceSimulator(noise=AntennaNoise(carrier_share=0.0), random_state=0).fit(events)
    traces = simulator.transform(events).astype(float)
    traces /= np.sqrt((traces**2).mean(axis=1, keepdims=True))
    correlation = (traces @ traces.T / traces.shape[1])[np.triu_indices(n, 1)]
    autocorrelation = simulator.noise_.autocovariance() / simulator.noise_.autocovariance()[0]
    lags = np.arange(1, traces.shape[1])
    n_effective = traces.shape[1] / (
        1 + 2 * np.sum((1 - lags / traces.shape[1]) * autocorrelation[1:] ** 2)
    )
    n_pairs = len(correlation)
    assert abs(correlation.mean()) < 5 / np.sqrt(n_pairs * n_effective)
    assert correlation.std() == pytest.approx(1 / np.sqrt(n_effective), rel=0.1)
    assert np.abs(correlation).max() < 6 / np.sqrt(n_effective)


def test_seeds_differ():
    events, _ = make_events(3, random_state=0)
    first, second = (TraceSimulator(random_state=s).fit_transform(events) for s in (0, 1))
    assert np.abs(first - second).max() > 0.05


def test_events_and_traces_of_one_seed_are_independent():
    """The numbers behind the event table are not those behind the traces."""
    n = 3000
    events, _ = make_events(n, signal_fraction=0.0, random_state=11)
    noise = TraceSimulator(random_state=11).fit_transform(events)
    for name in ("arrival_time", "spectral_slope"):
        for sample in (0, 100, 499):
            correlation = np.corrcoef(event_column(events, name), noise[:, sample])[0, 1]
            assert abs(correlation) < 5 / np.sqrt(n)


def test_random_state_none_is_fixed_by_fit():
    events, _ = make_events(3, random_state=0)
    simulator = TraceSimulator().fit(events)
    np.testing.assert_array_equal(simulator.transform(events), simulator.transform(events))
    assert simulator.seed_ != clone(simulator).fit(events).seed_
