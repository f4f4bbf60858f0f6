"""How time and memory of the classical methods grow with the number of samples of a trace.

Run as::

    python examples/benchmarks/length.py [--only TABLE ...] [--quick] [--json FILE] [--figure FILE]

There is a table for each estimator. It is fitted to 2 000 traces, half of which have a pulse, and
applied to them. Each row is a fresh process. CPU seconds, and traces per CPU second, leave out the
time in which other jobs had the processor. Peak memory includes the traces, Python and SciPy.
``--figure`` draws all tables, with least-squares slopes in log-log.
"""

import time
from dataclasses import dataclass

from growth import slope
from processes import SameProcess, Worker, memory_of_this_process
from report import Report, Target, make_parser, output_file, timed
from traces import SEED

TITLES = {
    "whitener": "SpectralWhitener",
    "wiener": "WienerFilter",
    "matched_filter": "MatchedFilter",
    "likelihood_ratio": "LikelihoodRatioClassifier",
}
# Limits of the time of a fit in s, of the memory in MB, of traces per second times samples over
# 500, and of the exponent of the growth.
FIT_LIMITS, MEMORY_LIMIT, RATE_LIMIT, SLOPE_LIMIT = {2048: 10.0, 8192: 60.0}, 1000, 10_000, 1.3


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_samples: tuple[int, ...]
    n_traces: int


FULL = Size((500, 1024, 2048, 4096, 8192), 2000)
QUICK = Size((100, 1200), 60)


def make_estimator(name):
    """An estimator, and its method that is applied to traces."""
    from sklearn_aera.feature_extraction import MatchedFilter
    from sklearn_aera.likelihood import LikelihoodRatioClassifier
    from sklearn_aera.preprocessing import SpectralWhitener, WienerFilter

    found = {
        "whitener": (SpectralWhitener(), "transform"),
        "wiener": (WienerFilter(), "transform"),
        "matched_filter": (MatchedFilter(), "transform"),
        "likelihood_ratio": (LikelihoodRatioClassifier(), "predict"),
    }
    return found[name]


def run(name, n_samples, n_traces):
    """Seconds and peak memory (MB) of a fit and of the application of an estimator."""
    from sklearn_aera.datasets import make_traces
    from sklearn_aera.simulation import TraceSimulator

    simulator = TraceSimulator(n_samples=n_samples)
    data = make_traces(n_traces, simulator=simulator, random_state=SEED)
    before = memory_of_this_process("VmHWM")
    estimator, method = make_estimator(name)
    started = time.process_time()
    _, seconds = timed(estimator.fit, data.traces, data.y)
    cpu = time.process_time() - started
    started = time.process_time()
    getattr(estimator, method)(data.traces)
    applied = time.process_time() - started
    peak = memory_of_this_process("VmHWM")
    return {"fit": seconds, "cpu": cpu, "applied": applied, "before": before, "peak": peak}


TASKS = {"run": run}


def measure(size, name):
    """Rows of a table: the estimator at each length."""
    for n_samples in size.n_samples:
        with (SameProcess if size is QUICK else Worker)("length") as worker:
            found = worker("run", name=name, n_samples=n_samples, n_traces=size.n_traces)
        yield {
            "estimator": TITLES[name],
            "n": n_samples,
            "fit s": found["fit"],
            "CPU s": found["cpu"],
            "traces/CPU s": size.n_traces / found["applied"],
            "peak MB": found["peak"],
            "MB before": found["before"],
        }


def targets(name, rows):
    """What the rows of an estimator are expected to keep."""
    for row in rows:
        n_samples = row["n"]
        label = f"{TITLES[name]}, {n_samples} samples"
        if n_samples in FIT_LIMITS:
            yield Target(f"{label}: fit", row["fit s"], at_most=FIT_LIMITS[n_samples], unit="s")
        rate = row["traces/CPU s"] * n_samples / 500
        yield Target(f"{label}: traces per CPU s x samples/500", rate, at_least=RATE_LIMIT)
    if rows[-1]["peak MB"] is not None:
        peak = max(row["peak MB"] for row in rows)
        yield Target(f"{TITLES[name]}: peak memory", peak, at_most=MEMORY_LIMIT, unit="MB")
    yield Target(f"{TITLES[name]}: exponent", slope(rows, "CPU s"), at_most=SLOPE_LIMIT)


def draw(path, tables):
    """CPU time of a fit, and time per applied trace, against the length; slopes in the legends."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    fit, apply = figure.subplots(1, 2)
    for name, rows in tables.items():
        n = [row["n"] for row in rows]
        rows = [row | {"us": 1e6 / row["traces/CPU s"]} for row in rows]
        for ax, column in ((fit, "CPU s"), (apply, "us")):
            label = f"{TITLES[name]}, slope {slope(rows, column):.2f}"
            ax.plot(n, [row[column] for row in rows], marker="o", label=label)
    for ax, label in ((fit, "Fit, CPU time (s)"), (apply, "Apply, time per trace (µs)")):
        ax.set(xscale="log", yscale="log", xlabel="Samples of a trace", ylabel=label)
        ax.set_xticks(n, labels=[f"{number:,}" for number in n])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
        ax.legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=150)


def main(arguments=None):
    parser = make_parser(__doc__, tuple(TITLES))
    parser.add_argument("--figure", type=output_file, metavar="FILE", help="draw the growth here")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    report, tables = Report("length", options), {}
    for name, title in TITLES.items():
        rows = report.measure(name, title, lambda name=name: measure(size, name))
        if rows:
            tables[name] = rows
            report.targets.extend(targets(name, rows))
    report.finish()
    if options.figure is not None:
        draw(options.figure, tables)


if __name__ == "__main__":
    main()
