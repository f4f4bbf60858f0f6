"""The commands ``train`` and ``tune``."""

import json
import math
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    AsJson,
    Overwrite,
    Seed,
    Traces,
    check_output,
    progress,
    read_labelled,
    tell,
    tells_errors,
)


class Kind(StrEnum):
    """What is trained."""

    detector = "detector"
    denoiser = "denoiser"


class Cell(StrEnum):
    """Recurrent cells."""

    simple_rnn = "simple_rnn"
    lstm = "lstm"
    gru = "gru"


Out = Annotated[
    Path, typer.Option("-o", "--out", help="Model file: .skops, or .joblib (a pickle).")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the traces.")]


@tells_errors
def train(
    traces: Traces,
    out: Out = Path("model.skops"),
    kind: Annotated[Kind, typer.Option(help="What to train.")] = Kind.detector,
    cell: Annotated[Cell, typer.Option(help="Recurrent cell.")] = Cell.gru,
    hidden_size: Annotated[int, typer.Option(min=1, help="Units of the recurrent layer.")] = 32,
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional/--one-directional", help="Directions of reading.")
    ] = True,
    epochs: Epochs = None,
    endless: Annotated[
        int,
        typer.Option(
            min=0,
            help="Simulate so many new events for each epoch; TRACES give length and sampling "
            "rate, and fit a detector's whitener.",
        ),
    ] = 0,
    snr: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Signal-to-noise ratios of --endless.", show_default="0.5 5.0"),
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Train the recommended detector or denoiser on a file of traces.

    TRACES must hold signals or events, which say where pulses are; a denoiser needs signals.

    Example: sklearn-aera train train.h5 -o detector.skops --epochs 20
    """
    from sklearn_aera.persistence import save_model

    check_output(out, (".skops", ".joblib"), overwrite)
    if snr is not None and not endless:
        raise ValueError("--snr is that of events simulated with --endless, which was not given")
    data = read_labelled(traces, "training")
    if kind is Kind.denoiser and data.signals is None:
        raise ValueError(f"{traces}: a denoiser needs signals, and the file has none")
    model = _recommended(kind, epochs, seed)
    network = model if kind is Kind.denoiser else model[-1]
    network.set_params(cell=cell.value, hidden_size=hidden_size, bidirectional=bidirectional)
    target = data.y if kind is Kind.detector else data.signals
    started = time.perf_counter()
    with progress(f"Training a {kind} for {network.epochs} epochs"):
        if endless:
            network.set_params(max_shift=0)
            # Far from the ids of anybody's events.
            options = _events_like(data) | {"snr": snr or (0.5, 5.0), "first_event_id": 10**12}
            if kind is Kind.detector:
                options["preprocessing"] = model[:-1].fit(data.traces, data.y)
            network.fit_simulated(n_events=endless, **options)
        else:
            model.fit(data.traces, target)
    seconds = time.perf_counter() - started
    network.discard_optimizer_state()
    save_model(out, model, overwrite=overwrite)
    loss = network.history_["loss"][-1]
    result = {"file": out, "kind": kind.value, "traces": len(data.traces), "seconds": seconds}
    result |= {"epochs": network.n_iter_, "loss": loss, "MB": out.stat().st_size / 1e6}
    text = f"{out}: {kind} of {len(data.traces):,} traces, loss {loss:.4f}"
    tell(result, as_json, f"{text}, {result['epochs']} epochs in {seconds:.0f} s")


def _recommended(kind, epochs, seed):
    from sklearn_aera.neural_network import make_denoiser, make_detector

    make = make_detector if kind is Kind.detector else make_denoiser
    options = {} if epochs is None else {"epochs": epochs}
    return make(random_state=seed, **options)


@tells_errors
def tune(
    traces: Traces,
    out: Out = Path("model.skops"),
    cells: Annotated[list[Cell], typer.Option("--cell", help="Cells to try.")] = list(Cell),  # noqa: B006
    hidden_sizes: Annotated[
        list[int], typer.Option("--hidden-size", min=1, help="Hidden sizes to try.")
    ] = [12, 24],  # noqa: B006
    both_directions: Annotated[
        bool,
        typer.Option("--both/--one-directional", help="Whether to try bidirectional layers too."),
    ] = True,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the cross-validation.")] = 3,
    scoring: Annotated[str, typer.Option(help="Name of a scikit-learn scorer.")] = "roc_auc",
    epochs: Epochs = 10,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Number of processes.")] = 1,
    results: Annotated[
        Path | None, typer.Option(help="Also write all scores here (.json), for 'plot search'.")
    ] = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Search the best cell, hidden size and direction; save the best detector.

    Example: sklearn-aera tune train.h5 -o best.skops --cell lstm --cell gru --jobs 2
    """
    import tempfile

    from sklearn.model_selection import GridSearchCV

    from sklearn_aera.persistence import save_model

    check_output(out, (".skops", ".joblib"), overwrite)
    if results is not None:
        check_output(results, (".json",), overwrite)
    data = read_labelled(traces, "tuning")
    grid = {
        "classify__cell": [cell.value for cell in cells],
        "classify__hidden_size": hidden_sizes,
        "classify__bidirectional": [False, True] if both_directions else [False],
    }
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache, progress("Searching"):
        model = _recommended(Kind.detector, epochs, seed).set_params(memory=cache)
        search = GridSearchCV(model, grid, scoring=scoring, cv=folds, n_jobs=jobs)
        search.fit(data.traces, data.y)
        best = search.best_estimator_.set_params(memory=None)
    seconds = time.perf_counter() - started
    best[-1].discard_optimizer_state()
    save_model(out, best, overwrite=overwrite)
    rows = _candidates(search.cv_results_)
    if results is not None:
        from sklearn_aera._files import written_whole

        with written_whole(results) as temporary:
            temporary.write_text(json.dumps({"scoring": scoring, "candidates": rows}, indent=2))
    result = {"file": out, "best": rows[0], "candidates": rows, "seconds": seconds}
    tell(result, as_json, _table(rows, scoring), f"{out}: the first of these, in {seconds:.0f} s")


def _events_like(data):
    """Options to simulate traces of the length and rate of a file's."""
    from sklearn_aera.simulation import TraceSimulator

    rate = {} if data.sampling_rate is None else {"sampling_rate": data.sampling_rate}
    simulator = TraceSimulator(n_samples=data.traces.shape[1], **rate)
    duration = simulator.n_samples / simulator.sampling_rate
    # For 500 samples at 180 MHz these are the times of `make_events`.
    return {"simulator": simulator, "arrival_time": (0.09 * duration, 0.9 * duration)}


def _candidates(cv_results):
    import numpy as np

    rows = [
        {**params, "mean_test_score": _or_null(mean), "std_test_score": _or_null(std)}
        for params, mean, std in zip(
            cv_results["params"],
            cv_results["mean_test_score"],
            cv_results["std_test_score"],
            strict=True,
        )
    ]
    return [rows[i] for i in np.argsort(cv_results["rank_test_score"], kind="stable")]


def _or_null(score):
    """A score for JSON, which has no NaN: that of a network that failed is null."""
    return None if math.isnan(score) else float(score)


def _table(rows, scoring):
    from rich.table import Table

    table = Table("Cell", "Hidden size", "Directions", scoring)
    for row in rows:
        table.add_row(
            row["classify__cell"],
            str(row["classify__hidden_size"]),
            "both" if row["classify__bidirectional"] else "one",
            "failed"
            if row["mean_test_score"] is None
            else f"{row['mean_test_score']:.4f} ± {row['std_test_score']:.4f}",
        )
    return table
