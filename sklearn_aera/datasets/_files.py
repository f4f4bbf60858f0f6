"""Read and write data sets of traces."""

import zipfile
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch, check_array

from sklearn_aera._files import check_new, written_whole
from sklearn_aera._validation import check_choice, check_real
from sklearn_aera.datasets._traces import labels_from_signals
from sklearn_aera.simulation._events import EVENT_COLUMNS, check_events

SUFFIXES = (".npz", ".npy", ".h5", ".hdf5")


def save_traces(path, traces, *, signals=None, events=None, sampling_rate=180.0, overwrite=False):
    """Write traces to a file, whole or not at all.

    The file is written under a temporary name beside ``path`` and renamed when it is complete.

    Parameters
    ----------
    path : str or path-like
        The ending decides the format: ``.npz`` (the textbook's layout: ``traces`` and
        ``signals``, here with ``events`` and ``sampling_rate`` too where given), ``.npy``
        (traces alone) or ``.h5``/``.hdf5`` (data sets with units as attributes).
    traces : array-like of shape (n_traces, n_samples)
        In mV; stored as float32.
    signals : array-like of shape (n_traces, n_samples), default=None
        The true pulses in mV, all zero for a noise trace.
    events : array-like of shape (n_traces, 5), default=None
        Event table.
    sampling_rate : float, default=180.0
        In MHz.
    overwrite : bool, default=False
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    ValueError
        If the arrays are not finite or do not fit together, or the format is not known or
        cannot hold them.

    See Also
    --------
    load_traces : Reads what this writes.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_aera.datasets import load_traces, make_traces, save_traces
    >>> data = make_traces(5, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_traces(f"{folder}/radio_data.npz", data.traces, signals=data.signals)
    ...     again = load_traces(f"{folder}/radio_data.npz")
    >>> bool((again.traces == data.traces).all() and (again.y == data.y).all())
    True
    """
    path = _check_suffix(path)
    arrays = {"traces": check_array(traces, dtype=np.float32, input_name="traces")}
    if signals is not None:
        arrays["signals"] = check_array(signals, dtype=np.float32, input_name="signals")
    if events is not None:
        arrays["events"] = check_events(events)
    check_real(sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither")
    _check_together(arrays, "the arguments")
    if path.suffix == ".npy" and len(arrays) > 1:
        raise ValueError(f"path: .npy holds traces alone, use .npz or .h5 to keep {list(arrays)}")
    check_new(path, overwrite)
    with written_whole(path) as temporary:
        _WRITERS[path.suffix](temporary, arrays, float(sampling_rate))


def load_traces(path):
    """Read traces from a file.

    Parameters
    ----------
    path : str or path-like
        ``.npz``, ``.npy`` or ``.h5``/``.hdf5``, as `save_traces` writes them; the textbook's
        ``radio_data.npz`` is of the first kind.

    Returns
    -------
    Bunch
        - traces : ndarray of shape (n_traces, n_samples), float32, in mV
        - signals : ndarray of the same shape, or None if the file has none
        - y : ndarray of shape (n_traces,), int64: 1 where the signal is not all zero; None
          without signals and events
        - events : ndarray of shape (n_traces, 5), or None
        - sampling_rate : float in MHz, or None if the file does not say

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, has another layout, or holds NaN or infinity.

    See Also
    --------
    save_traces : Writes what this reads.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_aera.datasets import load_traces
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/triggers.npy", np.ones((3, 500), dtype=np.float32))
    ...     data = load_traces(f"{folder}/triggers.npy")
    >>> data.traces.shape, data.signals is None
    ((3, 500), True)
    """
    path = _check_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    try:
        arrays, sampling_rate = _READERS[path.suffix](path)
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, ValueError) as error:
        raise ValueError(
            f"path: {path} cannot be read as a {path.suffix} file of traces, it is damaged or of "
            f"another layout: {error}"
        ) from error
    for name, array in arrays.items():
        dtype = np.float64 if name == "events" else np.float32
        arrays[name] = check_array(array, dtype=dtype, input_name=f"{name} in {path}")
    _check_together(arrays, str(path))
    signals, events = arrays.get("signals"), arrays.get("events")
    y = None
    if signals is not None:
        y = labels_from_signals(signals)
    elif events is not None:
        y = (check_events(events)[:, 1] > 0).astype(np.int64)
    return Bunch(
        traces=arrays["traces"], signals=signals, y=y, events=events, sampling_rate=sampling_rate
    )


def _check_suffix(path):
    path = Path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", SUFFIXES)
    return path


def _check_together(arrays, source):
    traces = arrays["traces"]
    signals, events = arrays.get("signals", traces), arrays.get("events", traces)
    if signals.shape != traces.shape:
        raise ValueError(
            f"signals must have the shape of traces, {traces.shape}, got {signals.shape} "
            f"in {source}"
        )
    if len(events) != len(traces):
        raise ValueError(
            f"events must have one row per trace, {len(traces)}, got {len(events)} in {source}"
        )


def _write_npz(path, arrays, sampling_rate):
    np.savez(path, **arrays, sampling_rate=sampling_rate)


def _write_npy(path, arrays, sampling_rate):
    np.save(path, arrays["traces"])


def _write_hdf5(path, arrays, sampling_rate):
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["sampling_rate"] = sampling_rate
        file.attrs["sampling_rate_unit"] = "MHz"
        for name, array in arrays.items():
            dataset = file.create_dataset(name, data=array)
            dataset.attrs["columns" if name == "events" else "unit"] = (
                list(EVENT_COLUMNS) if name == "events" else "mV"
            )


def _read_npz(path):
    # Opened here: numpy leaves the file open when it is no zip archive.
    with open(path, "rb") as binary, np.load(binary, allow_pickle=False) as file:
        if "traces" not in file:
            raise ValueError(f"it has no array 'traces', only {file.files}")
        arrays = {name: file[name] for name in ("traces", "signals", "events") if name in file}
        rate = float(file["sampling_rate"]) if "sampling_rate" in file else None
    return arrays, rate


def _read_npy(path):
    return {"traces": np.load(path, allow_pickle=False)}, None


def _read_hdf5(path):
    import h5py

    with h5py.File(path, "r") as file:
        if "traces" not in file:
            raise ValueError(f"it has no data set 'traces', only {list(file)}")
        arrays = {name: file[name][:] for name in ("traces", "signals", "events") if name in file}
        rate = file.attrs.get("sampling_rate")
    return arrays, None if rate is None else float(rate)


_WRITERS = {".npz": _write_npz, ".npy": _write_npy, ".h5": _write_hdf5, ".hdf5": _write_hdf5}
_READERS = {".npz": _read_npz, ".npy": _read_npy, ".h5": _read_hdf5, ".hdf5": _read_hdf5}
