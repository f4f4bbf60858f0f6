"""Data sets larger than memory: how fast they are written, and what memory it takes.

Run as::

    python examples/benchmarks/out_of_core.py [--quick] [--json FILE]

Each row is a fresh process, which has imported, compiled and tried everything before. Writing:
`simulate_to_file` into HDF5 with one and two workers, beside `make_traces`, which keeps everything
in memory. Training: one epoch of the recommended detector's network over the file, piece by piece
with `load_traces` and `partial_fit`, beside the same on the whole file in memory. Memory is the
peak of the process and its workers above what they had before; size is that of traces and signals.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

PIECE = 2000
FULL, QUICK = (20_000, 60_000, 200_000), (4000, 6000)


def in_memory(path):
    """A task is a function of the number of events; what is imported and compiled is so before."""
    from sklearn_aera.datasets import make_traces

    make_traces(PIECE, random_state=0)
    return lambda n_events: make_traces(n_events, random_state=0)


def into_file(path, n_jobs):
    from sklearn_aera.datasets import simulate_to_file

    options = {"chunk_size": PIECE, "random_state": 0, "n_jobs": n_jobs, "overwrite": True}
    simulate_to_file(path.with_name("first.h5"), n_jobs * PIECE, **options)
    return lambda n_events: simulate_to_file(path, n_events, **options)


def train(path, chunk_size):
    """One epoch; with ``chunk_size`` None on the whole file at once."""
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


TASKS = {
    "make_traces, in memory": ("write", in_memory, {}),
    "simulate_to_file, n_jobs=1": ("write", into_file, {"n_jobs": 1}),
    "simulate_to_file, n_jobs=2": ("write", into_file, {"n_jobs": 2}),
    "partial_fit on the whole file": ("train", train, {"chunk_size": None}),
    "partial_fit piece by piece": ("train", train, {"chunk_size": PIECE}),
}


def work(name, path, n_events):
    """What a process does: get ready, wait, and say how long the task took."""
    _, prepare, options = TASKS[name]
    task = prepare(path, **options)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    task(n_events)
    print(time.perf_counter() - started, flush=True)


def measure(name, path, n_events):
    """Seconds of a task and the peak memory (MB) of its processes above that of before."""
    command = [sys.executable, __file__, "--work", name, str(path), str(n_events)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        watched = psutil.Process(process.pid)
        before, peak, done = held(watched), [0.0], threading.Event()

        def watch():
            while not done.wait(0.1):
                peak[0] = max(peak[0], held(watched))

        thread = threading.Thread(target=watch)
        thread.start()
        process.stdin.write("go\n")
        process.stdin.flush()
        line = process.stdout.readline()
        done.set()
        thread.join()
    return float(line), max(peak[0] - before, 0.0)


def held(process):
    """MB that a process and its children have for themselves."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            memory = one.memory_full_info()
        except psutil.Error:
            continue
        total += getattr(memory, "uss", memory.rss) / 1e6
    return total


def rows(sizes, folder):
    for n_events in sizes:
        path = Path(folder) / f"events_{n_events}.h5"
        seconds = {}
        for name, (kind, *_) in TASKS.items():
            seconds[name], memory = measure(name, path, n_events)
            reference = next(n for n in seconds if TASKS[n][0] == kind)
            yield {
                "events": n_events,
                "size / MB": n_events * 500 * 4 * 2 / 1e6,
                "task": name,
                "s": seconds[name],
                "events/s": n_events / seconds[name],
                "speed / in memory": seconds[reference] / seconds[name],
                "memory / MB": memory,
            }
        path.unlink()


def show(found, console):
    table = Table(title="Data larger than memory", title_justify="left")
    for column in found[0]:
        table.add_column(column, justify="left" if column == "task" else "right")
    for row in found:
        table.add_row(
            *(f"{v:,.3g}" if isinstance(v, float) and v < 100 else _whole(v) for v in row.values())
        )
    console.print(table)


def _whole(value):
    return value if isinstance(value, str) else f"{value:,.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, path, n_events = options.work
        work(name, Path(path), int(n_events))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = list(rows(QUICK if options.quick else FULL, folder))
    show(found, Console(width=120))
    if options.json is not None:
        options.json.write_text(json.dumps({"out of core": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
