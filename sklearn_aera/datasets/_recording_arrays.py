"""Recordings in files of arrays: NumPy's, HDF5 of LOFAR or of this package, raw integers."""

import numpy as np

from sklearn_aera._files import check_declared
from sklearn_aera._recording import ArraySource
from sklearn_aera._validation import equal_rates
from sklearn_aera.datasets._hdf5 import check_stored, open_hdf5

_UNITS = {"MHz": 1.0, "Hz": 1e-6, "kHz": 1e-3, "GHz": 1e3}
_SHAPE = "its samples must be numbers of shape (n_antennas, n_times), got {} of shape {}"


class BinaryRows:
    """Rows of numbers in a file: row i begins at ``offset + i * stride`` bytes.

    A file that is mapped into memory would end the program if another one shortened it.
    """

    def __init__(self, path, shape, dtype, offset, stride):
        self.shape, self._path, self._dtype = shape, path, np.dtype(dtype)
        self._offset, self._stride = offset, stride
        needed = offset + (shape[0] - 1) * stride + shape[1] * self._dtype.itemsize
        if path.stat().st_size < needed:
            raise ValueError(f"it must have {needed:,} bytes, but has {path.stat().st_size:,}")

    def read(self, rows, start, stop):
        """Return samples of some rows, of shape (n_rows, stop - start)."""
        samples = np.empty((len(rows), stop - start), self._dtype)
        with open(self._path, "rb") as file:
            for row, into in zip(rows, samples, strict=True):
                file.seek(self._offset + int(row) * self._stride + start * into.itemsize)
                if file.readinto(into) < into.nbytes:
                    raise ValueError(f"path: {self._path} became shorter while it was read")
        return samples


def open_npy(path):
    """Open a .npy file; returns a source and what the file says of the recording."""
    with open(path, "rb") as file:
        version = np.lib.format.read_magic(file)
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        shape, by_columns, dtype = read[version[0]](file)
        offset = file.tell()
    if dtype.kind not in "iuf" or len(shape) not in (1, 2) or min(shape) < 1:
        raise ValueError(_SHAPE.format(dtype, shape))
    if by_columns and len(shape) == 2:
        raise ValueError("its array is in Fortran order: save numpy.ascontiguousarray of it")
    shape = (1, *shape)[-2:]
    return BinaryRows(path, shape, dtype, offset, shape[1] * dtype.itemsize), {}


def open_npz(path):
    """Load a .npz file."""
    with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
        check_declared(path, sum(info.file_size for info in file.zip.infolist()))
        if "samples" not in file:
            raise ValueError(f"it has no array 'samples', only {file.files}")
        known = {name: file[name] for name in ("antennas", "positions") if name in file}
        if "sampling_rate" in file:
            known["sampling_rate"] = float(file["sampling_rate"])
        return ArraySource(_rows(file["samples"])), known


def open_raw(path, n_antennas):
    """Open a file of int16 numbers."""
    size = path.stat().st_size
    if size == 0 or size % (2 * n_antennas):
        raise ValueError(f"its {size:,} bytes are not {n_antennas} rows of int16 numbers")
    n_bytes = size // n_antennas
    return BinaryRows(path, (n_antennas, n_bytes // 2), "<i2", 0, n_bytes), {}


def _rows(samples):
    if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2) or samples.size == 0:
        raise ValueError(_SHAPE.format(samples.dtype, samples.shape))
    return np.atleast_2d(samples)


def open_hdf5_recording(path):
    """Open an HDF5 file of LOFAR, or with a data set ``samples``."""
    with open_hdf5(path) as file:
        if "samples" in file:
            return _open_own(file, path)
        dipoles = [d for name in file if name.startswith("Station") for d in _dipoles(file[name])]
        if not dipoles:
            raise ValueError("it has no data set 'samples', nor stations of LOFAR with dipoles")
        return _open_lofar(dipoles, path)


def _open_own(file, path):
    samples = file["samples"]
    if getattr(samples, "ndim", 0) != 2 or 0 in samples.shape or samples.dtype.kind not in "iuf":
        raise ValueError("its samples must be numbers of shape (n_antennas, n_times), not empty")
    check_stored(samples, path)
    known = {}
    if "sampling_rate" in file.attrs:
        known["sampling_rate"] = float(file.attrs["sampling_rate"])
    if "antennas" in file:
        known["antennas"] = file["antennas"].asstr()[:].tolist()
    if "positions" in file:
        known["positions"] = file["positions"][:]
    return _Hdf5Source(path, ["samples"] * len(samples), range(len(samples)), samples.shape), known


def _dipoles(station):
    """Return the data sets of a station."""
    found = [station[name] for name in station] if hasattr(station, "keys") else []
    return [one for one in found if getattr(one, "ndim", 0) == 1 and one.dtype.kind in "iuf"]


def _attribute(dipole, name, default=None):
    value = dipole.attrs.get(name, default)
    if value is None:
        raise ValueError(f"its dipole {dipole.name} has no attribute {name}")
    return np.ravel(value)[0]


def _open_lofar(dipoles, path):
    """Cut dipoles to the samples that all have."""
    rates, zones, begins = zip(*(_check_dipole(one, path) for one in dipoles), strict=True)
    if not all(equal_rates(rate, rates[0]) for rate in rates) or len(set(zones)) > 1:
        raise ValueError(f"its dipoles differ in sampling rate, {rates}, or Nyquist zone, {zones}")
    begins = np.array([begin - begins[0] for begin in begins])
    first = begins.max()
    n_times = min(begin + len(one) for begin, one in zip(begins, dipoles, strict=True)) - first
    if n_times < 1:
        raise ValueError("its dipoles have no time in common")
    time = np.datetime64(int(_attribute(dipoles[0], "TIME")), "s").astype("datetime64[ns]")
    sample = int(_attribute(dipoles[0], "SAMPLE_NUMBER")) + int(first)
    names = [one.name for one in dipoles]
    source = _Hdf5Source(path, names, None, (len(dipoles), int(n_times)), first - begins)
    return source, {
        "sampling_rate": rates[0],
        "antennas": [name.rsplit("/", 1)[1] for name in names],
        "start_time": time + np.timedelta64(round(sample / rates[0] * 1e3), "ns"),
        "nyquist_zone": zones[0],
    }


def _check_dipole(dipole, path):
    """Return sampling rate in MHz, Nyquist zone and number of the first sample since 1970."""
    check_stored(dipole, path)
    declared = int(_attribute(dipole, "DATA_LENGTH", len(dipole)))
    if len(dipole) == 0 or declared != len(dipole):
        raise ValueError(f"its dipole {dipole.name} declares {declared}, has {len(dipole)} samples")
    unit = _attribute(dipole, "SAMPLE_FREQUENCY_UNIT", "MHz")
    unit = unit.decode() if isinstance(unit, bytes) else str(unit)
    if unit not in _UNITS:
        raise ValueError(f"the unit of SAMPLE_FREQUENCY must be one of {list(_UNITS)}, got {unit}")
    rate = float(_attribute(dipole, "SAMPLE_FREQUENCY_VALUE")) * _UNITS[unit]
    begin = int(_attribute(dipole, "TIME")) * round(rate * 1e6)
    begin += int(_attribute(dipole, "SAMPLE_NUMBER"))
    return rate, int(_attribute(dipole, "NYQUIST_ZONE", 1)), begin


class _Hdf5Source:
    """Data sets of an HDF5 file, which is open only while it is read."""

    def __init__(self, path, names, rows, shape, begins=None):
        self.shape, self._path, self._names, self._rows = shape, path, names, rows
        self._begins = [0] * shape[0] if begins is None else begins.tolist()

    def read(self, rows, start, stop):
        with open_hdf5(self._path) as file:
            return np.stack([self._row(file, int(row), start, stop) for row in rows])

    def _row(self, file, row, start, stop):
        times = slice(self._begins[row] + start, self._begins[row] + stop)
        key = times if self._rows is None else (self._rows[row], times)
        values = file[self._names[row]][key]
        if len(values) != stop - start:
            raise ValueError(f"path: {self._path} became shorter while it was read")
        return values
