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
    Trusted,
    check_output,
    reports_errors,
    save_figure,
)

plots = typer.Typer(
    help="Draw a figure and save it to a file.", no_args_is_help=True, rich_markup_mode="markdown"
)

Figure = Annotated[Path, typer.Option("-o", "--out", help="Figure: .png, .pdf or .svg.")]
Channel = Annotated[
    int | None, typer.Option(min=0, help="Channel to draw, of several; all if it is not given.")
]
_SUFFIXES = (".png", ".pdf", ".svg")


def _save(figure, out, overwrite):
    save_figure(figure, out, overwrite)
    print(out)


def _prepare(out, overwrite):
    import matplotlib

    from sklearn_aera._files import check_new

    check_output(out, _SUFFIXES)
    check_new(out, overwrite)
    matplotlib.use("agg")


def _select_channel(channel, path, traces, *others):
    """Return a channel, or all, of traces and of other arrays of their shape or None."""
    arrays = (traces, *others)
    if traces.ndim == 2:
        if channel is not None:
            raise ValueError(f"--channel: {path} has traces of one channel, without an axis for it")
        return arrays
    if channel is None:
        return arrays
    n_channels = traces.shape[1]
    if channel >= n_channels:
        raise ValueError(
            f"--channel: {path} has {n_channels} channels, from 0 to {n_channels - 1}, got "
            f"{channel}"
        )
    return tuple(None if array is None else array[:, channel] for array in arrays)


@plots.command("trace")
@reports_errors
def trace(
    traces: Traces,
    out: Figure = Path("trace.png"),
    row: Annotated[int, typer.Option(min=0, help="Number of the trace in the file.")] = 0,
    channel: Channel = None,
    model: Annotated[Path | None, typer.Option(help="Denoiser to recover the pulse.")] = None,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
):
    """Draw a trace, with its true and its recovered pulse if they are known.

    Example: sklearn-aera plot trace test.h5 --row 3 --model denoiser.skops -o trace.png
    """
    from sklearn_aera.cli._inputs import check_rate, read_denoiser
    from sklearn_aera.datasets import load_traces
    from sklearn_aera.inspection import TraceDisplay

    _prepare(out, overwrite)
    data = load_traces(traces, allow_pickle=allow_pickle)
    if row >= len(data.traces):
        raise ValueError(f"--row: {traces} has {len(data.traces)} traces, got number {row}")
    one, recovered = slice(row, row + 1), None
    if model is not None:
        denoiser = read_denoiser(model, allow_pickle, trusted)
        check_rate(denoiser, data, traces)
        recovered = denoiser.predict(data.traces[one])
    signals = None if data.signals is None else data.signals[one]
    series = _select_channel(channel, traces, data.traces[one], signals, recovered)
    trace, signal, recovered = (None if rows is None else rows[0] for rows in series)
    rate = {} if data.sampling_rate is None else {"sampling_rate": data.sampling_rate}
    shown = TraceDisplay.from_trace(trace, signal=signal, recovered=recovered, **rate)
    _save(shown.figure_, out, overwrite)


@plots.command("spectrum")
@reports_errors
def spectrum(
    traces: Traces,
    out: Figure = Path("spectrum.png"),
    channel: Channel = None,
    model: Annotated[
        bool, typer.Option("--model", help="Also draw the expectation of the default noise model.")
    ] = False,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """Draw the mean power spectral density of traces.

    Example: sklearn-aera plot spectrum test.h5 --model -o spectrum.png
    """
    from sklearn_aera.datasets import load_traces, make_events
    from sklearn_aera.inspection import SpectrumDisplay
    from sklearn_aera.simulation import TraceSimulator

    _prepare(out, overwrite)
    data = load_traces(traces, allow_pickle=allow_pickle)
    (rows,) = _select_channel(channel, traces, data.traces)
    rate = data.sampling_rate or 180.0
    simulator = None
    if model:
        simulator = TraceSimulator(sampling_rate=rate, n_samples=rows.shape[-1])
        simulator.fit(make_events(1, signal_fraction=0.0, random_state=0)[0])
    shown = SpectrumDisplay.from_traces(rows, model=simulator, sampling_rate=rate)
    _save(shown.figure_, out, overwrite)


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
    trusted: Trusted = None,
    overwrite: Overwrite = False,
):
    """Draw the detection efficiency as a function of the signal-to-noise ratio.

    Example: sklearn-aera plot efficiency detector.skops --traces test.h5
    --validation validation.h5 --limit
    """
    from sklearn_aera.cli._evaluation import draw_efficiency, evaluate_detector, fitted_limit
    from sklearn_aera.cli._inputs import (
        check_rate,
        check_test_traces,
        read_detector,
        read_labelled,
    )

    _prepare(out, overwrite)
    test = read_labelled(traces, "the efficiency", allow_pickle)
    chosen = read_labelled(validation, "the choice of thresholds", allow_pickle)
    if test.snr is None:
        raise ValueError(f"{traces}: the signal-to-noise ratios of the events are missing")
    check_test_traces(chosen, test)
    detectors = [(path.stem, read_detector(path, allow_pickle, trusted), False) for path in models]
    for _, detector, _ in detectors:
        check_rate(detector, test, traces)
    if limit:
        detectors.append(("Physical limit", fitted_limit(chosen), True))
    results = [
        evaluate_detector(name, detector, chosen, test, [fpr], is_limit=is_limit)
        for name, detector, is_limit in detectors
    ]
    _save(draw_efficiency(results, test, fpr), out, overwrite)


@plots.command("training")
@reports_errors
def training(
    model: Model,
    out: Figure = Path("training.png"),
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
):
    """Draw loss and accuracy after each epoch of the training of a model.

    Example: sklearn-aera plot training detector.skops
    """
    from sklearn_aera.cli._inputs import read_model
    from sklearn_aera.inspection import TrainingDisplay

    _prepare(out, overwrite)
    fitted = read_model(model, allow_pickle, trusted)
    _save(TrainingDisplay.from_estimator(fitted).figure_, out, overwrite)


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

    from sklearn_aera._files import check_readable, readable
    from sklearn_aera.inspection import SearchDisplay

    _prepare(out, overwrite)
    check_readable(results)
    with readable(results, "results of 'tune'"):
        found = json.loads(results.read_text())
        scoring, rows = found["scoring"], found["candidates"]
        names = ("mean_test_score", "std_test_score")
        columns = {name: np.array([row.pop(name) for row in rows], dtype=float) for name in names}
        shown = SearchDisplay.from_results(columns | {"params": rows}, score_name=scoring)
    _save(shown.figure_, out, overwrite)
