"""Scaling of traces by their peak and by their standard deviation."""

import numpy as np

from sklearn_aera._scaling import divide_by_peak, divide_by_std


def test_divide_by_std_returns_what_the_traces_are_multiplied_by():
    X = np.random.default_rng(2).normal(size=(4, 3, 10)).astype(np.float32)
    X[1] = 7.0
    for traces, shape in ((X, (4, 1, 1)), (X.reshape(4, 30), (4, 1))):
        normalized, std = divide_by_std(traces)
        assert std.shape == shape
        assert (std.dtype, normalized.dtype) == (np.float64, np.float32)
        np.testing.assert_allclose((normalized * std)[[0, 2, 3]], traces[[0, 2, 3]], rtol=1e-5)
        assert not normalized[1].any()
        assert std[1] == 0.0


def test_divide_by_peak_of_some_samples():
    relative, peak = divide_by_peak(np.array([[1.0, -2.0, 8.0], [0, 0, 0]]), samples=slice(0, 2))
    np.testing.assert_array_equal(peak, [[2.0], [0.0]])
    np.testing.assert_array_equal(relative, [[0.5, -1.0, 4.0], [0, 0, 0]])
