"""Simulators of named stations."""

import numpy as np
import pytest
from scipy.signal import welch

from sklearn_aera.datasets import make_traces
from sklearn_aera.simulation import STATIONS, make_station


@pytest.mark.parametrize("name", STATIONS)
def test_power_is_in_the_band(name):
    station = make_station(name)
    data = make_traces(40, simulator=station, random_state=0)
    assert np.isfinite(data.traces).all()
    frequencies, density = welch(data.traces, station.sampling_rate, "hann", nperseg=256)
    density = density.reshape(-1, len(frequencies)).mean(axis=0)
    low, high = station.response.low, station.response.high
    margin = 4 * station.sampling_rate / 256
    inside = (frequencies > low - margin) & (frequencies < high + margin)
    assert density[inside].sum() > 0.999 * density.sum()


@pytest.mark.parametrize("name", STATIONS)
def test_pulses_are_inside_the_trace_and_have_their_snr(name):
    station = make_station(name).set_params(n_bits=None)
    data = make_traces(20, simulator=station, signal_fraction=1.0, snr=3.0, random_state=1)
    n_channels = 1 if station.arms is None else len(station.arms)
    signals = data.signals.reshape(20, n_channels, -1)
    noise = (data.traces - data.signals).reshape(signals.shape)
    ratio = np.abs(signals).max(axis=2) / np.sqrt(np.mean(noise.astype(float) ** 2, axis=2))
    np.testing.assert_allclose(ratio.max(axis=1), 3.0, rtol=1e-4)
    strongest = np.abs(signals).max(axis=1)
    peak = strongest.argmax(axis=1) / station.sampling_rate
    # The highest sample is within half a period of the band's lower edge of the envelope's peak.
    assert np.abs(peak - data.arrival_time).max() < 0.5 / station.response.low + 2e-3


def test_stations_are_independent_of_each_other():
    make_station("aera").noise.set_params(rms=5.0)
    assert make_station("aera").noise.rms == 0.1


def test_unknown_station():
    with pytest.raises(ValueError, match=r"name must be one of .*'aera'.*'icecube'.* got 'ligo'"):
        make_station("ligo")
