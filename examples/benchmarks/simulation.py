"""Speed, memory and import time of the simulator, beside references measured in the same run.

Run as::

    python examples/benchmarks/simulation.py [--only TABLE ...] [--quick] [--json FILE]

Timings that are compared take turns on one core, and the best of each counts. The tables:

- speed: `TraceSimulator.transform` on traces of 500 samples, half of them with a pulse, beside

  - the unavoidable work: as many standard normal deviates and inverse FFTs, in chunks of 256
    traces;
  - NuRadioReco, if it is installed, in a loop over traces, as it is used: noise at 30-80 MHz with
    Rayleigh amplitudes, and an analytic pulse of the same slope, arrival time and signal-to-noise
    ratio. As documented, with `channelGenericNoiseAdder.bandlimited_noise` and
    `analytic_pulse.get_analytic_pulse` with its ``bandpass``, which designs a filter at each call.
    And the fastest way found, with `bandlimited_noise_from_precalculated_parameters` (after one
    `precalculate_bandlimited_noise_parameters`) and `analytic_pulse.get_analytic_pulse_freq`,
    times a band made once, into `fft.freq2time`. The noise adder is created once for all traces.
    Both do less than `TraceSimulator`: no carriers, no random stream per event, and circular noise
    on a grid of half the length.

- memory: the peak of a fresh process that iterates over `make_traces`, beside that of its imports.
- imports: sklearn_aera with all its packages but `neural_network`, in a fresh process that has
  imported scikit-learn and SciPy already.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.fft
from processes import run_python
from report import Report, Target, make_parser, take_turns
from sklearn.utils import gen_batches
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
for chunk in make_traces(int(sys.argv[1]), chunk_size=10_000, random_state=0):
    pass
print(peak())
"""

# Prints the seconds that the reference takes to import, and the packages after it.
IMPORT_CODE = """
import importlib, sys, time
started = time.perf_counter()
import sklearn, scipy.signal, scipy.fft
between = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
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


def unavoidable_work(simulator, snr):
    """Draw the deviates and do the inverse FFTs that traces of these ratios need."""
    generator = np.random.Generator(np.random.Philox(SEED))
    n_normal, n_grid = simulator.noise_.n_normal, simulator.frequency_grid_.n_grid
    spectra = np.ones((CHUNK_SIZE, n_grid // 2 + 1), dtype=np.complex64)
    for rows in gen_batches(len(snr), CHUNK_SIZE):
        n_rows, n_pulses = len(snr[rows]), np.count_nonzero(snr[rows])
        generator.standard_normal((n_rows, n_normal), dtype=np.float32)
        scipy.fft.irfft(spectra[:n_rows], n=n_grid)
        scipy.fft.irfft(spectra[:n_pulses], n=n_grid)


class NuRadioRecoTraces:
    """Traces made with NuRadioReco, in both ways that the module's docstring describes."""

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
        delays = -2 * np.pi * events["arrival_time"] * self.units.microsecond
        slopes = events["spectral_slope"] / self.units.GHz
        amplitudes = events["snr"] * events["polarity"]
        traces = np.empty((len(events), self.n_samples), dtype=np.float32)
        columns = (np.asarray(c).tolist() for c in (amplitudes, slopes, phases, delays))
        for row, (amplitude, *shape) in enumerate(zip(*columns, strict=True)):
            trace = make_noise()
            if amplitude:
                pulse = make_pulse(*shape)
                rms = math.sqrt(trace @ trace / self.n_samples)
                pulse *= amplitude * rms / np.abs(pulse).max()
                trace += pulse
            traces[row] = trace
        return traces


def measure_speed(size, report):
    frame, _ = make_events(size.n_traces, random_state=SEED, as_frame=True)
    events, snr = frame.to_numpy(), frame["snr"].to_numpy()
    simulator = TraceSimulator(random_state=SEED).fit(events)
    tasks = {
        "TraceSimulator": partial(simulator.transform, events),
        "unavoidable work": partial(unavoidable_work, simulator, snr),
    }
    n_made = dict.fromkeys(tasks, size.n_traces)
    try:
        reference = NuRadioRecoTraces(simulator.sampling_rate, simulator.n_samples)
    except ImportError as error:
        hint = 'pip install "sklearn-aera[NuRadioMC]"'
        report.note(f"No comparison with NuRadioReco ({error}). To install it: {hint}")
    else:
        for way, make_traces in reference.ways.items():
            n_made[f"NuRadioReco, {way}"] = size.n_reference_traces
            some = frame.iloc[: size.n_reference_traces]
            tasks[f"NuRadioReco, {way}"] = partial(make_traces, some)
    with threadpool_limits(1):
        seconds = take_turns(tasks, size.n_repeats, warm_up=False)
    rates = {name: n_made[name] / min(seconds[name]) for name in tasks}
    report.targets += speed_targets(rates)
    return speed_rows(rates)


def speed_rows(rates):
    """Rows of the table of speeds, from traces per second."""
    own = rates["TraceSimulator"]
    for name, rate in rates.items():
        yield {"what": name, "measured": rate, "unit": "traces/s"}
        if name == "unavoidable work":
            yield {"what": f"time / {name}", "measured": rate / own, "unit": ""}
        elif name != "TraceSimulator":
            yield {"what": f"speed / {name}", "measured": own / rate, "unit": ""}


def speed_targets(rates):
    own, documented = rates["TraceSimulator"], rates.get("NuRadioReco, as documented")
    yield Target("TraceSimulator", own, at_least=15_000, unit="traces/s")
    yield Target("time / unavoidable work", rates["unavoidable work"] / own, at_most=3)
    if documented is not None:
        yield Target("speed / NuRadioReco, as documented", own / documented, at_least=8)


def measure_memory(size, report):
    imports, peak = map(float, run_python(MEMORY_CODE, size.n_events).split())
    name = f"peak of {size.n_events:,} events by make_traces"
    report.targets.append(Target(name, peak, at_most=1000, unit="MB"))
    yield {"what": "peak of the imports alone", "measured": imports, "unit": "MB"}
    yield {"what": name, "measured": peak, "unit": "MB"}
    yield {"what": "peak / imports", "measured": peak / imports, "unit": ""}


def measure_imports(size, report):
    left_out = ("__version__", "neural_network")
    names = [f"sklearn_aera.{name}" for name in sklearn_aera.__all__ if name not in left_out]
    runs = [run_python(IMPORT_CODE, *names).split() for _ in range(size.n_imports)]
    reference, added = np.min(np.array(runs, dtype=float), axis=0)
    report.targets.append(Target("added by sklearn_aera", added, at_most=0.3, unit="s"))
    yield {"what": "sklearn, scipy.signal, scipy.fft", "measured": reference, "unit": "s"}
    yield {"what": "added by sklearn_aera", "measured": added, "unit": "s"}
    yield {"what": "added / reference", "measured": added / reference, "unit": ""}


def main(arguments=None):
    options = make_parser(__doc__, ("speed", "memory", "imports")).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("simulation", options)
    title = f"Speed: {size.n_traces:,} traces, one core"
    report.measure("speed", title, lambda: measure_speed(size, report))
    report.measure("memory", "Memory: a fresh process", lambda: measure_memory(size, report))
    title = "Import time: fresh processes"
    report.measure("imports", title, lambda: measure_imports(size, report))
    report.finish()


if __name__ == "__main__":
    main()
