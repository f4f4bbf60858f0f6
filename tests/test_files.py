"""Files of traces and of CoREAS showers; files that exist are not damaged."""

import io
import zipfile

import h5py
import numpy as np
import pytest

from sklearn_aera.datasets import load_coreas, load_traces, make_traces, save_traces

DATA = make_traces(12, random_state=0)
SUFFIXES = (".npz", ".npy", ".h5", ".hdf5")


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".hdf5"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    save_traces(path, DATA.traces, signals=DATA.signals, events=DATA.events, sampling_rate=200.0)
    again = load_traces(path)
    for name in DATA:
        np.testing.assert_array_equal(again[name], DATA[name])
        assert again[name].dtype == DATA[name].dtype
    assert again.sampling_rate == 200.0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_traces_with_channels(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    traces = np.stack([DATA.traces, 2 * DATA.traces], 1)
    signals = np.stack([0 * DATA.signals, DATA.signals], 1)  # In the second channel alone.
    save_traces(path, traces, **({} if suffix == ".npy" else {"signals": signals}))
    pieces = list(load_traces(path, chunk_size=5))
    assert [piece.traces.shape for piece in pieces] == [(5, 2, 500), (5, 2, 500), (2, 2, 500)]
    again = load_traces(path)
    np.testing.assert_array_equal(again.traces, traces)
    if suffix != ".npy":
        np.testing.assert_array_equal(again.signals, signals)
        np.testing.assert_array_equal(again.y, DATA.y)
    with pytest.raises(ValueError, match=r"traces must be of shape .*, got \(12, 2, 1, 500\)"):
        save_traces(tmp_path / f"other{suffix}", traces[:, :, None])
    with pytest.raises(ValueError, match="signals must have the shape of traces"):
        save_traces(tmp_path / "other.h5", traces, signals=signals[:, :1])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_npy_holds_traces_alone(tmp_path):
    save_traces(tmp_path / "data.npy", DATA.traces)
    again = load_traces(tmp_path / "data.npy")
    np.testing.assert_array_equal(again.traces, DATA.traces)
    assert again.signals is again.y is again.events is again.sampling_rate is None
    assert again.snr is again.arrival_time is again.event_id is None
    with pytest.raises(ValueError, match=r"a \.npy file holds traces alone"):
        save_traces(tmp_path / "more.npy", DATA.traces, signals=DATA.signals)


def test_textbook_layout_is_read(tmp_path):
    path = tmp_path / "radio_data.npz"
    np.savez(path, traces=DATA.traces.astype(float), signals=DATA.signals.astype(float))
    again = load_traces(path)
    np.testing.assert_array_equal(again.y, DATA.y)
    assert again.traces.dtype == np.float32


def test_labels_from_events_alone(tmp_path):
    save_traces(tmp_path / "data.h5", DATA.traces, events=DATA.events)
    np.testing.assert_array_equal(load_traces(tmp_path / "data.h5").y, DATA.y)


def test_hdf5_says_its_units(tmp_path):
    save_traces(tmp_path / "data.h5", DATA.traces, signals=DATA.signals, events=DATA.events)
    with h5py.File(tmp_path / "data.h5") as file:
        assert file["traces"].attrs["unit"] == file["signals"].attrs["unit"] == "mV"
        assert list(file["events"].attrs["columns"])[:2] == ["event_id", "snr"]
        assert file.attrs["sampling_rate_unit"] == "MHz"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_existing_files_stay(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    save_traces(path, DATA.traces[:3])
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True replaces it"):
        save_traces(path, DATA.traces)
    with pytest.raises(ValueError, match="traces contains NaN"):
        save_traces(path, np.full((2, 5), np.nan), overwrite=True)
    assert path.read_bytes() == before
    save_traces(path, DATA.traces[:5], overwrite=True)
    assert len(load_traces(path).traces) == 5


def test_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "data.npz"
    save_traces(path, DATA.traces[:3])
    before = path.read_bytes()

    def interrupted(file, **arrays):
        file.write_bytes(b"half a fi")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_traces(path, DATA.traces, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["data.npz"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    save_traces(path, DATA.traces)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"cannot be read as a {suffix} file of traces"):
        load_traces(path)
    path.write_bytes(b"something else altogether")
    with pytest.raises(ValueError, match=f"cannot be read as a {suffix} file of traces"):
        load_traces(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"cannot be read as a {suffix} file of traces"):
        load_traces(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": DATA.traces}, "it has no array 'traces', only \\['X'\\]"),
        ({"traces": DATA.traces[0]}, r"traces must be of shape .*, got \(500,\)"),
        ({"traces": np.full((2, 3), np.inf)}, r"path: .*data\.npz: Input traces contains infinity"),
        (
            {"traces": DATA.traces, "signals": DATA.signals[:5]},
            r"signals must have the shape of traces, \(12, 500\), got \(5, 500\)",
        ),
        (
            {"traces": DATA.traces, "events": DATA.events[:5]},
            "events must have one row per trace, 12, got 5",
        ),
        (
            {"traces": DATA.traces, "signals": DATA.signals, "events": DATA.events[:, :3]},
            "events has 3 columns, but an event table has 5",
        ),
        ({"traces": np.array([[object()]], dtype=object)}, "stored as Python objects"),
    ],
)
def test_foreign_layouts(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_traces(tmp_path / "data.npz")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damage_anywhere(tmp_path, suffix):
    """A flipped bit is found, or harmless; the error names the file."""
    path = tmp_path / f"data{suffix}"
    save_traces(path, DATA.traces[:2, :4], sampling_rate=None)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.choice(len(content), min(len(content), 300), replace=False):
        damaged = content.copy()
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        error = None
        try:
            load_traces(path)
        except (ValueError, UserWarning) as raised:  # A warning of a large mean.
            error = raised
        assert error is None or str(path) in str(error)


def test_arrays_in_fortran_order(tmp_path):
    for name, save in (("data.npy", np.save), ("data.npz", np.savez)):
        traces = np.asfortranarray(DATA.traces)
        save(tmp_path / name, **{"arr" if save is np.save else "traces": traces})
        np.testing.assert_array_equal(load_traces(tmp_path / name).traces, DATA.traces)
        pieces = list(load_traces(tmp_path / name, chunk_size=5))
        np.testing.assert_array_equal(np.concatenate([p.traces for p in pieces]), DATA.traces)
    save_traces(tmp_path / "written.npy", np.asfortranarray(DATA.traces))
    assert np.load(tmp_path / "written.npy").flags.c_contiguous


@pytest.mark.parametrize("compressed", [False, True])
def test_declared_sizes_are_limited(tmp_path, compressed):
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 500)}
    np.lib.format.write_array_header_1_0(header, shape)
    (tmp_path / "data.npy").write_bytes(header.getvalue())
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(tmp_path / "data.npz", "w", method) as file:
        file.writestr("traces.npy", header.getvalue() + bytes(compressed * 200_000_000))
    chunks = {"chunks": (1000, 500)} if compressed else {}
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_dataset("traces", (10**9, 500), "f4", **chunks)
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=r"too short|declares|are missing"):
            load_traces(path, chunk_size=10)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "data.npz", "w", method) as file:
        file.writestr("traces.npy", b"")
    with pytest.raises(ValueError, match="compressed by an unknown method"):
        load_traces(tmp_path / "data.npz")


@pytest.mark.parametrize(
    ("unit", "rate", "rate_unit"), [("V", 180e6, "Hz"), ("uV", 0.18, "GHz"), (b"mV", 180.0, "MHz")]
)
def test_units_are_converted(tmp_path, unit, rate, rate_unit):
    factor = {"V": 1e-3, "uV": 1e3}.get(unit, 1.0)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.create_dataset("traces", data=DATA.traces * factor).attrs["unit"] = unit
        file.attrs.update({"sampling_rate": rate, "sampling_rate_unit": rate_unit})
    data = load_traces(tmp_path / "data.h5")
    np.testing.assert_allclose(data.traces, DATA.traces, rtol=1e-6)
    assert data.sampling_rate == pytest.approx(180.0)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"unit": "ADC counts"}, "unit of '/traces' must be one of .*, got 'ADC counts'"),
        ({"sampling_rate": 180.0, "sampling_rate_unit": "samples"}, "unit of 'sampling_rate' must"),
    ],
)
def test_unknown_units(tmp_path, attributes, message):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["traces"] = DATA.traces
        file["traces"].attrs.update(attributes)
        file.attrs.update(attributes)
    with pytest.raises(ValueError, match=message):
        load_traces(tmp_path / "data.h5")


def test_pedestals(tmp_path):
    save_traces(tmp_path / "data.npy", np.round(DATA.traces * 100) + 2048)
    with pytest.warns(UserWarning, match="data.npy: the mean of the traces is larger"):
        load_traces(tmp_path / "data.npy")


@pytest.mark.parametrize("value", [1j, np.datetime64("2024-01-01"), "1.0", 1e300])
def test_values_that_are_no_voltages(tmp_path, value):
    with pytest.raises(ValueError, match="traces"):
        save_traces(tmp_path / "data.npy", np.full((2, 3), value))
    np.save(tmp_path / "data.npy", np.full((2, 3), value))
    with pytest.raises(ValueError, match=r"data\.npy"):
        load_traces(tmp_path / "data.npy")


def test_paths():
    for read in (load_traces, load_coreas):
        for path in ("", "a\0.h5"):
            with pytest.raises(ValueError, match="path must not be empty or have null"):
                read(path)
        with pytest.raises(TypeError, match="path must be a string or a path, got 3"):
            read(3)
    with pytest.raises(FileNotFoundError, match=r"there is no file nowhere\.npz"):
        load_traces("nowhere.npz")
    with pytest.raises(ValueError, match=r"ending of path 'data\.csv' must be one of '\.npz'"):
        load_traces("data.csv")
    with pytest.raises(ValueError, match=r"ending of path 'data\.csv' must be one of '\.npz'"):
        save_traces("data.csv", DATA.traces)


# --- CoREAS ----------------------------------------------------------------------------------


def _write_coreas(path, n_observers=2, **changes):
    """A small file of CoREAS' layout, with what ``changes`` replaces."""
    time = changes.get("time", np.arange(100) * 2e-10)
    with h5py.File(path, "w") as file:
        file.create_group("CoREAS").attrs["PrimaryParticleEnergy"] = 1e18
        observers = file.create_group("CoREAS/observers")
        for number in range(n_observers):
            field = np.zeros((len(time), 4))
            field[:, 0] = time
            field[40 + number, 1:] = changes.get("peak", (1e-7, 3e-7, 2e-7))
            field = field[:, : changes.get("n_columns", 4)]
            observer = observers.create_dataset(f"antenna_{number}", data=field)
            if changes.get("position", True):
                observer.attrs["position"] = [100.0, 200.0, 300.0]
    return path


def test_coreas_units(tmp_path):
    shower = load_coreas(_write_coreas(tmp_path / "shower.hdf5"))
    assert shower.electric_field.shape == (2, 100, 3)
    # 1 statvolt/cm = 2.99792458e4 V/m
    assert shower.electric_field.max() == pytest.approx(3e-7 * 2.99792458e4 * 1e3)
    assert shower.sampling_rate == pytest.approx(5000.0)
    np.testing.assert_allclose(shower.positions, [[1, 2, 3]] * 2)
    assert shower.observers == ["antenna_0", "antenna_1"]
    assert shower.shower["PrimaryParticleEnergy"] == 1e18
    np.testing.assert_array_equal(shower.pulses.waveforms, shower.electric_field[:, :, 1])


@pytest.mark.parametrize(("component", "index"), [("north", 0), ("west", 1), ("vertical", 2)])
def test_coreas_components(tmp_path, component, index):
    shower = load_coreas(_write_coreas(tmp_path / "shower.hdf5"), component=component)
    np.testing.assert_array_equal(shower.pulses.waveforms, shower.electric_field[:, :, index])


def test_real_shower(coreas_path):
    shower = load_coreas(coreas_path)
    assert shower.electric_field.shape == (32, 2082, 3)
    assert shower.sampling_rate == pytest.approx(5000.0, rel=1e-3)
    assert shower.shower["PrimaryParticleEnergy"] == 1e18
    assert shower.positions[:, 2].max() == pytest.approx(3216.0, rel=0.1)
    # Radio pulses of a shower of 1e18 eV are of the order of 0.1 to 100 mV/m at full bandwidth.
    assert 0.1 < np.abs(shower.electric_field).max() < 1000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_observers": 0}, "cannot be read as a CoREAS file, .*: it has no observers"),
        ({"n_columns": 3}, r"'antenna_0' must be an array of shape \(n_times, 4\)"),
        ({"position": False}, "'antenna_0' has no attribute 'position'"),
        ({"peak": np.nan}, "'antenna_0' contains NaN"),
        ({"time": np.geomspace(1e-9, 1e-7, 100)}, "times of observer 'antenna_0' are not evenly"),
    ],
)
def test_bad_coreas_files(tmp_path, changes, message):
    path = _write_coreas(tmp_path / "shower.hdf5", **changes)
    with pytest.raises(ValueError, match=message):
        load_coreas(path)


def test_damaged_coreas_files(tmp_path):
    path = _write_coreas(tmp_path / "shower.hdf5")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cannot be read as a CoREAS file"):
        load_coreas(path)
    with pytest.raises(FileNotFoundError):
        load_coreas(tmp_path / "nowhere.hdf5")
    with pytest.raises(ValueError, match="component must be one of 'strongest', 'north'"):
        load_coreas(path, component="east")
    save_traces(tmp_path / "data.h5", DATA.traces)
    with pytest.raises(ValueError, match="cannot be read as a CoREAS file"):
        load_coreas(tmp_path / "data.h5")


def test_damage_anywhere_in_coreas_files(tmp_path):
    path = _write_coreas(tmp_path / "shower.hdf5", n_observers=1)
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
    for place in rng.choice(len(content), 200, replace=False):
        damaged = content.copy()
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        error = None
        try:
            load_coreas(path)
        except ValueError as raised:
            error = raised
        assert error is None or str(path) in str(error)


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".h5"])
def test_arrays_are_the_users_own(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    save_traces(path, DATA.traces)
    before = path.read_bytes()
    traces = load_traces(path).traces
    traces -= 1.0
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".h5"])
def test_unknown_sampling_rate(tmp_path, suffix):
    save_traces(tmp_path / f"data{suffix}", DATA.traces, sampling_rate=None)
    assert load_traces(tmp_path / f"data{suffix}").sampling_rate is None


def test_permissions_are_those_of_any_file(tmp_path):
    (tmp_path / "usual").touch()
    save_traces(tmp_path / "data.npz", DATA.traces)
    assert (tmp_path / "data.npz").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "data.npz").chmod(0o640)
    save_traces(tmp_path / "data.npz", DATA.traces, overwrite=True)
    assert (tmp_path / "data.npz").stat().st_mode & 0o777 == 0o640


def test_hidden_files_of_a_folder_are_not_data(tmp_path):
    save_traces(tmp_path / "data.npy", DATA.traces)
    (tmp_path / ".data-0123.npy").write_bytes(b"half a file")
    assert load_traces(tmp_path).traces.shape == DATA.traces.shape


def test_hdf5_of_another_layout(tmp_path):
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file.create_group("traces")
    with pytest.raises(ValueError, match="its 'traces' is not an array of rows"):
        load_traces(path)
    with h5py.File(path, "w") as file:
        file["traces"] = DATA.traces
        file.attrs["sampling_rate"] = [180.0, 200.0]
    with pytest.raises(ValueError, match="its sampling_rate must be one positive number"):
        load_traces(path)


def test_scalar_npy(tmp_path):
    np.save(tmp_path / "data.npy", 1.0)
    with pytest.raises(ValueError, match="its 'traces' is not an array of rows"):
        load_traces(tmp_path / "data.npy")
