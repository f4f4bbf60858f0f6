"""The commands ``evaluate``, ``predict`` and ``recover``."""

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    CHUNK_SIZE,
    AllowPickle,
    AsJson,
    Model,
    Overwrite,
    Traces,
    as_detector,
    check_apart,
    check_output,
    fitted_limit,
    progress,
    read_denoiser,
    read_detector,
    read_labelled,
    read_model,
    scores,
    tell,
    tells_errors,
)

Validation = Annotated[
    Path | None,
    typer.Option(help="Traces with labels on which thresholds are chosen: never those judged."),
]


@tells_errors
def evaluate(
    model: Model,
    traces: Traces,
    validation: Validation = None,
    fpr: Annotated[
        list[float], typer.Option("--fpr", min=0.0, max=1.0, help="False-positive rates.")
    ] = [0.01, 0.002],  # noqa: B006
    limit: Annotated[
        bool,
        typer.Option(
            "--limit", help="Also judge the likelihood ratio, fitted to the validation traces."
        ),
    ] = False,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
):
    """Judge a detector or a denoiser on traces that it has not seen.

    Of a detector: accuracy, area under the ROC curve, and the true-positive rate at fixed
    false-positive rates, with 68 % intervals; thresholds are chosen on --validation. Of a denoiser:
    the mean square error in dB, and bias and resolution of the energy.

    Example: sklearn-aera evaluate detector.skops test.h5 --validation validation.h5 --limit
    """
    from sklearn.base import is_regressor

    test = read_labelled(traces, "evaluation")
    judged = read_model(model, allow_pickle)
    if is_regressor(judged):
        _evaluate_denoiser(judged, traces, test, as_json)
        return
    detectors = {str(model): as_detector(judged, model)}
    if validation is None:
        raise ValueError("--validation: the thresholds of a detector are chosen on traces of it")
    chosen = read_labelled(validation, "the choice of thresholds")
    check_apart(chosen, test)
    if limit:
        with progress("Fitting the likelihood ratio"):
            detectors["likelihood ratio"] = fitted_limit(chosen)
    rows = [_judge(name, one, chosen, test, fpr) for name, one in detectors.items()]
    tell({"traces": len(test.y), "detectors": rows}, as_json, _table_of(rows))


def _judge(name, detector, validation, test, max_fprs):
    from sklearn.metrics import accuracy_score, roc_auc_score

    from sklearn_aera.metrics import threshold_at_fpr, tpr_at_fpr

    on_validation, on_test = (scores(detector, data.traces) for data in (validation, test))
    is_pulse = detector.predict(test.traces) == detector.classes_[1]
    row = {"detector": name, "accuracy": accuracy_score(test.y, is_pulse)}
    row |= {"auc": roc_auc_score(test.y, on_test), "operating_points": []}
    for max_fpr in max_fprs:
        threshold = threshold_at_fpr(validation.y, on_validation, max_fpr=max_fpr)
        tpr, low, high = tpr_at_fpr(test.y, on_test, threshold=threshold, return_interval=True)
        point = {"fpr": max_fpr, "threshold": float(threshold), "tpr": float(tpr)}
        row["operating_points"].append(point | {"interval": [float(low), float(high)]})
    return row


def _table_of(rows):
    from rich.table import Table

    points = rows[0]["operating_points"]
    columns = [f"TPR at FPR {100 * point['fpr']:g} %" for point in points]
    table = Table("Detector", "Accuracy", "AUC", *columns)
    for row in rows:
        table.add_row(
            row["detector"],
            f"{row['accuracy']:.4f}",
            f"{row['auc']:.4f}",
            *(
                f"{p['tpr']:.3f} ({p['interval'][0]:.3f}-{p['interval'][1]:.3f})"
                for p in row["operating_points"]
            ),
        )
    return table


def _evaluate_denoiser(model, path, test, as_json):
    import numpy as np

    from sklearn_aera.metrics import (
        bias_and_resolution,
        energy_ratio,
        normalized_mean_squared_error,
    )

    if test.signals is None:
        raise ValueError(f"{path}: a denoiser is judged by true signals, and the file has none")
    pulses = test.y == 1
    if not pulses.any():
        raise ValueError(f"{path}: there is no pulse to recover")
    truth, recovered = test.signals[pulses], model.predict(test.traces[pulses])
    error = 10 * np.log10(normalized_mean_squared_error(truth, recovered))
    bias, resolution = bias_and_resolution(energy_ratio(truth, recovered) - 1)
    result = {"pulses": int(pulses.sum()), "error_dB": float(error)}
    result |= {"energy_bias": float(bias.value), "energy_resolution": float(resolution.value)}
    tell(
        result,
        as_json,
        f"{result['pulses']:,} pulses: mean square error {error:.2f} dB of their energy; energy "
        f"bias {bias.value:+.1%}, resolution {resolution.value:.1%}",
    )


@tells_errors
def predict(
    model: Model,
    traces: Traces,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="CSV file; none for standard output.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Score from which on there is a pulse; none for its own."),
    ] = None,
    validation: Validation = None,
    fpr: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="False-positive rate of --validation.")
    ] = 0.01,
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Say of each trace how likely there is a pulse in it.

    A row has the number of the trace, its event id where the file has events, the probability, the
    score and whether that reaches the threshold. Any number of traces goes through in pieces.

    Example: sklearn-aera predict detector.skops triggers.npy -o found.csv
    """
    from sklearn_aera._files import written_whole
    from sklearn_aera.metrics import threshold_at_fpr

    if as_json and out is None:
        raise ValueError("--json: give an --out, standard output cannot hold both")
    if out is not None:
        check_output(out, (".csv",), overwrite)
    detector = read_detector(model, allow_pickle)
    if threshold is not None and validation is not None:
        raise ValueError("--threshold and --validation exclude each other")
    if validation is not None:
        chosen = read_labelled(validation, "the choice of a threshold")
        on_validation = scores(detector, chosen.traces)
        threshold = float(threshold_at_fpr(chosen.y, on_validation, max_fpr=fpr))
    if out is None:
        _write_rows(sys.stdout, detector, traces, threshold)
        return
    with written_whole(out) as temporary, open(temporary, "w", newline="") as file:
        n_traces, n_found = _write_rows(file, detector, traces, threshold)
    result = {"file": out, "traces": n_traces, "pulses": n_found, "threshold": threshold}
    tell(result, as_json, f"{out}: {n_found:,} pulses in {n_traces:,} traces")


def _write_rows(file, detector, path, threshold):
    """Write a row per trace; returns their number and that of the pulses."""
    from sklearn_aera.datasets import load_traces

    rows = csv.writer(file, lineterminator="\n")
    n_traces = n_found = 0
    for chunk in load_traces(path, chunk_size=CHUNK_SIZE):
        score, probability = scores(detector, chunk.traces), detector.predict_proba(chunk.traces)
        pulse = probability[:, 1] > 0.5 if threshold is None else score >= threshold
        if n_traces == 0:
            names = ["trace", "event_id", "probability", "score", "pulse"]
            rows.writerow(
                [name for name in names if name != "event_id" or chunk.events is not None]
            )
        for row in range(len(score)):
            event = [] if chunk.events is None else [int(chunk.events[row, 0])]
            values = f"{probability[row, 1]:.6g}", f"{score[row]:.6g}", int(pulse[row])
            rows.writerow([n_traces + row, *event, *values])
        n_traces += len(score)
        n_found += int(sum(pulse))
    return n_traces, n_found


@tells_errors
def recover(
    model: Model,
    traces: Traces,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write: .h5, .npz or .npy.")],
    allow_pickle: AllowPickle = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Recover the signals in traces with a denoiser.

    The file that is written holds the signals as its traces, in mV, with the events of the file
    that was read.

    Example: sklearn-aera recover denoiser.skops triggers.npy -o signals.npy
    """
    import numpy as np

    from sklearn_aera.datasets import load_traces, save_traces

    check_output(out, (".h5", ".hdf5", ".npz", ".npy"), overwrite)
    denoiser = read_denoiser(model, allow_pickle)
    signals, events, rate = [], [], None
    for chunk in load_traces(traces, chunk_size=CHUNK_SIZE):
        signals.append(denoiser.predict(chunk.traces).astype(np.float32))
        events.append(chunk.events)
        rate = chunk.sampling_rate
    with_events = out.suffix != ".npy" and events[0] is not None
    events = np.concatenate(events) if with_events else None
    signals = np.concatenate(signals)
    save_traces(out, signals, events=events, sampling_rate=rate, overwrite=overwrite)
    result = {"file": out, "traces": len(signals)}
    tell(result, as_json, f"{out}: signals of {len(signals):,} traces")
