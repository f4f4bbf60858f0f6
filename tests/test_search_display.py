"""The display of a search."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import texts_overlap
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_aera.inspection import SearchDisplay
from sklearn_aera.preprocessing import StdNormalizer


class Network(ClassifierMixin, BaseEstimator):
    """Something with the parameters of a network, whose scores depend on them."""

    def __init__(self, cell="gru", hidden_size=2, bidirectional=False, learning_rate=1e-3):
        self.cell = cell
        self.hidden_size = hidden_size
        self.bidirectional = bidirectional
        self.learning_rate = learning_rate

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        column = np.sum(self.hidden_size) + 3 * self.bidirectional + (self.learning_rate > 0.05)
        return X[:, column]


def test_search_display_of_a_search():
    X, y = make_classification(60, random_state=0)
    pipeline = make_pipeline(StdNormalizer(), Network())
    grid = {
        "network__hidden_size": [2, (3, 2)],
        "network__bidirectional": [False, True],
        "network__learning_rate": [1e-3, 1e-1],
    }
    search = GridSearchCV(pipeline, grid, cv=2, scoring="roc_auc", refit=False)
    display = SearchDisplay.from_search(search.fit(X, y))
    results = search.cv_results_
    assert display.scores.shape == (2, 1, 2)
    for direction, shown in zip((False, True), display.scores, strict=True):
        for size, score in zip((2, (3, 2)), shown[0], strict=True):
            chosen = [
                row
                for row, params in enumerate(results["params"])
                if params["network__hidden_size"] == size
                and params["network__bidirectional"] == direction
            ]
            assert len(chosen) == 2
            assert score == results["mean_test_score"][chosen].max()
    written = [text.get_text() for text in display.axes_[0].texts]
    assert written[0].startswith(f"{display.scores[0, 0, 0]:.3f}")
    assert [ax.get_title() for ax in display.axes_] == ["One direction", "Both directions"]
    assert display.figure_.axes[-1].get_ylabel() == "roc_auc"
    assert not texts_overlap(display.figure_)


def test_search_display_of_a_part_of_the_grid():
    params = [{"cell": "gru", "hidden_size": 8}, {"cell": "simple_rnn", "hidden_size": 24}]
    results = {"params": params, "mean_test_score": [0.8, 0.9], "std_test_score": [0.01, 0.02]}
    display = SearchDisplay.from_results(results)
    np.testing.assert_array_equal(display.scores, [[[np.nan, 0.9], [0.8, np.nan]]])
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["RNN", "GRU"]
    assert [text.get_text() for text in display.axes_[0].texts].count("no fit") == 2


def test_search_display_refuses():
    with pytest.raises(TypeError, match="search must be a fitted search with cv_results_"):
        SearchDisplay.from_search(GridSearchCV(Network(), {}))
    with pytest.raises(ValueError, match=r"cv_results lacks \['mean_test_score'"):
        SearchDisplay.from_results({"params": []})
    scores = {"mean_test_score": [1.0], "std_test_score": [0.0]}
    with pytest.raises(ValueError, match="none of cell, hidden_size, bidirectional was searched"):
        SearchDisplay.from_results(scores | {"params": [{"C": 1.0}]})
    results = scores | {"params": [{"cell": "gru"}]}
    with pytest.raises(ValueError, match="axes must be 1 matplotlib axes, got 2"):
        SearchDisplay.from_results(results, axes=plt.subplots(1, 2)[1])


def test_search_display_of_failed_candidates():
    for scores, best in (([0.9, np.nan, 0.7], 0.9), ([np.nan, 0.7, 0.9], 0.9)):
        params = [{"cell": "gru", "learning_rate": rate} for rate in (1e-3, 1e-1, 1e-2)]
        results = {"params": params, "mean_test_score": scores, "std_test_score": [0.01] * 3}
        assert SearchDisplay.from_results(results).scores.max() == best
