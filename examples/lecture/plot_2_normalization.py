"""
Before and after normalisation
==============================

Traces of two antennas before and after division by their standard deviation, which makes the values
of order one for any gain of the antenna.
"""

# %%
# The second antenna has four times the gain of the first. Division by one number for all traces,
# ``StdNormalizer(per="dataset")``, would keep this factor. It also keeps the level of the noise in
# each trace, from which a detector learns; `make_detector` therefore uses it, for antennas of one
# gain.

import matplotlib.pyplot as plt
import numpy as np

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import TraceDisplay
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

data = make_traces(2000, snr=4.0, random_state=2)
pulses = np.flatnonzero(data.y == 1)[:2]
gain = np.array([[1.0], [4.0]])
measured = gain * data.traces[pulses]
normalized = StdNormalizer().fit_transform(measured)
for name, traces in {"measured": measured, "normalised": normalized}.items():
    print(f"{name}: standard deviations {traces.std(axis=1).round(3)}")

# %%
# The columns are the measured, the normalised and the whitened traces. Whitening also removes the
# carriers. Arrows point to the peak of the pulse.

whitener = SpectralWhitener().fit(StdNormalizer().fit_transform(data.traces), data.y)
columns = {
    "Amplitude / mV": measured,
    "Amplitude / $\\sigma$": normalized,
    "Whitened": whitener.transform(normalized),
}
figure, axes = plt.subplots(2, 3, figsize=(11, 4.2), layout="constrained", sharex=True)
for column, (label, traces) in zip(axes.T, columns.items(), strict=True):
    for ax, trace, signal in zip(column, traces, data.signals[pulses], strict=True):
        shown = TraceDisplay.from_trace(trace, ax=ax)
        ax.set(xlabel="", ylabel=label)
        peak = shown.time[np.argmax(np.abs(signal))]
        top = 1.15 * np.abs(traces).max()
        ax.set_ylim(-top, top)
        ax.annotate("", (peak, -0.7 * top), (peak, -top), arrowprops={"arrowstyle": "->"})
    column[-1].set_xlabel("Time / µs")
for ax, factor in zip(axes[:, 0], gain.ravel(), strict=True):
    ax.set_title(f"Gain {factor:g}", loc="left", fontsize="medium")
plt.show()
