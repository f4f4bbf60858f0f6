"""
Stations: bands, sampling rates and channels
============================================

`make_station <sklearn_aera.simulation.make_station>` makes the simulators of six arrays. Their
traces differ in band, sampling rate, length and number of channels.
"""

# %%
# One event of each station, with the same pulse. The azimuth of its electric field is 30 degrees,
# so the first horizontal arm receives more of it than the second. LOPES has one arm.

import os

import matplotlib.pyplot as plt
import numpy as np

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import SpectrumDisplay
from sklearn_aera.simulation import STATIONS, make_station

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_events = 50 if quick else 1000

figure, axes = plt.subplots(6, 1, figsize=(8, 9), layout="constrained", sharex=True)
for ax, name in zip(axes, STATIONS, strict=True):
    station = make_station(name)
    event = {"signal_fraction": 1.0, "snr": 5.0, "spectral_slope": -2.0, "arrival_time": 0.5}
    polarization = None if station.arms is None else 30.0
    data = make_traces(1, simulator=station, polarization=polarization, **event, random_state=0)
    channels = data.traces[0].reshape(-1, station.n_samples)
    time = np.arange(station.n_samples) / station.sampling_rate
    for number, channel in enumerate(channels):
        ax.plot(time, channel - 1.5 * number, linewidth=0.7)
    ax.set(yticks=[], ylabel=name)
    ax.yaxis.label.set(rotation=0, ha="right", va="center")
axes[-1].set(xlabel="Time / µs", xlim=(0, 1.02))

# %%
# Spectra of their noise, of the first channel. Carriers are the narrow lines: those of AERA's
# beacon, and those of television and others at LOPES. The noise of the Galaxy decreases with
# frequency, until that of the electronics is stronger.

figure, axes = plt.subplots(3, 2, figsize=(9, 8.5), layout="constrained")
for ax, name in zip(axes.flat, STATIONS, strict=True):
    station = make_station(name)
    data = make_traces(n_events, simulator=station, signal_fraction=0.0, random_state=0)
    first = data.traces.reshape(n_events, -1, station.n_samples)[:, 0]
    SpectrumDisplay.from_traces(first, sampling_rate=station.sampling_rate, name=name, ax=ax)
    limits = 0.8 * station.response.low, 1.1 * station.response.high
    ax.set(title=name, xlim=limits, ylim=(1e-10, 0.1), ylabel="")
    ax.get_legend().remove()
figure.supylabel("Power spectral density / (mV²/MHz)", fontsize="medium")
