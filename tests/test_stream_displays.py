"""Displays of rates and of recordings."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import texts_overlap

from sklearn_aera.datasets import Recording
from sklearn_aera.inspection import RateDisplay, RecordingDisplay
from sklearn_aera.metrics import fit_tail, trigger_rate

RNG = np.random.default_rng(0)
SCORE = RNG.exponential(size=5000)
TRIGGER = [("time", float), ("antenna", int)]


def test_rates_are_those_of_the_metric():
    display = RateDisplay.from_scores(SCORE, 0.5, name="one")
    assert display.threshold[0] == SCORE.max()
    for number in (0, 20, len(display.rate) - 1):
        expected = trigger_rate(SCORE, 0.5, display.threshold[number])
        found = display.rate[number], display.low[number], display.high[number]
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert display.ax_.get_yscale() == "log"
    assert not texts_overlap(display.figure_)


def test_tails_and_thresholds_are_drawn():
    tail = fit_tail(SCORE, 0.5)
    first = RateDisplay.from_scores(SCORE, 0.5, tail=tail, chosen=6.0, name="one")
    x, y = first.ax_.lines[1].get_data()
    assert y.min() == pytest.approx(2e-3)
    assert tail.rate_at(x[-1]).value == pytest.approx(y[-1])
    second = RateDisplay.from_scores(SCORE / 2, 0.5, name="two", ax=first.ax_)
    assert second.ax_ is first.ax_
    colors = {line.get_color() for line in second.ax_.lines}
    assert len(colors) == 2


def test_recording_with_triggers():
    samples = RNG.normal(size=(3, 40_000)) * np.array([[1.0], [100.0], [0.01]])
    samples[1, 20_000] = 5000.0
    recording = Recording(samples, 200.0, antennas=["a", "b", "c"], first_time=10.0)
    triggers = np.array([(110.0, 1), (500.0, 0), (-1.0, 2)], TRIGGER)
    display = RecordingDisplay.from_recording(recording, triggers)
    assert display.triggers["time"].tolist() == [110.0]
    assert display.high.shape == display.low.shape == (3, 1482)
    np.testing.assert_allclose(np.maximum(display.high, -display.low).max(axis=1), 1.0)
    # The large sample is in its column.
    assert display.time[display.high[1].argmax()] == pytest.approx(110.0, abs=27 / 200)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["a", "b", "c"]
    assert not texts_overlap(display.figure_)


def test_short_recordings_are_drawn_sample_by_sample():
    recording = Recording(RNG.normal(size=(1, 300)), 200.0)
    _, ax = plt.subplots()
    display = RecordingDisplay.from_recording(recording, ax=ax)
    assert display.ax_ is ax
    np.testing.assert_allclose(display.time, np.arange(300) / 200)
    np.testing.assert_allclose(display.low * np.abs(recording.read()).max(), recording.read())


def test_bad_input():
    with pytest.raises(TypeError, match="recording must be a Recording"):
        RecordingDisplay.from_recording(np.zeros((2, 10)))
    with pytest.raises(ValueError, match="must have samples"):
        RecordingDisplay.from_recording(Recording(np.ones((1, 5)), 1.0)[:, :0])
    with pytest.raises(ValueError, match="livetime"):
        RateDisplay.from_scores(SCORE, 0.0)
