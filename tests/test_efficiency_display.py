"""The display of the detection efficiency."""

import numpy as np
import pytest
from helpers import texts_overlap
from sklearn.linear_model import LogisticRegression

from sklearn_aera.inspection import EfficiencyDisplay
from sklearn_aera.metrics import detection_efficiency


def _scores(n=2000):
    rng = np.random.default_rng(0)
    snr = np.where(np.arange(n) % 2, rng.uniform(0.5, 5, n), 0.0)
    return snr > 0, snr + rng.normal(size=n), snr


def test_efficiency_display():
    y, score, snr = _scores()
    display = EfficiencyDisplay.from_predictions(y, score, snr, max_fpr=0.002, name="A")
    expected = detection_efficiency(y, score, snr, max_fpr=0.002)
    np.testing.assert_allclose(display.efficiency.value, expected.value)
    points = display.ax_.containers[0].lines[0]
    np.testing.assert_allclose(points.get_ydata(), expected.value)
    assert display.ax_.get_ylabel() == "Detection efficiency at FPR 0.2 %"
    again = EfficiencyDisplay.from_predictions(y, -score, snr, name="B", ax=display.ax_)
    assert again.ax_ is display.ax_
    colors = {c.lines[0].get_color() for c in display.ax_.containers}
    markers = {c.lines[0].get_marker() for c in display.ax_.containers}
    assert len(colors) == len(markers) == 2
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["A", "B"]


def test_efficiency_display_from_estimator():
    y, score, snr = _scores()
    model = LogisticRegression().fit(score[:, None], y)
    display = EfficiencyDisplay.from_estimator(model, score[:, None], y, snr)
    assert display.name == "LogisticRegression"
    np.testing.assert_allclose(display.efficiency.value, detection_efficiency(y, score, snr).value)


def test_limit_is_a_line():
    rng = np.random.default_rng(0)
    snr = np.where(np.arange(2000) % 2, rng.uniform(0.5, 5, 2000), 0.0)
    score, display = snr + rng.normal(size=2000), None
    for name in ("One", "Another", "A third", "A fourth"):
        display = EfficiencyDisplay.from_predictions(
            snr > 0, score, snr, name=name, ax=None if display is None else display.ax_
        )
    display = EfficiencyDisplay.from_predictions(
        snr > 0, score, snr, name="Limit", limit=True, ax=display.ax_
    )
    assert len(display.ax_.containers) == 4
    line = next(line for line in display.ax_.lines if line.get_label() == "Limit")
    edges, value, *_ = display.efficiency
    np.testing.assert_array_equal(line.get_xdata(), (edges[1:] + edges[:-1]) / 2)
    np.testing.assert_array_equal(line.get_ydata(), value)
    assert not texts_overlap(display.figure_)


@pytest.mark.parametrize("ax", ["left", 3, [None]])
def test_axes_that_are_refused(ax):
    with pytest.raises(TypeError, match="ax must be matplotlib axes, got"):
        EfficiencyDisplay.from_predictions([0, 1], [0.0, 1.0], [0.0, 1.0], ax=ax)


def test_class_of_the_pulses():
    X = np.arange(20.0)[:, None]
    model = LogisticRegression().fit(X, np.where(X[:, 0] < 10, "noise", "cosmic ray"))
    with pytest.raises(ValueError, match="must have labels that sort the background first"):
        EfficiencyDisplay.from_estimator(model, X, X[:, 0] >= 10, X[:, 0])
