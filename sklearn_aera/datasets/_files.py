"""Read and write data sets of traces."""

import warnings

import numpy as np
from sklearn.utils import Bunch, check_array

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import check_events
from sklearn_aera._files import as_path, check_pickle, written_whole
from sklearn_aera._validation import (
    as_real_array,
    check_choice,
    check_count,
    check_flag,
    check_sampling_rate,
    equal_rates,
)
from sklearn_aera.datasets._formats import PICKLES, READ, WRITERS, open_source
from sklearn_aera.datasets._traces import named_columns


@fill_docstring()
def save_traces(path, traces, *, signals=None, events=None, sampling_rate=180.0, overwrite=False):
    """Write traces to a file.

    The file is written under a temporary name and renamed when it is complete, so that an
    interruption leaves no incomplete file.

    Parameters
    ----------
    path : str or path-like
        The ending decides the format. ``.npz`` holds the arrays under their names, ``traces``
        and ``signals`` as in the textbook's files, ``events`` and ``sampling_rate``.
        ``.h5``/``.hdf5`` holds them as HDF5 data sets with units. ``.npy`` holds traces alone.
    traces : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
        In mV; stored as float32.
    signals : array-like of the shape of ``traces``, default=None
        True pulses in mV; all zero for traces without a pulse.
    events : array-like of shape (n_traces, 5), default=None
        Event table.
    sampling_rate : float or None, default=180.0
        In MHz; None if it is not known.
    %(overwrite)s
    ValueError
        If an array is not finite, the arrays do not have the same number of traces, or the
        format is unknown or cannot hold all arrays.

    See Also
    --------
    load_traces : Reads the file.
    simulate_to_file : Writes simulated traces that do not fit into memory.

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
    path = as_path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", tuple(WRITERS))
    arrays = {"traces": _check_traces(traces, "traces")}
    if signals is not None:
        arrays["signals"] = _check_traces(signals, "signals")
    if events is not None:
        arrays["events"] = check_events(events)
    if sampling_rate is not None:
        check_sampling_rate(sampling_rate)
    _check_lengths(arrays)
    if path.suffix == ".npy" and len(arrays) > 1:
        raise ValueError(
            f"path: a .npy file holds traces alone, use .npz or .h5 to keep {list(arrays)}"
        )
    with written_whole(path, overwrite) as temporary:
        WRITERS[path.suffix](temporary, arrays, sampling_rate)


def load_traces(path, *, chunk_size=None, allow_pickle=False):
    """Read traces from a file, or from all files of a folder.

    Parameters
    ----------
    path : str or path-like
        A ``.npz``, ``.npy`` or ``.h5``/``.hdf5`` file in the layout of `save_traces` (that of the
        textbook's ``radio_data.npz``), or a ``.nur`` file, which needs the package NuRadioMC. The
        files of a folder are read as one data set, in the order of their names. Voltages and
        rates of HDF5 files whose attributes name another unit are converted to mV and MHz.
    chunk_size : int, default=None
        Yield the data in pieces of at most this many traces instead of returning them at once.
        Only one piece is in memory (of ``.nur`` files and arrays in Fortran order, one file).
        Pieces end at the end of a file.
    allow_pickle : bool, default=False
        Whether to read ``.nur`` files, which contain pickles. Reading them runs code from the
        file: do so only with files from a source that you trust.

    Returns
    -------
    Bunch, or with ``chunk_size`` an iterator of Bunches
        - traces : ndarray of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples),
          float32, in mV
        - signals : ndarray of the same shape, or None if the file has none
        - y : ndarray of shape (n_traces,), int64: 1 where the signal is not all zero, or, without
          signals, where the SNR is above 0; None without signals and events
        - events : ndarray of shape (n_traces, 5), or None
        - snr, arrival_time, event_id : ndarrays of shape (n_traces,), columns of the event table,
          or None without events
        - channels : ndarray of shape (n_traces, 4), int64: numbers of run, event, station and
          channel from ``.nur`` files, else None
        - sampling_rate : float in MHz, or None if it is not in the file

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ImportError
        If NuRadioMC is needed and not installed.
    ValueError
        If a file is damaged, has another layout, refers to other files, or holds NaN or infinity;
        if it is a ``.nur`` file and ``allow_pickle`` is False; if a folder has no files of traces,
        or files that do not belong together. With ``chunk_size`` the layouts are checked before
        the first piece, the values piece by piece.

    Warns
    -----
    UserWarning
        If files of a folder are left out, because they are empty, not readable as files, or
        ``.nur`` files; if the mean of the traces is not small beside their standard deviation.

    See Also
    --------
    save_traces : Writes such files.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_aera.datasets import load_traces
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/triggers.npy", np.zeros((3, 500), dtype=np.float32))
    ...     data = load_traces(f"{folder}/triggers.npy")
    ...     chunks = load_traces(f"{folder}/triggers.npy", chunk_size=2)
    ...     sizes = [len(chunk.traces) for chunk in chunks]
    >>> data.traces.shape, data.signals is None, sizes
    ((3, 500), True, [2, 1])
    """
    check_flag(allow_pickle, "allow_pickle")
    if chunk_size is not None:
        check_count(chunk_size, "chunk_size")
    sources = _open_sources(path, allow_pickle)
    _check_same_layout(sources)
    size = max(source.n_traces for source in sources) if chunk_size is None else chunk_size
    pieces = (_checked(source, arrays) for source in sources for arrays in source.pieces(size))
    return _concatenate(list(pieces)) if chunk_size is None else pieces


def _open_sources(path, allow_pickle):
    """Open a file, or the files of a folder that have traces."""
    path = as_path(path)
    if not path.is_dir():
        check_choice(path.suffix.lower(), f"the ending of path {path.name!r}", READ)
        if path.suffix.lower() in PICKLES:
            check_pickle(path, allow_pickle)
        return [open_source(path)]
    sources, left_out = [], []
    for file in sorted(path.iterdir()):
        # Names with a leading dot are temporary files or belong to the system.
        if file.suffix.lower() not in READ or file.name.startswith("."):
            continue
        refused = file.suffix.lower() in PICKLES and not allow_pickle
        source = None if refused or not file.is_file() else open_source(file)
        if source is None or source.n_traces == 0:
            left_out.append(file.name)
        else:
            sources.append(source)
    if not sources:
        raise ValueError(f"path: there are no files of traces ({', '.join(READ)}) in {path}")
    if left_out:
        warnings.warn(
            f"{path}: these are left out, because they are empty, no files, or .nur files "
            f"without allow_pickle=True: {', '.join(left_out)}",
            stacklevel=3,
        )
    return sources


def _check_same_layout(sources):
    """Raise ValueError unless all files hold the same kind of traces."""
    first = sources[0]
    for source in sources[1:]:
        for name, value in source.layout.items():
            expected = first.layout[name]
            rates = name == "sampling_rate" and None not in (value, expected)
            if not (equal_rates(value, expected) if rates else value == expected):
                raise ValueError(
                    f"path: the files of a data set must agree, but {name} is {expected} in "
                    f"{first.path} and {value} in {source.path}"
                )


def _checked(source, arrays):
    """Check the values of a piece of a file and return it as a Bunch."""
    try:
        for name, array in arrays.items():
            if name in ("traces", "signals"):
                arrays[name] = _check_traces(array, name)
            else:
                dtype = np.float64 if name == "events" else np.int64
                arrays[name] = check_array(array, dtype=dtype, input_name=name)
        if "events" in arrays:
            arrays["events"] = check_events(arrays["events"])
        _check_lengths(arrays)
    except (TypeError, ValueError) as error:
        raise ValueError(f"path: {source.path}: {error}") from error
    traces, signals, events = arrays["traces"], arrays.get("signals"), arrays.get("events")
    some = traces[:1000]
    if abs(some.mean(dtype=np.float64)) > some.std(dtype=np.float64):
        warnings.warn(
            f"{source.path}: the mean of the traces is larger than their standard deviation: "
            "subtract the pedestal of the digitizer",
            stacklevel=4,
        )
    columns = named_columns(events)
    y = None if events is None else (columns["snr"] > 0).astype(np.int64)
    if signals is not None:
        y = signals.reshape(len(signals), -1).any(axis=1).astype(np.int64)
    return Bunch(
        traces=traces,
        signals=signals,
        y=y,
        events=events,
        **columns,
        channels=arrays.get("channels"),
        sampling_rate=source.sampling_rate,
    )


def _concatenate(pieces):
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]
    names = [name for name, value in first.items() if isinstance(value, np.ndarray)]
    arrays = {name: np.concatenate([piece[name] for piece in pieces]) for name in names}
    return Bunch(**first | arrays)


def _check_traces(traces, name):
    """Return traces of one or several channels as a finite float32 array in C order."""
    traces = as_real_array(traces, name)
    if np.ndim(traces) not in (2, 3):
        raise ValueError(
            f"{name} must be of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples), "
            f"got {np.shape(traces)}"
        )
    options = {"dtype": np.float32, "order": "C", "allow_nd": True, "input_name": name}
    with np.errstate(over="ignore", invalid="ignore"):  # Infinite values are reported.
        return check_array(traces, **options)


def _check_lengths(arrays):
    traces = arrays["traces"]
    signals, events = arrays.get("signals", traces), arrays.get("events", traces)
    if signals.shape != traces.shape:
        raise ValueError(
            f"signals must have the shape of traces, {traces.shape}, got {signals.shape}"
        )
    if len(events) != len(traces):
        raise ValueError(f"events must have one row per trace, {len(traces)}, got {len(events)}")
