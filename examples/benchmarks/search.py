"""A grid search over recurrent networks, beside the same layers in plain scikeras.

Run as::

    python examples/benchmarks/search.py [--quick] [--json FILE]

A grid of cells, hidden sizes and directions with the front end of the demo; layers, data, epochs
and batch size are the same for both. Each search runs in a fresh process. Seconds are those of
`GridSearchCV.fit`, with ``n_jobs=2`` the start of joblib's processes included; peak memory is that
of all processes. Scores are accuracies; how far the scores of two seeds of the package's
classifier differ tells how far others may.
"""

import math
from dataclasses import dataclass

import numpy as np
from processes import SameProcess, Worker, memory_of_this_process, watched_memory
from report import Report, Target, make_parser, timed
from traces import SEED, normalized_traces


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    grid: dict
    n_folds: int
    n_traces: int
    epochs: int
    n_jobs: tuple[int, ...]


GRID = {
    "cell": ("simple_rnn", "lstm", "gru"),
    "hidden_size": (12, 24),
    "bidirectional": (False, True),
}
SMALL_GRID = {"cell": ("simple_rnn",), "hidden_size": (4,), "bidirectional": (False,)}
FULL = Size(GRID, n_folds=3, n_traces=3000, epochs=3, n_jobs=(1, 2))
QUICK = Size(SMALL_GRID, n_folds=2, n_traces=100, epochs=1, n_jobs=(1,))


def search(kind, n_jobs, seed, grid, n_folds, n_traces, epochs, n_candidates=None):
    """Search in this process; seconds, scores (candidate, fold) and peak memory (MB)."""
    from classifiers import make_classifier
    from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold

    X, y = normalized_traces(n_traces)
    classifier, prefix = make_classifier(kind, seed=seed, epochs=epochs)
    candidates = list(ParameterGrid(grid))
    if n_candidates is not None:  # A part of the grid, drawn from all its architectures.
        order = np.random.default_rng(SEED).permutation(len(candidates))
        candidates = [candidates[row] for row in order[:n_candidates]]
    tuned = GridSearchCV(
        classifier,
        [{prefix + name: [value] for name, value in chosen.items()} for chosen in candidates],
        scoring=accuracy,
        cv=StratifiedKFold(n_folds),
        n_jobs=n_jobs,
        refit=False,
        error_score="raise",
    )
    _, seconds = timed(tuned.fit, X, y)
    scores = [tuned.cv_results_[f"split{n}_test_score"].tolist() for n in range(n_folds)]
    scores = np.transpose(scores).tolist()
    return {"seconds": seconds, "scores": scores, "peak": memory_of_this_process("VmHWM")}


def accuracy(classifier, X, y):
    # A function: scikit-learn does not take scikeras' wrapper for a classifier by itself.
    return float(np.mean(classifier.predict(X) == y))


TASKS = {"search": search}


def measure(size, report):
    found, rows = {}, []
    make_worker = SameProcess if size is QUICK else Worker
    runs = [(kind, n, 0) for n in size.n_jobs for kind in ("sklearn-aera", "plain scikeras")]
    for kind, n_jobs, seed in [*runs, ("sklearn-aera", size.n_jobs[-1], 1)]:
        options = {"grid": size.grid, "n_folds": size.n_folds, "n_traces": size.n_traces}
        options |= {"kind": kind, "n_jobs": n_jobs, "seed": seed, "epochs": size.epochs}
        with make_worker("search") as worker, watched_memory(worker.pid) as held:
            run = found[kind, n_jobs, seed] = worker("search", **options)
        row = {"classifier": kind, "n_jobs": n_jobs, "seed": seed, "fits": np.size(run["scores"])}
        row |= {"s": run["seconds"], "peak MB": max(held)}
        rows.append(row | {"accuracy": float(np.mean(run["scores"]))})
    for row in rows:
        for n_jobs in size.n_jobs:
            plain = found["plain scikeras", n_jobs, 0]["seconds"]
            row[f"/ plain, n_jobs={n_jobs}"] = row["s"] / plain
    report.targets += [*time_targets(found, size), *score_targets(found, size)]
    return rows


def time_targets(found, size):
    limits = {1: 0.5, 2: 0.35}
    for n_jobs in size.n_jobs:
        for reference in sorted({1, n_jobs}):
            ratio = found["sklearn-aera", n_jobs, 0]["seconds"]
            ratio /= found["plain scikeras", reference, 0]["seconds"]
            name = f"n_jobs={n_jobs}: time / plain scikeras, n_jobs={reference}"
            yield Target(name, ratio, at_most=limits[n_jobs])


def score_targets(found, size):
    keys = ("sklearn-aera", 0), ("plain scikeras", 0), ("sklearn-aera", 1)
    ours, plain, again = (
        np.array(found[kind, size.n_jobs[-1], seed]["scores"]) for kind, seed in keys
    )
    name = "mean |difference| of the scores to plain scikeras"
    yield Target(name, np.abs(ours - plain).mean(), at_most=1.5 * np.abs(ours - again).mean())
    error = (ours - again).std(ddof=1) / math.sqrt(ours.size)
    name = "|mean difference| of the scores to plain scikeras"
    yield Target(name, abs((ours - plain).mean()), at_most=3 * error)


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("search", options)
    report.measure("search", "Grid search", lambda: measure(size, report))
    report.finish()


if __name__ == "__main__":
    main()
