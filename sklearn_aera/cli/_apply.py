"""The commands ``evaluate``, ``predict`` and ``recover``."""

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    AllowPickle,
    AsJson,
    Model,
    Overwrite,
    Traces,
    Trusted,
    outputs,
    print_result,
    progress,
    reports_errors,
)

Validation = Annotated[
    Path | None, typer.Option(help="Other traces with labels, to choose thresholds on.")
]


@reports_errors
def evaluate(
    model: Model,
    traces: Traces,
    validation: Validation = None,
    fpr: Annotated[
        list[float],
        typer.Option("--fpr", min=0.0, max=1.0, help="False-positive rates; may be repeated."),
    ] = [0.01, 0.002],  # noqa: B006
    limit: Annotated[
        bool,
        typer.Option("--limit", help="Also evaluate the likelihood ratio, the physical limit."),
    ] = False,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    as_json: AsJson = False,
):
    """Evaluate a detector or a denoiser on traces that were not used to train it.

    For a detector: accuracy, area under the ROC curve (AUC), and the true-positive rate (TPR) at
    fixed false-positive rates (FPR), with 68 % intervals. Thresholds are chosen on --validation.
    A warning says if the background of TRACES is not the one that the detector was fitted to.
    For a denoiser: the mean squared error in dB, and bias and resolution of the energy.

    Example: sklearn-aera evaluate detector.skops test.h5 --validation validation.h5 --limit
    """
    from sklearn.base import is_regressor

    from sklearn_aera.cli import _background, _evaluation, _inputs

    test = _inputs.read_labelled(traces, "evaluation", allow_pickle)
    loaded = _inputs.read_model(model, allow_pickle, trusted)
    _inputs.check_rate(loaded, test, traces)
    if is_regressor(loaded):
        _evaluate_denoiser(loaded, traces, test, as_json)
        return
    detectors = {str(model): _inputs.check_detector(loaded, model)}
    if validation is None:
        raise ValueError("--validation is missing: traces to choose the thresholds of a detector")
    chosen = _inputs.read_labelled(validation, "the choice of thresholds", allow_pickle)
    _inputs.check_test_traces(chosen, test)
    _background.warn_of_other_background(loaded, test, traces)
    if limit:
        with progress("Fitting the likelihood ratio"):
            detectors["likelihood ratio"] = _evaluation.fitted_limit(chosen)
    results = [
        _evaluation.evaluate_detector(name, detector, chosen, test, fpr)
        for name, detector in detectors.items()
    ]
    numbers = {"traces": len(test.y), "detectors": [_evaluation.as_json(one) for one in results]}
    print_result(numbers, as_json, _evaluation.evaluation_table(results))


def _evaluate_denoiser(model, path, test, as_json):
    import numpy as np

    from sklearn_aera import metrics

    if test.signals is None:
        raise ValueError(f"{path}: evaluating a denoiser needs signals, but the file has none")
    pulses = test.y == 1
    if not pulses.any():
        raise ValueError(f"{path}: there is no pulse to recover")
    truth, recovered = test.signals[pulses], model.predict(test.traces[pulses])
    error = 10 * np.log10(metrics.normalized_mean_squared_error(truth, recovered))
    ratio = metrics.energy_ratio(truth, recovered)
    bias, resolution = metrics.bias_and_resolution(ratio - 1)
    result = {"pulses": int(pulses.sum()), "error_dB": float(error)}
    result |= {"energy_bias": float(bias.value), "energy_resolution": float(resolution.value)}
    text = (
        f"{result['pulses']:,} pulses: mean squared error {error:.2f} dB relative to their energy"
    )
    text += f"; energy bias {bias.value:+.1%}, resolution {resolution.value:.1%}"
    print_result(result, as_json, text)


@reports_errors
def predict(
    model: Model,
    traces: Traces,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="CSV file to write.", show_default="standard output"),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Lowest score of a pulse.",
            show_default="that of an exported model, or the score of probability 0.5",
        ),
    ] = None,
    validation: Validation = None,
    fpr: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="False-positive rate on --validation.")
    ] = 0.01,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Adapt normaliser and whitener to the background of the first 10,000 traces, and "
            "on --validation to those. They need no labels, and may have pulses.",
        ),
    ] = False,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Compute the probability of a pulse in each trace.

    Each row of the table has the number of the trace, its event id if the file has events, the
    probability, the score, and 1 or 0 for a pulse or none. Files may be larger than memory. A
    warning says if the background of TRACES is not the one that the model was fitted to: the
    scores then have no meaning, unless the model is adapted.

    Example: sklearn-aera predict detector.skops triggers.npy -o found.csv
    """
    from sklearn_aera._files import written_whole
    from sklearn_aera._validation import check_real
    from sklearn_aera.cli import _inputs
    from sklearn_aera.cli._background import adapted
    from sklearn_aera.cli._evaluation import scores
    from sklearn_aera.datasets import load_traces
    from sklearn_aera.metrics import threshold_at_fpr

    if as_json and out is None:
        raise ValueError("--json needs --out: standard output cannot hold table and JSON")
    if threshold is not None:
        check_real(threshold, "--threshold")
        if validation is not None:
            raise ValueError("--threshold and --validation exclude each other")
    files = [] if out is None else [(out, (".csv",))]
    with outputs(*files, overwrite=overwrite) as temporaries:
        detector = _inputs.read_detector(model, allow_pickle, trusted)
        if validation is not None:
            chosen = _inputs.read_labelled(validation, "the choice of a threshold", allow_pickle)
            _inputs.check_rate(detector, chosen, validation)
            _inputs.remember_rate(detector, chosen)
            judge = adapted(detector, chosen.traces, model) if adapt else detector
            threshold = threshold_at_fpr(chosen.y, scores(judge, chosen.traces), max_fpr=fpr)
        elif threshold is None:  # An exported model may hold one.
            threshold = getattr(detector, "threshold_", None)
        pieces = load_traces(traces, chunk_size=_inputs.CHUNK_SIZE, allow_pickle=allow_pickle)
        judged = _with_detector(detector, pieces, traces, model if adapt else None)
        if out is None:
            _write_rows(sys.stdout, judged, threshold)
            return
        with written_whole(*temporaries, True) as name, open(name, "w", newline="") as file:
            n_traces, n_found = _write_rows(file, judged, threshold)
    result = {"file": out, "traces": n_traces, "pulses": n_found, "threshold": threshold}
    print_result(result, as_json, f"{out}: {n_found:,} pulses in {n_traces:,} traces")


def _with_detector(detector, pieces, path, adapted_model):
    """Yield each piece of the traces with the detector for it, and warn once of the background.

    If the path of a model to adapt is given, the detector is adapted to the first piece.
    """
    from sklearn_aera.cli._background import adapted, warn_of_other_background
    from sklearn_aera.cli._inputs import check_rate

    warned = False
    for number, chunk in enumerate(pieces):
        check_rate(detector, chunk, path)
        if number == 0 and adapted_model is not None:
            detector = adapted(detector, chunk.traces, adapted_model)
        warned = warned or warn_of_other_background(detector, chunk, path)
        yield detector, chunk


def _write_rows(file, judged, threshold):
    """Write a row per trace; returns the numbers of traces and of pulses."""
    from sklearn_aera.cli._evaluation import scores

    table = csv.writer(file, lineterminator="\n")
    n_traces = n_found = 0
    for detector, chunk in judged:
        score, probability = scores(detector, chunk.traces), detector.predict_proba(chunk.traces)
        pulse = probability[:, 1] > 0.5 if threshold is None else score >= threshold
        event_id = [] if chunk.event_id is None else ["event_id"]
        if n_traces == 0:
            table.writerow(["trace", *event_id, "probability", "score", "pulse"])
        for row in range(len(score)):
            event = [chunk[name][row] for name in event_id]
            values = f"{probability[row, 1]:.6g}", f"{score[row]:.6g}", int(pulse[row])
            table.writerow([n_traces + row, *event, *values])
        n_traces += len(score)
        n_found += int(sum(pulse))
    return n_traces, n_found


@reports_errors
def recover(
    model: Model,
    traces: Traces,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .h5, .npz or .npy.")],
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Recover the signals in traces with a denoiser.

    The recovered signals, in mV, are the traces of the new file. It also has the events of
    TRACES, if there are any (not in .npy). A warning says if the background of TRACES is not the
    one that the denoiser was fitted to.

    Example: sklearn-aera recover denoiser.skops triggers.npy -o signals.npy
    """
    import numpy as np

    from sklearn_aera.cli import _background, _inputs
    from sklearn_aera.datasets import load_traces, save_traces

    suffixes = (".h5", ".hdf5", ".npz", ".npy")
    with outputs((out, suffixes), overwrite=overwrite) as [temporary]:
        denoiser = _inputs.read_denoiser(model, allow_pickle, trusted)
        signals, events, rate, warned = [], [], None, False
        pieces = load_traces(traces, chunk_size=_inputs.CHUNK_SIZE, allow_pickle=allow_pickle)
        for chunk in pieces:
            _inputs.check_rate(denoiser, chunk, traces)
            warned = warned or _background.warn_of_other_background(denoiser, chunk, traces)
            signals.append(denoiser.predict(chunk.traces).astype(np.float32))
            events.append(chunk.events)
            rate = chunk.sampling_rate
        with_events = out.suffix != ".npy" and events[0] is not None
        events = np.concatenate(events) if with_events else None
        signals = np.concatenate(signals)
        save_traces(temporary, signals, events=events, sampling_rate=rate, overwrite=True)
    result = {"file": out, "traces": len(signals)}
    print_result(result, as_json, f"{out}: recovered signals of {len(signals):,} traces")
