"""The command ``plot``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    AllowPickle,
    Model,
    Overwrite,
    Traces,
    check_output,
    reports_errors,
    save_figure,
)

plots = typer.Typer(
    help="Draw a figure and save it to a file.", no_args_is_help=True, rich_markup_mode="markdown"
)

Figure = Annotated[Path, typer.Option("-o", "--out", help="Figure: .png, .pdf or .svg.")]
_SUFFIXES = (".png", ".pdf", ".svg")


def _save(figure, out):
    save_figure(figure, out)
    print(out)


def _prepare(out, overwrite):
    import matplotlib

    check_output(out, _SUFFIXES, overwrite)
    matplotlib.use("agg")


@plots.command("trace")
@reports_errors
def trace(
    traces: Traces,
    out: Figure = Path("trace.png"),
    row: Annotated[int, typer.Option(min=0, help="Number of the trace in the file.")] = 0,
    model: Annotated[Path | None, typer.Option(help="Denoiser to recover the pulse.")] = None,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """Draw a trace, with its true and its recovered pulse if they are known.

    Example: sklearn-aera plot trace test.h5 --row 3 --model denoiser.skops -o trace.png
    """
    from sklearn_aera.cli._inputs import read_denoiser
    from sklearn_aera.datasets import load_traces
    from sklearn_aera.inspection import TraceDisplay

    _prepare(out, overwrite)
    data = load_traces(traces)
    if row >= len(data.traces):
        raise ValueError(f"--row: {traces} has {len(data.traces)} traces, got number {row}")
    recovered = None
    if model is not None:
        recovered = read_denoiser(model, allow_pickle).predict(data.traces[row : row + 1])[0]
    signal = None if data.signals is None else data.signals[row]
    rate = {} if data.sampling_rate is None else {"sampling_rate": data.sampling_rate}
    shown = TraceDisplay.from_trace(data.traces[row], signal=signal, recovered=recovered, **rate)
    _save(shown.figure_, out)


@plots.command("spectrum")
@reports_errors
def spectrum(
    traces: Traces,
    out: Figure = Path("spectrum.png"),
    model: Annotated[
        bool, typer.Option("--model", help="Also draw the expectation of the default noise model.")
    ] = False,
    overwrite: Overwrite = False,
):
    """Draw the mean power spectral density of traces.

    Example: sklearn-aera plot spectrum test.h5 --model -o spectrum.png
    """
    from sklearn_aera.datasets import load_traces, make_events
    from sklearn_aera.inspection import SpectrumDisplay
    from sklearn_aera.simulation import TraceSimulator

    _prepare(out, overwrite)
    data = load_traces(traces)
    rate = data.sampling_rate or 180.0
    simulator = None
    if model:
        simulator = TraceSimulator(sampling_rate=rate, n_samples=data.traces.shape[-1])
        simulator.fit(make_events(1, signal_fraction=0.0, random_state=0)[0])
    shown = SpectrumDisplay.from_traces(data.traces, model=simulator, sampling_rate=rate)
    _save(shown.figure_, out)


@plots.command("efficiency")
@reports_errors
def efficiency(
    models: Annotated[list[Path], typer.Argument(help="Model files of detectors.")],
    traces: Annotated[Path, typer.Option(help="Test traces with events.")],
    validation: Annotated[Path, typer.Option(help="Traces to choose the thresholds on.")],
    out: Figure = Path("efficiency.png"),
    fpr: Annotated[float, typer.Option(min=0.0, max=1.0, help="False-positive rate.")] = 0.01,
    limit: Annotated[
        bool, typer.Option("--limit", help="Also draw the likelihood ratio, the physical limit.")
    ] = False,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """Draw the detection efficiency as a function of the signal-to-noise ratio.

    Example: sklearn-aera plot efficiency detector.skops --traces test.h5
    --validation validation.h5 --limit
    """
    from sklearn_aera.cli._evaluation import draw_efficiency, evaluate_detector, fitted_limit
    from sklearn_aera.cli._inputs import read_detector, read_labelled, warn_of_shared_events

    _prepare(out, overwrite)
    test = read_labelled(traces, "the efficiency")
    chosen = read_labelled(validation, "the choice of thresholds")
    if test.snr is None:
        raise ValueError(f"{traces}: the signal-to-noise ratios of the events are missing")
    warn_of_shared_events(chosen, test)
    detectors = [(path.stem, read_detector(path, allow_pickle), False) for path in models]
    if limit:
        detectors.append(("Physical limit", fitted_limit(chosen), True))
    results = [
        evaluate_detector(name, detector, chosen, test, [fpr], is_limit=is_limit)
        for name, detector, is_limit in detectors
    ]
    _save(draw_efficiency(results, test, fpr), out)


@plots.command("training")
@reports_errors
def training(
    model: Model,
    out: Figure = Path("training.png"),
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """Draw loss and accuracy after each epoch of the training of a model.

    Example: sklearn-aera plot training detector.skops
    """
    from sklearn_aera.cli._inputs import read_model
    from sklearn_aera.inspection import TrainingDisplay

    _prepare(out, overwrite)
    _save(TrainingDisplay.from_estimator(read_model(model, allow_pickle)).figure_, out)


@plots.command("search")
@reports_errors
def search(
    results: Annotated[Path, typer.Argument(help="Scores written by 'tune --results'.")],
    out: Figure = Path("search.png"),
    overwrite: Overwrite = False,
):
    """Draw the scores of a search over cell, hidden size and directions.

    Example: sklearn-aera plot search scores.json
    """
    import numpy as np

    from sklearn_aera.inspection import SearchDisplay

    _prepare(out, overwrite)
    try:
        found = json.loads(results.read_text())
        scoring, rows = found["scoring"], found["candidates"]
        names = ("mean_test_score", "std_test_score")
        columns = {name: np.array([row.pop(name) for row in rows], dtype=float) for name in names}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{results} holds no results of 'tune': {error!r}") from error
    shown = SearchDisplay.from_results(columns | {"params": rows}, score_name=scoring)
    _save(shown.figure_, out)
