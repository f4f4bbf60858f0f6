"""The command ``trigger``."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    AllowPickle,
    AsJson,
    Overwrite,
    Trusted,
    outputs,
    print_result,
    progress,
    reports_errors,
)

_FIGURES = (".png", ".pdf", ".svg")
# Traces of the background to which a detector is adapted.
_MOST_TRACES = 4000


@reports_errors
def trigger(
    recording: Annotated[
        Path, typer.Argument(help="LOPES .event, LOFAR .h5, .npy, .npz or raw .dat.")
    ],
    model: Annotated[Path, typer.Option("-m", "--model", help="Model file of a detector.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="CSV file to write.")],
    rate: Annotated[float, typer.Option(help="False triggers of an antenna, in Hz.")] = 10.0,
    band: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Band in MHz; also unfolds, and resamples to the rate of the detector."),
    ] = None,
    background: Annotated[
        Path | None,
        typer.Option(
            help="Recording of the background.",
            show_default="the first half of RECORDING",
        ),
    ] = None,
    pretrigger: Annotated[
        float | None, typer.Option(help="Rate of a first stage in Hz, which saves time.")
    ] = None,
    adapt: Annotated[
        bool,
        typer.Option("--adapt", help="Adapt the detector to the background of each antenna."),
    ] = False,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Allow rates that the background cannot show.")
    ] = False,
    window: Annotated[
        float | None, typer.Option(help="Longest time of a coincidence in us.")
    ] = None,
    min_antennas: Annotated[int, typer.Option(min=2, help="Antennas of a coincidence.")] = 3,
    sampling_rate: Annotated[
        float | None, typer.Option(help="In MHz, for files that do not say it.")
    ] = None,
    nyquist_zone: Annotated[
        int | None, typer.Option(min=1, help="Nyquist zone, for files that do not say it.")
    ] = None,
    antenna: Annotated[
        list[str] | None, typer.Option(help="Name of an antenna to use; may be repeated.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Figure of the recording with its triggers.")
    ] = None,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Find pulses in a continuous recording of one or several antennas.

    The threshold of each antenna is that at which the background has the given rate. The table has
    the time in us and the absolute time, the antenna, the score, the first sample of the window,
    and with --window the number of the coincidence of which the trigger is a part.

    Antennas differ in gain and carriers. With --adapt, the normaliser and the whitener of the
    detector are fitted to each; the network stays as it is.

    Example: sklearn-aera trigger night.npy -m detector.skops --sampling-rate 180 --rate 1000
    -o triggers.csv
    """
    from sklearn_aera.cli._inputs import read_detector
    from sklearn_aera.datasets import load_recording
    from sklearn_aera.trigger import StreamTrigger

    files = [(out, (".csv",))] + ([] if figure is None else [(figure, _FIGURES)])
    with outputs(*files, overwrite=overwrite) as temporaries:
        detector = read_detector(model, allow_pickle, trusted)
        options = {"sampling_rate": sampling_rate, "nyquist_zone": nyquist_zone}
        paths = [recording] if background is None else [recording, background]
        opened = [load_recording(path, antennas=antenna, **options) for path in paths]
        if band is not None:
            new = _rate_of(detector)
            opened = [one.band_pass(*band, sampling_rate=new) for one in opened]
        data, quiet = opened[0], opened[-1]
        if background is None:
            quiet = data.split((0.5,))[0]
        finder = StreamTrigger(
            _adapted(detector, quiet, model) if adapt else detector,
            rate=rate,
            pretrigger_rate=pretrigger,
            extrapolate=extrapolate,
        )
        with progress("Background", 1.0) as move:
            finder.fit(quiet, on_progress=move)
        with progress("Triggers", 1.0) as move:
            triggers = finder.find(data, on_progress=move)
        groups, accidental = _coincidences(triggers, data, window, min_antennas)
        _write(temporaries[0], triggers, data.antennas, groups)
        if figure is not None:
            _draw(temporaries[1], data, triggers)
    livetime = data.duration * 1e-6
    result = {"file": out, "triggers": len(triggers), "livetime_s": livetime, "rate_Hz": rate}
    result |= {"background_s": finder.livetime_, "antennas": _antennas(finder, triggers)}
    text = f"{out}: {len(triggers):,} triggers in {livetime:.4g} s of {len(data.antennas)} antennas"
    if groups is not None:
        result |= {"coincidences": len(groups), "accidental_Hz": accidental}
        text += f"; {len(groups):,} coincidences of at least {min_antennas} antennas"
    print_result(result, as_json, text)


def _rate_of(detector):
    """Return the sampling rate that a detector or one of its steps is for; None if not known."""
    for part in (detector, *detector.get_params().values()):
        for name in ("sampling_rate_", "sampling_rate"):
            if hasattr(part, "fit") and getattr(part, name, None):
                return getattr(part, name)
    return None


def _adapted(detector, background, path):
    """Return a detector for each antenna, adapted to the first traces of its background."""
    from sklearn_aera.cli._background import adapted

    n_samples = detector.n_features_in_
    n_traces = min(background.shape[1] // n_samples, _MOST_TRACES)
    samples = background.read(0, n_traces * n_samples)
    return [adapted(detector, one.reshape(-1, n_samples), path) for one in samples]


def _coincidences(triggers, data, window, min_antennas):
    """Return coincidences and their accidental rate in Hz; None if they are not asked for."""
    from sklearn_aera.trigger import accidental_rate, coincidences

    if window is None and (data.positions is None or len(data.antennas) < min_antennas):
        return None, None
    options = {"window": window, "min_antennas": min_antennas, "positions": data.positions}
    groups = coincidences(triggers, **options)
    longest = (window or 10.0) * len(data.antennas) * 4
    n_slides = max(min(int(data.duration / longest), 100), 1)
    rate = accidental_rate(triggers, data.duration * 1e-6, **options, n_slides=n_slides)
    return groups, {"value": rate.value, "interval": rate[1:]}


def _write(path, triggers, antennas, groups):
    """Write a row per trigger."""
    member = {}
    for number, group in enumerate([] if groups is None else groups):
        member |= dict.fromkeys(group["triggers"][group["triggers"] >= 0].tolist(), number)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        columns = ["time_us", "absolute", "antenna", "score", "sample"]
        table.writerow(columns + ([] if groups is None else ["coincidence"]))
        for row, one in enumerate(triggers):
            absolute = "" if str(one["absolute"]) == "NaT" else str(one["absolute"])
            values = [f"{one['time']:.4f}", absolute, antennas[one["antenna"]]]
            values += [f"{one['score']:.6g}", one["sample"]]
            table.writerow(values + ([] if groups is None else [member.get(row, "")]))


def _draw(path, data, triggers):
    import matplotlib

    from sklearn_aera.inspection import RecordingDisplay

    matplotlib.use("agg")
    RecordingDisplay.from_recording(data, triggers).figure_.savefig(path, dpi=200)


def _antennas(finder, triggers):
    """Return threshold and number of triggers of each antenna."""
    return [
        {"name": name, "threshold": threshold, "triggers": int((triggers["antenna"] == row).sum())}
        for row, (name, threshold) in enumerate(
            zip(finder.antennas_, finder.thresholds_.tolist(), strict=True)
        )
    ]
