"""Report of a benchmark: options, clocks, tables in the terminal, and the record in a JSON file.

A record holds the numbers with their date, the versions and the machine. ``python
docs/make_tables.py`` makes the tables of the documentation from such records.
"""

import argparse
import json
import math
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path

import joblib
import rich.table
from rich.console import Console

PACKAGES = ("numpy", "scipy", "scikit-learn", "keras", "tensorflow", "sklearn-aera")
OPTIONAL_PACKAGES = ("scikeras", "h5py", "onnxruntime", "hls4ml", "torch", "jax", "NuRadioMC")


# Options


def make_parser(description, tables=()):
    """Make the parser of the options that all benchmarks have.

    Parameters
    ----------
    description : str
        Docstring of the benchmark; its first line is shown by ``--help``.
    tables : sequence of str
        Names of the tables from which ``--only`` chooses; without them there is no ``--only``.

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the record here")
    if tables:
        options = {"nargs": "+", "choices": tables, "metavar": "TABLE"}
        parser.add_argument("--only", help=f"some of the tables: {', '.join(tables)}", **options)
    return parser


def output_file(path):
    """Path of a file that can be written, checked before the measurement starts."""
    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def input_file(path):
    """Path of a file that exists, checked before the measurement starts."""
    path = Path(path)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    return path


# Clocks


def timed(function, *args, **kwargs):
    """Call a function; return its result and the seconds that it took."""
    started = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - started


def take_turns(tasks, n_turns, *, n_calls=1, warm_up=True):
    """Time several tasks that take turns, so that a drift of the machine hits all of them.

    Parameters
    ----------
    tasks : dict of str to function
    n_turns : int
    n_calls : int, default=1
        Calls of a task in its turn, of which the mean counts.
    warm_up : bool, default=True
        Whether a first turn is not counted.

    Returns
    -------
    dict of str to list of float
        Seconds of one call, turn by turn.
    """
    seconds = {name: [] for name in tasks}
    for turn in range(n_turns + warm_up):
        for name, task in tasks.items():
            _, elapsed = timed(lambda task=task: [task() for _ in range(n_calls)])
            if turn >= warm_up:
                seconds[name].append(elapsed / n_calls)
    return seconds


# Where and with what a benchmark ran


def environment():
    """Describe the run: date, versions of the packages, CPU model and number of usable cores."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES + OPTIONAL_PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            if name in PACKAGES:
                versions[name] = None
    machine = {"cpu": cpu_model(), "cores": joblib.cpu_count()}
    return {"date": date.today().isoformat(), "versions": versions, "machine": machine}


def cpu_model():
    """Name of the processor as the system gives it, or its architecture."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


# Tables


@dataclass(frozen=True)
class Target:
    """A measured number and the limit that it is expected to keep."""

    name: str
    measured: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""

    @property
    def row(self):
        """Row of the table of targets."""
        if self.at_most is not None:
            met, limit = self.measured <= self.at_most, f"≤ {formatted(float(self.at_most))}"
        else:
            met, limit = self.measured >= self.at_least, f"≥ {formatted(float(self.at_least))}"
        row = {"target": self.name, "measured": float(self.measured), "limit": limit}
        return row | {"unit": self.unit, "met": "yes" if met else "NO"}


def formatted(value, spec=None):
    """Text of a table's cell.

    Parameters
    ----------
    value : str, int, float, None, (value, error) or (value, low, high)
        The half width of an interval is shown as an error.
    spec : str, default=None
        Format of a number and of its error. None shows four significant digits of a number, and
        two of an error.

    Returns
    -------
    str
    """
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        value, *ends = value
        error = ends[0] if len(ends) == 1 else (ends[1] - ends[0]) / 2
        if spec is None:
            if error == 0:
                return f"{value:.4g}"
            spec = f".{max(1 - math.floor(math.log10(error)), 0)}f"
        return f"{value:{spec}} ± {error:{spec}}"
    if isinstance(value, float):
        value = round(value, 9) + 0.0  # Round-off is shown as zero, without a sign.
        return f"{value:{spec or (',.0f' if abs(value) >= 1000 else '.4g')}}"
    return str(value)


def complete(rows):
    """Give all rows the same columns; a missing value is None."""
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    return [{column: row.get(column) for column in columns} for row in rows]


def cells(table, columns=None):
    """Header and texts of a table, without columns that are empty in every row."""
    rows, formats = table["rows"], table["formats"]
    names = columns or list(rows[0])
    texts = [[formatted(row[name], formats.get(name)) for name in names] for row in rows]
    kept = [number for number in range(len(names)) if any(row[number] for row in texts)]
    return [names[n] for n in kept], [[row[n] for n in kept] for row in texts]


class Report:
    """Tables and targets of one run, printed as they come and recorded at the end.

    Parameters
    ----------
    benchmark : str
        Name of the script, without its ending.
    options : argparse.Namespace
        As `make_parser` gives them.
    """

    def __init__(self, benchmark, options):
        self.benchmark, self.options = benchmark, options
        self.environment = environment()
        self.tables, self.targets = {}, []
        self.console = Console(width=200, highlight=False)
        versions = (f"{name} {number}" for name, number in self.environment["versions"].items())
        machine = "{cpu}, {cores} cores".format(**self.environment["machine"])
        self.console.print(f"{', '.join(versions)} ({machine})", soft_wrap=True)

    def note(self, text):
        """Print a line on the progress."""
        self.console.print(f"  {text}", markup=False, soft_wrap=True)

    def measure(self, name, title, function, formats=None):
        """Measure a table and print it, unless ``--only`` leaves it out.

        Parameters
        ----------
        name : str
            Name of the table in the record.
        title : str
        function : function
            Without arguments; returns or yields the rows, dictionaries of column to value.
        formats : dict of str to str, default=None
            Formats of columns, see `formatted`.

        Returns
        -------
        list of dict
            The rows.
        """
        only = getattr(self.options, "only", None)
        if only and name not in only:
            return []
        rows, seconds = timed(lambda: complete(list(function())))
        self.tables[name] = {"title": title, "formats": formats or {}, "rows": rows}
        self._print(f"{title} ({seconds:.0f} s)", self.tables[name])
        return rows

    def finish(self):
        """Print the targets, and write the record where ``--json`` says."""
        if self.targets:
            rows = [target.row for target in self.targets]
            self.tables["targets"] = {"title": "Targets", "formats": {}, "rows": rows}
            self._print("Targets", self.tables["targets"])
        if self.options.json is not None:
            self.options.json.write_text(json.dumps(self.record(), indent=1, default=float) + "\n")

    def record(self):
        """Everything that is stored of the run; of files in the options only their names."""
        options = vars(self.options).items()
        named = {k: v.name if isinstance(v, Path) else v for k, v in options if k != "json"}
        return {"benchmark": self.benchmark, "options": named, **self.environment} | {
            "tables": self.tables
        }

    def _print(self, title, table):
        shown = rich.table.Table(title=title, title_justify="left")
        if table["rows"]:
            header, rows = cells(table)
            for name in header:
                text = any(isinstance(row[name], str) for row in table["rows"])
                shown.add_column(name, justify="left" if text else "right", min_width=4 + 8 * text)
            for row in rows:
                shown.add_row(*row)
        self.console.print(shown)
