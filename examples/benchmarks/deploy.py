"""Exported detectors beside the fitted ones: differences, time, files, start and memory.

Run as::

    OMP_NUM_THREADS=1 python examples/benchmarks/deploy.py [--quick] [--json FILE]

Fitted networks run in Keras, exported ones in onnxruntime, both with one thread and with the
preprocessing included, in a process each that take turns. The processor time leaves out the time
in which other programs run; one thread on an idle core takes as long. The start is that of a fresh
process: imports, the model from its file, and the first prediction.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Before NumPy and TensorFlow are loaded.

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from exported_networks import expected_outputs, fitted, networks
from processes import SameProcess, Worker, run_python
from report import Report, Target, make_parser, timed
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from traces import SEED

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    make_denoiser,
    make_detector,
)
from sklearn_aera.persistence import export_onnx, load_model, load_onnx, save_model
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

TABLES = ("differences", "speed", "files", "start")
MICROSECONDS = 1e6


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_networks: int
    n_fit: int
    n_traces: int
    n_turns: int
    n_calls: int
    n_starts: int


FULL, QUICK = Size(10_000, 600, 128, 10, 50, 3), Size(3, 60, 64, 2, 2, 1)

START = """
import sys, time
started = time.perf_counter()
import numpy as np
from sklearn_aera.persistence import {load}
{load}(sys.argv[1]).{method}(np.ones((1, 500), np.float32))
seconds = time.perf_counter() - started
status = open("/proc/self/status").read()
print(seconds, time.process_time(), int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)
"""


def whitened(network):
    """Detector with the recommended preprocessing."""
    return make_pipeline(StdNormalizer(per="dataset"), SpectralWhitener(), network)


def make_models():
    """Models by name; the first two are the recommended ones."""
    return {
        "make_detector": make_detector(epochs=1, random_state=SEED),
        "make_denoiser": make_denoiser(epochs=1, random_state=SEED),
        "RecurrentClassifier (GRU)": whitened(RecurrentClassifier(epochs=1, random_state=SEED)),
        "ConvolutionalClassifier": whitened(ConvolutionalClassifier(epochs=1, random_state=SEED)),
        "SNRCalculator, LogisticRegression": make_pipeline(SNRCalculator(), LogisticRegression()),
    }


class Models:
    """Fitted models, and the exported ones, in files of a folder.

    Parameters
    ----------
    size : Size
    folder : Path
    """

    def __init__(self, size, folder):
        train = make_traces(size.n_fit, first_event_id=1_000_000, random_state=SEED)
        self.folder, self.fitted, self.exported = folder, make_models(), {}
        for name, model in self.fitted.items():
            model.fit(train.traces, train.signals if "denoiser" in name else train.y)
            save_model(model, self.path(name, "skops"))
            export_onnx(model, self.path(name, "onnx"))
            self.exported[name] = load_onnx(self.path(name, "onnx"))

    def path(self, name, suffix):
        """File of a model."""
        return self.folder / f"{list(self.fitted).index(name)}.{suffix}"


def method_of(model):
    """Name of the method that a program would call."""
    return "decision_function" if hasattr(model, "decision_function") else "predict"


def differences(size):
    """Largest differences between exported networks and Keras, by kind of network."""
    cases = list(networks().items())
    found = {}
    rng, step = np.random.default_rng(SEED), max(len(cases) // size.n_networks, 1)
    with tempfile.TemporaryDirectory() as folder:
        for name, (estimator, shape, n_classes) in cases[::step]:
            model, path = fitted(estimator, shape, n_classes), Path(folder) / "model.onnx"
            export_onnx(model, path, overwrite=True)
            X = rng.normal(size=(20, *shape)).astype(np.float32)
            expected, exported = expected_outputs(model, X), load_onnx(path)
            outputs = getattr(exported, method_of(exported))(X)
            unit = 1.0 if n_classes else expected.std()
            kind = type(model).__name__, name.split(",")[0] if "no cell" not in name else ""
            found.setdefault(kind, []).append(np.abs(outputs - expected).max() / unit)
    for (kind, cell), values in found.items():
        row = {"network": kind, "cell": cell, "networks": len(values)}
        yield row | {"largest difference": float(max(values))}


def speed(size, models):
    """Time of a trace, one alone and of many; a process for each way, which take turns."""
    worker = SameProcess if size is QUICK else Worker
    for name in models.fitted:
        with worker("deploy") as one, worker("deploy") as other:
            ways = {"exported": one, "fitted": other}
            for (way, ask), suffix in zip(ways.items(), ("onnx", "skops"), strict=True):
                ask("load", way=way, path=str(models.path(name, suffix)), n_traces=size.n_traces)
            for n_traces in (1, size.n_traces):
                n_calls = size.n_calls if n_traces == 1 else max(size.n_calls // 10, 1)
                options = {"n_traces": n_traces, "n_calls": n_calls}
                seconds = {way: [] for way in ways}
                for _ in range(size.n_turns):
                    for way, ask in ways.items():
                        seconds[way] += ask("predict", way=way, **options)
                yield speed_row(name, n_traces, seconds)


def speed_row(name, n_traces, seconds):
    """Row of the best times, by the clock and of the processor."""
    row, used = {"model": name, "traces": n_traces}, {}
    for way, times in seconds.items():
        clock, used[way] = np.min(times, axis=0)
        row[f"{way}, us"] = MICROSECONDS * clock / n_traces
        row[f"{way}, processor us"] = MICROSECONDS * used[way] / n_traces
    return row | {"fitted / exported": used["fitted"] / used["exported"]}


LOADED = {}


def load(way, path, n_traces):
    """Load a model, and the traces, and predict once."""
    model = load_onnx(path) if way == "exported" else load_model(path)
    traces = make_traces(n_traces, random_state=SEED).traces
    LOADED[way] = getattr(model, method_of(model)), traces
    LOADED[way][0](traces)


def predict(way, n_traces, n_calls):
    """Seconds by the clock and of the processor of predictions, one after the other."""
    (method, traces), found = LOADED[way], []
    for _ in range(n_calls):
        used = time.process_time()
        _, elapsed = timed(method, traces[:n_traces])
        found.append([elapsed, time.process_time() - used])
    return found


TASKS = {"load": load, "predict": predict}


def files(models):
    """Sizes of the files, beside the numbers that the models consist of."""
    for name, model in models.fitted.items():
        steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
        network = steps[-1]
        weights = sum(weight.nbytes for weight in getattr(network, "weights_", ()))
        steps.append(getattr(network, "whitener_", None))
        filters = sum(step.whitening_.nbytes for step in steps if hasattr(step, "whitening_"))
        sizes = {s: models.path(name, s).stat().st_size for s in ("onnx", "skops")}
        row = {"model": name, "weights kB": weights / 1000, "whitening kB": filters / 1000}
        row |= {f".{suffix} kB": n_bytes / 1000 for suffix, n_bytes in sizes.items()}
        row["/ (weights + whitening)"] = sizes["onnx"] / (weights + filters) if weights else None
        yield row


def start(size, models):
    """Seconds until the first prediction of a fresh process, and its memory."""
    method = method_of(models.exported["make_detector"])
    for way, load, suffix in (("exported", "load_onnx", "onnx"), ("fitted", "load_model", "skops")):
        code = START.format(load=load, method=method)
        path = models.path("make_detector", suffix)
        printed = [run_python(code, path) for _ in range(size.n_starts)]
        seconds, used, memory = np.array([line.split() for line in printed], dtype=float).T
        row = {"make_detector": way, "best s": seconds.min(), "median s": median(seconds)}
        yield row | {"processor s": used.min(), "memory MB": memory.max()}


def targets(report):
    """Compare the tables with what is asked of a program at a station."""
    rows = {name: table["rows"] for name, table in report.tables.items()}
    detector = [row for row in rows.get("speed", ()) if row["model"] == "make_detector"]
    if "differences" in rows:
        largest = max(row["largest difference"] for row in rows["differences"])
        yield Target("largest difference from Keras", largest, at_most=1e-4)
    for row, limit in zip(detector, (150, 60), strict=False):
        name = f"make_detector, {row['traces']} traces: processor time of a trace"
        yield Target(name, row["exported, processor us"], at_most=limit, unit="us")
    if "files" in rows:
        ratio = rows["files"][0]["/ (weights + whitening)"]
        yield Target("make_detector: file / (weights + whitening)", ratio, at_most=1.2)
    if "start" in rows:
        first = rows["start"][0]
        yield Target("import and first prediction", first["best s"], at_most=0.5, unit="s")
        yield Target("memory", first["memory MB"], at_most=150, unit="MB")


def main(arguments=None):
    options = make_parser(__doc__, TABLES).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("deploy", options)
    difference = {"largest difference": ".1e"}
    with tempfile.TemporaryDirectory() as folder:
        models = Models(size, Path(folder))
        report.measure("speed", "Time of a trace", lambda: speed(size, models))
        report.measure("files", "Files", lambda: files(models))
        report.measure("start", "First prediction", lambda: start(size, models))
        report.measure(
            "differences", "Differences from Keras", lambda: differences(size), difference
        )
    report.targets += targets(report)
    report.finish()


if __name__ == "__main__":
    main()
