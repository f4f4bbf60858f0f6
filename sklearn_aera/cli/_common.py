"""Options, errors, progress and output that the commands share."""

import json
import sys
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

# Options with the same meaning in every command.
Traces = Annotated[Path, typer.Argument(help="File with traces, or a folder of such files.")]
Model = Annotated[Path, typer.Argument(help="Model file written by 'train' or 'tune'.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
AllowPickle = Annotated[
    bool, typer.Option("--allow-pickle", help="Load a .joblib file, which runs code in it.")
]


def reports_errors(command):
    """Decorate a command: report errors of data and files in one line, with exit code 1."""

    @wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            _errors().print("Interrupted.")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # As in "predict ... | head": typer ends the program quietly.
            raise
        except (ValueError, TypeError, OSError, ImportError) as error:
            _errors().print(f"[bold red]Error:[/] {escape(_with_options(str(error)))}")
            raise typer.Exit(1) from None

    return run


def _with_options(text):
    """Replace keyword arguments in an error message by the options of the command line."""
    for name in ("overwrite", "resume", "allow_pickle"):
        text = text.replace(f"{name}=True", f"--{name.replace('_', '-')}")
    return text


def _errors():
    return Console(stderr=True, soft_wrap=True, highlight=False)


def warn(text):
    """Print a warning to standard error."""
    _errors().print(f"[bold yellow]Warning:[/] {escape(text)}")


def print_result(result, as_json, *lines):
    """Print a result as JSON, or as lines and tables for people."""
    if as_json:
        print(json.dumps(result, default=str))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for line in lines:
        console.print(line)


@contextmanager
def progress(text, total=None):
    """Show a progress bar if standard error is a terminal; yields a function to move it."""
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bars:
        task = bars.add_task(text, total=total)
        yield lambda done: bars.update(task, completed=done)


def check_output(path, suffixes, overwrite):
    """Raise an error, before any work, if the output cannot be written."""
    from sklearn_aera._files import check_new
    from sklearn_aera._validation import check_choice

    check_choice(path.suffix, f"the ending of {path.name!r}", suffixes)
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    check_new(path, overwrite)


def save_figure(figure, path):
    """Save a matplotlib figure; an error leaves an existing file as it was."""
    from sklearn_aera._files import written_whole

    with written_whole(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=200)
