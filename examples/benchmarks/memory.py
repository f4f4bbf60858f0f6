"""Memory after many fits in one process: of one architecture, and of many.

Run as::

    python examples/benchmarks/memory.py [--quick] [--json FILE]

The fits of one architecture have training sets of three lengths in turn, beside plain scikeras. The
architectures differ in the length of their filters; at the end the compiled networks are released.
Each row runs in a fresh process; memory is known on Linux only.
"""

from processes import SameProcess, Worker, memory_of_this_process
from report import Report, Target, make_parser
from traces import normalized_traces

N_FITS = {"sklearn-aera": 100, "plain scikeras": 20}
N_FITS_QUICK = {"sklearn-aera": 3, "plain scikeras": 2}
LIMIT = 50.0  # MB that may be added after the tenth fit.
# Architectures, the first of which fill the pool of idle networks; MB that each other one may add.
N_ARCHITECTURES, N_ARCHITECTURES_QUICK, N_FIRST = 80, 3, 20
LIMIT_EACH = 1.0


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


def fit_architectures(n_fits):
    """Memory (MB) of this process after each fit, and after the networks were released."""
    from sklearn_aera.neural_network import RecurrentClassifier, clear_compiled_networks

    X, y = normalized_traces(300)
    held = []
    options = {"hidden_size": 8, "n_filters": 8, "stride": 16, "epochs": 1, "random_state": 0}
    for kernel_size in range(16, 16 + n_fits):
        RecurrentClassifier(kernel_size=kernel_size, **options).fit(X, y)
        held.append(memory_of_this_process())
    clear_compiled_networks()
    return [*held, memory_of_this_process()]


TASKS = {"fit_often": fit_often, "fit_architectures": fit_architectures}


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


def measure_architectures(quick, report):
    n_fits = N_ARCHITECTURES_QUICK if quick else N_ARCHITECTURES
    with (SameProcess if quick else Worker)("memory") as worker:
        *held, released = worker("fit_architectures", n_fits=n_fits)
    if None in held:
        return
    n_first = min(N_FIRST, n_fits - 1)
    each = (held[-1] - held[n_first - 1]) / (n_fits - n_first)
    row = {"architectures": n_fits, "MB after the first": held[0]}
    row |= {"MB with a full pool": held[n_first - 1], "MB after all": held[-1]}
    yield row | {"MB per further one": each, "MB after release": released}
    report.targets.append(Target("growth per architecture", each, at_most=LIMIT_EACH, unit="MB"))


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    report = Report("memory", options)
    report.measure("memory", "Memory of many fits", lambda: measure(options.quick, report))
    title = "Memory of many architectures"
    report.measure("architectures", title, lambda: measure_architectures(options.quick, report))
    report.finish()


if __name__ == "__main__":
    main()
