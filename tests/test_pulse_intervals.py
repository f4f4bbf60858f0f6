"""Credible intervals of pulses: against direct sums, and the share that contains the truth."""

import numpy as np
import pytest
from scipy.special import logsumexp

from sklearn_aera._templates import arrival_times, build_bank
from sklearn_aera.datasets import make_traces
from sklearn_aera.likelihood import LikelihoodRatioClassifier, PulsePrior
from sklearn_aera.likelihood._intervals import pulse_intervals
from sklearn_aera.metrics import cramer_rao_bound, pulse_parameters
from sklearn_aera.preprocessing import StationaryCovariance
from sklearn_aera.simulation import AnalyticPulse, BandPass, FrequencyGrid, TraceSimulator

RATE = 180.0


@pytest.fixture(scope="module")
def short():
    """Short traces, quick to fit."""
    simulator = TraceSimulator(n_samples=80)
    return make_traces(300, simulator=simulator, arrival_time=(0.1, 0.3), random_state=0)


@pytest.fixture(scope="module")
def found():
    """Pulses that a fine bank finds, and their parameters with intervals."""
    train = make_traces(1500, random_state=4)
    test = make_traces(700, signal_fraction=1.0, first_event_id=10**6, random_state=4)
    fine = {"times_per_sample": 4, "n_slopes": 4, "n_phases": 4}
    limit = LikelihoodRatioClassifier(**fine).fit(train.traces, train.y)
    rows = limit.decision_function(test.traces) > 5
    return limit, test.signals[rows], limit.predict_pulses(test.traces[rows])


def test_share_of_intervals_that_contain_the_truth(found):
    """68 % of the pulses found, whatever their strength."""
    _, signals, intervals = found
    assert len(signals) > 500
    tolerance = 3 * np.sqrt(0.683 * 0.317 / len(signals))
    for truth, (value, low, high) in zip(pulse_parameters(signals), intervals, strict=True):
        assert abs(np.mean((low < truth) & (truth < high)) - 0.683) < tolerance
        assert abs(np.mean(truth > value) - 0.5) < 3 * np.sqrt(0.25 / len(signals))


def test_errors_are_those_of_the_bound(found):
    """What is known beforehand about the phase, uniform within 30 degrees, counts."""
    limit, signals, intervals = found
    bound = cramer_rao_bound(signals, limit.autocovariance_, phase_std=30 / np.sqrt(3))
    for lowest, (_, low, high) in zip(bound, intervals, strict=True):
        assert 0.9 < np.median((high - low) / 2 / lowest) < 1.3


def test_agrees_with_the_direct_sum():
    """White noise, float64, every template at 300 amplitudes."""
    rng = np.random.default_rng(0)
    grid = FrequencyGrid.from_response(BandPass(), RATE, 64)
    times = arrival_times(None, grid, 2)
    shapes = AnalyticPulse().prepare(grid).shapes((-30.0, 0.0), 2)
    white = StationaryCovariance.from_autocovariance(np.eye(64)[0])
    bank = build_bank(*shapes, grid, times, white, n_phases=3, times_per_sample=2)
    in_phase, quadrature = (part.astype(float) for part in bank.quadratures(slice(None)))
    pulses = np.concatenate([
        cosine[:, None] * in_phase + sine[:, None] * quadrature for cosine, sine in bank.weights
    ])  # fmt: skip
    X = rng.normal(size=(10, 64)) + rng.uniform(2, 6, (10, 1)) * pulses[rng.integers(1, 200, 10)]
    prior = PulsePrior.from_range((0.5, 8.0), "trace", bank.mean_square, [0.7, 0.3])
    found = pulse_intervals(X, bank, prior, 1.0, 1e6, RATE, 0.6)
    snr = 0.5 + 7.5 * (np.arange(300) + 0.5) / 300
    for row, x in enumerate(X):
        a = np.sqrt(np.mean(x**2)) * np.stack([snr, -snr])[:, :, None]
        terms = a * (pulses @ x) - a**2 * np.sum(pulses**2, axis=1) / 2
        weights = np.exp(terms - logsumexp(terms))
        shape = pulse_parameters(in_phase)
        amplitude = np.tile(shape.amplitude, 3) * np.hypot(*bank.weights.transpose(1, 0, 2)).ravel()
        # The values of a step are those around its middle.
        _check(found.amplitude, row, np.abs(a) * amplitude, weights)
        _check(found.energy, row, a**2 * np.sum(pulses**2, axis=1) / RATE, weights)
        step = times[1] - times[0]
        late = (
            np.tile(bank.times, 3) + step * ((np.arange(21) + 0.5) / 21 - 0.5)[:, None, None, None]
        )
        _check(found.time, row, late, np.tile(weights / 21, (21, 1, 1, 1)))


def _check(intervals, row, values, weights):
    values, weights = np.broadcast_to(values, weights.shape).ravel(), weights.ravel()
    order = np.argsort(values)
    expected = np.interp([0.5, 0.2, 0.8], np.cumsum(weights[order]), values[order])
    found = [part[row] for part in intervals]
    # Steps of amplitude and time are tenths of the width.
    np.testing.assert_allclose(found, expected, atol=0.2 * (expected[2] - expected[1]) / 2)


def test_wider_intervals_contain_the_narrower(short):
    limit = LikelihoodRatioClassifier().fit(short.traces, short.y)
    traces = short.traces[short.y == 1]
    one, two = (limit.predict_pulses(traces, confidence_level=level) for level in (0.68, 0.95))
    for narrow, wide in zip(one, two, strict=True):
        np.testing.assert_array_equal(narrow.value, wide.value)
        assert np.all(wide.low < narrow.low)
        assert np.all(wide.high > narrow.high)


def test_trace_stands_alone_and_unit_does_not_matter(short):
    limit = LikelihoodRatioClassifier().fit(short.traces, short.y)
    unit = 1e-12
    scaled = LikelihoodRatioClassifier().fit(short.traces * unit, short.y)
    traces = short.traces[short.snr > 2]
    together, again = limit.predict_pulses(traces), scaled.predict_pulses(traces * unit)
    alone = limit.predict_pulses(traces[3:4])
    for power, name in ((1, "amplitude"), (2, "energy"), (0, "time")):
        first, second, third = (getattr(x, name) for x in (together, again, alone))
        np.testing.assert_allclose(np.divide(second, unit**power), first, rtol=1e-3)
        np.testing.assert_allclose(np.array(first)[:, 3], np.array(third)[:, 0], rtol=1e-4)


def test_silent_and_loud_traces(short):
    limit = LikelihoodRatioClassifier().fit(short.traces, short.y)
    silent = limit.predict_pulses(np.zeros((2, 80)))
    np.testing.assert_array_equal([*silent.amplitude, *silent.energy], 0.0)
    for factor in (1.0, 1e4, 1e10):
        assert np.isfinite(limit.predict_pulses(short.traces[:40] * factor)).all()


def test_bad_input(short):
    limit = LikelihoodRatioClassifier().fit(short.traces, short.y)
    with pytest.raises(ValueError, match="confidence_level"):
        limit.predict_pulses(short.traces, confidence_level=1.0)
    with pytest.raises(ValueError, match="expecting 80 features"):
        limit.predict_pulses(short.traces[:, :70])
