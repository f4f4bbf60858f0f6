"""Data sets larger than memory: how fast they are written and read, and what memory it takes.

Run as::

    python examples/benchmarks/out_of_core.py [--quick] [--json FILE]

Each row is a fresh process, which has imported, compiled and tried everything before. Writing:
`simulate_to_file` into HDF5 with one and two workers, beside `make_traces`, which keeps everything
in memory. Training: one epoch of the recommended detector's network over the file, piece by piece
with `load_traces` and `partial_fit`, beside the same on the whole file in memory. Memory is the
peak of the process and its workers above what they had before; size is that of traces and signals.
"""

import tempfile
from pathlib import Path

from processes import Worker, watched_memory
from report import Report, make_parser, timed

PIECE = 2000
FULL, QUICK = (20_000, 60_000, 200_000), (3000,)


def in_memory(path):
    """Function of the number of events that simulates them; everything it needs is loaded."""
    from sklearn_aera.datasets import make_traces

    make_traces(PIECE, random_state=0)
    return lambda n_events: make_traces(n_events, random_state=0)


def into_file(path, n_jobs):
    """The same, but into a file."""
    from sklearn_aera.datasets import simulate_to_file

    options = {"chunk_size": PIECE, "random_state": 0, "n_jobs": n_jobs, "overwrite": True}
    simulate_to_file(path.with_name("first.h5"), n_jobs * PIECE, **options)
    return lambda n_events: simulate_to_file(path, n_events, **options)


def train(path, chunk_size):
    """Function that trains one epoch from a file; ``chunk_size`` None takes it as a whole."""
    from sklearn_aera.datasets import load_traces
    from sklearn_aera.neural_network import make_detector

    first = next(load_traces(path, chunk_size=PIECE))
    normalize, whiten, classify = (step for _, step in make_detector(random_state=0).steps)

    def prepared(traces):
        return whiten.transform(normalize.transform(traces))

    whiten.fit(normalize.fit_transform(first.traces), first.y)
    classify.partial_fit(prepared(first.traces), first.y, classes=[0, 1])

    def epoch(n_events):
        chunks = load_traces(path, chunk_size=chunk_size)
        for chunk in [chunks] if chunk_size is None else chunks:
            classify.partial_fit(prepared(chunk.traces), chunk.y)

    return epoch


WORK = {
    "make_traces, in memory": ("write", in_memory, {}),
    "simulate_to_file, n_jobs=1": ("write", into_file, {"n_jobs": 1}),
    "simulate_to_file, n_jobs=2": ("write", into_file, {"n_jobs": 2}),
    "partial_fit on the whole file": ("train", train, {"chunk_size": None}),
    "partial_fit piece by piece": ("train", train, {"chunk_size": PIECE}),
}
prepared_work = {}  # Of this process.


def prepare(name, path):
    """Get ready for a piece of work."""
    _, make, options = WORK[name]
    prepared_work[name] = make(Path(path), **options)


def work(name, n_events):
    """Seconds of a piece of work."""
    return timed(prepared_work[name], n_events)[1]


TASKS = {"prepare": prepare, "work": work}


def measure(sizes, folder):
    for n_events in sizes:
        path, references = Path(folder) / f"events_{n_events}.h5", {}
        for name, (kind, *_) in WORK.items():
            with Worker("out_of_core") as worker:
                worker("prepare", name=name, path=str(path))
                with watched_memory(worker.pid, "uss") as held:
                    seconds = worker("work", name=name, n_events=n_events)
            reference = references.setdefault(kind, seconds)
            yield {
                "events": n_events,
                "size / MB": n_events * 500 * 4 * 2 / 1e6,
                "task": name,
                "s": seconds,
                "events/s": n_events / seconds,
                "speed / in memory": reference / seconds,
                "memory / MB": max(held) - held[0],
            }
        path.unlink()


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    report = Report("out_of_core", options)
    with tempfile.TemporaryDirectory() as folder:
        sizes = QUICK if options.quick else FULL
        title = "Data larger than memory"
        report.measure("out_of_core", title, lambda: measure(sizes, folder))
    report.finish()


if __name__ == "__main__":
    main()
