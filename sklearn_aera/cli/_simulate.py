"""The command ``simulate``."""

from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import AsJson, Overwrite, Seed, print_result, progress, reports_errors


@reports_errors
def simulate(
    out: Annotated[Path | None, typer.Argument(help="HDF5 file to write (.h5).")] = None,
    out_option: Annotated[Path | None, typer.Option("-o", "--out", help="The same as OUT.")] = None,
    n_events: Annotated[
        int, typer.Option("-n", "--events", min=1, help="Number of events.")
    ] = 1000,
    snr: Annotated[
        tuple[float, float], typer.Option(help="Range of the signal-to-noise ratio.")
    ] = (0.5, 5.0),
    signal_fraction: Annotated[float, typer.Option(help="Share of events with a pulse.")] = 0.5,
    station: Annotated[
        str | None, typer.Option(help="Simulate a named station, such as aera or grandproto300.")
    ] = None,
    pulses: Annotated[Path | None, typer.Option(help="CoREAS file with pulses to use.")] = None,
    first_event_id: Annotated[
        int,
        typer.Option(
            min=0, help="Id of the first event. Events with different ids are independent."
        ),
    ] = 0,
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Number of threads.")] = 1,
    chunk_size: Annotated[int, typer.Option(min=1, help="Events simulated at once.")] = 2000,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an unfinished file.")] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Simulate traces into a file.

    Memory does not grow with the number of events. An interrupted simulation leaves the file
    OUT.part, which --resume continues.

    Example: sklearn-aera simulate train.h5 -n 20000 --snr 0.5 5 --jobs 2
    """
    from sklearn_aera.datasets import load_coreas, simulate_to_file
    from sklearn_aera.simulation import TraceSimulator, make_station

    if (out is None) == (out_option is None):
        raise typer.BadParameter("name one file to write, as OUT or with --out")
    out = out or out_option
    simulator = TraceSimulator() if station is None else make_station(station)
    if pulses is not None:
        component = "strongest" if simulator.arms is None else "all"
        simulator.set_params(pulse=load_coreas(pulses, component=component).pulses)
    with progress(f"Simulating {n_events:,} events", n_events) as move:
        simulate_to_file(
            out,
            n_events,
            simulator=simulator,
            signal_fraction=signal_fraction,
            snr=snr,
            first_event_id=first_event_id,
            chunk_size=chunk_size,
            random_state=seed,
            n_jobs=jobs,
            resume=resume,
            overwrite=overwrite,
            on_progress=move,
        )
    result = {"file": out, "events": n_events, "MB": round(out.stat().st_size / 1e6, 3)}
    result |= {"first_event_id": first_event_id, "seed": seed}
    print_result(result, as_json, f"{out}: {n_events:,} events, {result['MB']:,.1f} MB")
