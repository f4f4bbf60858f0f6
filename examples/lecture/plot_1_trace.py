"""
A trace and the pulse in it
===========================

A simulated trace of an antenna, with the pulse of an air shower at a signal-to-noise ratio of 1.5,
and the spectrum of its noise.
"""

# %%
# The signal-to-noise ratio (SNR) of the lecture is the largest amplitude of the pulse over the RMS
# of the noise in the same trace. A row of the event table holds the ratio, the arrival time of the
# pulse (in us), the slope of its spectrum (per GHz) and its polarity. The noise and the phase of
# the pulse follow from the id of the event and the seed.

import numpy as np
import pandas as pd

from sklearn_aera.datasets import make_events
from sklearn_aera.inspection import SpectrumDisplay, TraceDisplay
from sklearn_aera.metrics import signal_to_noise_ratio
from sklearn_aera.simulation import TraceSimulator

event = pd.DataFrame(
    {
        "event_id": [2],
        "snr": [1.5],
        "arrival_time": [1.4],
        "spectral_slope": [-8.0],
        "polarity": [1.0],
    }
)
simulator = TraceSimulator(random_state=0).fit(event)
traces, signals = simulator.simulate(event)
ratio = signal_to_noise_ratio(signals, traces - signals)
print(f"SNR {ratio[0]:.2f}: {10 * np.log10(ratio[0] ** 2):.1f} dB")

# %%
# The pulse is short, but in a band of 30 to 80 MHz it rings for some tenths of a microsecond before
# and after its peak. It cannot be seen in the trace, because the noise has peaks that are as large.

shown = TraceDisplay.from_trace(traces[0], signal=signals[0])

# %%
# The spectrum shows the sources of the noise: the Galaxy, whose power decreases with frequency, and
# the carriers of man-made transmitters, four lines with nine tenths of the power by default. A
# detector that knows the carriers can remove them.

noise, _ = make_events(2000, signal_fraction=0.0, random_state=0, as_frame=True)
shown = SpectrumDisplay.from_traces(simulator.transform(noise), model=simulator)
