"""The display of spectra and of what a model expects."""

import numpy as np
import pytest
from helpers import texts_overlap

from sklearn_aera.datasets import make_events
from sklearn_aera.inspection import SpectrumDisplay
from sklearn_aera.simulation import AntennaNoise, MeasuredNoise, TraceSimulator


@pytest.mark.parametrize("n_samples", [400, 401])
def test_model_is_what_is_measured(n_samples):
    """With Rayleigh carriers the noise is Gaussian, and a bin of a periodogram exponential."""
    n_traces = 2000
    simulator = TraceSimulator(
        noise=AntennaNoise(carrier_amplitude="rayleigh"), n_samples=n_samples, random_state=0
    )
    events, _ = make_events(n_traces, signal_fraction=0.0, random_state=0)
    traces = simulator.fit_transform(events)
    display = SpectrumDisplay.from_traces(traces, model=simulator)
    inside = (display.frequency > 31) & (display.frequency < 79)
    ratio = display.density[inside] / display.expected[inside]
    # The mean of n exponential numbers is known to 1 / sqrt(n); of some 110 bins the largest of
    # the deviations is below 4.5 of these in all but one of a thousand cases.
    assert abs(ratio - 1).max() < 4.5 / np.sqrt(n_traces)
    # Parseval: the density integrates to the mean square, which scatters by the carriers' power.
    total = np.trapezoid(display.density, display.frequency)
    assert total == pytest.approx(np.mean(traces.astype(float) ** 2), rel=0.1)


def test_spectrum_display_draws_it():
    events, _ = make_events(50, signal_fraction=0.0, random_state=0)
    simulator = TraceSimulator(random_state=0).fit(events)
    display = SpectrumDisplay.from_traces(simulator.transform(events), model=simulator)
    measured, model, *carriers = display.ax_.lines
    np.testing.assert_array_equal(measured.get_ydata(), display.density)
    np.testing.assert_array_equal(model.get_ydata(), display.expected)
    assert [line.get_xdata()[0] for line in carriers] == list(AntennaNoise().carriers)
    assert "MHz" in display.ax_.get_xlabel()
    assert not texts_overlap(display.figure_)


def test_spectrum_of_measured_traces_alone():
    traces = np.random.default_rng(0).normal(size=(20, 100))
    display = SpectrumDisplay.from_traces(traces, carriers=(20.0,), sampling_rate=100.0)
    assert display.expected is None
    assert display.frequency[-1] == 50.0
    assert len(display.ax_.lines) == 2
    # White noise of unit variance: 2 / rate, with 20 traces and 51 bins to 1 / sqrt(1000).
    assert display.density.mean() == pytest.approx(0.02, rel=0.2)
    autocovariance = np.eye(100)[0]
    display = SpectrumDisplay.from_traces(traces, model=autocovariance, sampling_rate=100.0)
    np.testing.assert_allclose(display.expected[1:-1], 0.02)


def test_spectrum_display_refuses():
    traces = np.ones((3, 50))
    events, _ = make_events(3, arrival_time=0.1, random_state=0)
    with pytest.raises(ValueError, match=r"model must have the 50 lags of the traces, got shape"):
        SpectrumDisplay.from_traces(traces, model=np.ones(7))
    with pytest.raises(TypeError, match="model must be a fitted TraceSimulator"):
        SpectrumDisplay.from_traces(traces, model=TraceSimulator())
    noise = MeasuredNoise(np.random.default_rng(0).normal(size=(4, 100)))
    simulator = TraceSimulator(noise=noise, n_samples=50).fit(events)
    with pytest.raises(TypeError, match="the spectrum of MeasuredNoise is not known"):
        SpectrumDisplay.from_traces(traces, model=simulator)
    with pytest.raises(ValueError, match="traces contains NaN"):
        SpectrumDisplay.from_traces(np.full((2, 5), np.nan))


def test_spectrum_has_the_rate_of_its_model():
    simulator = TraceSimulator(sampling_rate=200.0, n_samples=200)
    events, _ = make_events(50, signal_fraction=0.0, random_state=0)
    traces = simulator.fit_transform(events)
    assert SpectrumDisplay.from_traces(traces, model=simulator).frequency[-1] == 100.0
    with pytest.raises(ValueError, match=r"sampling_rate must be that of the model, 200\.0 MHz"):
        SpectrumDisplay.from_traces(traces, model=simulator, sampling_rate=180.0)


def test_spectrum_of_several_channels():
    events, _ = make_events(50, signal_fraction=0.0, random_state=0)
    simulator = TraceSimulator(n_samples=200, random_state=0).fit(events)
    one, other = simulator.transform(events), 2 * simulator.transform(events)
    display = SpectrumDisplay.from_traces(np.stack([one, other], axis=1), model=simulator)
    alone = SpectrumDisplay.from_traces(one, model=simulator)
    np.testing.assert_allclose(display.density, [alone.density, 4 * alone.density])
    np.testing.assert_array_equal(display.expected, alone.expected)
    labels = [line.get_label() for line in display.ax_.lines[:3]]
    assert labels == ["Measured, channel 0", "Measured, channel 1", "Model"]
    assert not texts_overlap(display.figure_)
