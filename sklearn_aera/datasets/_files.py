"""Read and write data sets of traces."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch, check_array

from sklearn_aera._files import check_new, written_whole
from sklearn_aera._validation import check_choice, check_count, check_real
from sklearn_aera.datasets._formats import READ, WRITERS, open_source
from sklearn_aera.datasets._traces import labels_from_signals
from sklearn_aera._events import check_events


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
    sampling_rate : float or None, default=180.0
        In MHz; None if it is not known, and then not stored.
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
    path = check_writable(path)
    arrays = {"traces": check_array(traces, dtype=np.float32, input_name="traces")}
    if signals is not None:
        arrays["signals"] = check_array(signals, dtype=np.float32, input_name="signals")
    if events is not None:
        arrays["events"] = check_events(events)
    if sampling_rate is not None:
        check_real(sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither")
    _check_together(arrays, "the arguments")
    if path.suffix == ".npy" and len(arrays) > 1:
        raise ValueError(f"path: .npy holds traces alone, use .npz or .h5 to keep {list(arrays)}")
    check_new(path, overwrite)
    with written_whole(path) as temporary:
        WRITERS[path.suffix](temporary, arrays, sampling_rate)


def load_traces(path, *, chunk_size=None):
    """Read traces from a file, or from all files of a folder.

    Parameters
    ----------
    path : str or path-like
        ``.npz``, ``.npy`` or ``.h5``/``.hdf5``, as `save_traces` and `simulate_to_file` write them
        (the textbook's ``radio_data.npz`` is of the first kind), ``.nur`` with the package
        NuRadioMC installed (such files hold pickles: read those that you trust), or a folder,
        whose files of these kinds are one data set in the order of their names.
    chunk_size : int, default=None
        Yield the data in pieces of at most this many traces instead of returning them at once: no
        more than a piece is in memory (of ``.nur`` files, one file). Pieces do not reach across
        files.

    Returns
    -------
    Bunch, or with ``chunk_size`` an iterator of such
        - traces : ndarray of shape (n_traces, n_samples), float32, in mV
        - signals : ndarray of the same shape, or None if the file has none
        - y : ndarray of shape (n_traces,), int64: 1 where the signal is not all zero; None
          without signals and events
        - events : ndarray of shape (n_traces, 5), or None
        - channels : ndarray of shape (n_traces, 4), int64: run, event, station and channel of
          ``.nur`` files, else None
        - sampling_rate : float in MHz, or None if the file does not say

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ImportError
        If NuRadioMC is needed and not installed.
    ValueError
        If a file is damaged, has another layout, or holds NaN or infinity; if a folder has no
        file of traces, or files of different kinds of traces. With ``chunk_size`` layouts are
        looked at before the first piece, values piece by piece.

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
    ...     chunks = load_traces(f"{folder}/triggers.npy", chunk_size=2)
    ...     sizes = [len(chunk.traces) for chunk in chunks]
    >>> data.traces.shape, data.signals is None, sizes
    ((3, 500), True, [2, 1])
    """
    if chunk_size is not None:
        check_count(chunk_size, "chunk_size")
    sources = [open_source(file) for file in _files_of(Path(path))]
    _check_alike(sources)
    size = max(source.n_traces for source in sources) if chunk_size is None else chunk_size
    pieces = (_checked(source, arrays) for source in sources for arrays in source.pieces(size))
    return _together(list(pieces)) if chunk_size is None else pieces


def check_writable(path):
    """A path whose ending is one of those that traces are written to."""
    path = Path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", tuple(WRITERS))
    return path


def _files_of(path):
    if path.is_dir():
        # What begins with a dot is being written, or the system's.
        files = sorted(
            file
            for file in path.iterdir()
            if file.suffix in READ and not file.name.startswith(".") and file.is_file()
        )
        if not files:
            raise ValueError(f"path: there are no files of traces ({', '.join(READ)}) in {path}")
        return files
    check_choice(path.suffix, f"the ending of path {path.name!r}", READ)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    return [path]


def _check_alike(sources):
    """Files of one data set have traces of one length and rate, and the same arrays."""
    first = sources[0]
    for source in sources[1:]:
        for name in ("n_samples", "sampling_rate", "names"):
            if getattr(source, name) != getattr(first, name):
                raise ValueError(
                    f"path: the files of a data set must agree, but {name} is "
                    f"{getattr(first, name)} in {first.path} and {getattr(source, name)} in "
                    f"{source.path}"
                )


def _checked(source, arrays):
    """A Bunch of arrays whose values have been looked at."""
    for name, array in arrays.items():
        dtype = {"events": np.float64, "channels": np.int64}.get(name, np.float32)
        own = {"copy": not array.flags.writeable}  # A view of the file is not to be given away.
        arrays[name] = check_array(array, dtype=dtype, input_name=f"{name} in {source.path}", **own)
    _check_together(arrays, str(source.path))
    signals, events = arrays.get("signals"), arrays.get("events")
    y = None
    if events is not None:
        y = (check_events(events)[:, 1] > 0).astype(np.int64)
    if signals is not None:
        y = labels_from_signals(signals)
    return Bunch(
        traces=arrays["traces"],
        signals=signals,
        y=y,
        events=events,
        channels=arrays.get("channels"),
        sampling_rate=source.sampling_rate,
    )


def _together(pieces):
    if len(pieces) == 1:
        return pieces[0]
    rate = pieces[0].sampling_rate
    names = [name for name, value in pieces[0].items() if isinstance(value, np.ndarray)]
    arrays = {name: np.concatenate([piece[name] for piece in pieces]) for name in names}
    return Bunch(**dict.fromkeys(pieces[0]) | arrays | {"sampling_rate": rate})


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
