"""Traces of several channels: their shape, their layout, and what is refused."""

import h5py
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sklearn_aera.preprocessing import SpectralWhitener, WienerFilter


def test_layout_in_memory_does_not_matter():
    X = np.random.default_rng(0).normal(size=(20, 2, 30)).astype(np.float32)
    whitener = SpectralWhitener().fit(X)
    white = whitener.transform(X)
    for same in (np.asfortranarray(X), X.transpose(2, 1, 0).copy().transpose(2, 1, 0), X.tolist()):
        np.testing.assert_allclose(whitener.transform(same), white, atol=1e-6)


def test_channels_that_do_not_fit():
    X = np.random.default_rng(0).normal(size=(5, 2, 9))
    whitener = SpectralWhitener().fit(X)
    message = r"X must have traces of shape \(2, 9\), as in fit, got traces of shape "
    with pytest.raises(ValueError, match=message + r"\(3, 9\)"):
        whitener.transform(np.ones((5, 3, 9)))
    with pytest.raises(ValueError, match=message + r"\(18,\)"):
        whitener.transform(X.reshape(5, 18))
    with pytest.raises(ValueError, match=r"traces of shape \(9,\), as in fit, got traces of shape"):
        SpectralWhitener().fit(X[:, 0]).transform(X)
    with pytest.raises(ValueError, match=r"got \(5, 9, 2\) with more channels than samples: the"):
        SpectralWhitener().fit(X.transpose(0, 2, 1))
    with pytest.raises(ValueError, match="contains NaN"):
        SpectralWhitener().fit(np.full((5, 2, 9), np.nan))
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        SpectralWhitener().fit(np.ones((0, 2, 9)))
    with pytest.raises(ValueError, match="Found array with dim 4"):
        SpectralWhitener().fit(np.ones((5, 1, 2, 9)))


def test_containers_of_traces(tmp_path):
    X = np.random.default_rng(0).normal(size=(6, 2, 30)).astype(np.float32)
    whitener = SpectralWhitener().fit(X)
    with h5py.File(tmp_path / "traces.h5", "w") as file:
        file["traces"] = X
        containers = [
            file["traces"],
            list(X),
            X.tolist(),
            X.astype(object),
            np.ma.masked_array(X, mask=False),
            tf.constant(X),
        ]
        for container in containers:
            np.testing.assert_allclose(whitener.transform(container), whitener.transform(X))
    flat = SpectralWhitener().fit(X[:, 0])
    for container in (tf.constant(X[:, 0]), pd.DataFrame(X[:, 0])):
        np.testing.assert_allclose(flat.transform(container), flat.transform(X[:, 0]))


DATES = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="M8[D]")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((3, 4)) * 1j, "Complex data not supported: X must contain real numbers"),
        (np.stack([DATES, DATES]), r"X must contain real numbers, got values of type datetime64"),
        (pd.DataFrame({"a": DATES, "b": DATES}), "X must contain real numbers, got values of type"),
        (np.ma.masked_greater([[1.0, 2.0], [3.0, 4.0]], 3), "X must not have masked values"),
        ([[1.0, 2.0], [3.0]], "X must be an array, with rows of equal length"),
        ([np.ones((2, 9)), np.ones((3, 9))], "X must be an array, with rows of equal length"),
        ([np.ones((9, 2)), np.ones((9, 2))], "more channels than samples: the last two axes"),
        (pd.DataFrame({"a": [[1.0], [2.0]], "b": [[1.0], [2.0]]}), "X must contain real numbers: "),
        ([["1", "a"]], "X must contain real numbers, got values of type <U1"),
        ([[10**400, 1]], "X must contain real numbers: "),
        (np.full((2, 4), 1e300), "infinity or a value too large for dtype"),
        (np.zeros(3, dtype=[("a", float)]), "X must contain real numbers, got values of type"),
        (DATES, "X must contain real numbers"),
        ({"a": 1}, "X must contain real numbers|Expected 2D array"),
        (None, "Expected 2D array"),
    ],
)
def test_traces_that_are_not_numbers(X, message):
    whitener = SpectralWhitener().fit(np.eye(4))
    with pytest.raises((ValueError, TypeError), match=message):
        whitener.transform(X)


def test_values_whose_squares_overflow():
    for X in (np.full((2, 4), 1e101), np.full((2, 4), -1e101)):
        with pytest.raises(ValueError, match=r"X must have values from -1e\+100 to 1e\+100"):
            SpectralWhitener().fit(X)
    assert np.isfinite(SpectralWhitener().fit(np.eye(4) * 1e99).autocovariance_).all()


def test_target_that_is_not_numbers_or_labels():
    for y, message in (([0, 1j, 0, 1], "Complex data not supported: y must"), (DATES, "y must")):
        with pytest.raises(ValueError, match=message):
            WienerFilter().fit(np.eye(len(y)), y)
    labels = pd.Series([0, 1, None, 1], dtype="Int64")
    with pytest.raises(ValueError, match="Input y contains NaN"):
        WienerFilter().fit(np.eye(4), labels)
