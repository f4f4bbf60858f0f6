"""Memory after many fits of one architecture in one process, beside plain scikeras.

Run as::

    python examples/benchmarks/memory.py [--quick] [--json FILE]

The fits have training sets of three lengths in turn. Each column of fits runs in a fresh process;
memory is known on Linux only.
"""

from processes import SameProcess, Worker, memory_of_this_process
from report import Report, Target, make_parser
from traces import normalized_traces

N_FITS = {"sklearn-aera": 100, "plain scikeras": 20}
N_FITS_QUICK = {"sklearn-aera": 3, "plain scikeras": 2}
LIMIT = 50.0  # MB that may be added after the tenth fit.


def fit_often(kind, n_fits):
    """Memory (MB) of this process after each fit."""
    from classifiers import make_classifier

    X, y = normalized_traces(300)
    held = []
    for number in range(n_fits):
        n_traces = 200 + 50 * (number % 3)
        make_classifier(kind, seed=number, epochs=1)[0].fit(X[:n_traces], y[:n_traces])
        held.append(memory_of_this_process())
    return held


TASKS = {"fit_often": fit_often}


def measure(quick, report):
    for kind, n_fits in (N_FITS_QUICK if quick else N_FITS).items():
        with (SameProcess if quick else Worker)("memory") as worker:
            held = worker("fit_often", kind=kind, n_fits=n_fits)
        if None in held:
            continue
        settled = min(10, n_fits - 1)
        growth = held[-1] - held[settled - 1]
        row = {"classifier": kind, "fits": n_fits, "MB after the first": held[0]}
        row |= {"MB after the tenth": held[settled - 1], "MB after all": held[-1]}
        yield row | {"MB per fit after the tenth": growth / (n_fits - settled)}
        if kind == "sklearn-aera":
            name = f"growth from fit {settled} to fit {n_fits}"
            report.targets.append(Target(name, growth, at_most=LIMIT, unit="MB"))


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    report = Report("memory", options)
    report.measure("memory", "Memory of many fits", lambda: measure(options.quick, report))
    report.finish()


if __name__ == "__main__":
    main()
