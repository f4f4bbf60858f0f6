"""
A trace and the pulse in it
===========================

What an antenna records of an air shower at a signal-to-noise ratio of 1.5, and what it is made of.
"""

# %%
# The signal-to-noise ratio of the lecture is the largest amplitude of the pulse over the RMS of the
# noise in the same trace. The event table says at which ratio a pulse is wanted, when it arrives,
# how steep its spectrum is and which way it points; noise and phase follow from the event's id and
# the seed.

import numpy as np

from sklearn_aera.datasets import make_events
from sklearn_aera.inspection import SpectrumDisplay, TraceDisplay
from sklearn_aera.metrics import signal_to_noise_ratio
from sklearn_aera.simulation import TraceSimulator

# Event id, SNR, arrival time in us, slope of the spectrum in 1/GHz, polarity.
event = np.array([[2, 1.5, 1.4, -8.0, 1.0]])
simulator = TraceSimulator(random_state=0).fit(event)
traces, signals = simulator.simulate(event)
ratio = signal_to_noise_ratio(signals, traces - signals)
print(f"SNR {ratio[0]:.2f}: {10 * np.log10(ratio[0] ** 2):.1f} dB")

# %%
# The pulse is short, but a band of 30 to 80 MHz makes it ring for some tenths of a microsecond
# before and after its peak. In the trace nothing of it is to be seen: the noise has peaks as large.

shown = TraceDisplay.from_trace(traces[0], signal=signals[0])

# %%
# Where the noise comes from shows in its spectrum: the Galaxy, falling with frequency, and the
# carriers of man-made transmitters, which by default have nine tenths of the power in four
# lines. A detector that knows them can take them away.

noise, _ = make_events(2000, signal_fraction=0.0, random_state=0)
shown = SpectrumDisplay.from_traces(simulator.transform(noise), model=simulator)
