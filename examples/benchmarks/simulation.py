"""Speed, memory and import time of the simulator, beside references measured in the same run.

Run as::

    python examples/benchmarks/simulation.py [--quick] [--json FILE]

Timings that are compared take turns on one core, and the best of each counts.

Speed: `TraceSimulator.transform` on traces of 500 samples, half of them with a pulse, beside

- the unavoidable work: as many standard normal deviates and inverse FFTs, in chunks of 256 traces;
- NuRadioReco, if it is installed, in a loop over traces, as it is used: noise at 30-80 MHz with
  Rayleigh amplitudes, and an analytic pulse of the same slope, arrival time and signal-to-noise
  ratio. As documented, with `channelGenericNoiseAdder.bandlimited_noise` and
  `analytic_pulse.get_analytic_pulse` with its ``bandpass``, which designs a filter at each call.
  And the fastest way found, with `bandlimited_noise_from_precalculated_parameters` (after one
  `precalculate_bandlimited_noise_parameters`) and `analytic_pulse.get_analytic_pulse_freq`, times
  a band made once, into `fft.freq2time`. The noise adder is created once for all traces.
  Both ways do less than `TraceSimulator`: no carriers, no random stream per event, and circular
  noise on a grid of half the length.

Memory: the peak of a fresh process that iterates over `make_traces`, beside that of its imports.

Import time: the package with every room but `neural_network`, in a fresh process that has imported
scikit-learn and SciPy already.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import scipy.fft
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

import sklearn_aera
from sklearn_aera.datasets import make_events
from sklearn_aera.simulation import TraceSimulator

SEED = 0
CHUNK_SIZE = 256
LOW, HIGH = 30.0, 80.0  # MHz, the band of the traces made with NuRadioReco

# Prints the peak memory, in MB, of the imports and of the whole run.
MEMORY_CODE = """
import resource, sys
from pathlib import Path
from sklearn_aera.datasets import make_traces

def peak():
    # On Linux ru_maxrss outlives exec, so it would count the parent of this process too.
    status = Path("/proc/self/status")
    if status.exists() and "VmHWM:" in (text := status.read_text()):
        return int(text.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6

print(peak())
for chunk in make_traces(N_EVENTS, chunk_size=10_000, random_state=0):
    pass
print(peak())
"""

# Prints the seconds that the reference takes to import, and the package after it.
IMPORT_CODE = """
import time
started = time.perf_counter()
import sklearn, scipy.signal, scipy.fft
between = time.perf_counter()
import ROOMS
print(between - started)
print(time.perf_counter() - between)
"""


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_traces: int
    n_reference_traces: int
    n_repeats: int
    n_events: int
    n_imports: int


FULL = Size(n_traces=50_000, n_reference_traces=5_000, n_repeats=7, n_events=1_000_000, n_imports=7)
QUICK = Size(n_traces=10_000, n_reference_traces=500, n_repeats=3, n_events=50_000, n_imports=3)


@dataclass(frozen=True)
class Row:
    """One measured number; without a target it is a reference."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self):
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    @property
    def cells(self):
        digits = {"traces/s": ",.0f", "MB": ",.0f", "s": ".3f", "": ".2f"}[self.unit]
        target = ""
        if self.met is not None:
            sign, limit = ("≥", self.at_least) if self.at_most is None else ("≤", self.at_most)
            target = f"{sign} {limit:,g}"
        verdict = {True: "[green]met[/]", False: "[bold red]MISSED[/]", None: ""}[self.met]
        return self.name, f"{self.value:{digits}} {self.unit}".rstrip(), target, verdict


def best_times(tasks, n_repeats):
    """Best time in seconds of each of several tasks that take turns."""
    best = dict.fromkeys(tasks, math.inf)
    for _ in range(n_repeats):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def unavoidable_work(simulator, events):
    """The deviates and the inverse FFTs that the traces of some events need."""
    generator = np.random.Generator(np.random.Philox(SEED))
    n_normal, n_grid = simulator.noise_.n_normal, simulator.band_.n_grid
    spectra = np.ones((CHUNK_SIZE, n_grid // 2 + 1), dtype=np.complex64)
    for start in range(0, len(events), CHUNK_SIZE):
        snr = events[start : start + CHUNK_SIZE, 1]
        generator.standard_normal((len(snr), n_normal), dtype=np.float32)
        scipy.fft.irfft(spectra[: len(snr)], n=n_grid)
        scipy.fft.irfft(spectra[: np.count_nonzero(snr)], n=n_grid)


class NuRadioRecoTraces:
    """Traces made with NuRadioReco, in each of the ways that the module's docstring describes."""

    def __init__(self, sampling_rate, n_samples):
        from NuRadioReco.modules.channelGenericNoiseAdder import channelGenericNoiseAdder
        from NuRadioReco.utilities import analytic_pulse, fft, units

        self.analytic_pulse, self.fft, self.units = analytic_pulse, fft, units
        self.n_samples, self.sampling_rate = n_samples, sampling_rate * units.MHz
        self.band = (LOW * units.MHz, HIGH * units.MHz)
        frequencies = fft.freqs(n_samples, self.sampling_rate)
        self.in_band = (frequencies >= self.band[0]) & (frequencies <= self.band[1])
        noise = (*self.band, n_samples, self.sampling_rate, 0.1 * units.mV)
        adder = channelGenericNoiseAdder()
        adder.begin(seed=SEED)
        adder.precalculate_bandlimited_noise_parameters(*noise, type="rayleigh")
        plain = partial(adder.bandlimited_noise, *noise, type="rayleigh")
        fast = partial(adder.bandlimited_noise_from_precalculated_parameters, type="rayleigh")
        self.ways = {
            "as documented": partial(self._traces, plain, self.documented_pulse),
            "fastest": partial(self._traces, fast, self.fastest_pulse),
        }

    def documented_pulse(self, slope, phase, delay):
        return self.analytic_pulse.get_analytic_pulse(
            1.0, slope, phase, self.n_samples, self.sampling_rate, delay, bandpass=self.band
        )

    def fastest_pulse(self, slope, phase, delay):
        spectrum = self.analytic_pulse.get_analytic_pulse_freq(
            1.0, slope, phase, self.n_samples, self.sampling_rate, delay
        )
        return self.fft.freq2time(spectrum * self.in_band, self.sampling_rate)

    def _traces(self, make_noise, make_pulse, events):
        phases = np.random.default_rng(SEED).uniform(-np.pi / 6, np.pi / 6, len(events))
        delays = -2 * np.pi * events[:, 2] * self.units.microsecond
        slopes = events[:, 3] / self.units.GHz
        amplitudes = events[:, 1] * events[:, 4]
        traces = np.empty((len(events), self.n_samples), dtype=np.float32)
        columns = (column.tolist() for column in (amplitudes, slopes, phases, delays))
        for row, (amplitude, *shape) in enumerate(zip(*columns, strict=True)):
            trace = make_noise()
            if amplitude:
                pulse = make_pulse(*shape)
                rms = math.sqrt(trace @ trace / self.n_samples)
                pulse *= amplitude * rms / np.abs(pulse).max()
                trace += pulse
            traces[row] = trace
        return traces


def measure_speed(size, console):
    events, _ = make_events(size.n_traces, random_state=SEED)
    simulator = TraceSimulator(random_state=SEED).fit(events)
    tasks = {
        "simulator": partial(simulator.transform, events),
        "unavoidable": partial(unavoidable_work, simulator, events),
    }
    n_made = dict.fromkeys(tasks, size.n_traces)
    try:
        reference = NuRadioRecoTraces(simulator.sampling_rate, simulator.n_samples)
    except ImportError as error:
        hint = 'pip install "sklearn-aera[NuRadioMC]"'
        line = f"No comparison with NuRadioReco ({error}). To install it: {hint}"
        console.print(line, markup=False, soft_wrap=True)
    else:
        for way, make_traces in reference.ways.items():
            n_made[way] = size.n_reference_traces
            tasks[way] = partial(make_traces, events[: n_made[way]])
    with threadpool_limits(1):
        seconds = best_times(tasks, size.n_repeats)
    return speed_rows(**{name: n_made[name] / seconds[name] for name in tasks})


def speed_rows(simulator, unavoidable, **others):
    """Rows of the table of speeds, from traces per second."""
    yield Row("TraceSimulator", simulator, "traces/s", at_least=15_000)
    yield Row("unavoidable work", unavoidable, "traces/s")
    yield Row("time / unavoidable work", unavoidable / simulator, "", at_most=3)
    for way, rate in others.items():
        yield Row(f"NuRadioReco, {way}", rate, "traces/s")
        target = 8 if way == "as documented" else None
        yield Row(f"speed / NuRadioReco, {way}", simulator / rate, "", at_least=target)


def run_fresh(code):
    """The numbers that a piece of code prints in a fresh process."""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [float(number) for number in printed.split()]


def measure_memory(size):
    imports, peak = run_fresh(MEMORY_CODE.replace("N_EVENTS", str(size.n_events)))
    yield Row("peak of the imports alone", imports, "MB")
    yield Row(f"peak of {size.n_events:,} events by make_traces", peak, "MB", at_most=1000)
    yield Row("peak / imports", peak / imports, "")


def measure_import(size):
    names = [name for name in sklearn_aera.__all__ if name not in ("__version__", "neural_network")]
    rooms = ", ".join(["sklearn_aera", *(f"sklearn_aera.{name}" for name in names)])
    code = IMPORT_CODE.replace("ROOMS", rooms)
    reference, added = np.min([run_fresh(code) for _ in range(size.n_imports)], axis=0)
    yield Row("sklearn, scipy.signal, scipy.fft", float(reference), "s")
    yield Row("added by sklearn_aera", float(added), "s", at_most=0.3)
    yield Row("added / reference", float(added / reference), "")


def print_table(title, rows, console):
    table = Table(title=title, title_justify="left")
    for column, justify in (("", "left"), ("measured", "right"), ("target", "right"), ("", "left")):
        table.add_column(column, justify=justify)
    for row in rows:
        table.add_row(*row.cells)
    console.print(table)


def versions():
    found = {"python": platform.python_version()}
    for name in ("numpy", "scipy", "scikit-learn", "sklearn-aera", "NuRadioMC"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, about ten seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    options = parser.parse_args(arguments)
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.parent}")
    size, console = QUICK if options.quick else FULL, Console(highlight=False)
    console.print(
        ", ".join(f"{name} {number}" for name, number in versions().items()),
        f"({platform.machine()}, {os.cpu_count()} CPUs, one used)",
        soft_wrap=True,
    )
    sections = {
        f"Speed: {size.n_traces:,} traces": lambda: measure_speed(size, console),
        "Memory: a fresh process": lambda: measure_memory(size),
        "Import time: fresh processes": lambda: measure_import(size),
    }
    results = {"versions": versions(), "quick": options.quick, "rows": []}
    for title, measure in sections.items():
        rows = list(measure())
        print_table(title, rows, console)
        results["rows"] += [{"section": title, **asdict(row), "met": row.met} for row in rows]
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
