"""File formats of traces: open a file for reading in pieces, write a file."""

import pickle
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.utils import gen_batches

from sklearn_aera._events import EVENT_COLUMNS
from sklearn_aera.datasets._nur import read_nur

ARRAYS = ("traces", "signals", "events")
# Errors of the readers for files whose content does not match their ending.
_DAMAGE = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError)


@dataclass
class Source:
    """A file of traces whose layout was checked."""

    path: Path
    shapes: dict
    """Shapes of the arrays by name."""
    sampling_rate: float | None
    """In MHz."""

    @property
    def n_traces(self):
        return self.shapes["traces"][0]

    @property
    def layout(self):
        """Properties that all files of a data set share."""
        shape, arrays = self.shapes["traces"][1:], tuple(self.shapes)
        return {"trace_shape": shape, "sampling_rate": self.sampling_rate, "arrays": arrays}

    def pieces(self, size):
        """Yield dictionaries of arrays with at most ``size`` rows, in the order of the file."""
        with _opened(self.path) as (arrays, _), _readable(self.path):
            n_rows = max(shape[0] for shape in self.shapes.values())
            for batch in gen_batches(max(n_rows, 1), max(size, 1)):
                yield {name: np.asarray(rows[batch]) for name, rows in arrays.items()}


def open_source(path):
    """Check the layout of a file; raises ValueError if it is damaged or has another layout."""
    with _readable(path), _opened(path) as (arrays, sampling_rate):
        return Source(path, {name: a.shape for name, a in arrays.items()}, sampling_rate)


@contextmanager
def _readable(path):
    """Turn the errors of all readers into one ValueError that names the file."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(
            f"path: {path} cannot be read as a {path.suffix} file of traces, it is damaged or has "
            f"another layout: {error}"
        ) from error


@contextmanager
def _opened(path):
    """Open a file; yields its arrays by name, as objects that can be sliced, and its rate."""
    with _OPEN[path.suffix](path) as (arrays, sampling_rate):
        if "traces" not in arrays:
            raise ValueError(f"it has no array 'traces', only {list(arrays)}")
        arrays = {name: arrays[name] for name in (*ARRAYS, "channels") if name in arrays}
        for name, array in arrays.items():
            if not getattr(array, "shape", ()):
                raise ValueError(f"its {name!r} is not an array of rows")
        yield arrays, None if sampling_rate is None else _rate(sampling_rate)


def _rate(stored):
    """Return the sampling rate of a file as a number."""
    if np.size(stored) != 1 or not 0 < (rate := float(np.ravel(stored)[0])) < np.inf:
        raise ValueError(f"its sampling_rate must be one positive number, got {stored!r}")
    return rate


@contextmanager
def _open_npz(path):
    with zipfile.ZipFile(path) as archive, np.load(path, allow_pickle=False) as file:
        rate = file.get("sampling_rate")
        arrays = {name: _NpzRows(archive, name) for name in file.files if name in ARRAYS}
        yield arrays or dict.fromkeys(file.files), rate


class _NpzRows:
    """Rows of an array in an npz file, read in order without loading the whole array."""

    def __init__(self, archive, name):
        self._stream = archive.open(f"{name}.npy")
        version = np.lib.format.read_magic(self._stream)
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        self.shape, by_columns, self._dtype = read[version[0]](self._stream)
        if by_columns or self._dtype.hasobject:
            kind = "Python objects" if self._dtype.hasobject else "in Fortran order"
            raise ValueError(f"its array {name!r} is stored as {kind}")
        self._next = 0

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(self.shape[0])
        if start != self._next:
            raise ValueError(f"rows must be read in order: {self._next} is next, got {start}")
        self._next = stop
        row = int(np.prod(self.shape[1:], dtype=int))
        content = self._stream.read((stop - start) * row * self._dtype.itemsize)
        return np.frombuffer(content, self._dtype).reshape(stop - start, *self.shape[1:])


@contextmanager
def _open_npy(path):
    yield {"traces": np.load(path, mmap_mode="r", allow_pickle=False)}, None


@contextmanager
def _open_hdf5(path):
    import h5py

    with h5py.File(path, "r") as file:
        yield dict(file), file.attrs.get("sampling_rate")


@contextmanager
def _open_nur(path):
    yield read_nur(path)


def _write_npz(path, arrays, sampling_rate):
    known = {} if sampling_rate is None else {"sampling_rate": float(sampling_rate)}
    np.savez(path, **arrays, **known)


def _write_npy(path, arrays, sampling_rate):
    np.save(path, arrays["traces"])


def _write_hdf5(path, arrays, sampling_rate):
    import h5py

    with h5py.File(path, "w") as file:
        describe_hdf5(file, sampling_rate)
        for name, array in arrays.items():
            describe_dataset(file.create_dataset(name, data=array), name)


def describe_hdf5(file, sampling_rate):
    """Write the sampling rate, if it is known, into the attributes of a file."""
    if sampling_rate is not None:
        file.attrs["sampling_rate"] = float(sampling_rate)
        file.attrs["sampling_rate_unit"] = "MHz"


def describe_dataset(dataset, name):
    """Write the unit of a data set, or its columns, into its attributes."""
    if name == "events":
        dataset.attrs["columns"] = list(EVENT_COLUMNS)
    else:
        dataset.attrs["unit"] = "mV"


_OPEN = {
    ".npz": _open_npz,
    ".npy": _open_npy,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
    ".nur": _open_nur,
}
READ = tuple(_OPEN)
WRITERS = {".npz": _write_npz, ".npy": _write_npy, ".h5": _write_hdf5, ".hdf5": _write_hdf5}
