"""What commands share: options, errors, progress and output."""

import json
import sys
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

# Options that mean the same in every command.
Traces = Annotated[Path, typer.Argument(help="File of traces, or a folder of them.")]
Model = Annotated[Path, typer.Argument(help="Model file, as 'train' and 'tune' write it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
AllowPickle = Annotated[
    bool,
    typer.Option("--allow-pickle", help="Load a .joblib model, which runs code that is in it."),
]
CHUNK_SIZE = 10_000


def tells_errors(command):
    """Decorate a command: what is wrong with data and files is told in a line, with exit code 1."""

    @wraps(command)
    def run(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            _errors().print("Interrupted.")
            raise typer.Exit(130) from None
        except (ValueError, TypeError, OSError, ImportError) as error:
            _errors().print(f"[bold red]Error:[/] {escape(_of_the_command_line(str(error)))}")
            raise typer.Exit(1) from None

    return run


def _of_the_command_line(text):
    """A message of the package with the options that it names as they are called here."""
    for name in ("overwrite", "resume", "allow_pickle"):
        text = text.replace(f"{name}=True", f"--{name.replace('_', '-')}")
    return text


def _errors():
    return Console(stderr=True, soft_wrap=True, highlight=False)


def warn(text):
    """Say on standard error what a user should know."""
    _errors().print(f"[bold yellow]Warning:[/] {escape(text)}")


def tell(result, as_json, *lines):
    """Print a result: as JSON, or in lines and tables for people."""
    if as_json:
        print(json.dumps(result, default=str))
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for line in lines:
        console.print(line)


@contextmanager
def progress(text, total=None):
    """A bar on standard error, if that is a terminal; yields a function to move it."""
    from rich.progress import Progress

    with Progress(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bars:
        task = bars.add_task(text, total=total)
        yield lambda done: bars.update(task, completed=done)


def read_model(path, allow_pickle):
    """Load a model; of a pickle say what that means."""
    from sklearn_aera.persistence import load_model

    if allow_pickle and path.suffix == ".joblib":
        warn(f"{path} is a pickle: loading it runs code that is in it.")
    return load_model(path, allow_pickle=allow_pickle)


def read_labelled(path, what):
    """Traces with labels, or an error that says what they are for."""
    from sklearn_aera.datasets import load_traces

    data = load_traces(path)
    if data.y is None:
        raise ValueError(
            f"{path}: {what} needs labels, and the file has neither signals nor events"
        )
    return data


def read_detector(path, allow_pickle):
    """A model that gives probabilities."""
    return as_detector(read_model(path, allow_pickle), path)


def as_detector(model, path):
    """The model of a file, if it gives probabilities of two classes, noise and pulse."""
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"{path} holds a {_name(model)}, which gives no probabilities")
    if len(model.classes_) != 2:
        raise ValueError(
            f"{path} holds a {_name(model)} of {len(model.classes_)} classes, a detector has two"
        )
    return model


def read_denoiser(path, allow_pickle):
    """A model that recovers signals."""
    from sklearn.base import is_regressor

    model = read_model(path, allow_pickle)
    if not is_regressor(model):
        raise ValueError(f"{path} holds a {_name(model)}, which recovers no signals")
    return model


def _name(model):
    from sklearn.pipeline import Pipeline

    return type(model[-1] if isinstance(model, Pipeline) else model).__name__


def scores(detector, traces):
    """What a detector orders traces by, the larger the more like a pulse."""
    if hasattr(detector, "decision_function"):
        return detector.decision_function(traces)
    return detector.predict_proba(traces)[:, 1]


def fitted_limit(data):
    """The likelihood ratio of labelled traces, for the signal-to-noise ratios of their events."""
    from sklearn_aera.likelihood import LikelihoodRatioClassifier

    ratio = LikelihoodRatioClassifier()
    if data.sampling_rate is not None:
        ratio.set_params(sampling_rate=data.sampling_rate)
    if data.events is not None and data.y.any():
        snr = data.events[data.y == 1, 1]
        ratio.set_params(snr=(float(snr.min()), float(snr.max())))
    return ratio.fit(data.traces, data.y)


def check_apart(validation, test):
    """Warn if events that thresholds are chosen on are those that are judged."""
    import numpy as np

    if validation.events is None or test.events is None:
        return
    shared = np.intersect1d(validation.events[:, 0], test.events[:, 0])
    if shared.size:
        warn(
            f"{shared.size:,} events of the validation and the test traces have the same id: with "
            "one seed they are the same events."
        )


def check_output(path, suffixes, overwrite):
    """Raise before any work if the output cannot be written."""
    from sklearn_aera._files import check_new
    from sklearn_aera._validation import check_choice

    check_choice(path.suffix, f"the ending of {path.name!r}", suffixes)
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    check_new(path, overwrite)
