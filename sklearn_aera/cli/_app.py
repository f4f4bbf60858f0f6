"""The application with its commands."""

from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera import __version__
from sklearn_aera.cli._apply import evaluate, predict, recover
from sklearn_aera.cli._common import Command, reports_errors
from sklearn_aera.cli._export import export
from sklearn_aera.cli._fit import train, tune
from sklearn_aera.cli._plot import plots
from sklearn_aera.cli._simulate import simulate
from sklearn_aera.cli._trigger import trigger

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
@reports_errors
def demo(
    pulses: Annotated[
        Path | None, typer.Option(help="CoREAS file with pulses to use.", metavar="FILE.hdf5")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for the model, the scores and the figures.", metavar="DIR")
    ] = Path("sklearn-aera-demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Use fewer networks and events.")] = False,
):
    """Show the whole workflow, from simulated events to an evaluated detector.

    The demo simulates traces, tunes a recurrent network over cell, hidden size and
    bidirectionality, compares the best network with a threshold on the SNR, saves it, loads it
    again and evaluates it on new traces. It replaces files of an earlier demo in DIR.

    Example: sklearn-aera demo --pulses shower.hdf5 --out shower-demo
    """
    from sklearn_aera.cli._demo import run_demo

    run_demo(pulses=pulses, out=out, quick=quick)


for command in (simulate, train, tune, evaluate, predict, recover, trigger, export):
    app.command(cls=Command)(command)
app.add_typer(plots, name="plot")
