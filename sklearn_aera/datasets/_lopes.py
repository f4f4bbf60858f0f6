"""Read event files of LOPES."""

import numpy as np

from sklearn_aera.datasets._recording_arrays import BinaryRows

# Header: length of the file, version, seconds since 1970, time within the second, type, sampling
# code, samples of an antenna, samples before the trigger, four zeros.
_HEADER = np.dtype(("<i4", 12))
_N_HEAD = 8  # bytes before the samples of an antenna: its number and their number
_RATE, _TICK = 80.0, 200  # MHz, ns


def open_lopes(path):
    """Check the layout of a file; returns a source and what the file says of the recording."""
    size = path.stat().st_size
    if size < _HEADER.itemsize + _N_HEAD:
        raise ValueError(f"it has {size} bytes, less than a header")
    header = np.fromfile(path, "<i4", 12)
    n_times, before = int(header[6]), int(header[7])
    if n_times < 1 or not 0 <= before <= n_times:
        raise ValueError(f"its header declares {n_times} samples, {before} before the trigger")
    block = _N_HEAD + 2 * n_times
    n_antennas, rest = divmod(size - _HEADER.itemsize, block)
    if header[0] != size or rest or n_antennas == 0:
        raise ValueError(f"its header declares {header[0]:,} bytes, but it has {size:,}")
    heads = BinaryRows(path, (int(n_antennas), 2), "<i4", _HEADER.itemsize, block)
    numbers, lengths = heads.read(range(n_antennas), 0, 2).T
    if (lengths != n_times).any() or len(set(numbers.tolist())) < n_antennas:
        raise ValueError(f"its antennas {numbers.tolist()} have {lengths.tolist()} samples")
    first_time = -before / _RATE
    stamp = np.datetime64(int(header[2]), "s").astype("datetime64[ns]") + int(header[3]) * _TICK
    first = _HEADER.itemsize + _N_HEAD
    return BinaryRows(path, (int(n_antennas), n_times), "<i2", first, block), {
        "sampling_rate": _RATE,
        "antennas": numbers.tolist(),
        "start_time": stamp + np.timedelta64(round(first_time * 1e3), "ns"),
        "nyquist_zone": 2,
    }
