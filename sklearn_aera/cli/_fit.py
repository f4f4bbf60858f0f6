"""The commands ``train`` and ``tune``."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    AllowPickle,
    AsJson,
    Overwrite,
    Seed,
    Traces,
    outputs,
    print_result,
    progress,
    reports_errors,
)


class Kind(StrEnum):
    """Kinds of models."""

    detector = "detector"
    denoiser = "denoiser"


class Cell(StrEnum):
    """Recurrent cells."""

    simple_rnn = "simple_rnn"
    lstm = "lstm"
    gru = "gru"


Out = Annotated[
    Path, typer.Option("-o", "--out", help="Model file to write: .skops, or .joblib (a pickle).")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Number of epochs.")]
Band = Annotated[
    tuple[float, float] | None,
    typer.Option(
        help="Band of the station in MHz, which sets the length of the filters.",
        show_default="30 80, or that of the station",
    ),
]
Station = Annotated[
    str | None,
    typer.Option(help="Station that recorded the traces, such as aera or grandproto300."),
]


@reports_errors
def train(
    traces: Traces,
    out: Out = Path("model.skops"),
    kind: Annotated[Kind, typer.Option(help="Kind of model.")] = Kind.detector,
    cell: Annotated[Cell | None, typer.Option(help="Recurrent cell.")] = None,
    hidden_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Units of the recurrent layer.", show_default="16, of a denoiser 32"
        ),
    ] = None,
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional/--one-directional", help="Read in both directions.")
    ] = True,
    epochs: Epochs = None,
    endless: Annotated[
        int,
        typer.Option(
            min=0,
            help="Train on this many new simulated events in each epoch, of the station if it is "
            "named. TRACES then only set length and sampling rate, and fit the whitener of a "
            "detector.",
        ),
    ] = 0,
    snr: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Range of the SNR with --endless.", show_default="0.5 5.0"),
    ] = None,
    station: Station = None,
    band: Band = None,
    seed: Seed = 0,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Train the recommended detector or denoiser.

    TRACES must contain signals or events, from which the labels are taken. A denoiser needs
    signals; a detector learns more from them than from labels.

    Example: sklearn-aera train train.h5 -o detector.skops --epochs 20
    """
    from sklearn_aera.cli._inputs import read_labelled, remember_rate
    from sklearn_aera.persistence import save_model
    from sklearn_aera.simulation import TraceSimulator

    if snr is not None and not endless:
        raise ValueError("--snr applies to the events simulated with --endless, which is missing")
    with outputs((out, (".skops", ".joblib")), overwrite=overwrite) as [temporary]:
        data = read_labelled(traces, "training", allow_pickle)
        named = _named_station(station, data, traces)
        if endless and named is None and data.traces.ndim == 3:
            raise ValueError(
                f"--endless: {traces} has several channels; name the station with --station"
            )
        if kind is Kind.denoiser and data.signals is None:
            raise ValueError(f"{traces}: a denoiser needs signals, but the file has none")
        model = _recommended(kind, epochs, seed, data.sampling_rate, band, named)
        network = model if kind is Kind.denoiser else model[-1]
        network.set_params(bidirectional=bidirectional)
        if hidden_size is not None:
            network.set_params(hidden_size=hidden_size)
        if cell is not None:
            network.set_params(cell=cell.value)
        started = time.perf_counter()
        with progress(f"Training a {kind} for {network.epochs} epochs"):
            if endless:
                simulator = TraceSimulator() if named is None else named
                _fit_endless(model, network, data, endless, snr or (0.5, 5.0), simulator)
            else:
                target = {"y": data.y, "signals": data.signals}
                model.fit(data.traces, **target if kind is Kind.detector else {"y": data.signals})
        seconds = time.perf_counter() - started
        network.discard_optimizer_state()
        remember_rate(model, data)
        save_model(model, temporary, overwrite=True)
    loss = network.history_["loss"][-1]
    result = {"file": out, "kind": kind.value, "traces": len(data.traces), "seconds": seconds}
    result |= {"epochs": network.n_iter_, "loss": loss, "MB": out.stat().st_size / 1e6}
    trained_on = f"{endless:,} events per epoch" if endless else f"{len(data.traces):,} traces"
    text = f"{out}: {kind} trained on {trained_on}, {network.n_iter_} epochs in {seconds:.0f} s"
    print_result(result, as_json, f"{text}, final loss {loss:.4f}")


def _named_station(name, data, path):
    """Return the simulator of the station, or None, after comparing it with the data."""
    from sklearn_aera._validation import equal_rates
    from sklearn_aera.simulation import make_station

    if name is None:
        return None
    simulator = make_station(name)
    n_channels = 1 if simulator.arms is None else len(simulator.arms)
    found = 1 if data.traces.ndim == 2 else data.traces.shape[1]
    if found != n_channels:
        raise ValueError(
            f"--station {name}: the number of channels is {n_channels}, that of {path} is {found}"
        )
    expected, rate = simulator.sampling_rate, data.sampling_rate
    if rate is not None and not equal_rates(rate, expected):
        raise ValueError(f"--station {name} records at {expected:g} MHz, {path} has {rate:g} MHz")
    return simulator


def _fit_endless(model, network, data, n_events, snr, simulator):
    """Fit on simulated traces with the length and the sampling rate of the data."""
    rate = {} if data.sampling_rate is None else {"sampling_rate": data.sampling_rate}
    simulator = simulator.set_params(n_samples=data.traces.shape[-1], **rate)
    duration = simulator.n_samples / simulator.sampling_rate
    options = {"simulator": simulator, "snr": snr}
    # For 500 samples at 180 MHz these are the default times of `make_events`.
    options["arrival_time"] = (0.09 * duration, 0.9 * duration)
    # Ids far from those of any data set.
    options["first_event_id"] = 10**12
    if network is not model:
        options["preprocessing"] = model[:-1].fit(data.traces, data.y)
    network.set_params(max_shift=0).fit_simulated(n_events=n_events, **options)


def _recommended(kind, epochs, seed, sampling_rate, band, station):
    from sklearn_aera.neural_network import make_denoiser, make_detector

    make = make_detector if kind is Kind.detector else make_denoiser
    options = {} if epochs is None else {"epochs": epochs}
    if station is not None:
        options["sampling_rate"] = station.sampling_rate
        options["band"] = station.response.low, station.response.high
    options |= {} if sampling_rate is None else {"sampling_rate": sampling_rate}
    options |= {} if band is None else {"band": band}
    return make(random_state=seed, **options)


@reports_errors
def tune(
    traces: Traces,
    out: Out = Path("model.skops"),
    cells: Annotated[list[Cell], typer.Option("--cell", help="Cells to try.")] = list(Cell),  # noqa: B006
    hidden_sizes: Annotated[
        list[int], typer.Option("--hidden-size", min=1, help="Hidden sizes to try.")
    ] = [12, 24],  # noqa: B006
    station: Station = None,
    band: Band = None,
    both_directions: Annotated[
        bool, typer.Option("--both/--one-directional", help="Also try both directions.")
    ] = True,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds of cross-validation.")] = 3,
    scoring: Annotated[str, typer.Option(help="Name of a scikit-learn scorer.")] = "roc_auc",
    epochs: Epochs = 10,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Number of processes.")] = 1,
    results: Annotated[
        Path | None, typer.Option(help="JSON file for all scores, the input of 'plot search'.")
    ] = None,
    seed: Seed = 0,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Search for the best cell, hidden size and directions, and save the best detector.

    Example: sklearn-aera tune train.h5 -o best.skops --cell lstm --cell gru --jobs 2
    """
    import tempfile

    from sklearn.model_selection import GridSearchCV

    from sklearn_aera.cli._inputs import read_labelled, remember_rate
    from sklearn_aera.cli._search import candidates, search_table, write_scores
    from sklearn_aera.persistence import save_model

    files = [(out, (".skops", ".joblib"))]
    files += [] if results is None else [(results, (".json",))]
    grid = {
        "classify__cell": [cell.value for cell in cells],
        "classify__hidden_size": hidden_sizes,
        "classify__bidirectional": [False, True] if both_directions else [False],
    }
    with outputs(*files, overwrite=overwrite) as temporaries:
        data = read_labelled(traces, "tuning", allow_pickle)
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as cache, progress("Searching"):
            named = _named_station(station, data, traces)
            model = _recommended(Kind.detector, epochs, seed, data.sampling_rate, band, named)
            model.set_params(memory=cache)
            search = GridSearchCV(model, grid, scoring=scoring, cv=folds, n_jobs=jobs)
            search.fit(data.traces, data.y, signals=data.signals)
            best = search.best_estimator_.set_params(memory=None)
        seconds = time.perf_counter() - started
        best[-1].discard_optimizer_state()
        remember_rate(best, data)
        save_model(best, temporaries[0], overwrite=True)
        rows = candidates(search.cv_results_)
        for temporary in temporaries[1:]:
            write_scores(temporary, scoring, rows)
    result = {"file": out, "best": rows[0], "candidates": rows, "seconds": seconds}
    text = f"{out}: the first of these networks, found in {seconds:.0f} s"
    print_result(result, as_json, search_table(scoring, rows), text)
