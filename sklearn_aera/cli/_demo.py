"""The command ``demo``: the workflow of the package, from events to an evaluated detector."""

import tempfile
import time
from dataclasses import dataclass

import matplotlib
import numpy as np
from rich.markup import escape
from rich.table import Table
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_aera.cli._common import console as output_console
from sklearn_aera.cli._common import save_figure
from sklearn_aera.cli._evaluation import draw_efficiency, evaluate_detector, evaluation_table
from sklearn_aera.cli._search import candidates, search_table, write_scores
from sklearn_aera.datasets import load_coreas, make_events, make_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.inspection import TraceDisplay
from sklearn_aera.metrics import tpr_at_fpr
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import TraceSimulator

MAX_FPR = 0.01
SEED = 0
# Training, validation and test events have different ids.
FIRST_VALIDATION_ID, FIRST_TEST_ID = 10_000_000, 20_000_000


@dataclass(frozen=True)
class Size:
    """Size of the demo."""

    n_train: int
    n_new: int
    n_folds: int
    epochs: int
    hidden_sizes: tuple[int, ...]


FULL = Size(n_train=3000, n_new=10_000, n_folds=3, epochs=6, hidden_sizes=(12, 24))
QUICK = Size(n_train=2000, n_new=4000, n_folds=2, epochs=6, hidden_sizes=(12,))


def run_demo(pulses, out, quick):
    """Run the demo; its parameters are the options of the command."""
    matplotlib.use("agg")
    console, started = output_console(), time.perf_counter()
    size = QUICK if quick else FULL
    library = None if pulses is None else load_coreas(pulses).pulses
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):  # The folder can be written to.
        pass
    simulator = TraceSimulator(pulse=library, random_state=SEED)
    events, y = make_events(size.n_train, random_state=SEED)
    source = "analytic pulses" if library is None else f"{len(library.waveforms)} CoREAS pulses"
    console.print(
        f"[bold]1. Events[/]: {size.n_train} for training. Half of them have one of the {source} "
        "with a signal-to-noise ratio from 0.5 to 5."
    )
    with tempfile.TemporaryDirectory() as cache:
        search = _tune(simulator, events, y, size, cache, console)
        _compare(search, simulator, events, y, cache, console)
    rows = candidates(search.cv_results_)
    write_scores(out / "search.json", search.scoring, rows)
    detector = search.best_estimator_[1:].set_params(memory=None)
    detector[-1].discard_optimizer_state()
    save_model(detector, out / "detector.skops", overwrite=True)
    _apply(out, simulator, events, y, size, console)
    for name in ("detector.skops", "search.json", "traces.png", "efficiency.png"):
        console.print(f"   {escape(str(out / name))}")
    console.print(f"Done in {time.perf_counter() - started:.0f} s.")


def _tune(simulator, events, y, size, cache, console):
    network = RecurrentClassifier(
        n_filters=16,
        kernel_size=40,
        stride=8,
        learning_rate=3e-3,
        epochs=size.epochs,
        random_state=SEED,
    )
    steps = [("simulate", simulator), ("normalize", StdNormalizer()), ("classify", network)]
    grid = {
        "classify__cell": ["simple_rnn", "lstm", "gru"],
        "classify__hidden_size": list(size.hidden_sizes),
        "classify__bidirectional": [False, True],
    }
    search = GridSearchCV(
        Pipeline(steps, memory=cache), grid, scoring="roc_auc", cv=size.n_folds, n_jobs=2
    )
    console.print(
        f"[bold]2. Search[/]: {6 * len(size.hidden_sizes)} networks, {size.n_folds} folds each, "
        "simulate -> normalize -> classify."
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=0))
    search.fit(events, y)
    console.print(search_table(search.scoring, candidates(search.cv_results_)))
    return search


def _snr_threshold(simulator, cache=None):
    return make_pipeline(simulator, SNRCalculator(), LogisticRegression(), memory=cache)


def _compare(search, simulator, events, y, cache, console):
    console.print("[bold]3. Comparison[/] with a threshold on the SNR, by cross-validation.")
    scorers = {
        "Accuracy": "accuracy",
        "AUC": "roc_auc",
        f"TPR at FPR {100 * MAX_FPR:g} %": make_scorer(
            tpr_at_fpr, response_method="predict_proba", max_fpr=MAX_FPR
        ),
    }
    table = Table("Detector", title="Five folds of the training events: mean ± standard error")
    for name in scorers:
        table.add_column(name, justify="right")
    detectors = {
        "SNR threshold": _snr_threshold(simulator, cache),
        _describe(search): search.best_estimator_,
    }
    for detector, pipeline in detectors.items():
        cells = []
        for scorer in scorers.values():
            score = cross_val_score(pipeline, events, y, scoring=scorer, cv=5, n_jobs=2)
            cells.append(f"{score.mean():.3f} ± {score.std(ddof=1) / np.sqrt(len(score)):.3f}")
        table.add_row(detector, *cells)
    console.print(table)


def _describe(search):
    best = {name.removeprefix("classify__"): v for name, v in search.best_params_.items()}
    direction = "bidirectional" if best["bidirectional"] else "one-directional"
    return f"{best['cell']} {best['hidden_size']}, {direction}"


def _apply(out, simulator, events, y, size, console):
    """Load the detector and evaluate it, and the SNR threshold, on new traces."""
    path = out / "detector.skops"
    detectors = {
        "SNR threshold": _snr_threshold(simulator).fit(events, y)[1:],
        "network": load_model(path),
    }
    console.print(
        f"[bold]4. New traces[/]: the detector, loaded from {escape(str(path))}, on {size.n_new} "
        "new events. Thresholds are chosen on as many validation events."
    )
    validation, test = (
        make_traces(size.n_new, simulator=simulator, first_event_id=first, random_state=SEED)
        for first in (FIRST_VALIDATION_ID, FIRST_TEST_ID)
    )
    results = [
        evaluate_detector(name, detector, validation, test, [MAX_FPR])
        for name, detector in detectors.items()
    ]
    console.print(evaluation_table(results))
    save_figure(_draw_traces(test), out / "traces.png")
    save_figure(draw_efficiency(results, test, MAX_FPR), out / "efficiency.png")


def _draw_traces(data):
    """Draw three traces with pulses and one without."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, 2, figsize=(9, 5), sharex=True, sharey=True, layout="constrained"
    )
    rows = [int(np.argmin(np.abs(data.snr - snr))) for snr in (1.5, 3.0, 5.0)]
    rows.append(int(np.argmin(data.y)))
    for ax, row in zip(axes.flat, rows, strict=True):
        TraceDisplay.from_trace(data.traces[row], signal=data.signals[row], ax=ax)
        title = f"SNR {data.snr[row]:.1f}" if data.y[row] else "Noise alone"
        ax.set_title(title, loc="right", fontsize="medium")  # The legend is on the left.
        ax.label_outer()
    return figure
