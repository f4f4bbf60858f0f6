"""
A cosmic ray in a LOPES recording
=================================

LOPES in Karlsruhe recorded an air shower on 2004-01-12 with eight antennas. The pulse cannot be
seen in the raw samples, since transmitters are far stronger. Detectors that learned the background
of each antenna from its first 45 % find it in all of them at the same time.

The file is not part of this package. It is ``data/lopes/2004.01.12.00:28:11.577.event`` of the
public repository lofarsoft. Run this script as::

    python examples/lopes_cosmic_ray.py 2004.01.12.00:28:11.577.event [--figure FILE]

or give its path in the environment variable ``SKLEARN_AERA_LOPES``.
"""

import argparse
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sklearn_aera.datasets import load_recording, make_traces
from sklearn_aera.inspection import RecordingDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.simulation import BandPass, MeasuredNoise, TraceSimulator
from sklearn_aera.trigger import StreamTrigger, accidental_rate, coincidences

BAND, RATE, N_SAMPLES = BandPass(43.0, 74.0, edge_width=2.0), 160.0, 500
SNR, ARRIVAL = (0.3, 3.0), (0.3, 2.8)  # us, of traces of 3.1 us


def fit_detector(background, n_events):
    """Likelihood ratio for pulses in the background of one antenna."""
    simulator = TraceSimulator(
        noise=MeasuredNoise(background), response=BAND, sampling_rate=RATE, n_samples=N_SAMPLES
    )
    data = make_traces(n_events, simulator=simulator, snr=SNR, arrival_time=ARRIVAL, random_state=0)
    detector = LikelihoodRatioClassifier(
        response=BAND, sampling_rate=RATE, snr=SNR, arrival_time=ARRIVAL
    )
    return detector.fit(data.traces, data.y)


def draw(recording, trigger, triggers, time):
    """The recordings around the shower, and the scores of all windows."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    near = triggers[np.abs(triggers["time"] - time) < 0.5]
    RecordingDisplay.from_recording(recording.between(time - 4, time + 4), near, ax=left)
    scores = trigger.decision_function(recording)
    middle = np.arange(scores.shape[1]) * trigger.stride_ + trigger.n_samples_ / 2
    right.plot(recording.time_of(middle), scores.T, linewidth=0.8)
    right.legend(recording.antennas, fontsize="x-small", ncols=2, title="Antenna")
    right.set(xlabel="Time / µs", ylabel="Log likelihood ratio")
    return figure


def main(path, figure):
    # The band of 40-80 MHz was sampled at 80 MHz, upside down: it is unfolded to 160 MHz.
    recording = load_recording(path).band_pass(43.0, 74.0)
    background = recording.split((0.45,))[0]
    n_events = 300 if "SKLEARN_AERA_QUICK" in os.environ else 3000
    detectors = [fit_detector(background[row], n_events) for row in range(recording.shape[0])]
    trigger = StreamTrigger(detectors, rate=10_000.0).fit(background)
    triggers = trigger.find(recording)
    for row, name in enumerate(recording.antennas):
        best = np.sort(triggers[triggers["antenna"] == row], order="score")[-1]
        print(f"antenna {name}: highest score {best['score']:6.2f} at {best['time']:.2f} us")
    found = coincidences(triggers, window=0.5, min_antennas=4)
    chance = accidental_rate(triggers, recording.duration * 1e-6, 0.5, 4, n_slides=40)
    for one in found:
        absolute = recording.absolute(one["time"])
        print(
            f"coincidence of {one['n_antennas']} antennas at {one['time']:.2f} us, {absolute} UTC"
        )
    expected = chance.high * recording.duration * 1e-6
    print(f"expected by chance: fewer than {expected:.2f} coincidences of 4 antennas (84 %)")
    if figure is not None:
        draw(recording, trigger, triggers, found["time"][0]).savefig(figure, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", nargs="?", default=os.environ.get("SKLEARN_AERA_LOPES"))
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    if options.path is None:
        print("There is no recording to search for a coincidence: set SKLEARN_AERA_LOPES.")
    else:
        main(options.path, options.figure)
