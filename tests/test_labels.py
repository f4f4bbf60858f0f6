"""One rule for the labels of background and pulses."""

import numpy as np
import pandas as pd
import pytest
from helpers import LOUD, QUIET

from sklearn_aera._labels import background_mask, background_rows, check_classes
from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.preprocessing import SpectralWhitener, WienerFilter

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
        ([], ValueError, "y must have a value for each trace, got"),
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


def _fits(X, y):
    """Results of every estimator of a covariance, by its name."""
    signals = y[:, None] * X
    return {
        "whitener": SpectralWhitener().fit(X, y).whitening_,
        "unlabelled": SpectralWhitener().fit(X[y == 0]).whitening_,
        "channels": SpectralWhitener().fit(np.stack([X, X], axis=1), y).whitening_,
        "Wiener": WienerFilter().fit(X, y).filter_,
        "Wiener of signals": WienerFilter().fit(X, signals).filter_,
        "matched filter": MatchedFilter(n_slopes=1, n_phases=1).fit(X, y).autocovariance_,
        "ratio": LikelihoodRatioClassifier(n_slopes=1, n_phases=1, priors=[0.5, 0.5])
        .fit(X, y)
        .decision_function(X[:50]),
    }


def test_loud_background_is_left_out_everywhere():
    data = make_traces(200, simulator=QUIET, random_state=0, **LOUD)
    expected = _fits(data.traces, data.y)  # Warnings are errors: nothing is left out of these.
    loud = np.flatnonzero(data.y == 0)[[3, 5]]
    X = np.concatenate([data.traces, data.traces[loud] * np.float32(1e4)])
    y = np.concatenate([data.y, [0, 0]])
    with pytest.warns(UserWarning, match="X has 2 of") as warned:
        found = _fits(X, y)
    assert len(warned) == len(expected)
    assert all(warning.filename == __file__ for warning in warned)
    message = "X has 2 of 107 traces of background with more than 100 times their median power"
    assert str(warned[0].message) == f"{message}, which are left out; their rows are 200, 201"
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


def test_traces_without_a_median_power_are_kept():
    X = np.zeros((5, 4))
    X[0] = 1.0
    assert background_rows(X, None) is X
