"""One rule for the labels of background and pulses."""

import numpy as np
import pandas as pd
import pytest

from sklearn_aera._labels import background_mask, background_rows, check_classes

FIRST = [True, False, True]


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, 0],
        [False, True, False],
        [-1, 1, -1],
        [1, 2, 1],
        [0, -1, 0],
        [0.5, 2.5, 0.5],
        [0, 7, 0],
        [[0], [1], [0]],
        ["noise", "pulse", "noise"],
        ["Noise", "cosmic ray", "Noise"],
        np.array(["background", "air shower", "background"], dtype=object),
        np.array([0, 1, 0], dtype=object),
        pd.Series(["noise", "pulse", "noise"], dtype="category"),
        pd.Series([0, 1, 0], dtype="Int64"),
        [[0.0, 0.0], [0.0, -1.0], [0.0, 0.0]],
        [[[0.0], [0.0]], [[0.0], [1.0]], [[0.0], [0.0]]],
    ],
)
def test_background(y):
    np.testing.assert_array_equal(background_mask(y), FIRST)


def test_more_labels_and_single_ones():
    np.testing.assert_array_equal(background_mask([0, 1, 2, 0]), [True, False, False, True])
    assert background_mask([0, 0]).all()
    assert background_mask(["noise", "noise"]).all()
    assert not background_mask([3, 3]).any()
    X = np.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(background_rows(X, [1, 0, 1]), X[1:2])
    np.testing.assert_array_equal(background_rows(X, [1, 1, 1]), X)
    np.testing.assert_array_equal(background_rows(X, None), X)


UNKNOWN = "y must say which label is the background, got .*: use 0 for the background and 1 for"


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (["a", "b"], ValueError, UNKNOWN),
        (["pulse", "pulse"], ValueError, UNKNOWN),
        (["noise", "background"], ValueError, UNKNOWN),
        (["noise", "pulse", "other"], ValueError, UNKNOWN),
        ([1, 2, 3], ValueError, UNKNOWN),
        (np.array(["noise", 1], dtype=object), ValueError, "y must contain real numbers: could"),
        ([0, np.nan], ValueError, "Input y contains NaN"),
        ([0, None], ValueError, "Input y contains NaN"),
        ([0, 1j], ValueError, "y must contain real numbers"),
        (np.array(["2024-01-01"], dtype="M8[D]"), ValueError, "y must contain real numbers, got"),
        ([object(), 1], TypeError, "y must contain real numbers"),
        (np.ma.masked_equal([0, 1], 1), ValueError, "y must not have masked values"),
        ([[0], [0, 1]], ValueError, "y must be an array, with rows of equal length"),
        ([], ValueError, "minimum of 1 is required"),
    ],
)
def test_labels_that_say_nothing(y, error, message):
    with pytest.raises(error, match=message):
        background_mask(y)


def test_classes_have_the_background_first():
    for classes in ([0, 1], [-1, 1], ["background", "pulse"], [0, 1, 2]):
        check_classes(np.array(classes))
    for classes in ([-1, 0], ["air shower", "noise"]):
        with pytest.raises(ValueError, match="y must have labels that sort the background first"):
            check_classes(np.array(classes))
