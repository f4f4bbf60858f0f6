"""Text files of a CoREAS simulation."""

from pathlib import Path

import numpy as np

from sklearn_aera._files import check_readable


def text_files(path):
    """Return the paths of the parameters, of the antenna list and of the folder with the fields.

    ``path`` is the file ``SIM000001.reas`` or the folder ``SIM000001_coreas``.
    """
    stem = path.with_suffix("") if path.suffix == ".reas" else _stem(path)
    parameters, antennas = stem.with_suffix(".reas"), stem.with_suffix(".list")
    folder = stem.with_name(f"{stem.name}_coreas")
    for file in (parameters, antennas):
        check_readable(file)
    if not folder.is_dir():
        raise FileNotFoundError(f"path: there is no folder {folder}")
    return parameters, antennas, folder


def _stem(folder):
    if not folder.name.endswith("_coreas"):
        raise ValueError(
            f"path: a folder of CoREAS is called like SIM000001_coreas, got {folder}; name the "
            ".reas file beside it instead"
        )
    return folder.with_name(folder.name.removesuffix("_coreas"))


def read_text(parameters, antennas, folder):
    """Return the observers, ``{name: (series, position in cm)}``, and the shower's parameters.

    A series has the shape (n_times, 4): time in s and field (north, west, vertical) in
    statvolt/cm.
    """
    observers = {}
    for line in antennas.read_text().splitlines():
        key, _, value = _without_comment(line).partition("=")
        if key.strip() != "AntennaPosition":
            continue
        x, y, z, name, *_ = value.split()
        if Path(name).name != name:
            raise ValueError(f"the antenna {name!r} has a name that is not one of a file")
        series = folder / f"raw_{name}.dat"
        check_readable(series)
        observers[name] = np.loadtxt(series, ndmin=2), np.array([x, y, z], dtype=float)
    return observers, _parameters(parameters)


def _parameters(path):
    """Lines ``name = value ; comment`` of a file, with numbers where they are numbers."""
    found = {}
    for line in path.read_text().splitlines():
        name, separator, value = _without_comment(line).partition("=")
        if separator:
            found[name.strip()] = _number(value.strip())
    return found


def _without_comment(line):
    return line.partition(";")[0].partition("#")[0]


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
