"""Energies, peaks and errors of recovered signals."""

import numpy as np
import pytest
from scipy.stats import norm

from sklearn_aera.metrics import (
    bias_and_resolution,
    energy_ratio,
    invented_pulses,
    normalized_mean_squared_error,
    pulse_peak,
    recovery_resolution,
    snr_gain,
    threshold_at_fpr,
    trace_energy,
)


def _pulses(times, amplitude=0.3, phase=0.0):
    t = np.arange(500) / 180.0 - np.reshape(times, (-1, 1))
    return amplitude * np.exp(-((t / 0.02) ** 2)) * np.cos(2 * np.pi * 55.0 * t + phase)


def test_energy_is_the_integral_of_the_square():
    """Of a Gaussian pulse: A^2 / 2 sqrt(pi / 2) width, whatever the sampling rate."""
    expected = 0.3**2 / 2 * np.sqrt(np.pi / 2) * 0.02
    assert trace_energy(_pulses(1.5))[0] == pytest.approx(expected, rel=1e-3)
    slow = trace_energy(_pulses(1.5), sampling_rate=90.0)[0]
    assert slow == pytest.approx(2 * expected, rel=1e-3)
    np.testing.assert_allclose(trace_energy(_pulses([0.5, 1.5, 2.5]), window=(1.0, 2.0)), [
        0.0, expected, 0.0
    ], atol=1e-3 * expected)  # fmt: skip


def test_energy_of_float32_is_summed_in_float64():
    traces = np.full((1, 500), 1e25, dtype=np.float32)
    assert trace_energy(traces)[0] == pytest.approx(1e50 * 500 / 180, rel=1e-5)


def test_energy_ratio():
    truth = _pulses([1.0, 2.0, 1.0])
    truth[2] = 0
    ratio = energy_ratio(truth, 0.5 * truth)
    np.testing.assert_allclose(ratio, [0.25, 0.25, np.nan])
    recovered = truth + _pulses([2.0, 2.0, 2.0])
    assert energy_ratio(truth, recovered)[0] == pytest.approx(2.0, rel=1e-3)
    assert energy_ratio(truth, recovered, window=(0.5, 1.5))[0] == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("phase", [0.0, 0.7, np.pi / 2, np.pi])
def test_peak_of_the_envelope_does_not_depend_on_the_phase(phase):
    times = np.array([0.6, 1.234, 2.2])
    amplitude, time = pulse_peak(_pulses(times, phase=phase))
    np.testing.assert_allclose(amplitude, 0.3, rtol=0.02)
    assert np.abs(time - times).max() <= 0.5001 / 180


def test_normalized_error_and_gain():
    rng = np.random.default_rng(0)
    truth = _pulses(np.linspace(0.5, 2.0, 200))
    noise = rng.normal(size=truth.shape)
    power = np.sum(truth**2) / truth.size
    # The relative error of a mean of 100 000 squares is root of 2 / 100 000.
    tolerance = 5 * np.sqrt(2 / truth.size)
    error = normalized_mean_squared_error(truth, truth + 0.1 * noise)
    assert error == pytest.approx(0.01 / power, rel=tolerance)
    assert normalized_mean_squared_error(truth, 0 * truth) == 1.0
    assert snr_gain(truth, truth + noise, truth + 0.1 * noise) == pytest.approx(20.0)
    assert snr_gain(truth, truth + noise, truth + noise) == 0.0
    assert snr_gain(truth, truth + noise, truth) == np.inf


def test_invented_pulses_at_a_threshold_of_a_given_rate():
    rng = np.random.default_rng(1)
    validation, test = (_pulses(np.full(4000, 1.5)) * rng.exponential(size=(4000, 1)) for _ in "ab")
    peak = pulse_peak(validation).amplitude
    threshold = threshold_at_fpr(np.r_[np.zeros(4000), 1], np.r_[peak, 99.0], max_fpr=0.05)
    rate, energy = invented_pulses(test, threshold)
    assert rate.value == pytest.approx(0.05, abs=5 * np.sqrt(2 * 0.05 * 0.95 / 4000))
    assert rate.low < rate.value < rate.high
    # An exponential variable above t has the mean square 1 + (1 + t)^2, in units of its scale.
    unit = trace_energy(_pulses(1.5))[0]
    expected = 1 + (1 + threshold / 0.3) ** 2
    n_invented = 4000 * rate.value
    assert energy / unit == pytest.approx(expected, rel=5 * 0.6 / np.sqrt(n_invented))
    none = invented_pulses(np.zeros((10, 50)), 0.1)
    assert none.rate.value == 0
    assert np.isnan(none.energy)


def test_bias_and_resolution_of_a_normal_variable():
    n = 20_000
    errors = np.random.default_rng(0).normal(-0.03, 0.2, n)
    bias, resolution = bias_and_resolution(errors)
    # Standard errors of a median, and of half the difference of the two quantiles.
    assert bias.value == pytest.approx(-0.03, abs=5 * 0.2 * 1.2533 / np.sqrt(n))
    assert resolution.value == pytest.approx(0.2, abs=5 * 0.2 * np.sqrt(0.93 / n))
    assert (bias.high - bias.low) / 2 == pytest.approx(0.2 * 1.2533 / np.sqrt(n), rel=0.3)
    outliers = np.r_[errors, np.full(50, 1e9)]
    assert bias_and_resolution(outliers).resolution.value == pytest.approx(0.2, rel=0.03)


@pytest.mark.parametrize("n", [20, 300])
def test_intervals_cover(n):
    """Of a skewed distribution, whose quantiles are known."""
    lower, upper = -np.log(norm.cdf(1)), -np.log(norm.cdf(-1))
    truth = np.log(2), (upper - lower) / 2
    rng = np.random.default_rng(2)
    n_trials = 400
    covered = np.zeros(2)
    for _ in range(n_trials):
        for i, interval in enumerate(bias_and_resolution(rng.exponential(size=n))):
            covered[i] += interval.low <= truth[i] <= interval.high
    share = covered / n_trials
    error = np.sqrt(0.68 * 0.32 / n_trials)
    assert np.all(share > 0.6827 - 3 * error)
    # Order statistics are discrete: with few events the interval is rather too long.
    assert np.all(share < (0.85 if n < 100 else 0.78) + 3 * error)
    errors = rng.exponential(size=n)
    wide, narrow = (bias_and_resolution(errors, confidence_level=level) for level in (0.95, 0.5))
    for i in range(2):
        assert wide[i].low < narrow[i].low < narrow[i].high < wide[i].high


def test_resolution_against_snr():
    rng = np.random.default_rng(3)
    n = 30_000
    snr = rng.choice([1.0, 2.0, 4.0], n)
    errors = 0.05 * (snr == 1.0) + rng.normal(size=n) / snr
    curve = recovery_resolution(errors, snr, bins=[0.5, 1.5, 3.0, 3.5, 4.0])
    counts = [np.sum(snr == value) for value in (1.0, 2.0)]
    assert curve.n_events.tolist() == [*counts, 0, n - sum(counts)]
    expected = np.array([1.0, 0.5, np.nan, 0.25])
    np.testing.assert_allclose(curve.resolution.value, expected, rtol=5 * np.sqrt(0.93 / 1e4))
    np.testing.assert_allclose(curve.bias.value[0], 0.05, atol=5 * 1.2533 / 100)
    first = bias_and_resolution(errors[snr == 1.0])
    assert (curve.bias.low[0], curve.bias.high[0]) == first.bias[1:]
    assert recovery_resolution(errors, snr, bins=3).snr_edges.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_few_events():
    single = bias_and_resolution([0.3])
    assert single.bias == (0.3, 0.3, 0.3)
    assert single.resolution == (0.0, 0.0, 0.0)


TRACES = np.ones((2, 5))


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (trace_energy, (np.ones(5),), r"traces must have two dimensions, got shape \(5,\)"),
        (trace_energy, ([[1.0, np.nan]],), "traces contains NaN"),
        (energy_ratio, (TRACES, np.ones((2, 4))), r"recovered must have the shape of true_signals"),
        (snr_gain, (TRACES, np.ones((3, 5)), TRACES), "traces must have the shape of true_signals"),
        (snr_gain, (TRACES, TRACES, TRACES), "traces must differ from true_signals"),
        (normalized_mean_squared_error, (0 * TRACES, TRACES), "must not all be zero"),
        (invented_pulses, (TRACES, -1.0), "threshold == -1.0, must be >= 0"),
        (pulse_peak, ([[np.inf, 1.0]],), "traces contains infinity"),
        (bias_and_resolution, ([[1.0, 2.0]],), "errors must be one-dimensional, got shape"),
        (bias_and_resolution, ([1.0, np.nan],), "errors contains NaN"),
        (recovery_resolution, ([1.0, 2.0], [1.0]), "inconsistent numbers of samples"),
    ],
)
def test_bad_input(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sampling_rate": 0.0}, "sampling_rate == 0.0, must be > 0"),
        ({"window": (3.0, 1.0)}, "window must be finite and increasing"),
        ({"window": (9.0, 9.5)}, "window must contain at least one of the 5 samples, from 0 to"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        trace_energy(TRACES, **parameters)
    with pytest.raises(ValueError, match=r"confidence_level == 1\.0, must be < 1"):
        bias_and_resolution([1.0], confidence_level=1.0)
