"""
Is the simulation correct?
==========================

Simulated traces are compared with the model behind them: temperature of the sky, spectrum and RMS
of the noise, and spectra of the pulses.
"""

# %%
# Half of the events are noise alone. Three more events have pulses whose spectra have different
# slopes.

import os

import matplotlib.pyplot as plt
import numpy as np

from sklearn_aera.datasets import make_events
from sklearn_aera.inspection import SpectrumDisplay
from sklearn_aera.simulation import TraceSimulator, amplitude_spectrum, galactic_temperature

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_events = 200 if quick else 10_000
events, y = make_events(n_events, snr=2.0, random_state=0, as_frame=True)
simulator = TraceSimulator(random_state=0).fit(events)
traces, signals = simulator.simulate(events)
noise = traces - signals

slopes = np.array([0.0, -10.0, -30.0])  # 1/GHz
with_slopes, _ = make_events(3, snr=2.0, signal_fraction=1.0, random_state=0, as_frame=True)
with_slopes["spectral_slope"] = slopes
pulses = simulator.simulate(with_slopes)[1]

# %%
# The temperature of the sky after Cane (1979) decreases with frequency, to the power of -2.55; the
# electronics add 300 K. The measured spectrum of the noise agrees with the spectrum that the model
# predicts for the same estimator, carriers and leakage included.
#
# The RMS of the noise varies from trace to trace, because its amplitudes are random. Its
# distribution is the same for traces with and without a pulse, so the noise does not tell which
# traces have one. The spectra of the pulses agree with the formula (dashed) inside the band, with
# the slope of the event table.

figure, axes = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
frequency = np.linspace(30, 80, 101)
axes[0, 0].plot(frequency, galactic_temperature(frequency), label="Galaxy (Cane 1979)")
axes[0, 0].axhline(300, color="black", linestyle="--", label="Electronics")
axes[0, 0].set(yscale="log", xlabel="Frequency / MHz", ylabel="Noise temperature / K")
axes[0, 0].legend(fontsize="small")

SpectrumDisplay.from_traces(noise, model=simulator, ax=axes[0, 1])

rms = 1000 * np.sqrt(np.mean(noise**2, axis=1))  # uV
bins = np.linspace(rms.min(), rms.max(), 30)
for label, name in enumerate(("Noise alone", "With a pulse")):
    axes[1, 0].hist(rms[y == label], bins, density=True, histtype="step", label=name)
axes[1, 0].set(xlabel="RMS of the noise / µV", ylabel="Density / (1/µV)")
axes[1, 0].legend(fontsize="small")

grid = np.fft.rfftfreq(pulses.shape[1], 1 / 180)  # MHz
inside = (grid >= 33) & (grid <= 77)
for slope, pulse in zip(slopes, pulses, strict=True):
    spectrum = np.abs(np.fft.rfft(pulse))
    (line,) = axes[1, 1].plot(grid, spectrum / spectrum[inside][0], label=f"{slope:g} / GHz")
    expected = amplitude_spectrum(grid[inside], slope)
    axes[1, 1].plot(grid[inside], expected / expected[0], "--", color="black", linewidth=0.8)
    away = np.abs(spectrum[inside] / spectrum[inside][0] / (expected / expected[0]) - 1)
    print(f"slope {slope:g} / GHz: at most {20 * np.log10(1 + away.max()):.2f} dB from the formula")
axes[1, 1].set(
    yscale="log", ylim=(0.01, 2), xlabel="Frequency / MHz", ylabel="Relative amplitude of a pulse"
)
axes[1, 1].legend(title="Slope", fontsize="small")
plt.show()
