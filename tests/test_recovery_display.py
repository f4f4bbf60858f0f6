"""Displays of recovered signals draw what they say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import RecoveryDisplay, ResolutionDisplay
from sklearn_aera.metrics import energy_ratio, recovery_resolution
from sklearn_aera.preprocessing import WienerFilter


@pytest.fixture(scope="module")
def data():
    return make_traces(400, snr=(1.0, 5.0), random_state=0)


def _pulses(data):
    """Signals, something like recovered ones, and ratios of the events with a pulse."""
    pulse = data.y == 1
    scale = 1 + 0.1 * np.random.default_rng(0).normal(size=(len(data.y), 1))
    return data.signals[pulse], (scale * data.signals)[pulse], data.snr[pulse]


def test_recovery_display(data):
    row = int(np.argmax(data.y))
    trace, signal = data.traces[row], data.signals[row]
    display = RecoveryDisplay.from_predictions(trace, 0.9 * signal, signal=signal, name="Fit")
    traces, spectra = display.axes_
    lines = [line.get_ydata() for line in traces.lines]
    np.testing.assert_allclose(lines, [trace, signal, 0.9 * signal])
    np.testing.assert_allclose(traces.lines[0].get_xdata(), np.arange(500) / 180)
    frequencies, spectrum = spectra.lines[0].get_data()
    assert frequencies[-1] == pytest.approx(90.0)
    # Parseval: the energy in mV^2 us is the integral of the squared spectrum over MHz.
    energy = np.sum(trace.astype(float) ** 2) / 180
    assert 2 * np.sum(spectrum**2) * frequencies[1] == pytest.approx(energy, rel=1e-3)
    names = [text.get_text() for text in traces.get_legend().get_texts()]
    assert names == ["Measured", "True", "Fit"]
    assert traces.get_ylabel() == "Amplitude / mV"
    assert "mV/MHz" in spectra.get_ylabel()
    assert display.figure_ is traces.figure


def test_recovery_display_without_truth_on_given_axes(data):
    figure, axes = plt.subplots(2)
    display = RecoveryDisplay.from_predictions(data.traces[0], np.zeros(500), axes=axes)
    assert [len(ax.lines) for ax in axes] == [2, 2]
    assert display.figure_ is figure
    assert len(plt.get_fignums()) == 1
    figure.draw_without_rendering()


def test_recovery_display_of_silence():
    display = RecoveryDisplay.from_predictions(np.zeros(50), np.zeros(50), signal=np.zeros(50))
    display.figure_.draw_without_rendering()
    assert all(0 < end < 10 for end in display.axes_[1].get_ylim())


def test_resolution_display(data):
    signals, recovered, snr = _pulses(data)
    display = ResolutionDisplay.from_predictions(signals, recovered, snr, bins=4, name="A")
    curve = recovery_resolution(energy_ratio(signals, recovered) - 1, snr, bins=4)
    for ax, interval in zip(display.axes_, (curve.bias, curve.resolution), strict=True):
        points = ax.containers[0].lines[0]
        np.testing.assert_allclose(points.get_ydata(), 100 * interval.value)
        (bars,) = (b for b in ax.containers[0].lines[2] if np.ptp(b.get_segments()[0][:, 1]) > 0)
        ends = [segment[:, 1] for segment in bars.get_segments()]
        np.testing.assert_allclose(ends, 100 * np.transpose([interval.low, interval.high]))
    assert display.axes_[0].get_ylabel() == "Bias of energy / %"
    assert display.axes_[1].get_xlabel() == "Signal-to-noise ratio"


def test_methods_share_axes(data):
    signals, recovered, snr = _pulses(data)
    first = ResolutionDisplay.from_predictions(signals, recovered, snr, bins=3, name="A")
    second = ResolutionDisplay.from_predictions(
        signals, signals + 3 * (recovered - signals), snr, bins=3, name="B", axes=first.axes_
    )
    bias, resolution = second.axes_
    assert len(plt.get_fignums()) == 1
    assert [text.get_text() for text in bias.get_legend().get_texts()] == ["A", "B"]
    assert len({c.lines[0].get_color() for c in bias.containers}) == 2
    assert len({c.lines[0].get_marker() for c in bias.containers}) == 2
    # The wider distribution is not cut off.
    assert resolution.get_ylim()[0] == 0
    assert resolution.get_ylim()[1] > 100 * np.max(second.curve.resolution.high)


def test_resolution_display_from_estimator(data):
    pulse = data.y == 1
    wiener = WienerFilter().fit(data.traces, data.y)
    truth = data.signals[pulse], data.snr[pulse]
    display = ResolutionDisplay.from_estimator(wiener, data.traces[pulse], *truth, bins=2)
    assert display.name == "WienerFilter"
    expected = energy_ratio(data.signals[pulse], wiener.transform(data.traces[pulse])) - 1
    expected = recovery_resolution(expected, data.snr[pulse], bins=2)
    np.testing.assert_allclose(display.curve.bias.value, expected.bias.value)

    class Denoiser:
        def predict(self, X):
            return 2 * X

    display = ResolutionDisplay.from_estimator(Denoiser(), data.signals[pulse], *truth, bins=1)
    np.testing.assert_allclose(display.curve.bias.value, 3.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recovered": np.ones(4)}, "recovered must have the 3 samples of trace, got 4"),
        ({"recovered": np.ones((1, 3))}, "recovered must be one-dimensional"),
        ({"recovered": [1.0, np.nan, 0.0]}, "recovered contains NaN"),
        ({"recovered": np.ones(3), "signal": np.ones(2)}, "signal must have the 3 samples"),
        ({"recovered": np.ones(3), "sampling_rate": 0}, "sampling_rate == 0, must be > 0"),
        ({"recovered": np.ones(3), "axes": [1]}, "axes must be 2 matplotlib axes, got 1"),
    ],
)
def test_recovery_display_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        RecoveryDisplay.from_predictions(np.ones(3), **arguments)


def test_axes_that_are_refused():
    with pytest.raises(TypeError, match="axes must be matplotlib axes, got 1"):
        RecoveryDisplay.from_predictions([0.0, 1.0], [0.0, 1.0], axes=[1, 2])
