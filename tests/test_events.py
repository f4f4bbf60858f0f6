"""Event tables and simulated traces: reproducible, with the requested distributions, checked."""

import numpy as np
import pandas as pd
import pytest
from helpers import event_column
from scipy.stats import kstest

from sklearn_aera._events import check_events
from sklearn_aera.datasets import EVENT_COLUMNS, make_events, make_traces
from sklearn_aera.simulation import TraceSimulator


def test_columns_and_labels():
    events, y = make_events(50, random_state=0)
    assert EVENT_COLUMNS == ("event_id", "snr", "arrival_time", "spectral_slope", "polarity")
    assert events.shape == (50, 5)
    assert events.dtype == np.float64
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, event_column(events, "snr") > 0)
    np.testing.assert_array_equal(event_column(events, "event_id"), np.arange(50))


def test_pieces_are_the_whole():
    whole, y = make_events(1000, random_state=7)
    pieces = [make_events(n, first_event_id=i, random_state=7) for i, n in ((0, 300), (300, 700))]
    np.testing.assert_array_equal(np.vstack([events for events, _ in pieces]), whole)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in pieces]), y)


def test_priors():
    n = 20_000
    events, y = make_events(n, signal_fraction=0.3, random_state=1, as_frame=True)
    # Five standard deviations of a binomial.
    assert abs(y.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / n)
    assert abs((events.polarity > 0).mean() - 0.5) < 5 * np.sqrt(0.25 / n)
    for column, low, high in (("arrival_time", 0.25, 2.5), ("spectral_slope", -30, 0)):
        uniform = (events[column] - low) / (high - low)
        assert kstest(uniform, "uniform").pvalue > 1e-4
    assert kstest((events.snr[y == 1] - 0.5) / 4.5, "uniform").pvalue > 1e-4


def test_ranges_and_single_numbers():
    fixed = {"signal_fraction": 1.0, "snr": 2, "arrival_time": 1.0, "spectral_slope": (-5, -4)}
    events, y = make_events(30, **fixed, random_state=0, as_frame=True)
    assert y.all()
    assert set(events.snr) == {2.0}
    assert set(events.arrival_time) == {1.0}
    assert events.spectral_slope.between(-5, -4).all()
    assert make_events(30, signal_fraction=0.0, random_state=0)[1].sum() == 0


def test_random_state():
    same = [make_events(5, random_state=3)[0] for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert not np.array_equal(same[0], make_events(5, random_state=4)[0])
    assert not np.array_equal(make_events(5)[0], make_events(5)[0])
    from_state = [make_events(5, random_state=np.random.RandomState(0))[0] for _ in range(2)]
    np.testing.assert_array_equal(*from_state)


def test_as_frame():
    frame, y = make_events(5, random_state=0, as_frame=True)
    array, labels = make_events(5, random_state=0)
    assert isinstance(y, pd.Series)
    assert tuple(frame.columns) == EVENT_COLUMNS
    np.testing.assert_array_equal(frame, array)
    np.testing.assert_array_equal(y, labels)


def test_frame_in_any_column_order_gives_the_same_traces():
    frame, _ = make_events(4, random_state=0, as_frame=True)
    simulator = TraceSimulator(random_state=0)
    np.testing.assert_array_equal(
        simulator.fit_transform(frame[list(EVENT_COLUMNS)[::-1]]),
        simulator.fit_transform(frame.to_numpy()),
    )


def test_dictionaries_and_structured_arrays():
    frame, _ = make_events(4, random_state=0, as_frame=True)
    simulator = TraceSimulator(random_state=0)
    expected = simulator.fit_transform(frame)
    for events in (frame.to_dict("list"), frame.to_records(index=False)):
        np.testing.assert_array_equal(simulator.fit_transform(events), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_events": 0}, ValueError, "n_events == 0, must be >= 1"),
        ({"n_events": 2.5}, TypeError, r"n_events must be an integer, got 2\.5"),
        ({"signal_fraction": 1.5}, ValueError, "signal_fraction == 1.5, must be <= 1"),
        ({"snr": (5, 0.5)}, ValueError, r"snr must be finite and increasing, got \(5, 0.5\)"),
        ({"snr": 0}, ValueError, "snr must be above 0 for events with a pulse, got 0"),
        ({"snr": -1}, ValueError, "snr must be at least 0.0, got -1"),
        ({"snr": "loud"}, ValueError, r"snr must be a number or a pair .* got 'loud'"),
        ({"arrival_time": (0, np.nan)}, ValueError, "arrival_time must be finite"),
        ({"first_event_id": -1}, ValueError, "first_event_id == -1, must be >= 0"),
        ({"random_state": "x"}, ValueError, "random_state must be None, an integer"),
        ({"random_state": -1}, ValueError, "random_state must be 0 or positive, got -1"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        make_events(**arguments)


def _events(**changes):
    row = {"event_id": 0, "snr": 1, "arrival_time": 1, "spectral_slope": -5, "polarity": 1}
    return pd.DataFrame([row | changes])


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (np.ones((3, 4)), "events has 4 columns, but an event table has 5: event_id, snr"),
        (_events().drop(columns="snr"), r"events lacks the columns \['snr'\]"),
        (_events(snr=np.nan), "events contains NaN"),
        (_events(snr=-2), r"snr must be 0 .* or positive, up to .*, got -2\.0 in row 0 of events"),
        (_events(snr=1e300), r"snr must be 0 .* up to 10\*\*6, got 1e\+300 in row 0"),
        (_events(spectral_slope=500), "spectral_slope must be from -100 to 100 per GHz, got"),
        (_events(snr=1j), "snr must contain real numbers"),
        (_events(snr="loud"), "snr must contain real numbers: could not convert"),
        (
            pd.concat([_events(), _events()[["snr"]]], axis=1),
            "'snr'.*, or has them twice",
        ),
        ({"event_id": [0, 1], "snr": [1]}, r"events lacks the columns \['arrival_time'"),
        (_events().to_dict("list") | {"snr": [1, 2]}, "inconsistent numbers of samples"),
        (_events(event_id=0.5), "event_id must be an integer from 0"),
        (_events(event_id=-1), "event_id must be an integer from 0"),
        (_events(polarity=0), "polarity must be -1 or 1, got"),
        (
            _events(arrival_time=3),
            r"arrival_time must be within the trace, from 0 to 2.778 us, got 3",
        ),
        (np.ones((0, 5)), "events must not be empty"),
        (np.ones(5), r"events must have two dimensions, got shape \(5,\)"),
    ],
)
def test_bad_event_tables(events, message):
    with pytest.raises(ValueError, match=message):
        TraceSimulator(random_state=0).fit(events)
    good = TraceSimulator(random_state=0).fit(_events())
    with pytest.raises(ValueError, match=message):
        good.transform(events)


class Lazy:
    """A frame whose columns are known when it is collected, as those of polars."""

    def __init__(self, frame):
        self.collect = lambda: frame


def test_lazy_frames():
    frame, _ = make_events(5, random_state=0, as_frame=True)
    np.testing.assert_array_equal(check_events(Lazy(frame)), frame)


def test_make_traces_in_chunks():
    whole = make_traces(25, random_state=5)
    chunks = list(make_traces(25, chunk_size=10, random_state=5))
    assert [len(chunk.y) for chunk in chunks] == [10, 10, 5]
    for name in whole:
        pieces = np.concatenate([chunk[name] for chunk in chunks])
        np.testing.assert_allclose(pieces, whole[name], atol=1e-6)
    np.testing.assert_array_equal(whole.y, whole.signals.any(axis=1))


def test_columns_of_a_data_set():
    data = make_traces(20, first_event_id=5, random_state=5)
    for name in ("snr", "arrival_time", "event_id"):
        np.testing.assert_array_equal(data[name], event_column(data.events, name))
    np.testing.assert_array_equal(data.event_id, np.arange(5, 25))
    assert data.event_id.dtype == np.int64


def test_make_traces_leaves_the_simulator_alone():
    simulator = TraceSimulator(n_samples=64)
    data = make_traces(3, simulator=simulator, arrival_time=(0.1, 0.3), random_state=0)
    assert data.traces.shape == (3, 64)
    assert simulator.random_state is None
    assert not hasattr(simulator, "seed_")


def test_make_traces_checks_before_the_first_chunk():
    with pytest.raises(ValueError, match="chunk_size == 0"):
        make_traces(10, chunk_size=0)
    with pytest.raises(ValueError, match="snr must be at least"):
        make_traces(10, chunk_size=5, snr=-1)
