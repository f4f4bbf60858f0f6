"""From recordings to triggers: a measured cosmic ray, rates, efficiency on streams, speed.

Run as::

    python examples/benchmarks/stream.py [--lopes FILE] [--lofar FILE] [--only TABLE ...] [--quick]
        [--json FILE]

The tables, of which those of a file need the file:

- lopes, coincidences: a likelihood ratio for each antenna, and a network for all of them behind the
  whitener of each, trained on pulses injected into the first 45 % of the recordings, score the
  whole; the two highest triggers of each antenna, and the coincidences within 0.5 us with the
  number expected by chance, from time slides.
- lofar: threshold for a rate on one half, from the fitted tail, and measured rate on the other: the
  triggers counted there, and the rate of its own fitted tail, which has a smaller error. Six
  bursts, each more than 15 times the RMS, are five triggers of one half and one of the other; at
  1 kHz five are expected. They are kept, or cut: no trigger counts within 10 us of a sample above
  six times the RMS, which no sample of Gaussian noise would reach in this recording.
- injected: pulses in the background of the LOFAR file. Three parts between the bursts are used, one
  to train detectors, one for the thresholds, and one into which pulses are injected.
- simulated: pulses in a simulated recording, behind a first stage of 10 kHz.
- speed: the first stage alone, and both at 10 kHz, by the clock, where the stages share the cores,
  and in CPU time; memory against the length of a recording.
- pieces: the triggers for several sizes of the pieces, beside every window scored by itself.

The SNR of 50 % efficiency has the error of the fitted curve. Thresholds are counted where
three triggers of the background are expected, and else those of the fitted tail.
"""

import tempfile
import time
import tracemalloc
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from report import Report, Target, input_file, make_parser
from scipy.stats import norm
from streams import (
    N_SAMPLES,
    NAMES,
    SNR,
    efficiency_rows,
    fit_detector,
    fit_shared_network,
    inject,
)

from sklearn_aera.datasets import Recording, load_recording, make_recording
from sklearn_aera.metrics import fit_tail, poisson_interval
from sklearn_aera.persistence import export_onnx, load_onnx
from sklearn_aera.simulation import BandPass
from sklearn_aera.trigger import StreamTrigger, accidental_rate, coincidences

LOPES_BAND, LOFAR_BAND = BandPass(43.0, 74.0, edge_width=2.0), BandPass(30.0, 80.0, edge_width=2.0)
# Times in us between the bursts of the LOFAR file: for training, thresholds and pulses.
QUIET = ((3173.0, 4735.0), (5551.0, 8500.0), (8500.0, 10_240.0))
LOPES_SNR = (0.3, 3.0)
WINDOW = 0.5  # us
PRETRIGGER = 10_000.0  # Hz
RATES = (10_000.0, 3000.0, 1000.0)  # Hz
BURST, MARGIN = 6.0, 10.0  # RMS, us
TABLES = ("lopes", "coincidences", "lofar", "injected", "simulated", "speed", "pieces")


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    epochs: int
    """Epochs with measured background, of which there are milliseconds."""
    simulated_epochs: int
    background: float
    """Duration of the simulated background in us."""
    pulses: float
    """Duration of the simulated recording with pulses in us."""
    turns: int
    """Times that pulses are injected into the measured background."""
    detectors: tuple


FULL = Size(16_000, 12, 24, 5e5, 1e5, 8, NAMES)
QUICK = Size(300, 1, 1, 2e4, 2e3, 1, NAMES[1:3])


# A measured cosmic ray


def lopes_triggers(path, size):
    """Recording of LOPES in its band, and the triggers of each kind of detector."""
    recording = load_recording(path).band_pass(43.0, 74.0)
    background = recording.split((0.45,))[0]
    n_antennas, n_train = len(recording.antennas), size.n_train // 5
    ratios = [
        fit_detector("likelihood ratio", background[number], LOPES_BAND, n_train, 0, LOPES_SNR)
        for number in range(n_antennas)
    ]
    fitted = {"likelihood ratio": ratios}
    if "network" in size.detectors:
        options = (LOPES_BAND, n_train, size.epochs, LOPES_SNR)
        fitted["network"] = fit_shared_network(background, *options)
    found = {
        name: StreamTrigger(detectors, rate=10_000.0).fit(background).find(recording)
        for name, detectors in fitted.items()
    }
    return recording, found


def measure_lopes(recording, found):
    for detector, triggers in found.items():
        for number, name in enumerate(recording.antennas):
            mine = np.sort(triggers[triggers["antenna"] == number], order="score")[::-1]
            yield {
                "detector": detector,
                "antenna": name,
                "highest score": float(mine["score"][0]),
                "at / us": f"{mine['time'][0]:.2f}",
                "second": float(mine["score"][1]),
                "at / us ": f"{mine['time'][1]:.2f}",
                "triggers": len(mine),
            }


def measure_coincidences(recording, found):
    livetime = recording.duration * 1e-6
    for detector, triggers in found.items():
        for n_antennas in (2, 3, 4, 8):
            groups = coincidences(triggers, WINDOW, n_antennas)
            chance = accidental_rate(triggers, livetime, WINDOW, n_antennas, n_slides=40)
            yield {
                "detector": detector,
                "antennas": f"at least {n_antennas}",
                "coincidences": len(groups),
                "expected by chance": chance.value * livetime,
                "upper limit": chance.high * livetime,
                "accidental / Hz": chance.value,
            }


# Measured background


def measure_lofar(recording, detectors):
    recording = Recording(recording.read(), recording.sampling_rate)
    halves = dict(zip(("first", "second"), recording.split((0.5, 0.5)), strict=True))
    samples = recording.read()[0]
    rms = np.median(np.abs(samples)) / norm.ppf(0.75)
    bursts = np.flatnonzero(np.abs(samples) > BURST * rms) / recording.sampling_rate
    for name, detector in detectors.items():
        for half, background in halves.items():
            trigger = StreamTrigger(detector, rate=10_000.0).fit(background)
            trigger.thresholds_ = np.full(1, -np.inf)  # All triggers.
            found = {one: trigger.find(part) for one, part in halves.items()}
            for way in ("kept", "cut"):
                if way == "cut":
                    found = {one: _far_from(bursts, table) for one, table in found.items()}
                other = found["second" if half == "first" else "first"]
                tail, tail_of_other = (
                    fit_tail(one["score"], trigger.livetime_) for one in (found[half], other)
                )
                for rate in RATES:
                    threshold = tail.threshold_at(rate).value
                    n_found = int(np.sum(other["score"] >= threshold))
                    counted = poisson_interval(n_found, trigger.livetime_)
                    yield {
                        "detector": name,
                        "bursts": way,
                        "set on": half,
                        "rate / Hz": rate,
                        "triggers of the other half": n_found,
                        "measured over set": [one / rate for one in counted],
                        "tail over set": [one / rate for one in tail_of_other.rate_at(threshold)],
                    }


def _far_from(times, triggers):
    """Triggers that are not near any of some times in us."""
    distance = np.abs(triggers["time"][:, None] - times).min(axis=1)
    return triggers[distance > MARGIN]


def measure_injected(parts, detectors, size):
    _, background, last = parts
    injected = [inject(last, LOFAR_BAND, 12.0, seed) for seed in range(size.turns)]
    for name, detector in detectors.items():
        yield efficiency_rows(name, detector, background, injected, (1000.0, 100.0))


# Simulated recordings


def measure_simulated(size):
    train = make_recording(2e4 if size is FULL else 2e3, random_state=0).recording
    background = make_recording(size.background, random_state=1).recording
    background = Recording(background.read(), background.sampling_rate)  # simulated once
    stream = make_recording(size.pulses, pulse_rate=20_000.0, snr=SNR, random_state=2)
    injected = [(stream.recording, stream.events)]
    for name in size.detectors[-2:]:
        detector = fit_detector(name, train, BandPass(), size.n_train, size.simulated_epochs)
        rates = (100.0, 10.0, 1.0)
        yield efficiency_rows(name, detector, background, injected, rates, PRETRIGGER)


def measure_speed(size):
    train = make_recording(2e4, random_state=0).recording
    seconds = 0.2 if size is FULL else 0.005
    recording = make_recording(seconds * 1e6, random_state=3).recording
    samples = recording.read()
    kept = Recording(samples, recording.sampling_rate)
    detectors = {
        name: fit_detector(name, train, BandPass(), size.n_train // 5, 1)
        for name in size.detectors[-2:]
    }
    if "network" in detectors:
        detectors["network, exported"] = _exported(detectors["network"])
    for name, detector in detectors.items():
        trigger = StreamTrigger(detector, rate=1000.0, pretrigger_rate=PRETRIGGER).fit(kept)
        first = copy(trigger)
        first.pretrigger_thresholds_ = np.full(1, np.inf)  # No window passes.
        both, alone = _best_times(
            *(partial(one.decision_function, kept) for one in (trigger, first))
        )
        yield {
            "detector": name,
            "first stage / Msamples/CPU s": samples.size / alone[1] / 1e6,
            "both / Msamples/CPU s": samples.size / both[1] / 1e6,
            "both over first": both[0] / alone[0],
            "CPU, both over first": both[1] / alone[1],
            "memory, 10 ms / MB": _memory(trigger, make_recording(1e4, random_state=4).recording),
            "memory, 40 ms / MB": _memory(trigger, make_recording(4e4, random_state=4).recording),
        }


def measure_pieces(size):
    train = make_recording(2e3, random_state=0).recording
    detector = fit_detector("likelihood ratio", train, BandPass(), size.n_train // 5, 0)
    recording = make_recording(5e3, pulse_rate=5e3, random_state=5).recording
    trigger = StreamTrigger(detector, rate=5000.0).fit(train)
    expected = trigger.find(recording)
    windows = np.lib.stride_tricks.sliding_window_view(recording.read()[0], N_SAMPLES)
    by_itself = detector.decision_function(windows[:: trigger.stride_])
    for chunk_size in (1, 10_000, 100_000, 10**7):
        trigger.set_params(chunk_size=chunk_size)
        found = trigger.find(recording)
        difference = np.abs(trigger.decision_function(recording)[0] - by_itself)
        yield {
            "samples of a piece": f"{chunk_size:,}",
            "triggers": len(found),
            "same windows": "yes" if np.array_equal(found["sample"], expected["sample"]) else "NO",
            "largest difference of scores": float(difference.max()),
        }


def _exported(detector):
    """The detector as onnxruntime runs it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detector.onnx"
        export_onnx(detector, path)
        return load_onnx(path)


def _best_times(*functions):
    """Shortest time by the clock, and shortest CPU time, of twelve calls of each in turn."""
    found = []
    for _ in range(12):
        for function in functions:
            started = time.perf_counter(), time.process_time()
            function()
            found.append([time.perf_counter() - started[0], time.process_time() - started[1]])
    return np.reshape(found, (-1, len(functions), 2)).min(axis=0)


def _memory(trigger, recording):
    """Largest memory in MB, beyond that before, while triggers are found."""
    tracemalloc.start()
    trigger.find(recording)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def lofar_detectors(path, size):
    """Recording of LOFAR in its band, its parts, and detectors trained in the first one."""
    recording = load_recording(path).band_pass(30.0, 80.0)
    parts = [recording.between(*times) for times in QUIET]
    fitted = {
        name: fit_detector(name, parts[0], LOFAR_BAND, size.n_train, size.epochs)
        for name in size.detectors
    }
    return recording, parts, fitted


def main():
    parser = make_parser(__doc__, TABLES)
    parser.add_argument("--lopes", type=input_file, metavar="FILE", help="event file of LOPES")
    parser.add_argument("--lofar", type=input_file, metavar="FILE", help="buffer data of LOFAR")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    report = Report("stream", options)
    if options.lopes is not None and _wanted(options, "lopes", "coincidences"):
        shower = lopes_triggers(options.lopes, size)
        rows = report.measure("lopes", "LOPES event", partial(measure_lopes, *shower))
        report.measure("coincidences", "Coincidences", partial(measure_coincidences, *shower))
        if rows:
            times = np.array([float(row["at / us"]) for row in rows])
            for name in shower[1]:
                mine = times[[row["detector"] == name for row in rows]]
                together = int((np.abs(mine - np.median(times)) < WINDOW).sum())
                target = f"antennas whose highest score is the shower, {name}"
                report.targets.append(Target(target, together, at_least=8))
    if options.lofar is not None and _wanted(options, "lofar", "injected"):
        recording, parts, fitted = lofar_detectors(options.lofar, size)
        for row in report.measure("lofar", "Rates", partial(measure_lofar, recording, fitted)):
            if (row["bursts"], row["set on"], row["rate / Hz"]) == ("cut", "first", 1000.0):
                target = f"rate over the 1 kHz set on the first half, {row['detector']}"
                rate = row["measured over set"][0]
                report.targets.append(Target(target, rate, at_least=1 / 1.5))
                report.targets.append(Target(target, rate, at_most=1.5))
        report.measure("injected", "Injected", partial(measure_injected, parts, fitted, size))
    report.measure("simulated", "Simulated recordings", partial(measure_simulated, size))
    for row in report.measure("speed", "Speed and memory", partial(measure_speed, size)):
        name = row["detector"]
        rate, ratio = row["first stage / Msamples/CPU s"], row["both over first"]
        target = f"first stage of the {name} in 1e6 samples per CPU s"
        report.targets.append(Target(target, rate, at_least=20))
        report.targets.append(Target(f"both stages over the first, {name}", ratio, at_most=1.3))
    report.measure("pieces", "Pieces", partial(measure_pieces, size))
    report.finish()


def _wanted(options, *names):
    return options.only is None or set(names) & set(options.only)


if __name__ == "__main__":
    main()
