"""Options, errors, progress and output that the commands share."""

import json
import os
import sys
import warnings
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperCommand


def _path(text):
    """Return a path; an empty one, which stands for the working folder, is refused."""
    if not text:
        raise typer.BadParameter("the name is empty")
    return Path(text)


# Options with the same meaning in every command.
Traces = Annotated[
    Path,
    typer.Argument(
        parser=_path, metavar="TRACES", help="File with traces, or a folder of such files."
    ),
]
Model = Annotated[Path, typer.Argument(help="Model file written by 'train', 'tune' or 'export'.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
AllowPickle = Annotated[
    bool,
    typer.Option("--allow-pickle", help="Read .joblib and .nur files, which runs code in them."),
]
Trusted = Annotated[
    list[str] | None,
    typer.Option(help="Name of a class or function that MODEL may use; may be repeated."),
]


class Command(TyperCommand):
    """A command whose option --snr has one or two values."""

    def parse_args(self, ctx, args):
        """Repeat the value of --snr if there is only one."""
        args = list(args)
        for at in range(len(args) - 2, -1, -1):
            if args[at] == "--snr" and not _is_number(args[at + 2 : at + 3]):
                args.insert(at + 2, args[at + 1])
        return super().parse_args(ctx, args)


def _is_number(words):
    try:
        return [float(word) for word in words] != []
    except ValueError:
        return False


def reports_errors(command):
    """Decorate a command: report errors in one line, with exit code 1, and warnings in one."""

    @wraps(command)
    def run(*args, **kwargs):
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_, **__: warn(str(message))
                command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt:
            _errors().print("Interrupted.")
            raise typer.Exit(130) from None
        except BrokenPipeError:  # As in "predict ... | head".
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except (typer.Exit, typer.BadParameter):
            raise
        except Exception as error:
            text = _with_options(" ".join(str(error).split()))
            if not text or not isinstance(error, ValueError | TypeError | OSError | ImportError):
                text = f"{type(error).__name__}: {text}"
            _errors().print(f"[bold red]Error:[/] {escape(text)}")
            raise typer.Exit(1) from None

    return run


def _with_options(text):
    """Replace keyword arguments in an error message by the options of the command line."""
    for name in ("overwrite", "resume", "allow_pickle"):
        text = text.replace(f"{name}=True", f"--{name.replace('_', '-')}")
    return text.replace("name them in trusted", "name them with --trusted")


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
    for line in lines:
        console(markup=False).print(line)


def console(**options):
    """Return a console for results, which breaks no lines: a terminal can do it."""
    return Console(highlight=False, soft_wrap=True, width=10_000, **options)


@contextmanager
def progress(text, total=None):
    """Show a progress bar if standard error is a terminal; yields a function to move it."""
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bars:
        task = bars.add_task(text, total=total)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def outputs(*files, overwrite):
    """Provide temporary files for paths with the given suffixes, before any work."""
    from sklearn_aera._files import reserved

    for path, suffixes in files:
        check_output(path, suffixes)
    with reserved([path for path, _ in files], overwrite) as temporaries:
        yield temporaries


def check_output(path, suffixes):
    """Raise an error if there cannot be such an output."""
    from sklearn_aera._validation import check_choice

    check_choice(path.suffix, f"the ending of {path.name!r}", suffixes)
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")


def save_figure(figure, path, overwrite=True):
    """Save a matplotlib figure; an error leaves an existing file as it was."""
    from sklearn_aera._files import written_whole

    with written_whole(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=200)
