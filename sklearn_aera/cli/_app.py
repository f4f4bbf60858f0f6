"""Commands and their options; the work is done elsewhere."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sklearn_aera import __version__
from sklearn_aera.cli._apply import evaluate, predict, recover
from sklearn_aera.cli._common import tells_errors
from sklearn_aera.cli._fit import train, tune
from sklearn_aera.cli._plot import plots
from sklearn_aera.cli._simulate import simulate

app = typer.Typer(
    rich_markup_mode="markdown",
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
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
):
    pass


@app.command()
@tells_errors
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

    run_demo(pulses=pulses, out=out, quick=quick, console=Console())


for command in (simulate, train, tune, evaluate, predict, recover):
    app.command()(command)
app.add_typer(plots, name="plot")
