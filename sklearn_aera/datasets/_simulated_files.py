"""Write simulated data sets of any size to a file, with several workers."""

import json

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib import hash as joblib_hash
from sklearn.utils import gen_batches

from sklearn_aera import __version__
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._files import as_path, check_new, check_readable, publish, readable, written_whole
from sklearn_aera._random import draw_seed
from sklearn_aera._validation import (
    check_count,
    check_flag,
    check_interval,
    check_n_jobs,
    shown,
)
from sklearn_aera.datasets._formats import ARRAYS, create_hdf5
from sklearn_aera.datasets._hdf5 import open_hdf5
from sklearn_aera.datasets._traces import SIMULATION_OPTIONS, make_traces
from sklearn_aera.simulation import TraceSimulator

# Pieces per worker that may be simulated before they are written.
_AHEAD = 4


@fill_docstring(simulation_options=SIMULATION_OPTIONS)
def simulate_to_file(
    path, n_events, *, simulator=None, signal_fraction=0.5, snr=(0.5, 5.0),
    arrival_time=None, spectral_slope=(-30.0, 0.0), polarization=None, first_event_id=0,
    chunk_size=2000, random_state=None, n_jobs=None, resume=False, overwrite=False,
    on_progress=None,
):  # fmt: skip
    """Simulate a data set of any size into an HDF5 file.

    The data are those of `make_traces` with the same arguments, to float32 round-off, for any
    number of workers and any size of the pieces. Memory does not grow with the number of events.

    The unfinished file is called ``path`` with ``.part`` appended and has its final size from the
    start. It stays if the simulation is interrupted, and ``resume=True`` continues after its last
    complete piece; a complete file is left as it is.

    Parameters
    ----------
    path : str or path-like
        File to write, ``.h5`` or ``.hdf5``.
    n_events : int
        Number of events.
    %(simulation_options)s
    chunk_size : int, default=2000
        Number of events that a worker simulates at once.
    random_state : int, RandomState instance or None, default=None
        Seed of the events and of their traces. With ``resume`` None means the seed of the file.
    n_jobs : int or None, default=None
        Number of threads, or of workers of the joblib backend if one is set.
    resume : bool, default=False
        Whether to continue an unfinished file.
    overwrite : bool, default=False
        Whether to replace an existing file.
    on_progress : callable, default=None
        Called after each piece with the number of events written so far.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False, or an unfinished file exists and
        ``resume`` is False.
    ValueError
        If a parameter is not valid, or differs from those of the unfinished file.

    See Also
    --------
    load_traces : Reads the file, with ``chunk_size`` in pieces.
    save_traces : Writes other formats.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_aera.datasets import load_traces, simulate_to_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     simulate_to_file(f"{folder}/events.h5", 250, chunk_size=100, random_state=0)
    ...     [len(chunk.y) for chunk in load_traces(f"{folder}/events.h5", chunk_size=200)]
    [200, 50]
    """
    path = as_path(path)
    if path.suffix not in (".h5", ".hdf5"):
        raise ValueError(
            f"the ending of path {path.name!r} must be '.h5' or '.hdf5': simulate into HDF5, then "
            "convert the file with load_traces and save_traces"
        )
    n_events = check_count(n_events, "n_events")
    chunk_size = check_count(chunk_size, "chunk_size")
    check_n_jobs(n_jobs)
    for name, value in {"resume": resume, "overwrite": overwrite}.items():
        check_flag(value, name)
    if not (on_progress is None or callable(on_progress)):
        raise TypeError(f"on_progress must be a function or None, got {shown(on_progress)}")
    part = path.with_name(f"{path.name}.part")
    if part.exists() and not resume:
        check_new(path, overwrite)
        raise FileExistsError(
            f"path: there is an unfinished file {part}: resume=True continues it, or remove it"
        )
    options = {
        "simulator": TraceSimulator() if simulator is None else simulator,
        "signal_fraction": signal_fraction,
        "snr": snr,
        "arrival_time": arrival_time,
        "spectral_slope": spectral_slope,
        "polarization": polarization,
        "random_state": draw_seed(random_state),
    }
    wanted = (n_events, first_event_id, options, random_state is None)
    if resume and not overwrite and _is_complete(path, wanted):
        part.unlink(missing_ok=True)
        return
    check_new(path, overwrite)
    if part.exists():
        options["random_state"] = _check_same(part, *wanted)
    else:
        # Simulating single events checks all parameters before the file is created.
        first = make_traces(1, first_event_id=first_event_id, **options)
        times = () if arrival_time is None else check_interval(arrival_time, "arrival_time")
        for time in times:
            ends = {"arrival_time": time, "signal_fraction": 1.0}
            make_traces(1, first_event_id=first_event_id, **options | ends)
        shapes = dict.fromkeys(ARRAYS, (n_events, *first.traces.shape[1:]))
        shapes["events"] = (n_events, first.events.shape[1])
        described = _description(n_events, first_event_id, options)
        attributes = {"parameters": described, "sklearn_aera_version": __version__}
        with written_whole(part) as temporary:
            create_hdf5(temporary, shapes, options["simulator"].sampling_rate, **attributes)
    _fill(part, first_event_id, options, chunk_size, n_jobs, on_progress)
    publish(part, path, overwrite)


def _description(n_events, first_event_id, options):
    """Return all parameters that determine the data, as JSON."""
    described = {"n_events": n_events, "first_event_id": int(first_event_id), **options}
    parameters = options["simulator"].get_params()
    described["simulator"] = repr({name: _described(v) for name, v in parameters.items()})
    return json.dumps(described, default=lambda value: np.asarray(value).tolist())


def _described(value):
    """Return a parameter of the simulator, the name of a part, or the hash of a large array."""
    if hasattr(value, "get_params"):
        return type(value).__name__
    return joblib_hash(value) if np.ndim(value) > 1 else value


def _is_complete(path, wanted):
    """Return whether the simulation of a file with these parameters was completed."""
    try:
        _check_same(path, *wanted)
    except (ValueError, OSError):
        return False
    return True


def _check_same(part, n_events, first_event_id, options, keeps_seed):
    """Check that an unfinished file has these parameters and return its seed."""
    check_readable(part)
    with readable(part, "an unfinished file of traces"), open_hdf5(part) as file:
        stored = json.loads(file.attrs["parameters"])
    if keeps_seed:
        options = options | {"random_state": stored["random_state"]}
    wanted = json.loads(_description(n_events, first_event_id, options))
    for name, value in wanted.items():
        if stored.get(name) != value:
            raise ValueError(
                f"{name}: {part} was begun with {stored.get(name)} and cannot be continued with "
                f"{value}"
            )
    return options["random_state"]


def _fill(part, first_event_id, options, chunk_size, n_jobs, on_progress):
    """Simulate the events that an unfinished file lacks."""
    # The simulation releases Python's global lock, and threads need no copies of their results.
    workers = Parallel(n_jobs, prefer="threads", return_as="generator")
    with open_hdf5(part, "r+") as file, workers as parallel:
        n_events = len(file["events"])
        group = _AHEAD * effective_n_jobs(n_jobs) * chunk_size
        for begin in range(_n_done(file["events"]), n_events, group):
            starts = range(begin, min(begin + group, n_events), chunk_size)
            sizes = (min(chunk_size, n_events - start) for start in starts)
            pieces = parallel(
                delayed(make_traces)(size, first_event_id=first_event_id + start, **options)
                for start, size in zip(starts, sizes, strict=True)
            )
            for start, piece in zip(starts, pieces, strict=True):
                done = start + len(piece.y)
                for name in ARRAYS:  # Events are last: they mark the rows as complete.
                    file[name][start:done] = piece[name]
                    file.flush()
                if on_progress is not None:
                    on_progress(done)


def _n_done(events):
    """Return the number of complete rows at the beginning of an event table."""
    for rows in gen_batches(len(events), 100_000):
        missing = np.isnan(events[rows, 0])
        if missing.any():
            return rows.start + int(missing.argmax())
    return len(events)
