"""Traces of several channels: arms of an antenna, polarization, common and independent noise."""

import numpy as np
import pytest

from sklearn_aera.datasets import (
    load_traces,
    make_events,
    make_traces,
    save_traces,
    simulate_to_file,
)
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    MeasuredNoise,
    PulseLibrary,
    TraceSimulator,
)

ARMS = (0, 90)


def rms(values):
    return np.sqrt(np.mean(np.square(values, dtype=float), axis=-1))


def test_shapes_and_columns():
    data = make_traces(5, simulator=TraceSimulator(arms=ARMS), random_state=0)
    assert data.traces.shape == data.signals.shape == (5, 2, 500)
    assert data.traces.dtype == np.float32
    polarization = data.events[:, 5]
    assert ((polarization >= 0) & (polarization <= 180)).all()


def test_first_channel_has_the_noise_of_one_channel():
    """With several channels, an event keeps the random numbers that it has with one."""
    options = {"n_events": 20, "signal_fraction": 0.0, "random_state": 3}
    one = make_traces(simulator=TraceSimulator(), **options)
    two = make_traces(simulator=TraceSimulator(arms=ARMS), **options)
    np.testing.assert_array_equal(two.events[:, :5], one.events)
    np.testing.assert_allclose(two.traces[:, 0], one.traces, atol=1e-6)


def test_snr_is_that_of_the_strongest_channel():
    simulator = TraceSimulator(arms=ARMS)
    data = make_traces(50, simulator=simulator, signal_fraction=1.0, random_state=1)
    ratio = np.abs(data.signals).max(axis=2) / rms(data.traces - data.signals)
    np.testing.assert_allclose(ratio.max(axis=1), data.snr, rtol=1e-4)


def test_snr_of_the_whole_trace():
    simulator = TraceSimulator(arms=ARMS, snr_reference="trace")
    data = make_traces(50, simulator=simulator, signal_fraction=1.0, random_state=1)
    ratio = np.abs(data.signals).max(axis=2) / rms(data.traces)
    np.testing.assert_allclose(ratio.max(axis=1), data.snr, rtol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 135.0])
def test_amplitudes_follow_from_the_polarization(angle):
    simulator = TraceSimulator(arms=ARMS)
    data = make_traces(
        4, simulator=simulator, polarization=angle, signal_fraction=1.0, random_state=0
    )
    size = np.abs(data.signals).max(axis=2)
    expected = np.abs([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    size /= np.linalg.norm(size, axis=1)[:, None]
    np.testing.assert_allclose(size, [expected] * 4, atol=1e-5)
    product = np.sum(data.signals[:, 0] * data.signals[:, 1], axis=1)
    sign = np.sign(np.round(np.sin(2 * np.deg2rad(angle)), 9))
    np.testing.assert_array_equal(np.sign(np.where(np.abs(product) < 1e-9, 0, product)), sign)


def test_polarization_by_180_degrees_is_the_other_polarity():
    simulator = TraceSimulator(arms=ARMS, random_state=0)
    events, _ = make_events(3, signal_fraction=1.0, polarization=20.0, random_state=0)
    simulator.fit(events)
    turned = events.copy()
    turned[:, 5] += 180
    turned[:, 4] *= -1
    np.testing.assert_allclose(
        simulator.simulate(events)[1], simulator.simulate(turned)[1], atol=1e-6
    )


def test_vertical_arm_receives_what_is_above_the_horizon():
    simulator = TraceSimulator(arms=(0, 90, "vertical"), pulse=AnalyticPulse(elevation=30.0))
    data = make_traces(3, simulator=simulator, signal_fraction=1.0, random_state=0)
    size = np.abs(data.signals).max(axis=2)
    np.testing.assert_allclose(size[:, 2] / np.linalg.norm(size, axis=1), 0.5, atol=1e-5)


def test_elevations_are_drawn_from_a_range():
    pulse = AnalyticPulse(elevation=(-60.0, 60.0), phase_jitter=0.0)
    simulator = TraceSimulator(arms=(0, 90, "vertical"), pulse=pulse)
    data = make_traces(400, simulator=simulator, signal_fraction=1.0, random_state=0)
    size = np.abs(data.signals).max(axis=2)
    elevation = np.rad2deg(np.arcsin(size[:, 2] / np.linalg.norm(size, axis=1)))
    # The mean of the absolute value of a uniform number on (-60, 60), within 5 standard errors.
    assert elevation.mean() == pytest.approx(30, abs=5 * 60 / np.sqrt(12 * 400))


def test_galactic_noise_is_independent_and_carriers_are_common():
    n, options = 400, {"signal_fraction": 0.0, "random_state": 0}

    def correlation(share):
        noise = AntennaNoise(carrier_share=share)
        simulator = TraceSimulator(arms=ARMS, noise=noise)
        first, second = make_traces(n, simulator=simulator, **options).traces.swapaxes(0, 1)
        return np.corrcoef(first.ravel(), second.ravel())[0, 1]

    # 500 samples of a band of 50 MHz at 180 MHz have about 278 independent values.
    assert correlation(0.0) == pytest.approx(0.0, abs=5 / np.sqrt(278 * n))
    # Two carriers beat in a trace: their share fluctuates by at most 30 % in a trace.
    assert correlation(0.8) == pytest.approx(0.8, abs=5 * 0.3 / np.sqrt(n))


def test_bursts_are_common():
    noise = AntennaNoise(carrier_share=0.0, burst_rate=1.0, burst_amplitude=50.0)
    simulator = TraceSimulator(arms=ARMS, noise=noise)
    traces = make_traces(20, simulator=simulator, signal_fraction=0.0, random_state=0).traces
    loud = np.abs(traces).max(axis=(1, 2)) > 1.0
    assert loud.sum() > 10
    for first, second in traces[loud]:
        assert np.corrcoef(first, second)[0, 1] > 0.9


def test_library_of_vectors():
    """Arms receive the components of the field along them, whose peak is the arrival time."""
    t = np.arange(-0.05, 0.05, 0.001)
    bipolar = -t * np.exp(-((t / 0.005) ** 2))
    field = np.stack([0.6 * bipolar, 0.8 * bipolar, 0.1 * bipolar])
    library = PulseLibrary([field], sampling_rate=1000.0)
    simulator = TraceSimulator(pulse=library, arms=(0, 90, "vertical", 45))
    data = make_traces(3, simulator=simulator, signal_fraction=1.0, random_state=0)
    size = np.abs(data.signals).max(axis=2)
    expected = np.array([0.6, 0.8, 0.1, (0.6 + 0.8) / np.sqrt(2)])
    np.testing.assert_allclose(size / size[:, :1], [expected / 0.6] * 3, rtol=1e-3)


def test_recordings_of_several_channels():
    """All channels of an event come from the same time of the same recording."""
    recordings = np.arange(2 * 2 * 3000.0).reshape(2, 2, 3000) * np.tile([1, -1], 1500)
    simulator = TraceSimulator(noise=MeasuredNoise(recordings), arms=ARMS)
    traces = make_traces(9, simulator=simulator, signal_fraction=0.0, random_state=0).traces
    traces = np.abs(traces)
    np.testing.assert_array_equal(traces[:, 1] - traces[:, 0], 3000.0)
    np.testing.assert_array_equal(np.diff(traces), 1.0)
    assert len(np.unique(traces[:, 0, 0] // 6000)) == 2
    one = TraceSimulator(noise=MeasuredNoise(recordings[0]), arms=ARMS)
    with pytest.raises(
        ValueError, match=r"noise must have the channels .* \(2, 500\), got \(500,\)"
    ):
        make_traces(3, simulator=one)


def test_library_of_vectors_needs_arms():
    library = PulseLibrary(np.ones((1, 3, 200)) * np.arange(200) ** 2, sampling_rate=1000.0)
    with pytest.raises(ValueError, match="arms must be given for a library of pulses with three"):
        make_traces(2, simulator=TraceSimulator(pulse=library), signal_fraction=1.0)
    with pytest.raises(ValueError, match=r"waveforms must have one component or three.*\(1, 2"):
        make_traces(2, simulator=TraceSimulator(pulse=PulseLibrary(np.ones((1, 2, 9)), 1000.0)))


def test_pure_function_of_the_row():
    simulator = TraceSimulator(arms=ARMS, random_state=0)
    events, _ = make_events(30, polarization=(0, 180), random_state=0)
    traces = simulator.fit_transform(events)
    order = np.random.default_rng(0).permutation(30)
    np.testing.assert_allclose(simulator.transform(events[order]), traces[order], atol=1e-6)


@pytest.mark.parametrize(
    ("arms", "error", "message"),
    [
        ((), ValueError, "arms must be a sequence"),
        ("vertical", ValueError, "arms must be a sequence"),
        (90, ValueError, "arms must be a sequence"),
        ((0, "up"), ValueError, "arms must be"),
        ((0, np.nan), ValueError, "arms must be"),
        ((0, None), TypeError, "arms must be"),
    ],
)
def test_bad_arms(arms, error, message):
    events, _ = make_events(2, polarization=0.0, random_state=0)
    with pytest.raises(error, match=message):
        TraceSimulator(arms=arms).fit(events)


def test_arms_need_the_polarization():
    events, _ = make_events(2, random_state=0)
    with pytest.raises(ValueError, match="column 'polarization'"):
        TraceSimulator(arms=ARMS).fit(events)
    with pytest.raises(ValueError, match="polarization must be from -360 to 360"):
        TraceSimulator(arms=ARMS).fit(np.column_stack([events, [0.0, 1e4]]))


@pytest.mark.parametrize("ending", [".npz", ".h5"])
def test_files_keep_channels_and_polarization(tmp_path, ending):
    data = make_traces(4, simulator=TraceSimulator(arms=ARMS), random_state=0)
    path = tmp_path / f"traces{ending}"
    save_traces(path, data.traces, signals=data.signals, events=data.events)
    again = load_traces(path)
    np.testing.assert_array_equal(again.traces, data.traces)
    np.testing.assert_array_equal(again.events, data.events)
    np.testing.assert_array_equal(again.y, data.y)


def test_simulate_to_file(tmp_path):
    simulator = TraceSimulator(arms=ARMS)
    simulate_to_file(tmp_path / "a.h5", 7, simulator=simulator, chunk_size=3, random_state=0)
    data, again = (
        make_traces(7, simulator=simulator, random_state=0),
        load_traces(tmp_path / "a.h5"),
    )
    np.testing.assert_allclose(again.traces, data.traces, atol=1e-6)
    np.testing.assert_array_equal(again.events, data.events)
