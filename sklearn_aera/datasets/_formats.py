"""File formats of traces: open a file for reading in pieces, write a file."""

import math
import zipfile
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.utils import gen_batches

from sklearn_aera._events import ALL_COLUMNS, EVENT_COLUMNS
from sklearn_aera._files import check_declared, check_readable, readable
from sklearn_aera.datasets._hdf5 import check_stored, open_hdf5, reserve_space
from sklearn_aera.datasets._nur import read_nur

ARRAYS = ("traces", "signals", "events")
# Factors to the units of this package, mV and MHz.
_TO_MILLIVOLTS = {"mV": 1.0, "V": 1e3, "uV": 1e-3, "µV": 1e-3}
_TO_MEGAHERTZ = {"MHz": 1.0, "Hz": 1e-6, "kHz": 1e-3, "GHz": 1e3}


@dataclass
class Source:
    """A file of traces whose layout was checked."""

    path: Path
    shapes: dict
    """Shapes of the arrays by name."""
    sampling_rate: float | None
    """In MHz."""
    n_bytes: int
    """Size of the file."""

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
        with _readable(self.path), _opened(self.path) as (arrays, _):
            n_rows = max(shape[0] for shape in self.shapes.values())
            for batch in gen_batches(max(n_rows, 1), max(size, 1)):
                piece = {name: np.asarray(rows[batch]) for name, rows in arrays.items()}
                if self.path.stat().st_size < self.n_bytes:
                    raise ValueError("it became shorter while it was read")
                yield piece


def open_source(path):
    """Check the layout of a file; raises ValueError if it is damaged or has another layout."""
    check_readable(path)
    with _readable(path), _opened(path) as (arrays, sampling_rate):
        shapes = {name: array.shape for name, array in arrays.items()}
        return Source(path, shapes, sampling_rate, path.stat().st_size)


def _readable(path):
    return readable(path, f"a {path.suffix} file of traces")


@contextmanager
def _opened(path):
    """Open a file; yields its arrays by name, as objects that can be sliced, and its rate."""
    with _OPEN[path.suffix.lower()](path) as (arrays, sampling_rate):
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


class _NpyRows:
    """Rows of an array in the npy format, read from a stream without loading the whole array.

    A file that is mapped into memory would end the program if another one shortened it.
    """

    def __init__(self, stream, n_bytes):
        version = np.lib.format.read_magic(stream)
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        self.shape, self._by_columns, self._dtype = read[version[0]](stream)
        if self._dtype.hasobject:
            raise ValueError("its array is stored as Python objects")
        if min(self.shape, default=0) < 0 or self._size(self.shape) > n_bytes - stream.tell():
            raise ValueError(f"it is too short for an array of shape {self.shape}")
        self._stream, self._next = stream, 0

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(self.shape[0])
        if self._by_columns:  # In Fortran order: rows are not contiguous.
            if start == 0:
                self._whole = self._read(self.shape[::-1]).T
            return np.ascontiguousarray(self._whole[start:stop])
        if start != self._next:
            raise ValueError(f"rows must be read in order: {self._next} is next, got {start}")
        self._next = stop
        return self._read((stop - start, *self.shape[1:]))

    def _read(self, shape):
        content = bytearray(self._size(shape))
        n_read = self._stream.readinto(content)
        if n_read < len(content):
            raise ValueError(f"it ends {len(content) - n_read:,} bytes too early")
        return np.frombuffer(content, self._dtype).reshape(shape)

    def _size(self, shape):
        return math.prod(shape) * self._dtype.itemsize


@contextmanager
def _open_npz(path):
    with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        wanted = {name: members[name] for name in (*ARRAYS, "sampling_rate") if name in members}
        for info in wanted.values():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{info.filename} is compressed by an unknown method")
        check_declared(path, sum(info.file_size for info in wanted.values()))
        arrays = {
            name: _NpyRows(archive.open(info), info.file_size) for name, info in wanted.items()
        }
        rate = arrays.pop("sampling_rate", None)
        if rate is not None:
            rate = rate._read(rate.shape)
        yield arrays or dict.fromkeys(members), rate


@contextmanager
def _open_npy(path):
    with open(path, "rb") as file:
        yield {"traces": _NpyRows(file, path.stat().st_size)}, None


class _Hdf5Rows:
    """Rows of an HDF5 data set in this package's units."""

    def __init__(self, dataset, path):
        check_stored(dataset, path)
        attributes, self.shape, self._dataset = dataset.attrs, dataset.shape, dataset
        self._factor = _factor(attributes.get("unit", "mV"), _TO_MILLIVOLTS, dataset.name)
        columns = attributes.get("columns", EVENT_COLUMNS)
        if list(columns) not in (list(EVENT_COLUMNS), list(ALL_COLUMNS)):
            raise ValueError(f"the columns of its events must be {EVENT_COLUMNS}, got {columns}")

    def __getitem__(self, rows):
        values = self._dataset[rows]
        return values if self._factor == 1 else values * self._factor


@contextmanager
def _open_hdf5(path):
    import h5py

    with open_hdf5(path) as file:
        arrays = {name: file[name] for name in ARRAYS if name in file}
        for name, found in arrays.items():
            if isinstance(found, h5py.Dataset) and found.shape:
                arrays[name] = _Hdf5Rows(found, path)
        rate = file.attrs.get("sampling_rate")
        if rate is not None:
            unit = file.attrs.get("sampling_rate_unit", "MHz")
            rate = _rate(rate) * _factor(unit, _TO_MEGAHERTZ, "sampling_rate")
        yield arrays or dict(file), rate


def _factor(unit, factors, name):
    unit = unit.decode() if isinstance(unit, bytes) else str(unit)
    if unit not in factors:
        raise ValueError(f"the unit of {name!r} must be one of {list(factors)}, got {unit!r}")
    return factors[unit]


def _write_npz(path, arrays, sampling_rate):
    known = {} if sampling_rate is None else {"sampling_rate": float(sampling_rate)}
    np.savez(path, **arrays, **known)


def _write_npy(path, arrays, sampling_rate):
    np.save(path, arrays["traces"])


def _write_hdf5(path, arrays, sampling_rate):
    import h5py

    create_hdf5(path, {name: array.shape for name, array in arrays.items()}, sampling_rate)
    with h5py.File(path, "r+", locking=False) as file:
        for name, array in arrays.items():
            file[name][:] = array


def create_hdf5(path, shapes, sampling_rate, **attributes):
    """Create a file of its final size with data sets of these shapes, without values.

    Event tables are filled with NaN. Later writes change only numbers: a file whose process is
    killed stays readable.
    """
    import h5py

    itemsize = {"events": 8}
    n_bytes = sum(math.prod(shape) * itemsize.get(name, 4) for name, shape in shapes.items())
    reserve_space(path, n_bytes)
    with h5py.File(path, "w", locking=False) as file:
        if sampling_rate is not None:
            attributes |= {"sampling_rate": float(sampling_rate), "sampling_rate_unit": "MHz"}
        file.attrs.update(attributes)
        for name, shape in shapes.items():
            if name == "events":
                dataset = file.create_dataset(name, shape, np.float64, fillvalue=np.nan)
                dataset.attrs["columns"] = list(ALL_COLUMNS[: shape[1]])
            else:
                dataset = file.create_dataset(name, shape, np.float32, fill_time="never")
                dataset.attrs["unit"] = "mV"
            dataset[-1:] = np.nan  # The first write allocates the data set in the file.
    reserve_space(path, path.stat().st_size)


_OPEN = {
    ".npz": _open_npz,
    ".npy": _open_npy,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
    ".nur": lambda path: nullcontext(read_nur(path)),
}
PICKLES = (".nur",)
READ = tuple(_OPEN)
WRITERS = {".npz": _write_npz, ".npy": _write_npy, ".h5": _write_hdf5, ".hdf5": _write_hdf5}
