"""Many fits, many predictions, much data: beside plain scikeras and Keras in the same run.

Run as::

    python examples/benchmarks/sweep.py [--only TABLE ...] [--quick] [--json FILE] [--figure FILE]

Ways that are compared have the same layers, data, epochs and batch size, and take turns. What
could leak into another measurement (compiled networks, memory) runs in a fresh process. Plain
scikeras is ``KerasClassifier(model=function)``, as its documentation has it. The tables:

- search: a grid of cells, hidden sizes and directions, with the front end of the demo. Seconds
  are those of `GridSearchCV.fit`, with ``n_jobs=2`` the start of joblib's processes included.
  Peak memory is that of all processes (it needs psutil). Scores are accuracies; their seed noise
  is how far the scores of two seeds of the package's classifier differ.
- memory: many fits of one architecture in one process, on training sets of three lengths in turn.
- prediction: one trace (ten times in a row, as of a stream), and many, beside the methods of the
  same network as a Keras model.
- steps: an epoch of training in many ways: loops unrolled, with the input projected once or in
  every step, with a gradient that is written out or automatic, in `keras.Model.fit`, compiled by
  XLA, on other backends of Keras, in plain PyTorch (with torch or jax installed); raw samples,
  frames, strides, batch sizes. The first epoch includes what is compiled.
- growth: time and peak memory of a fit of the recommended detector's network by the number of
  traces, and of a search by the number of candidates; with least-squares slopes in log-log, drawn
  by ``--figure``.
"""

import argparse
import importlib.util
import itertools
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import RecurrentClassifier, make_detector

SEED = 0
N_SAMPLES = 500
BATCH_SIZE = 128
DEMO = {"n_filters": 16, "kernel_size": 40, "stride": 8}
DETECTOR = {"hidden_size": 32, "n_filters": 96, "kernel_size": 64, "stride": 8}
CELLS = ("simple_rnn", "lstm", "gru")
LEARNING_RATES = (3e-3, 1e-3, 1e-2)
PATIENCE = 15.0  # Seconds after which a way to train takes no more turns.


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    cells: tuple[str, ...]
    directions: tuple[bool, ...]
    hidden_sizes: tuple[int, ...]
    n_folds: int
    n_traces: int
    epochs: int
    n_jobs: tuple[int, ...]
    n_fits: tuple[int, int]  # Of the package, of plain scikeras.
    n_single: int
    n_many: int
    n_steps_traces: int
    n_turns: int
    sizes: tuple[int, ...]
    n_candidates: tuple[int, ...]
    shares_processes: bool


FULL = Size(
    cells=CELLS,
    directions=(False, True),
    hidden_sizes=(12, 24),
    n_folds=3,
    n_traces=3000,
    epochs=3,
    n_jobs=(1, 2),
    n_fits=(100, 20),
    n_single=20,
    n_many=20_000,
    n_steps_traces=2048,
    n_turns=6,
    sizes=(1000, 3000, 10_000, 30_000, 100_000),
    n_candidates=(1, 3, 12, 36),
    shares_processes=False,
)
QUICK = Size(
    cells=("simple_rnn",),
    directions=(False,),
    hidden_sizes=(4,),
    n_folds=2,
    n_traces=100,
    epochs=1,
    n_jobs=(1,),
    n_fits=(3, 2),
    n_single=3,
    n_many=200,
    n_steps_traces=128,
    n_turns=1,
    sizes=(100, 300),
    n_candidates=(1, 2),
    shares_processes=True,
)


@dataclass(frozen=True)
class Target:
    """What is asked of a measured number."""

    name: str
    value: float
    at_most: float
    unit: str = ""

    @property
    def row(self):
        met = "yes" if self.value <= self.at_most else "NO"
        measured = {"measured": float(self.value), "at most": float(self.at_most)}
        return {"target": self.name, **measured, "unit": self.unit, "met": met}


@dataclass
class Report:
    """Rows of a table, and the targets that they answer."""

    rows: list[dict] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)


# Tasks: what the processes do that are started for a measurement.


def plain_network(cell, hidden_size, bidirectional, seed, rate):
    """The network of `make_classifier`, of Keras' own layers, compiled for probabilities."""
    import keras

    from sklearn_aera.neural_network._networks import build_network

    network = build_network(architecture(cell, hidden_size, bidirectional, **DEMO), seed)
    probability = keras.layers.Activation("sigmoid")(network.output)
    model = keras.Model(network.input, probability)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def architecture(cell="gru", hidden_size=32, bidirectional=True, **front_end):
    options = {"cell": cell, "hidden_size": hidden_size, "bidirectional": bidirectional}
    return RecurrentClassifier(**options, **front_end)._architecture(2, N_SAMPLES)


def make_classifier(way, *, seed, epochs, rate=LEARNING_RATES[0]):
    """A classifier with the front end of the demo, and the prefix of its network's parameters."""
    options = {"batch_size": BATCH_SIZE, "epochs": epochs}
    if way == "sklearn-aera":
        options |= {"learning_rate": rate, "random_state": seed}
        return RecurrentClassifier(hidden_size=12, **DEMO, **options), ""
    # Without its random_state, which would slow scikeras down by TensorFlow's determinism.
    from scikeras.wrappers import KerasClassifier

    network = {"model__cell": "gru", "model__hidden_size": 12, "model__bidirectional": True}
    network |= {"model__seed": seed, "model__rate": rate}
    return KerasClassifier(model=plain_network, verbose=0, **network, **options), "model__"


@cache
def normalized_traces(n_traces):
    data = make_traces(n_traces, snr=(0.5, 5.0), random_state=SEED)
    return data.traces / data.traces.std(axis=1, keepdims=True), data.y


def accuracy(classifier, X, y):
    # By name scikit-learn would have to take scikeras' wrapper for a classifier.
    return accuracy_score(y, classifier.predict(X))


def search(way, n_jobs, seed, grid, n_candidates, n_folds, n_traces, epochs):
    """Seconds of a search, scores (candidate, fold), and the peak memory of this process."""
    X, y = normalized_traces(n_traces)
    classifier, prefix = make_classifier(way, seed=seed, epochs=epochs)
    candidates = list(ParameterGrid(grid))
    if n_candidates is not None:  # A part of the grid: of all its architectures.
        order = np.random.default_rng(SEED).permutation(len(candidates))
        candidates = [candidates[row] for row in order[:n_candidates]]
    if way == "sklearn-aera":
        import sklearn_aera.neural_network._engine  # noqa: F401, not a part of the search
    tuned = GridSearchCV(
        classifier,
        [{prefix + name: [value] for name, value in chosen.items()} for chosen in candidates],
        scoring=accuracy,
        cv=StratifiedKFold(n_folds),
        n_jobs=n_jobs,
        refit=False,
        error_score="raise",
    )
    started = time.perf_counter()
    results = tuned.fit(X, y).cv_results_
    seconds = time.perf_counter() - started
    scores = [results[f"split{fold}_test_score"].tolist() for fold in range(n_folds)]
    return {"seconds": seconds, "scores": np.transpose(scores).tolist(), "peak": memory("VmHWM")}


def memory(kind):
    """MB that this process holds (VmRSS) or has held at most (VmHWM), None if that is unknown."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return int(status.read_text().split(f"{kind}:")[1].split()[0]) * 1024 / 1e6


def fit_often(way, n_fits):
    """Memory after each of many fits."""
    X, y = normalized_traces(300)
    held = []
    for number in range(n_fits):
        n_traces = 200 + 50 * (number % 3)
        make_classifier(way, seed=number, epochs=1)[0].fit(X[:n_traces], y[:n_traces])
        held.append(memory("VmRSS"))
    return held


def predict(n_traces, n_single, n_turns, batch_sizes):
    """Seconds of predictions of one trace, and of many, way by way."""
    X, y = normalized_traces(n_traces)
    classifier = RecurrentClassifier(**DETECTOR, epochs=1, random_state=SEED).fit(X[:256], y[:256])
    model = classifier.model_
    one = {
        "predict_proba": lambda: classifier.predict_proba(X[:1]),
        "decision_function": lambda: classifier.decision_function(X[:1]),
        "Model.predict": lambda: model.predict(X[:1], verbose=0),
        "Model.predict_on_batch": lambda: model.predict_on_batch(X[:1]),
    }
    many = {"predict_proba": lambda: classifier.predict_proba(X)}
    for size in batch_sizes:
        many[f"Model.predict, batches of {size}"] = lambda size=size: model.predict(
            X, batch_size=size, verbose=0
        )
    return {
        "one": seconds_in_turns(one, n_single, n_times=10),
        "many": seconds_in_turns(many, n_turns),
    }


def seconds_in_turns(tasks, n_turns, n_times=1):
    """Seconds of each of several tasks that take turns, after a first one that does not count.

    In its turn a task is done so many times, and the mean counts.
    """
    seconds = {name: [] for name in tasks}
    for turn in range(n_turns + 1):
        for name, task in tasks.items():
            started = time.perf_counter()
            for _ in range(n_times):
                task()
            if turn:
                seconds[name].append((time.perf_counter() - started) / n_times)
    return seconds


def train_epoch(way, network, batch_size, n_traces):
    """Seconds of one more epoch in one of the ways."""
    epoch = prepared(way, json.dumps(network), batch_size, n_traces)
    started = time.perf_counter()
    epoch()
    return time.perf_counter() - started


@cache
def prepared(way, network, batch_size, n_traces):
    """A function that trains for an epoch."""
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((n_traces, N_SAMPLES), dtype=np.float32)
    y = rng.integers(0, 2, n_traces)
    return WAYS[way].prepare(json.loads(network), batch_size, x, y)


def own_loop(network, batch_size, x, y, *, projected=True, unroll=False, written=True):
    """The package's estimator; with other layers or gradients than it has, if so asked."""
    from sklearn_aera.neural_network import _engine, _recurrence

    if unroll or not projected:
        build = _engine.build_network

        def build_otherwise(*args, **options):
            model = build(*args, **options | {"projected": projected})
            for layer in recurrent_layers(model):
                layer.unroll = unroll
            return model

        _engine.build_network = build_otherwise
    if not written:  # Leave the gradient of the loop to TensorFlow.
        for cell, loop in _recurrence._LOOPS.items():
            _recurrence._LOOPS[cell] = lambda keeps, loop=loop: (
                lambda *arguments: loop(keeps).__wrapped__(*arguments)[0]
            )
    classifier = RecurrentClassifier(**network, batch_size=batch_size, random_state=SEED)
    return lambda: classifier.partial_fit(x, y, classes=[0, 1])


def recurrent_layers(model):
    for layer in model.layers:
        if hasattr(layer, "forward_layer"):
            yield from (layer.forward_layer, layer.backward_layer)
        elif hasattr(layer, "unroll"):
            yield layer


def model_fit(network, batch_size, x, y, *, xla=False, **options):
    """`keras.Model.fit` of Keras' own layers, on whatever backend this process has."""
    import keras

    from sklearn_aera.neural_network._networks import build_network

    model = build_network(architecture(**network), SEED)
    if xla:
        for layer in recurrent_layers(model):  # They would have XLA left out for a GPU's sake.
            layer.use_cudnn, layer.supports_jit = False, True
        options["jit_compile"] = True
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"], **options)
    y = y.astype(np.float32)[:, None]
    return lambda: model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0)


def torch_loop(network, batch_size, x, y):
    """The same layers in plain PyTorch, in the usual loop."""
    import torch

    torch.manual_seed(SEED)
    module = torch_network(torch, **network)
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    loss_of = torch.nn.BCEWithLogitsLoss()
    x, y = torch.from_numpy(x), torch.from_numpy(y.astype(np.float32))

    def epoch():
        for rows in torch.randperm(len(x)).split(batch_size):
            optimizer.zero_grad()
            loss_of(module(x[rows]), y[rows]).backward()
            optimizer.step()

    return epoch


def torch_network(torch, *, hidden_size, n_filters, kernel_size, stride, cell="gru"):
    nn = torch.nn
    recurrent = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
    n_missing = (-(-N_SAMPLES // stride) - 1) * stride + kernel_size - N_SAMPLES

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.filters = nn.Conv1d(1, n_filters, kernel_size, stride) if n_filters else None
            n_inputs = n_filters or kernel_size
            self.recurrent = recurrent(n_inputs, hidden_size, batch_first=True, bidirectional=True)
            self.logits = nn.Linear(2 * hidden_size, 1)

        def forward(self, x):
            if self.filters is None:
                steps = x.unfold(1, kernel_size, stride)
            else:
                padded = nn.functional.pad(x, (n_missing // 2, n_missing - n_missing // 2))
                steps = torch.relu(self.filters(padded[:, None])).transpose(1, 2)
            return self.logits(self.recurrent(steps)[0].amax(1))[:, 0]

    return Network()


@dataclass(frozen=True)
class Way:
    """One way to train a network."""

    train: object
    options: dict = field(default_factory=dict)
    backend: str = "tensorflow"

    @property
    def installed(self):
        return importlib.util.find_spec(self.backend) is not None

    def prepare(self, *args):
        return self.train(*args, **self.options)


WAYS = {
    "sklearn-aera": Way(own_loop),
    "its loop, Keras' layers": Way(own_loop, {"projected": False}),
    "its loop, automatic gradient": Way(own_loop, {"written": False}),
    "its loop, Keras' layers unrolled": Way(own_loop, {"projected": False, "unroll": True}),
    "Model.fit": Way(model_fit),
    "Model.fit, 32 steps a call": Way(model_fit, {"steps_per_execution": 32}),
    "Model.fit, XLA": Way(model_fit, {"xla": True}),
    "Model.fit on torch": Way(model_fit, backend="torch"),
    "Model.fit on jax": Way(model_fit, backend="jax"),
    "plain PyTorch": Way(torch_loop, backend="torch"),
}
# Where not all are tried: the package, Keras at its best, and PyTorch.
CONTENDERS = ("sklearn-aera", "Model.fit, 32 steps a call", "plain PyTorch")
NETWORKS = {
    "detector": DETECTOR,
    "detector, LSTM": DETECTOR | {"cell": "lstm"},
    "stride 4": DETECTOR | {"stride": 4},
    "stride 16": DETECTOR | {"stride": 16},
    "frames of 10": DETECTOR | {"n_filters": 0, "kernel_size": 10, "stride": 10},
    "raw samples": DETECTOR | {"n_filters": 0, "kernel_size": 1, "stride": 1},
}


def fit_detector(n_traces):
    """Seconds and peak memory (MB) of one epoch of a compiled network on some traces."""
    classifier = make_detector(epochs=1, random_state=SEED)["classify"]
    started = time.perf_counter()
    classifier.fit(*normalized_traces(256))
    first = time.perf_counter() - started
    before = memory("VmHWM")
    X, y = normalized_traces(n_traces)
    started = time.perf_counter()
    classifier.fit(X, y)
    seconds = time.perf_counter() - started
    return {"first": first, "seconds": seconds, "before": before, "peak": memory("VmHWM")}


TASKS = {task.__name__: task for task in (search, fit_often, predict, train_epoch, fit_detector)}


def serve():
    """Do the tasks that come in, a line of JSON each; standard output is for the answers alone."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        options = json.loads(line)
        answer = TASKS[options.pop("task")](**options)
        print(json.dumps(answer), file=answers, flush=True)


# The other side: processes that are asked, and tables made of their answers.


class Worker:
    """A process that does tasks."""

    def __init__(self, backend="tensorflow"):
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in __exit__
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
        # Where torch trains without TensorFlow, Keras may yet be imported.
        keras_backend = {"KERAS_BACKEND": backend}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | quiet | keras_backend,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def __call__(self, task, **options):
        print(json.dumps({"task": task, **options}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{task} failed: {self.log.read()[-3000:]}")
        return json.loads(line)


@contextmanager
def watched_memory(pid, interval=0.25):
    """List that fills with the memory, in MB, of a process and its children; needs psutil."""
    found, done = [], threading.Event()
    try:
        import psutil
    except ImportError:
        yield found
        return

    def held(process):
        with suppress(psutil.Error):
            parts = process.memory_full_info()
            # Of what processes share, each one's part, where the system tells it.
            return getattr(parts, "pss", parts.rss) / 1e6
        return 0.0

    def watch():
        process = psutil.Process(pid)
        while not done.wait(interval):
            with suppress(psutil.Error):
                found.append(sum(map(held, (process, *process.children(recursive=True)))))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


class Workers:
    """Fresh processes; or, to be quick, one process for all that does not need its own."""

    def __init__(self, shared):
        self.shared = shared
        self.stack = ExitStack()

    def __enter__(self):
        self.one = self.stack.enter_context(Worker()) if self.shared else None
        return self

    def __exit__(self, *_):
        self.stack.close()

    @contextmanager
    def fresh(self, backend="tensorflow"):
        if self.shared and backend == "tensorflow":
            yield self.one
        else:
            with Worker(backend) as worker:
                yield worker


def measure_search(size, workers):
    grid = {
        "cell": size.cells,
        "hidden_size": size.hidden_sizes,
        "bidirectional": size.directions,
    }
    options = {"grid": grid, "n_candidates": None, "epochs": size.epochs}
    options |= {"n_folds": size.n_folds, "n_traces": size.n_traces}
    report, found = Report(), {}
    runs = [(way, n, 0) for n in size.n_jobs for way in ("sklearn-aera", "plain scikeras")]
    for way, n_jobs, seed in [*runs, ("sklearn-aera", size.n_jobs[-1], 1)]:
        with workers.fresh() as worker, watched_memory(worker.process.pid) as held:
            run = worker("search", way=way, n_jobs=n_jobs, seed=seed, **options)
        found[way, n_jobs, seed] = run
        row = {"way": way, "n_jobs": n_jobs, "seed": seed, "fits": np.size(run["scores"])}
        row |= {"s": run["seconds"], "peak MB": max(held, default=None)}
        report.rows.append(row | {"accuracy": float(np.mean(run["scores"]))})
    for row in report.rows:
        for n_jobs in size.n_jobs:
            plain = found["plain scikeras", n_jobs, 0]["seconds"]
            row[f"/ plain, n_jobs={n_jobs}"] = row["s"] / plain
    report.targets = list(search_targets(found, size))
    return report


def search_targets(found, size):
    limits = {1: 0.5, 2: 0.35}
    for n_jobs in size.n_jobs:
        for reference in sorted({1, n_jobs}):
            ratio = found["sklearn-aera", n_jobs, 0]["seconds"]
            ratio /= found["plain scikeras", reference, 0]["seconds"]
            name = f"search, n_jobs={n_jobs}: time / plain scikeras, n_jobs={reference}"
            yield Target(name, ratio, limits[n_jobs])
    last = size.n_jobs[-1]
    ours, plain, again = (
        np.array(found[key]["scores"])
        for key in (
            ("sklearn-aera", last, 0),
            ("plain scikeras", last, 0),
            ("sklearn-aera", last, 1),
        )
    )
    name = "search: mean |difference| of the scores to plain scikeras"
    yield Target(name, np.abs(ours - plain).mean(), 1.5 * np.abs(ours - again).mean())
    error = (ours - again).std(ddof=1) / math.sqrt(ours.size)
    name = "search: |mean difference| of the scores to plain scikeras"
    yield Target(name, abs((ours - plain).mean()), 3 * error)


def measure_memory(size, workers):
    report = Report()
    for way, n_fits in zip(("sklearn-aera", "plain scikeras"), size.n_fits, strict=True):
        with workers.fresh() as worker:
            held = worker("fit_often", way=way, n_fits=n_fits)
        if None in held:
            continue
        settled = min(10, n_fits - 1)
        growth = held[-1] - held[settled - 1]
        row = {"way": way, "fits": n_fits, "MB after the first": held[0]}
        row |= {"MB after the tenth": held[settled - 1], "MB after all": held[-1]}
        report.rows.append(row | {"MB per fit after the tenth": growth / (n_fits - settled)})
        if way == "sklearn-aera":
            name = f"memory: growth from fit {settled} to fit {n_fits}"
            report.targets.append(Target(name, growth, 50.0, "MB"))
    return report


def measure_prediction(size, workers):
    options = {"n_traces": size.n_many, "n_single": size.n_single, "n_turns": size.n_turns}
    batch_sizes = [n for n in (32, 128, 512, 1024, 4096) if n <= size.n_many]
    with workers.fresh() as worker:
        found = worker("predict", batch_sizes=batch_sizes, **options)
    report = Report()
    for n_traces, times in ((1, found["one"]), (size.n_many, found["many"])):
        for way, seconds in times.items():
            best, median = 1e3 * min(seconds), 1e3 * float(np.median(seconds))
            row = {"traces": n_traces, "way": way, "best ms": best, "median ms": median}
            ratio = np.median(seconds) / np.median(times["predict_proba"])
            rate = 1e3 * n_traces / median
            report.rows.append(row | {"/ predict_proba": float(ratio), "traces/s": rate})
    one, many = (
        {way: float(np.median(seconds)) for way, seconds in times.items()}
        for times in (found["one"], found["many"])
    )
    own = many.pop("predict_proba")
    report.targets = [
        Target(f"one trace: {way} / Model.predict", one[way] / one["Model.predict"], 1 / 15)
        for way in ("predict_proba", "decision_function")
    ]
    report.targets += [
        Target("one trace: predict_proba", 1e3 * one["predict_proba"], 5.0, "ms"),
        Target(f"{size.n_many:,} traces: time / best Model.predict", own / min(many.values()), 1.0),
    ]
    return report


def step_settings(size):
    """Networks, batch sizes and the ways that are measured with them."""
    if size is QUICK:
        return [("detector", BATCH_SIZE, CONTENDERS[:2])]
    ways = [("detector", BATCH_SIZE, tuple(WAYS))]
    ways += [("detector", n, CONTENDERS) for n in (64, 256, 512)]
    return ways + [(name, BATCH_SIZE, CONTENDERS) for name in NETWORKS if name != "detector"]


def measure_steps(size, workers):
    report, worst = Report(), {}
    settings = step_settings(size)
    with ExitStack() as stack:
        # Processes that wait cost nothing, and all ways can take turns.
        asked = {
            name: stack.enter_context(workers.fresh(way.backend))
            for name, way in WAYS.items()
            if way.installed and any(name in ways for *_, ways in settings)
        }
        for network, batch_size, ways in settings:
            n_traces = size.n_steps_traces // (4 if network == "raw samples" else 1)
            options = {"network": NETWORKS[network], "batch_size": batch_size}
            present = {way: asked[way] for way in ways if way in asked}
            seconds = {way: [] for way in present}
            for turn in range(size.n_turns + 1):
                for way, worker in present.items():
                    if turn < 2 or sum(seconds[way]) < PATIENCE:
                        epoch = worker("train_epoch", way=way, n_traces=n_traces, **options)
                        seconds[way].append(epoch)
            key = {"network": network, "batch": batch_size}
            report.rows += step_rows(key, ways, seconds, n_traces)
            best = {way: min(times[1:]) for way, times in seconds.items()}
            worst[network, batch_size] = best["sklearn-aera"] / min(best.values())
    base = ("detector", BATCH_SIZE)
    report.targets = [
        Target("step, detector, batch 128: time / fastest way", worst.pop(base), 1.1),
        *(Target(f"step, {n}, batch {b}: time / fastest", v, 1.1) for (n, b), v in worst.items()),
    ]
    return report


def step_rows(key, ways, seconds, n_traces):
    own = min(seconds["sklearn-aera"][1:])
    for way in ways:
        row = key | {"way": way}
        if way not in seconds:
            yield row | {"traces/s": "not installed"}
            continue
        first, *others = seconds[way]
        row |= {"traces/s": n_traces / min(others), "median": n_traces / float(np.median(others))}
        yield row | {"speed / sklearn-aera": own / min(others), "first epoch s": first}


def measure_growth(size, workers):
    report = Report()
    for n_traces in size.sizes:
        with workers.fresh() as worker:
            run = worker("fit_detector", n_traces=n_traces)
        row = {"work": "fit", "n": n_traces, "s": run["seconds"], "first fit s": run["first"]}
        report.rows.append(row | {"peak MB": run["peak"], "MB before": run["before"]})
    grid = {"cell": size.cells, "hidden_size": size.hidden_sizes, "bidirectional": size.directions}
    options = {"grid": grid | {"learning_rate": LEARNING_RATES}, "n_folds": 2, "epochs": 1}
    options |= {"way": "sklearn-aera", "n_jobs": 1, "seed": SEED, "n_traces": size.n_traces // 3}
    for n_candidates in size.n_candidates:
        with workers.fresh() as worker:
            run = worker("search", n_candidates=n_candidates, **options)
        row = {"work": "search", "n": n_candidates, "s": run["seconds"]}
        report.rows.append(row | {"first fit s": None, "peak MB": run["peak"], "MB before": None})
    return report


def slope(rows, column):
    """Exponent of a power law, by least squares in log-log."""
    n, values = ([row[name] for row in rows] for name in ("n", column))
    return np.polyfit(np.log(n), np.log(values), 1)[0]


def completed(rows):
    """The same columns in every row, as the tables of the documentation want them."""
    columns = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    return [
        {column: "" if row.get(column) is None else row[column] for column in columns}
        for row in rows
    ]


def show(title, rows, console):
    table = Table(title=title, title_justify="left")
    for column in rows[0] if rows else ():
        text = column in ("way", "network", "work", "target", "met")
        table.add_column(column, justify="left" if text else "right")
    for row in rows:
        table.add_row(*map(formatted, row.values()))
    console.print(table)


def formatted(value):
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def draw(path, rows):
    """Growth of time and memory with the work: the slopes are in the legends."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    labels = {"fit": "Traces, one epoch", "search": "Candidates, two folds each"}
    for ax, work in zip(figure.subplots(1, 2), labels, strict=True):
        chosen = [row for row in rows if row["work"] == work]
        draw_growth(ax, chosen)
        ax.set_xlabel(labels[work])
    figure.axes[0].set_ylabel("Time (s), peak memory (GB)")
    figure.savefig(path, dpi=150)


def draw_growth(ax, rows):
    n = [row["n"] for row in rows]
    for name, column, unit, marker in (("time", "s", 1, "o"), ("memory", "peak MB", 1e3, "s")):
        if any(row[column] == "" for row in rows):
            continue  # Unknown on this system.
        values = [row[column] / unit for row in rows]
        label = f"{name}, slope {slope(rows, column):.2f}"
        ax.plot(n, values, marker=marker, label=label)
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(n, labels=[f"{number:,}" for number in n])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, loc="upper left")


TABLES = {
    "search": measure_search,
    "memory": measure_memory,
    "prediction": measure_prediction,
    "steps": measure_steps,
    "growth": measure_growth,
}


def versions():
    found = {"python": platform.python_version()}
    names = ("scikit-learn", "keras", "tensorflow", "scikeras", "torch", "jax", "sklearn-aera")
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES), metavar="TABLE")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers here")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the growth here")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.figure is not None and "growth" not in options.only:
        parser.error("--figure draws the table growth, which --only leaves out")
    for name in ("json", "figure"):
        path = getattr(options, name)
        if path is not None and not path.absolute().parent.is_dir():
            parser.error(f"--{name}: there is no folder {path.parent}")
    return options


def main(arguments=None):
    options = parse(arguments)
    if options.worker:
        serve()
        return
    size, console = QUICK if options.quick else FULL, Console(width=120, highlight=False)
    described = ", ".join(f"{name} {number}" for name, number in versions().items())
    console.print(f"{described} ({platform.machine()}, {os.cpu_count()} CPUs)", soft_wrap=True)
    found, targets = {}, []
    with Workers(size.shares_processes) as workers:
        for name in options.only:
            started = time.perf_counter()
            report = TABLES[name](size, workers)
            found[name] = completed(report.rows)
            show(f"{name} ({time.perf_counter() - started:.0f} s)", found[name], console)
            targets += report.targets
    found["targets"] = [target.row for target in targets]
    show("targets", found["targets"], console)
    if options.json is not None:
        options.json.write_text(json.dumps(found | {"versions": [versions()]}, indent=2) + "\n")
    if options.figure is not None:
        draw(options.figure, found["growth"])


if __name__ == "__main__":
    main()
