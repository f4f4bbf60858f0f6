"""Products with the covariance of a stationary signal, against dense matrices."""

import pickle

import numpy as np
import pytest
from scipy.linalg import toeplitz

from sklearn_aera import _toeplitz
from sklearn_aera._toeplitz import (
    StationaryCovariance,
    batches,
    mirror_parts,
    mirror_product,
)


def _lags(n_samples, ridge=1e-3):
    """A carrier, a smooth spectrum and white noise."""
    lag = np.arange(n_samples)
    lags = np.cos(0.7 * lag) + np.exp(-0.5 * (lag / 3) ** 2)
    lags[0] += ridge
    return lags


@pytest.mark.parametrize("n_samples", [1, 2, 50, 51])
def test_products_are_those_of_the_matrix(n_samples):
    lags = _lags(n_samples)
    covariance, matrix = StationaryCovariance.from_autocovariance(lags), toeplitz(lags)
    X = np.random.default_rng(0).normal(size=(3, n_samples))
    inverse = np.linalg.inv(matrix)
    np.testing.assert_allclose(covariance.multiply(X), X @ matrix, atol=1e-11)
    # Errors grow with the condition number, about 1e5 here.
    np.testing.assert_allclose(covariance.solve(X), X @ inverse, rtol=1e-8, atol=1e-7)
    sums = [np.trace(inverse, lag) for lag in range(n_samples)]
    np.testing.assert_allclose(covariance.inverse_diagonals(), sums, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("n_iterations", [100, 1])
def test_iteration_from_a_similar_inverse(monkeypatch, n_iterations):
    """Or, if it does not converge, the direct solution."""
    monkeypatch.setattr(_toeplitz, "DENSE_LENGTH", 10)
    monkeypatch.setattr(_toeplitz, "_MAX_ITERATIONS", n_iterations)
    similar = StationaryCovariance.from_autocovariance(_lags(80, 2e-3))
    direct = StationaryCovariance.from_autocovariance(_lags(80))
    found = StationaryCovariance.from_autocovariance(_lags(80), similar)
    np.testing.assert_allclose(found.inverse_column, direct.inverse_column, atol=1e-5)


def test_batches_cover_all_traces():
    X = np.zeros((20, 1))
    rows = [np.arange(20)[one] for one in batches(X, 10**9)]
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(20))
    assert len(rows) == 3


@pytest.mark.parametrize("n_samples", [1, 2, 7, 8])
def test_mirror_product_is_that_of_the_whole_matrix(n_samples):
    matrix = toeplitz(_lags(n_samples))
    parts = mirror_parts(matrix[: (n_samples + 1) // 2])
    X = np.random.RandomState(0).normal(size=(3, 2, n_samples))
    np.testing.assert_allclose(mirror_product(X, *parts), X @ matrix, rtol=1e-12, atol=1e-12)


def test_pickles_do_not_contain_the_inverse():
    covariance = StationaryCovariance.from_autocovariance(_lags(300))
    traces = np.random.RandomState(0).normal(size=(2, 300))
    expected, stored = covariance.solve(traces), pickle.dumps(covariance)
    assert len(stored) < 3 * 300 * 8
    np.testing.assert_array_equal(pickle.loads(stored).solve(traces), expected)
