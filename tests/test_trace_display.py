"""The display of a trace."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import texts_overlap

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import TraceDisplay


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
        (
            {"trace": np.ones((2, 3)), "recovered": np.ones(3)},
            r"recovered must have the shape \(2, 3\) of trace, got \(3,\)",
        ),
        ({"trace": [[1.0, 2.0], [3.0, np.inf]]}, "trace contains infinity"),
        ({"trace": np.ones((1, 2, 3))}, "trace must be one-dimensional"),
        ({"trace": [1.0, np.nan]}, "trace contains NaN"),
        ({"trace": np.ones(3), "signal": np.ones(4)}, "signal must have the 3 samples of trace"),
        ({"trace": np.ones(3), "sampling_rate": 0}, "sampling_rate == 0, must be > 0"),
    ],
)
def test_trace_display_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        TraceDisplay.from_trace(**arguments)


def test_trace_with_what_was_recovered():
    data = make_traces(1, signal_fraction=1.0, random_state=0)
    trace, signal = data.traces[0], data.signals[0]
    display = TraceDisplay.from_trace(trace, signal=signal, recovered=signal / 2)
    assert [line.get_label() for line in display.ax_.lines] == ["Trace", "True pulse", "Recovered"]
    np.testing.assert_allclose(display.ax_.lines[2].get_ydata(), signal / 2)
    assert not texts_overlap(display.figure_)
    with pytest.raises(ValueError, match="recovered must have the 500 samples of trace, got 3"):
        TraceDisplay.from_trace(trace, recovered=[1.0, 2.0, 3.0])


def test_drawing_on_given_axes_opens_no_figure():
    _, ax = plt.subplots()
    TraceDisplay.from_trace(np.arange(5.0), ax=ax)
    assert len(plt.get_fignums()) == 1


def test_channels_of_a_trace_one_above_the_other():
    rng = np.random.default_rng(0)
    trace, signal = rng.normal(size=(2, 50)), np.zeros((2, 50))
    signal[1, 20] = 3.0
    display = TraceDisplay.from_trace(trace, signal=signal, recovered=signal / 2)
    assert len(display.ax_) == 2
    for channel, ax in enumerate(display.ax_):
        drawn = [line.get_ydata() for line in ax.lines]
        np.testing.assert_array_equal(drawn, [trace[channel], signal[channel], signal[channel] / 2])
        assert ax.get_ylabel() == f"Channel {channel} / mV"
    assert not texts_overlap(display.figure_)
    _, axes = plt.subplots(2)
    assert TraceDisplay.from_trace(trace, ax=axes).ax_[1] is axes[1]
    with pytest.raises(ValueError, match="ax must be 2 matplotlib axes, got 1"):
        TraceDisplay.from_trace(trace, ax=axes[0])
