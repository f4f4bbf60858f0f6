"""Commands and their options; the work is done elsewhere."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sklearn_aera import __version__

app = typer.Typer(
    help="Find cosmic-ray pulses in radio traces.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked):
    if asked:
        print(f"sklearn-aera {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And exit.")
    ] = False,
):
    pass


@app.command()
def demo(
    pulses: Annotated[
        Path | None,
        typer.Option(
            help="A CoREAS file (HDF5) whose pulses are used instead of analytic ones.",
            metavar="FILE.hdf5",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the model, the table and the figures.", metavar="DIR")
    ] = Path("sklearn-aera-demo"),
    quick: Annotated[bool, typer.Option("--quick", help="A smaller search, in seconds.")] = False,
):
    """From simulated events to a tuned, compared, saved and reloaded detector.

    Simulates traces, tunes a recurrent network over cell, hidden size and bidirectionality,
    compares the winner with the SNR threshold, saves it and applies it to fresh traces.

    Example: sklearn-aera demo --pulses shower.hdf5 --out shower-demo
    """
    from sklearn_aera.cli._demo import run_demo

    try:
        run_demo(pulses=pulses, out=out, quick=quick, console=Console())
    except (ValueError, OSError) as error:
        Console(stderr=True).print(f"[bold red]Error:[/] {error}", soft_wrap=True, highlight=False)
        sys.exit(1)
