"""How time and memory grow with the number of traces, and of candidates of a search.

Run as::

    python examples/benchmarks/growth.py [--only TABLE ...] [--quick] [--json FILE] [--figure FILE]

The tables; each row is a fresh process:

- fit: one epoch of the recommended detector's network, compiled before.
- search: candidates drawn from a grid of all architectures and three learning rates, two folds and
  one epoch each.

``--figure`` draws both, with least-squares slopes in log-log.
"""

from dataclasses import dataclass

import numpy as np
from processes import SameProcess, Worker, memory_of_this_process
from report import Report, make_parser, output_file, timed
from search import GRID, SMALL_GRID, search
from traces import SEED, normalized_traces

LEARNING_RATES = (3e-3, 1e-3, 1e-2)
LABELS = {"fit": "Traces, one epoch", "search": "Candidates, two folds each"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_traces: tuple[int, ...]
    grid: dict
    n_candidates: tuple[int, ...]
    n_search_traces: int


FULL = Size((1000, 3000, 10_000, 30_000, 100_000), GRID, (1, 3, 12, 36), 1000)
QUICK = Size((100, 300), SMALL_GRID, (1, 2), 40)


def fit(n_traces):
    """Seconds and peak memory (MB) of one epoch of a compiled network."""
    from sklearn_aera.neural_network import make_detector

    classifier = make_detector(epochs=1, random_state=SEED)["classify"]
    _, first = timed(classifier.fit, *normalized_traces(256))
    before = memory_of_this_process("VmHWM")
    _, seconds = timed(classifier.fit, *normalized_traces(n_traces))
    peak = memory_of_this_process("VmHWM")
    return {"first": first, "seconds": seconds, "before": before, "peak": peak}


TASKS = {"fit": fit, "search": search}


def ask(size, task, **options):
    """Result of a task in a fresh process, or in this one for quick runs."""
    with (SameProcess if size is QUICK else Worker)("growth") as worker:
        return worker(task, **options)


def measure_fit(size):
    for n_traces in size.n_traces:
        run = ask(size, "fit", n_traces=n_traces)
        row = {"n": n_traces, "s": run["seconds"], "first fit s": run["first"]}
        yield row | {"peak MB": run["peak"], "MB before": run["before"]}


def measure_search(size):
    options = {"grid": size.grid | {"learning_rate": LEARNING_RATES}, "n_folds": 2, "epochs": 1}
    options |= {"kind": "sklearn-aera", "n_jobs": 1, "seed": SEED}
    options["n_traces"] = size.n_search_traces
    for n_candidates in size.n_candidates:
        run = ask(size, "search", n_candidates=n_candidates, **options)
        yield {"n": n_candidates, "s": run["seconds"], "peak MB": run["peak"]}


def slope(rows, column):
    """Exponent of a power law, by least squares in log-log."""
    n, values = ([row[name] for row in rows] for name in ("n", column))
    return np.polyfit(np.log(n), np.log(values), 1)[0]


def draw(path, tables):
    """Time and memory against the work; the slopes are in the legends."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    for ax, (name, rows) in zip(figure.subplots(1, 2), tables.items(), strict=True):
        draw_growth(ax, rows)
        ax.set_xlabel(LABELS[name])
    figure.axes[0].set_ylabel("Time (s), peak memory (GB)")
    figure.savefig(path, dpi=150)


def draw_growth(ax, rows):
    n = [row["n"] for row in rows]
    for name, column, unit, marker in (("time", "s", 1, "o"), ("memory", "peak MB", 1e3, "s")):
        if any(row[column] is None for row in rows):
            continue  # Unknown on this system.
        values = [row[column] / unit for row in rows]
        ax.plot(n, values, marker=marker, label=f"{name}, slope {slope(rows, column):.2f}")
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(n, labels=[f"{number:,}" for number in n])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, loc="upper left")


def main(arguments=None):
    parser = make_parser(__doc__, tuple(LABELS))
    parser.add_argument("--figure", type=output_file, metavar="FILE", help="draw the growth here")
    options = parser.parse_args(arguments)
    if options.figure is not None and options.only is not None:
        parser.error("--figure draws both tables, leave out --only")
    size = QUICK if options.quick else FULL
    report = Report("growth", options)
    measures = {"fit": measure_fit, "search": measure_search}
    tables = {
        name: report.measure(name, LABELS[name], lambda function=function: function(size))
        for name, function in measures.items()
    }
    report.finish()
    if options.figure is not None:
        draw(options.figure, tables)


if __name__ == "__main__":
    main()
