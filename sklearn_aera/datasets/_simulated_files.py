"""Simulated data sets of any size, written to a file by many workers."""

import json

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib import hash as joblib_hash

from sklearn_aera import __version__
from sklearn_aera._files import check_new, written_whole
from sklearn_aera._random import draw_seed
from sklearn_aera._validation import check_count
from sklearn_aera.datasets._files import check_writable
from sklearn_aera.datasets._formats import (
    describe_dataset,
    describe_hdf5,
    write_npy_rows,
    write_npz_rows,
)
from sklearn_aera.datasets._traces import make_traces
from sklearn_aera.simulation import TraceSimulator
from sklearn_aera._events import EVENT_COLUMNS

_NAMES = ("traces", "signals", "events")
# Pieces that may be finished but not written, per worker.
_AHEAD = 4


def simulate_to_file(
    path,
    n_events,
    *,
    simulator=None,
    signal_fraction=0.5,
    snr=(0.5, 5.0),
    arrival_time=(0.25, 2.5),
    spectral_slope=(-30.0, 0.0),
    first_event_id=0,
    chunk_size=2000,
    random_state=None,
    n_jobs=None,
    resume=False,
    overwrite=False,
    on_progress=None,
):
    """Simulate a data set of any size into one file, piece by piece, by many workers.

    The data are those of `make_traces` with the same arguments (to float32 round-off), whatever
    the number of workers and the size of the pieces: event ids make it unnecessary to coordinate
    them. Memory does not grow with the number of events.

    Until it is complete the file is called ``path`` with ``.part`` appended. If the work is
    interrupted, that file stays, and ``resume=True`` goes on behind its last complete piece.

    Parameters
    ----------
    path : str or path-like
        ``.h5``/``.hdf5``, ``.npz`` or ``.npy`` (traces alone), as for `save_traces`.
    n_events : int
    simulator, signal_fraction, snr, arrival_time, spectral_slope, first_event_id
        See `make_traces`.
    chunk_size : int, default=2000
        Events of a piece of work.
    random_state : int, RandomState instance or None, default=None
        Seed of the events and of their traces. None with ``resume`` is that of the file.
    n_jobs : int or None, default=None
        Number of threads, or of what joblib's backend has if one is set.
    resume : bool, default=False
        Whether to go on with an unfinished file.
    overwrite : bool, default=False
        Whether a file that exists may be replaced.
    on_progress : callable, default=None
        Called with the number of events that are written, after each piece.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False, or there is an unfinished one and
        ``resume`` is False.
    ValueError
        If a parameter is not valid, or the unfinished file was made with others.

    See Also
    --------
    load_traces : Reads the file, with ``chunk_size`` piece by piece.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_aera.datasets import load_traces, simulate_to_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     simulate_to_file(f"{folder}/events.h5", 250, chunk_size=100, random_state=0)
    ...     [len(chunk.y) for chunk in load_traces(f"{folder}/events.h5", chunk_size=200)]
    [200, 50]
    """
    path = check_writable(path)
    n_events = check_count(n_events, "n_events")
    chunk_size = check_count(chunk_size, "chunk_size")
    check_new(path, overwrite)
    part = path.with_name(f"{path.name}.part")
    if part.exists() and not resume:
        raise FileExistsError(
            f"path: {part} is an unfinished file: resume=True goes on with it, or remove it"
        )
    simulator = TraceSimulator() if simulator is None else simulator
    options = {
        "simulator": simulator,
        "signal_fraction": signal_fraction,
        "snr": snr,
        "arrival_time": arrival_time,
        "spectral_slope": spectral_slope,
        "random_state": draw_seed(random_state),
    }
    if part.exists():
        keeps_seed = random_state is None
        options["random_state"] = _check_same(part, n_events, first_event_id, options, keeps_seed)
    else:
        # One event checks all parameters before there is a file.
        first = make_traces(1, first_event_id=first_event_id, **options)
        _create(part, n_events, first_event_id, options, first.traces.shape[1])
    _fill(part, first_event_id, options, chunk_size, n_jobs, on_progress)
    check_new(path, overwrite)  # Again: hours may have passed.
    _finish(part, path, simulator.sampling_rate)


def _workers(n_jobs):
    # Simulation leaves Python's lock, and what threads make need not be sent.
    return Parallel(n_jobs, prefer="threads", return_as="generator")


def _description(n_events, first_event_id, options):
    """All that decides the data, as JSON."""
    described = {"n_events": n_events, "first_event_id": int(first_event_id), **options}
    parameters = options["simulator"].get_params()
    described["simulator"] = repr({name: _described(v) for name, v in parameters.items()})
    return json.dumps(described, default=lambda value: np.asarray(value).tolist())


def _described(value):
    """A parameter of the simulator; of parts the name, of waveforms and recordings the hash."""
    if hasattr(value, "get_params"):
        return type(value).__name__
    return joblib_hash(value) if np.ndim(value) > 1 else value


def _create(part, n_events, first_event_id, options, n_samples):
    """An unfinished file: everything has its place, and rows without an event are not done."""
    import h5py

    with written_whole(part) as temporary, h5py.File(temporary, "w") as file:
        describe_hdf5(file, options["simulator"].sampling_rate)
        file.attrs["parameters"] = _description(n_events, first_event_id, options)
        file.attrs["sklearn_aera_version"] = __version__
        for name in _NAMES:
            width = len(EVENT_COLUMNS) if name == "events" else n_samples
            dtype = np.float64 if name == "events" else np.float32
            filled = {"fillvalue": np.nan} if name == "events" else {"fill_time": "never"}
            dataset = file.create_dataset(name, (n_events, width), dtype, **filled)
            describe_dataset(dataset, name)
            # The first write gives a data set its place in the file. From then on writing changes
            # numbers alone, and a file whose process is killed stays readable.
            dataset[-1:] = np.nan


def _check_same(part, n_events, first_event_id, options, keeps_seed):
    """Raise ValueError unless an unfinished file is of these parameters; returns its seed."""
    import h5py

    try:
        with h5py.File(part, "r") as file:
            stored = json.loads(file.attrs["parameters"])
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"path: {part} is not an unfinished file of traces: {error}") from error
    if keeps_seed:
        options = options | {"random_state": stored["random_state"]}
    wanted = json.loads(_description(n_events, first_event_id, options))
    for name, value in wanted.items():
        if stored.get(name) != value:
            raise ValueError(
                f"{name}: {part} was begun with {stored.get(name)}, and cannot go on with {value}"
            )
    return options["random_state"]


def _fill(part, first_event_id, options, chunk_size, n_jobs, on_progress):
    """Simulate what an unfinished file lacks."""
    import h5py

    with h5py.File(part, "r+") as file, _workers(n_jobs) as parallel:
        n_events = len(file["events"])
        done = _n_done(file["events"])
        group = _AHEAD * effective_n_jobs(n_jobs) * chunk_size
        for begin in range(done, n_events, group):
            starts = range(begin, min(begin + group, n_events), chunk_size)
            pieces = parallel(
                delayed(make_traces)(
                    min(chunk_size, n_events - start),
                    first_event_id=first_event_id + start,
                    **options,
                )
                for start in starts
            )
            for start, piece in zip(starts, pieces, strict=True):
                for name in _NAMES:  # Events come last: they say that the rows are done.
                    file[name][start : start + len(piece.y)] = piece[name]
                    file.flush()
                if on_progress is not None:
                    on_progress(start + len(piece.y))


def _n_done(events, size=100_000):
    """Number of complete rows at the beginning."""
    for start in range(0, len(events), size):
        missing = np.isnan(events[start : start + size, 0])
        if missing.any():
            return start + int(missing.argmax())
    return len(events)


def _finish(part, path, sampling_rate):
    """Make a complete file of the format that was asked for."""
    import h5py

    if path.suffix in (".h5", ".hdf5"):
        part.replace(path)
        return
    write = {".npz": write_npz_rows, ".npy": write_npy_rows}[path.suffix]
    with h5py.File(part, "r") as file, written_whole(path) as temporary:
        write(temporary, {name: file[name] for name in _NAMES}, sampling_rate)
    part.unlink()
