"""The demo: the whole job of the package, from events to a reloaded detector."""

import csv
import tempfile
import time
from dataclasses import dataclass

import joblib
import numpy as np
from rich.table import Table
from scipy.stats import bootstrap
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_aera.datasets import load_coreas, make_events
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.metrics import binomial_interval, threshold_at_fpr, tpr_at_fpr
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import TraceSimulator

MAX_FPR = 0.01
SEED = 0
# Event ids of training, validation and test data never meet.
FIRST_VALIDATION_ID, FIRST_TEST_ID = 10_000_000, 20_000_000


@dataclass(frozen=True)
class Size:
    """How much work the demo does."""

    n_train: int
    n_fresh: int
    n_folds: int
    epochs: int
    hidden_sizes: tuple[int, ...]


FULL = Size(n_train=3000, n_fresh=10_000, n_folds=3, epochs=6, hidden_sizes=(12, 24))
QUICK = Size(n_train=2000, n_fresh=4000, n_folds=2, epochs=6, hidden_sizes=(12,))


def run_demo(pulses, out, quick, console):
    """Run the demo; see the command's help."""
    started = time.perf_counter()
    size = QUICK if quick else FULL
    library = None if pulses is None else load_coreas(pulses).pulses
    out.mkdir(parents=True, exist_ok=True)
    simulator = TraceSimulator(pulse=library, random_state=SEED)
    events, y = make_events(size.n_train, random_state=SEED)
    source = "analytic pulses" if library is None else f"{len(library.waveforms)} CoREAS pulses"
    console.print(
        f"[bold]1. Events[/]: {size.n_train} for training, half of them with one of the {source} "
        "at a signal-to-noise ratio from 0.5 to 5."
    )
    with tempfile.TemporaryDirectory() as cache:
        search = _tune(simulator, events, y, size, cache, console)
        _compare(search, simulator, events, y, cache, console)
    files = _save(search, out)
    _apply(out, simulator, events, y, size, console)
    for name in (*files, "traces.png", "efficiency.png"):
        console.print(f"   {out / name}", highlight=False)
    console.print(f"Done in {time.perf_counter() - started:.0f} s.")


def _tune(simulator, events, y, size, cache, console):
    pipeline = Pipeline(
        [
            ("simulate", simulator),
            ("normalize", StdNormalizer()),
            (
                "classify",
                RecurrentClassifier(
                    n_filters=16,
                    kernel_size=40,
                    stride=8,
                    learning_rate=3e-3,
                    epochs=size.epochs,
                    random_state=SEED,
                ),
            ),
        ],
        memory=cache,
    )
    grid = {
        "classify__cell": ["simple_rnn", "lstm", "gru"],
        "classify__hidden_size": list(size.hidden_sizes),
        "classify__bidirectional": [False, True],
    }
    search = GridSearchCV(pipeline, grid, scoring="roc_auc", cv=size.n_folds, n_jobs=2)
    n_candidates = 6 * len(size.hidden_sizes)
    console.print(
        f"[bold]2. Search[/]: {n_candidates} networks, {size.n_folds} folds each, "
        "simulate -> normalize -> classify."
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=0))
    search.fit(events, y)
    console.print(_search_table(search.cv_results_))
    return search


def _search_table(results):
    table = Table(title="Area under the ROC curve, mean and spread of the folds")
    for column in ("cell", "hidden size", "bidirectional", "AUC", "seconds per fit"):
        table.add_column(column, justify="right" if column in ("hidden size", "AUC") else "left")
    for row in np.argsort(results["rank_test_score"]):
        parameters = results["params"][row]
        table.add_row(
            parameters["classify__cell"],
            str(parameters["classify__hidden_size"]),
            "yes" if parameters["classify__bidirectional"] else "no",
            f"{results['mean_test_score'][row]:.3f} ± {results['std_test_score'][row]:.3f}",
            f"{results['mean_fit_time'][row]:.1f}",
        )
    return table


def _threshold_baseline(simulator, cache=None):
    return make_pipeline(simulator, SNRCalculator(), LogisticRegression(), memory=cache)


def _compare(search, simulator, events, y, cache, console):
    console.print("[bold]3. Comparison[/] with the threshold on the SNR, by cross_val_score.")
    scorers = {
        "accuracy": "accuracy",
        "AUC": "roc_auc",
        f"TPR at FPR {MAX_FPR:.0%}": make_scorer(
            tpr_at_fpr, response_method="predict_proba", max_fpr=MAX_FPR
        ),
    }
    table = Table(title="Five folds of the training events: mean ± standard error")
    table.add_column("detector")
    for name in scorers:
        table.add_column(name, justify="right")
    detectors = {
        "SNR threshold": _threshold_baseline(simulator, cache),
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


def _save(search, out):
    """Write the detector for measured traces and the table of the search; returns the names."""
    detector = search.best_estimator_[1:].set_params(memory=None)
    temporary = out / ".detector.joblib"
    joblib.dump(detector, temporary)
    temporary.replace(out / "detector.joblib")
    results = search.cv_results_
    columns = [name for name in results if name != "params"]
    with open(out / "search.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(results[name] for name in columns), strict=True))
    return "detector.joblib", "search.csv"


def _apply(out, simulator, events, y, size, console):
    """Reload the detector and judge it, beside the SNR threshold, on traces it has not seen."""
    detector = joblib.load(out / "detector.joblib")
    baseline = _threshold_baseline(simulator).fit(events, y)[1:]
    console.print(
        f"[bold]4. Fresh traces[/]: the detector, reloaded from {out / 'detector.joblib'}, on "
        f"{size.n_fresh} new events; thresholds chosen on as many validation events."
    )
    simulator = simulator.fit(events)
    validation, y_validation = make_events(
        size.n_fresh, first_event_id=FIRST_VALIDATION_ID, random_state=SEED
    )
    test, y_test = make_events(size.n_fresh, first_event_id=FIRST_TEST_ID, random_state=SEED)
    validation_traces = simulator.transform(validation)
    traces, signals = simulator.simulate(test)
    table = Table(title="Test events: value ± half of the 68 % interval")
    for column in ("detector", "accuracy", "AUC", f"TPR at FPR {MAX_FPR:.0%}", "FPR"):
        table.add_column(column, justify="left" if column == "detector" else "right")
    scores = {}
    for name, model in {"SNR threshold": baseline, "network": detector}.items():
        score = model.decision_function(traces)
        threshold = threshold_at_fpr(
            y_validation, model.decision_function(validation_traces), max_fpr=MAX_FPR
        )
        table.add_row(name, *_judge(y_test, model.predict(traces), score, threshold))
        scores[name] = (score, threshold)
    console.print(table)
    _draw_traces(out / "traces.png", test, y_test, traces, signals)
    _draw_efficiency(out / "efficiency.png", test, y_test, scores)


def _judge(y, predicted, score, threshold):
    n_right = int(accuracy_score(y, predicted, normalize=False))
    auc = roc_auc_score(y, score)
    spread = bootstrap(
        (y, score),
        roc_auc_score,
        paired=True,
        vectorized=False,
        n_resamples=100,
        method="percentile",
        rng=SEED,
    ).standard_error
    return (
        _with_interval(binomial_interval(n_right, len(y))),
        f"{auc:.3f} ± {spread:.3f}",
        _with_interval(tpr_at_fpr(y, score, threshold=threshold, return_interval=True)),
        _with_interval(binomial_interval((score[y == 0] >= threshold).sum(), (y == 0).sum())),
    )


def _with_interval(interval):
    value, low, high = interval
    return f"{value:.3f} ± {(high - low) / 2:.3f}"


def _draw_traces(path, events, y, traces, signals):
    from matplotlib.figure import Figure

    from sklearn_aera.inspection import TraceDisplay

    figure = Figure(figsize=(9, 5), layout="constrained")
    snr = events[:, 1]
    rows = [int(np.argmin(np.abs(snr - wanted))) for wanted in (1.5, 3.0, 5.0)]
    rows.append(int(np.argmin(y)))
    for ax, row in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, rows, strict=True):
        TraceDisplay.from_trace(traces[row], signal=signals[row], ax=ax)
        ax.set_title(f"SNR {snr[row]:.1f}" if y[row] else "Noise alone", fontsize="medium")
        ax.label_outer()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=150)


def _draw_efficiency(path, events, y, scores):
    from matplotlib.figure import Figure

    from sklearn_aera.inspection import EfficiencyDisplay

    figure = Figure(figsize=(5, 3.6), layout="constrained")
    ax = figure.subplots()
    for name, (score, threshold) in scores.items():
        EfficiencyDisplay.from_predictions(
            y, score, events[:, 1], max_fpr=MAX_FPR, threshold=threshold, name=name, ax=ax
        )
    figure.savefig(path, dpi=150)
