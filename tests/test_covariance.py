"""Covariance of stationary signals by maximum likelihood."""

import numpy as np

from sklearn_aera._covariance import signal_autocovariance, stationary_autocovariance


def _sums(rng, n_traces, n_samples=15):
    """A process with the autocovariance 2, 1, 0, ..."""
    steps = rng.normal(size=(n_traces, n_samples + 1))
    return steps[:, 1:] + steps[:, :-1]


def test_autocovariance_of_moving_sums():
    found = stationary_autocovariance(_sums(np.random.default_rng(0), 2000))
    np.testing.assert_allclose(found[:3], [2, 1, 0], atol=0.05)


def test_autocovariance_of_a_signal_in_noise():
    rng = np.random.default_rng(0)
    traces = _sums(rng, 5000) + rng.normal(size=(5000, 15))
    found = signal_autocovariance(traces, np.eye(15)[0])
    np.testing.assert_allclose(found[:3], [2, 1, 0], atol=0.05)
    np.testing.assert_array_equal(signal_autocovariance(np.zeros((3, 4)), np.eye(4)[0]), 0.0)
