"""Noise from recordings of several antennas, without the times of known pulses."""

import numpy as np
import pytest

from sklearn_aera.datasets import Recording, make_events
from sklearn_aera.simulation import BandPass, FrequencyGrid, MeasuredNoise, TraceSimulator

GRID = FrequencyGrid.from_response(BandPass(), 200.0, 50)
# Samples that say their antenna and their number.
SAMPLES = np.arange(1000.0) + 10_000 * np.array([[1], [2]])
UNIFORM = np.random.default_rng(0).random((3000, 2))


def drawn(recordings, **options):
    return MeasuredNoise(recordings, **options).prepare(GRID).traces(UNIFORM, None)


def test_antennas_of_a_recording():
    recording = Recording(SAMPLES, 200.0)
    traces = drawn(recording)
    assert set(traces[:, 0] // 10_000) == {1, 2}
    np.testing.assert_array_equal(traces, drawn(SAMPLES, sampling_rate=200.0))
    assert set(drawn(recording[1])[:, 0] // 10_000) == {2}
    np.testing.assert_array_equal(np.diff(traces, axis=1), 1)


@pytest.mark.parametrize("first_time", [0.0, 7.0])
def test_excluded_times(first_time):
    recording = Recording(SAMPLES, 200.0, first_time=first_time)
    exclude = [(first_time + 3.0, first_time + 3.5), (first_time + 1.0, first_time + 1.1)]
    starts = drawn(recording, exclude=exclude)[:, 0] % 10_000
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
    starts = drawn(SAMPLES, sampling_rate=200.0, exclude=exclude)[:, 0] % 10_000
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
