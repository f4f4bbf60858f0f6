"""Read recordings of several antennas."""

from functools import partial

import numpy as np

from sklearn_aera._files import as_path, check_readable, readable
from sklearn_aera._recording import Recording
from sklearn_aera._validation import (
    check_choice,
    check_count,
    check_flag,
    check_sampling_rate,
    equal_rates,
    shown,
)
from sklearn_aera.datasets._lopes import open_lopes
from sklearn_aera.datasets._recording_arrays import (
    open_hdf5_recording,
    open_npy,
    open_npz,
    open_raw,
)
from sklearn_aera.datasets._recording_checks import check_samples

_OPEN = {
    ".event": open_lopes,
    ".npy": open_npy,
    ".npz": open_npz,
    ".h5": open_hdf5_recording,
    ".hdf5": open_hdf5_recording,
    ".dat": open_raw,
    ".bin": open_raw,
    ".raw": open_raw,
}


def load_recording(
    path, *, antennas=None, sampling_rate=None, nyquist_zone=None, scale=None, n_antennas=None,
    check=True,
):  # fmt: skip
    """Open a recording of one or several antennas.

    The samples stay in the file until they are read: a recording may be larger than memory
    (those of ``.npz`` files are loaded).

    Parameters
    ----------
    path : str or path-like
        The ending decides the format:

        - ``.event``: LOPES
        - ``.h5``, ``.hdf5``: transient buffer data of LOFAR, or a data set ``samples`` of shape
          (n_antennas, n_times) with the sampling rate in the attribute ``sampling_rate`` of the
          file, in MHz, and optional data sets ``antennas`` and ``positions``
        - ``.npy``: an array of shape (n_antennas, n_times) or (n_times,)
        - ``.npz``: arrays ``samples``, ``sampling_rate``, ``antennas``, ``positions``, of which
          only the first is needed
        - ``.dat``, ``.bin``, ``.raw``: int16, little endian, the antennas one after another
    antennas : sequence of str, default=None
        Names of the antennas to take; None for all.
    sampling_rate : float, default=None
        In MHz, for files that do not contain it.
    nyquist_zone : int, default=None
        Number of the band that was sampled, see `Recording`; None for that of the file, or 1.
        ``nyquist_zone=2`` says that a band between half the sampling rate and the sampling rate
        was recorded.
    scale : float, default=None
        mV per count; None leaves counts.
    n_antennas : int, default=None
        Number of antennas in raw data; None for 1.
    check : bool, default=True
        Whether to read the recording once, in pieces, and to refuse gaps and antennas that are
        dead or clipped. To leave these out, name the others in ``antennas``; ``check=False``
        accepts them.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is truncated or of another layout, refers to other files, or holds NaN; if the
        sampling rate is not known; if an antenna is not in the file; if antennas are dead, are
        clipped, or have a gap (more than 1000 equal samples in a row). The message names them.

    Notes
    -----
    The time stamp of a LOPES file counts ticks of 200 ns within the second (the file
    ``2004.01.12.00:28:11.577.event`` has the number of 0.577 s). It is taken for the time of the
    trigger sample (assumption). The antennas of a LOFAR file are cut to the samples that all have.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_aera.datasets import load_recording
    >>> counts = np.random.default_rng(0).normal(0, 40, (2, 50_000)).astype(np.int16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/night.npy", counts)
    ...     recording = load_recording(f"{folder}/night.npy", sampling_rate=200.0)
    >>> recording
    <Recording of 2 antennas, 50000 samples at 200 MHz, 250.0 us from 0.0 us>
    """
    path = as_path(path)
    check_flag(check, "check")
    check_choice(path.suffix.lower(), f"the ending of path {path.name!r}", tuple(_OPEN))
    check_readable(path)
    opened = _OPEN[path.suffix.lower()]
    if opened is open_raw:
        n_antennas = 1 if n_antennas is None else check_count(n_antennas, "n_antennas")
        opened = partial(open_raw, n_antennas=n_antennas)
    elif n_antennas is not None:
        raise ValueError(f"n_antennas is for raw data alone, {path.name} says it")
    with readable(path, f"a {path.suffix} recording"):
        source, known = opened(path)
    known["sampling_rate"] = _rate(path, known.get("sampling_rate"), sampling_rate)
    if nyquist_zone is not None:
        known["nyquist_zone"] = check_count(nyquist_zone, "nyquist_zone", max_val=100)
    recording = _selected(Recording(source, scale=scale, **known), antennas, path)
    if check:
        check_samples(recording, path)
    return recording


def _rate(path, stored, given):
    """Return the sampling rate of the file, or else the given one."""
    if given is not None:
        check_sampling_rate(given)
    if stored is None and given is None:
        raise ValueError(f"sampling_rate: {path} does not say it, and must be given in MHz")
    if None not in (stored, given) and not equal_rates(stored, given):
        raise ValueError(f"sampling_rate of {path} is {stored:g} MHz, got {given:g} MHz")
    return given if stored is None else stored


def _selected(recording, antennas, path):
    if antennas is None:
        return recording
    if not isinstance(antennas, str | list | tuple | np.ndarray):
        raise TypeError(f"antennas must be a list of names, got {shown(antennas)}")
    antennas = [antennas] if isinstance(antennas, str) else list(map(str, np.ravel(antennas)))
    missing = [name for name in antennas if name not in recording.antennas]
    if missing or not antennas:
        raise ValueError(
            f"antennas must be some of {recording.antennas}, which are in {path}, got {antennas}"
        )
    return recording[[recording.antennas.index(name) for name in antennas]]
