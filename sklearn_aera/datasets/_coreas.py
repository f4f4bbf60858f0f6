"""Read CoREAS air-shower simulations."""

import numpy as np
from sklearn.utils import Bunch

from sklearn_aera._files import as_path, check_readable, readable
from sklearn_aera._validation import check_choice
from sklearn_aera.datasets._coreas_text import read_text, text_files
from sklearn_aera.datasets._hdf5 import check_stored, open_hdf5
from sklearn_aera.simulation import PulseLibrary

COMPONENTS = ("north", "west", "vertical")

# 1 statvolt/cm in mV/m; statvolt/cm is the unit of CoREAS (CGS).
_MILLIVOLT_PER_METRE = 2.99792458e7


def load_coreas(path, *, component="strongest"):
    """Read the electric fields of a CoREAS shower into a pulse library.

    Parameters
    ----------
    path : str or path-like
        HDF5 file, as CORSIKA writes it, with one array ``CoREAS/observers/<name>`` per antenna
        position. Its columns are the time in s and the electric field (north, west, vertical) in
        statvolt/cm; its attribute ``position`` is in cm. Or CoREAS' text output: the file
        ``SIM000001.reas`` or the folder ``SIM000001_coreas`` beside it, with ``SIM000001.list``
        and one file ``raw_<name>.dat`` per antenna.
    component : {"strongest", "north", "west", "vertical", "all"}, default="strongest"
        Component of the field that becomes the pulse in the library. With ``"strongest"`` it is,
        for each observer, the one with the largest peak. With ``"all"`` the library has the vector
        of the field, for simulators with ``arms``: azimuth 0 is north, and 90 degrees is west.

    Returns
    -------
    Bunch
        - pulses : `sklearn_aera.simulation.PulseLibrary` with one waveform per observer, in
          mV/m. No antenna response is applied: the simulator scales each pulse to the
          signal-to-noise ratio of its event.
        - electric_field : ndarray of shape (n_observers, n_times, 3), in mV/m, with the
          components north, west, vertical.
        - start_time : ndarray of shape (n_observers,), time of the first sample in us.
        - sampling_rate : float, in MHz.
        - positions : ndarray of shape (n_observers, 3), in m (north, west, up).
        - observers : list of str, the names of the observers.
        - shower : dict, the parameters of the shower: the attributes of the groups ``CoREAS`` and
          ``inputs`` of the file, or those of the ``.reas`` file (energies in the units of CoREAS,
          angles in degrees).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not one of CoREAS, or its arrays are not as described.

    References
    ----------
    T. Huege, M. Ludwig, C. James, "Simulating radio emission from air showers with CoREAS",
    arXiv:1301.2132

    Examples
    --------
    A file with one antenna:

    >>> import tempfile
    >>> import h5py
    >>> import numpy as np
    >>> from sklearn_aera.datasets import load_coreas
    >>> series = np.zeros((200, 4))
    >>> series[:, 0] = 2e-10 * np.arange(200)  # s
    >>> series[100, 2] = 1e-7  # statvolt/cm
    >>> with tempfile.NamedTemporaryFile(suffix=".hdf5") as file:
    ...     with h5py.File(file.name, "w") as shower:
    ...         antenna = shower.create_dataset("CoREAS/observers/antenna", data=series)
    ...         antenna.attrs["position"] = [0.0, 0.0, 1.4e5]  # cm
    ...     shower = load_coreas(file.name)
    >>> float(shower.electric_field.max().round(3)), shower.positions.tolist()
    (2.998, [[0.0, 0.0, 1400.0]])
    >>> shower.pulses.waveforms.shape
    (1, 200)
    """
    check_choice(component, "component", ("strongest", *COMPONENTS, "all"))
    path = as_path(path)
    if path.is_dir() or path.suffix == ".reas":
        files = text_files(path)
        with readable(path, "output of CoREAS"):
            return _as_shower(*read_text(*files), component)
    check_readable(path)
    with readable(path, "a CoREAS file"), open_hdf5(path) as file:
        return _as_shower(_observers(file, path), _shower(file), component)


def _observers(file, path):
    """Return the arrays and positions of the observers in an HDF5 file, by name."""
    observers = {}
    for name, observer in file.get("CoREAS/observers", {}).items():
        if getattr(observer, "ndim", 0) == 2:
            check_stored(observer, path)
            observers[name] = observer[:], observer.attrs.get("position")
        else:
            observers[name] = observer, None
    return observers


def _as_shower(observers, parameters, component):
    if len(observers) == 0:
        raise ValueError("it has no observers")
    names = list(observers)
    series = [_time_series(*observers[name], name) for name in names]
    steps = np.array([time[1] - time[0] for time, _ in series])
    if not np.allclose(steps, steps[0], rtol=1e-3, atol=0):
        raise ValueError("its observers are sampled at different rates")
    field = np.zeros((len(names), max(len(time) for time, _ in series), 3))
    for row, (_, values) in zip(field, series, strict=True):
        row[: len(values)] = values * _MILLIVOLT_PER_METRE
    sampling_rate = float(1e-6 / np.median(steps))
    return Bunch(
        pulses=PulseLibrary(_component(field, component), sampling_rate),
        electric_field=field,
        start_time=np.array([time[0] * 1e6 for time, _ in series]),
        sampling_rate=sampling_rate,
        positions=np.array([position for _, position in observers.values()]) * 1e-2,
        observers=names,
        shower=parameters,
    )


def _time_series(observer, position, name):
    """Check one observer and return its times in s and its field in statvolt/cm."""
    if getattr(observer, "ndim", 0) != 2 or observer.shape[1] != 4 or len(observer) < 2:
        shape = getattr(observer, "shape", "a group")
        raise ValueError(f"observer {name!r} must be an array of shape (n_times, 4), got {shape}")
    if np.shape(position) != (3,):
        raise ValueError(f"observer {name!r} has no attribute 'position'")
    values = observer.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"observer {name!r} contains NaN or infinity")
    steps = np.diff(values[:, 0])
    if not (steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-2, atol=0)):
        raise ValueError(f"the times of observer {name!r} are not evenly spaced")
    duration = values[-1, 0] - values[0, 0]
    # Stored times are rounded: the whole series gives the step more precisely than two samples.
    values[:, 0] = values[0, 0] + np.arange(len(values)) * (duration / (len(values) - 1))
    return values[:, 0], values[:, 1:]


def _component(field, component):
    if component == "all":
        return np.moveaxis(field, 2, 1).copy()
    if component != "strongest":
        return field[:, :, COMPONENTS.index(component)].copy()
    strongest = np.abs(field).max(axis=1).argmax(axis=1)
    return np.take_along_axis(field, strongest[:, None, None], axis=2)[:, :, 0]


def _shower(file):
    attributes = {}
    for group in ("CoREAS", "inputs"):
        if group in file:
            attributes.update(file[group].attrs)
    return attributes
