"""Amplitude, energy and time of pulses, and the Cramer-Rao bound of their estimates."""

import numpy as np
import pytest

from sklearn_aera.datasets import make_traces
from sklearn_aera.metrics import cramer_rao_bound, pulse_parameters, trace_energy

RATE = 180.0
# Autocovariance of noise that is not white.
NOISE = 0.01 * np.exp(-np.arange(500) / 2.0) + 0.001 * np.eye(500)[0]


def _pulse(amplitude=0.3, time=1.4, phase=0.4):
    t = np.arange(500) / RATE - time
    return amplitude * np.exp(-((t / 0.02) ** 2)) * np.cos(2 * np.pi * 55.0 * t + phase)


def test_parameters_of_a_known_pulse():
    amplitude, time, phase = np.array([[0.3, 1.4, 0.4], [2e-20, 0.7003, 3.0], [5e20, 2.0, -1.5]]).T
    signals = np.stack([_pulse(*one) for one in zip(amplitude, time, phase, strict=True)])
    found = pulse_parameters(signals)
    np.testing.assert_allclose(found.amplitude, amplitude, rtol=5e-3)
    np.testing.assert_allclose(found.time, time, atol=1e-4)
    np.testing.assert_allclose(found.energy, trace_energy(signals))


def test_time_is_the_arrival_time_of_the_event():
    data = make_traces(300, signal_fraction=1.0, random_state=0)
    late = pulse_parameters(data.signals).time - data.arrival_time
    assert np.abs(late).max() < 1.5e-4  # us, a fortieth of a sample


def test_no_pulse():
    found = pulse_parameters(np.zeros((2, 50)))
    np.testing.assert_array_equal(found, np.zeros((3, 2)))


def test_bound_of_orthogonal_parameters():
    """In white noise the formulas of the text books hold."""
    pulse = _pulse()
    variance = 0.02
    peak = pulse_parameters([pulse])
    bound = cramer_rao_bound([pulse], variance * np.eye(500)[0], phase_std=0.0)
    shape = pulse / peak.amplitude
    slope = np.gradient(_pulse(time=1.4 + np.array([-1e-6, 0.0, 1e-6])[:, None]), 1e-6, axis=0)[1]
    np.testing.assert_allclose(bound.amplitude, np.sqrt(variance / np.sum(shape**2)), rtol=1e-6)
    np.testing.assert_allclose(bound.time, np.sqrt(variance / np.sum(slope**2)), rtol=1e-3)
    np.testing.assert_allclose(bound.energy / peak.energy, 2 * bound.amplitude / peak.amplitude)


def test_bound_is_reached_by_least_squares():
    """Linearised at the truth, weighted least squares has the errors of the bound."""
    rng = np.random.default_rng(0)
    n_traces, step = 20_000, 1e-6
    pulse = _pulse()
    derivatives = np.stack([
        pulse,
        (_pulse(time=1.4 + step) - _pulse(time=1.4 - step)) / (2 * step),
        (_pulse(phase=0.4 + step) - _pulse(phase=0.4 - step)) / (2 * step),
    ])  # fmt: skip
    covariance = NOISE[np.abs(np.subtract.outer(np.arange(500), np.arange(500)))]
    noise = rng.normal(size=(n_traces, 500)) @ np.linalg.cholesky(covariance).T
    weighted = np.linalg.solve(covariance, derivatives.T)
    estimates = noise @ weighted @ np.linalg.inv(derivatives @ weighted)
    bound = cramer_rao_bound([pulse], NOISE)
    peak = pulse_parameters([pulse])
    tolerance = 4 / np.sqrt(2 * n_traces)
    relative = bound.amplitude / peak.amplitude
    np.testing.assert_allclose(estimates[:, 0].std(), relative[0], rtol=tolerance)
    np.testing.assert_allclose(estimates[:, 1].std(), bound.time[0], rtol=tolerance)


def test_bound_scales_with_the_noise_and_the_pulse():
    one, other = (cramer_rao_bound([factor * _pulse()], NOISE) for factor in (1, 3))
    np.testing.assert_allclose(one.amplitude, other.amplitude)
    np.testing.assert_allclose(one.time, 3 * other.time)
    np.testing.assert_allclose(3 * one.energy, other.energy)
    known, partly, unknown = (
        cramer_rao_bound([_pulse()], NOISE, phase_std=std).time for std in (0, 15.0, np.inf)
    )
    assert known < partly < unknown
    tiny = cramer_rao_bound([_pulse()], NOISE, phase_std=1e-6).time
    np.testing.assert_allclose(tiny, known, rtol=1e-6)


def test_bad_input():
    pulse = [_pulse()]
    with pytest.raises(ValueError, match=r"autocovariance must have .* 500 samples, got 499"):
        cramer_rao_bound(pulse, NOISE[:-1])
    with pytest.raises(ValueError, match="autocovariance must be positive definite"):
        cramer_rao_bound(pulse, -NOISE)
    with pytest.raises(ValueError, match="phase_std == -1"):
        cramer_rao_bound(pulse, NOISE, phase_std=-1.0)
    with pytest.raises(ValueError, match="phase_std"):
        cramer_rao_bound(pulse, NOISE, phase_std=np.nan)
    with pytest.raises(ValueError, match="signals must not be zero"):
        cramer_rao_bound(np.zeros((1, 500)), NOISE)
    with pytest.raises(ValueError, match="signals"):
        pulse_parameters([[np.nan, 1.0]])
