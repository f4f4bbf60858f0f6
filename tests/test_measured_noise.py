"""Noise from recordings of several antennas, without the times of known pulses."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_aera.datasets import Recording, make_events
from sklearn_aera.simulation import BandPass, FrequencyGrid, MeasuredNoise, TraceSimulator

GRID = FrequencyGrid.from_response(BandPass(), 200.0, 50)
# Samples that say their number, and their antenna by the sign of those of even numbers.
SAMPLES = np.arange(1.0, 1001.0) * np.array([[1, -1] * 500, [-1, 1] * 500])
UNIFORM = np.random.default_rng(0).random((3000, 2))


def drawn(recordings, **options):
    return MeasuredNoise(recordings, **options).prepare(GRID).traces(UNIFORM, None)


def antennas(traces):
    return set(np.sign(traces[:, 0]) * (1 - 2 * (starts_of(traces) % 2)))


def starts_of(traces):
    return np.abs(traces[:, 0]) - 1


def test_antennas_of_a_recording():
    recording = Recording(SAMPLES, 200.0)
    traces = drawn(recording)
    assert antennas(traces) == {1, -1}
    np.testing.assert_array_equal(traces, drawn(SAMPLES, sampling_rate=200.0))
    assert antennas(drawn(recording[1])) == {-1}


@pytest.mark.parametrize("first_time", [0.0, 7.0])
def test_excluded_times(first_time):
    recording = Recording(SAMPLES, 200.0, first_time=first_time)
    exclude = [(first_time + 3.0, first_time + 3.5), (first_time + 1.0, first_time + 1.1)]
    starts = starts_of(drawn(recording, exclude=exclude))
    # Samples 200 to 220 and 600 to 700 are excluded: the first samples of the ranges that are left
    # are 0 to 150, 221 to 550, and 701 to 950, of which 3 000 draws hit nearly all.
    allowed = {*range(151), *range(221, 551), *range(701, 951)}
    assert set(starts) <= allowed
    assert len(set(starts)) > 0.9 * len(allowed)
    assert {0, 950} & set(starts)
    # Uniform over the ranges: 150 of 731 are before the first pulse, within 4 standard deviations.
    assert abs(np.mean(starts < 200) - 151 / 731) < 4 * np.sqrt(0.2 * 0.8 / 3000)


def test_overlapping_exclusions_and_ends():
    exclude = [(0.0, 2.0), (1.0, 4.5), (4.0, 4.2)]
    starts = starts_of(drawn(SAMPLES, sampling_rate=200.0, exclude=exclude))
    assert (starts.min(), starts.max()) == (901, 950)
    with pytest.raises(ValueError, match="exclude must leave a trace of 50 samples"):
        drawn(SAMPLES, sampling_rate=200.0, exclude=[(0.0, 10.0)])
    with pytest.raises(ValueError, match="exclude must be"):
        drawn(SAMPLES, sampling_rate=200.0, exclude=[(2.0, 1.0)])


def test_simulation_at_the_rate_of_the_recording():
    recording = Recording(np.random.default_rng(0).normal(size=(2, 5000)), 160.0)
    simulator = TraceSimulator(
        noise=MeasuredNoise(recording), sampling_rate=160.0, n_samples=300, random_state=0
    )
    events, _ = make_events(4, arrival_time=(0.3, 1.0), random_state=0)
    assert simulator.fit_transform(events).shape == (4, 300)
    with pytest.raises(ValueError, match="must be the simulator's"):
        simulator.set_params(sampling_rate=180.0).fit(events)


# --- what is no noise --------------------------------------------------------------------------

NOISE = np.random.default_rng(1).normal(size=(3, 3000)).astype(np.float32)


def changed(number, value, samples=slice(None)):
    recordings = NOISE.copy()
    recordings[number, samples] = value
    return recordings


DEAD = changed(1, 0.25, slice(2000, 2060))


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        (
            NOISE + np.array([[0], [0], [2048]]),
            "number 2 must have no pedestal, but its mean is",
        ),
        ((20 * NOISE + 2048).astype(np.int16), "number 0 must have no pedestal"),
        (DEAD, "number 1 must be noise, but has the value 0.25 for 60 .* from number 2000 on"),
        (changed(2, 0.0), "number 2 must be noise, but has the value 0 for 3000 samples"),
        (changed(0, 2048.0), "number 0 must be noise, but has the value 2048"),
        (changed(1, np.nan, 77), "number 1 must be finite, got nan at sample 77"),
        (changed(1, -np.inf, 77), "number 1 must be finite, got -inf at sample 77"),
        (NOISE * np.float64(1e39), "number 0 must be finite, got"),
        (NOISE[0], "recordings must have the shape"),
        (NOISE[:0], "recordings must have the shape"),
        (NOISE * 1j, "recordings must contain real numbers"),
        (np.ma.masked_greater(NOISE, 0), "recordings must not have masked values"),
    ],
)
def test_recordings_that_are_no_noise(recordings, message):
    with pytest.raises(ValueError, match=message):
        drawn(recordings, sampling_rate=200.0)


def test_excluded_times_may_be_no_noise():
    drawn(DEAD, sampling_rate=200.0, exclude=[(10.0, 10.3)])
    with pytest.raises(ValueError, match="must be noise"):
        drawn(DEAD, sampling_rate=200.0, exclude=[(10.0, 10.04)])


def test_a_long_recording_is_checked_in_blocks(monkeypatch):
    monkeypatch.setattr("sklearn_aera.simulation._recording_checks._BLOCK", 64)
    np.testing.assert_array_equal(
        drawn(NOISE, sampling_rate=200.0), drawn(NOISE.astype(float), sampling_rate=200.0)
    )
    with pytest.raises(ValueError, match=r"number 1 .* from number 2000 on"):
        drawn(DEAD, sampling_rate=200.0)


def test_quantised_noise_is_noise_and_clipped_noise_gets_a_warning():
    drawn(np.rint(NOISE * 2).astype(np.int8), sampling_rate=200.0)
    clipped = changed(1, NOISE.max(), slice(100, 105))
    with pytest.warns(UserWarning, match="recordings are clipped: 5 samples .* in number 1$"):
        drawn(clipped, sampling_rate=200.0)


def test_memory_maps_are_used_without_a_copy(tmp_path):
    np.save(tmp_path / "noise.npy", (NOISE * 100).astype(np.int16))
    recordings = np.load(tmp_path / "noise.npy", mmap_mode="r")
    simulator = TraceSimulator(
        noise=MeasuredNoise(recordings, sampling_rate=160.0), sampling_rate=160.0, n_samples=300
    )
    events, _ = make_events(4, arrival_time=(0.3, 1.0), random_state=0)
    fitted = clone(simulator.set_params(random_state=0)).fit(events)
    assert fitted.noise_.recordings is fitted.noise_.recordings_ is recordings
    traces = fitted.transform(events)
    assert traces.dtype == np.float32
    stored = pickle.dumps(fitted)
    assert len(stored) < 1.5 * recordings.nbytes
    np.testing.assert_array_equal(pickle.loads(stored).transform(events), traces)
