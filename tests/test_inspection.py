"""Displays draw what they say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import EfficiencyDisplay, TraceDisplay
from sklearn_aera.metrics import detection_efficiency


def _scores(n=2000):
    rng = np.random.default_rng(0)
    snr = np.where(np.arange(n) % 2, rng.uniform(0.5, 5, n), 0.0)
    return snr > 0, snr + rng.normal(size=n), snr


def test_trace_display():
    data = make_traces(1, signal_fraction=1.0, random_state=0)
    display = TraceDisplay.from_trace(data.traces[0], signal=data.signals[0], sampling_rate=180.0)
    trace, signal = display.ax_.lines
    np.testing.assert_allclose(trace.get_xdata(), np.arange(500) / 180)
    np.testing.assert_allclose(trace.get_ydata(), data.traces[0])
    np.testing.assert_allclose(signal.get_ydata(), data.signals[0])
    assert display.ax_.get_ylabel() == "Amplitude / mV"
    assert display.figure_ is display.ax_.figure


def test_trace_display_of_noise_has_no_pulse():
    display = TraceDisplay.from_trace(np.arange(5.0), signal=np.zeros(5))
    assert len(display.ax_.lines) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trace": np.ones((2, 3))}, "trace must be one-dimensional"),
        ({"trace": [1.0, np.nan]}, "trace contains NaN"),
        ({"trace": np.ones(3), "signal": np.ones(4)}, "signal must have the 3 samples of trace"),
        ({"trace": np.ones(3), "sampling_rate": 0}, "sampling_rate == 0, must be > 0"),
    ],
)
def test_trace_display_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        TraceDisplay.from_trace(**arguments)


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


def test_drawing_on_given_axes_opens_no_figure():
    _, ax = plt.subplots()
    TraceDisplay.from_trace(np.arange(5.0), ax=ax)
    assert len(plt.get_fignums()) == 1
