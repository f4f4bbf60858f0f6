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
    check_apart,
    check_output,
    fitted_limit,
    read_denoiser,
    read_detector,
    read_labelled,
    read_model,
    scores,
    tells_errors,
)

plots = typer.Typer(
    help="Draw a figure into a file.", no_args_is_help=True, rich_markup_mode="markdown"
)

Figure = Annotated[Path, typer.Option("-o", "--out", help="Figure: .png, .pdf or .svg.")]
_SUFFIXES = (".png", ".pdf", ".svg")


def _save(display, out):
    from sklearn_aera._files import written_whole

    with written_whole(out) as temporary:
        display.figure_.savefig(temporary, dpi=200)
    print(out)


def _start(out, overwrite):
    import matplotlib

    check_output(out, _SUFFIXES, overwrite)
    matplotlib.use("agg")


@plots.command("trace")
@tells_errors
def trace(
    traces: Traces,
    out: Figure = Path("trace.png"),
    row: Annotated[int, typer.Option(min=0, help="Number of the trace in the file.")] = 0,
    model: Annotated[Path | None, typer.Option(help="A denoiser: draw what it recovers.")] = None,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """A trace, with its true and its recovered pulse where they are known.

    Example: sklearn-aera plot trace test.h5 --row 3 --model denoiser.skops -o trace.png
    """
    from sklearn_aera.datasets import load_traces
    from sklearn_aera.inspection import TraceDisplay

    _start(out, overwrite)
    data = load_traces(traces)
    if row >= len(data.traces):
        raise ValueError(f"--row: {traces} has {len(data.traces)} traces, got {row}")
    recovered = None
    if model is not None:
        recovered = read_denoiser(model, allow_pickle).predict(data.traces[row : row + 1])[0]
    signal = None if data.signals is None else data.signals[row]
    rate = {} if data.sampling_rate is None else {"sampling_rate": data.sampling_rate}
    shown = TraceDisplay.from_trace(data.traces[row], signal=signal, recovered=recovered, **rate)
    _save(shown, out)


@plots.command("spectrum")
@tells_errors
def spectrum(
    traces: Traces,
    out: Figure = Path("spectrum.png"),
    model: Annotated[
        bool, typer.Option("--model", help="Also draw what the default noise is expected to be.")
    ] = False,
    overwrite: Overwrite = False,
):
    """The mean power spectral density of traces.

    Example: sklearn-aera plot spectrum test.h5 --model -o spectrum.png
    """
    from sklearn_aera.datasets import load_traces, make_events
    from sklearn_aera.inspection import SpectrumDisplay
    from sklearn_aera.simulation import TraceSimulator

    _start(out, overwrite)
    data = load_traces(traces)
    rate = data.sampling_rate or 180.0
    simulator = None
    if model:
        simulator = TraceSimulator(sampling_rate=rate, n_samples=data.traces.shape[1])
        simulator.fit(make_events(1, signal_fraction=0.0, random_state=0)[0])
    shown = SpectrumDisplay.from_traces(data.traces, model=simulator, sampling_rate=rate)
    _save(shown, out)


@plots.command("efficiency")
@tells_errors
def efficiency(
    models: Annotated[list[Path], typer.Argument(help="Model files of detectors.")],
    traces: Annotated[Path, typer.Option(help="Test traces, with events.")],
    validation: Annotated[Path, typer.Option(help="Traces on which thresholds are chosen.")],
    out: Figure = Path("efficiency.png"),
    fpr: Annotated[float, typer.Option(min=0.0, max=1.0, help="False-positive rate.")] = 0.01,
    limit: Annotated[
        bool, typer.Option("--limit", help="Also draw the likelihood ratio, the physical limit.")
    ] = False,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """Detection efficiency against signal-to-noise ratio, at a false-positive rate.

    Example: sklearn-aera plot efficiency detector.skops --traces test.h5
    --validation validation.h5 --limit
    """
    from sklearn_aera.inspection import EfficiencyDisplay
    from sklearn_aera.metrics import threshold_at_fpr

    _start(out, overwrite)
    test = read_labelled(traces, "the efficiency")
    chosen = read_labelled(validation, "the choice of thresholds")
    if test.events is None:
        raise ValueError(f"{traces}: the signal-to-noise ratios are in events, which it lacks")
    check_apart(chosen, test)
    detectors = [(path.stem, read_detector(path, allow_pickle), False) for path in models]
    if limit:
        detectors.append(("Physical limit", fitted_limit(chosen), True))
    shown = None
    for name, detector, is_limit in detectors:
        threshold = threshold_at_fpr(chosen.y, scores(detector, chosen.traces), max_fpr=fpr)
        shown = EfficiencyDisplay.from_predictions(
            test.y,
            scores(detector, test.traces),
            test.events[:, 1],
            max_fpr=fpr,
            threshold=threshold,
            name=name,
            limit=is_limit,
            ax=None if shown is None else shown.ax_,
        )
    _save(shown, out)


@plots.command("training")
@tells_errors
def training(
    model: Model,
    out: Figure = Path("training.png"),
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
):
    """Loss and accuracy after each epoch of a model's training.

    Example: sklearn-aera plot training detector.skops
    """
    from sklearn_aera.inspection import TrainingDisplay

    _start(out, overwrite)
    _save(TrainingDisplay.from_estimator(read_model(model, allow_pickle)), out)


@plots.command("search")
@tells_errors
def search(
    results: Annotated[Path, typer.Argument(help="Scores that 'tune --results' has written.")],
    out: Figure = Path("search.png"),
    overwrite: Overwrite = False,
):
    """Scores of a search over cell, hidden size and direction.

    Example: sklearn-aera plot search scores.json
    """
    import numpy as np

    from sklearn_aera.inspection import SearchDisplay

    _start(out, overwrite)
    try:
        found = json.loads(results.read_text())
        scoring, candidates = found["scoring"], found["candidates"]
        names = ("mean_test_score", "std_test_score")
        columns = {
            name: np.array([row.pop(name) for row in candidates], dtype=float) for name in names
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{results} holds no results of 'tune': {error!r}") from error
    shown = SearchDisplay.from_results(columns | {"params": candidates}, score_name=scoring)
    _save(shown, out)
