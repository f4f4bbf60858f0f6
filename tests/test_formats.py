"""Folders of files, and NuRadioReco's events."""

import sys

import numpy as np
import pytest

from sklearn_aera.datasets import load_traces, make_traces, save_traces

DATA = make_traces(12, random_state=0)


def save_parts(folder, suffixes=(".npz", ".h5", ".hdf5")):
    for number, suffix in enumerate(suffixes):
        rows = slice(4 * number, 4 * number + 4)
        save_traces(
            folder / f"part{number}{suffix}",
            DATA.traces[rows],
            signals=DATA.signals[rows],
            events=DATA.events[rows],
        )


def test_folder_is_one_data_set(tmp_path):
    save_parts(tmp_path)
    (tmp_path / "README.txt").write_text("Traces of a night.")
    data = load_traces(tmp_path)
    for name in DATA:
        np.testing.assert_array_equal(data[name], DATA[name])
    assert data.sampling_rate == 180.0
    pieces = list(load_traces(tmp_path, chunk_size=3))
    assert [len(piece.traces) for piece in pieces] == [3, 1, 3, 1, 3, 1]
    np.testing.assert_array_equal(np.concatenate([p.traces for p in pieces]), DATA.traces)


def test_folder_of_triggers(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", DATA.traces[4 * number : 4 * number + 4])
    data = load_traces(tmp_path)
    np.testing.assert_array_equal(data.traces, DATA.traces)
    assert data.y is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"traces": DATA.traces[:, :400], "signals": DATA.signals[:, :400]},
            r"trace_shape is \(500",
        ),
        ({"traces": DATA.traces}, "arrays is .* in .*part0.npz and .* in .*part9.npz"),
        (
            {"traces": DATA.traces, "signals": DATA.signals, "sampling_rate": 200.0},
            r"sampling_rate is 180\.0 in .* and 200\.0 in",
        ),
    ],
)
def test_files_of_a_folder_must_agree(tmp_path, other, message):
    save_traces(tmp_path / "part0.npz", DATA.traces, signals=DATA.signals)
    save_traces(tmp_path / "part9.npz", **other)
    with pytest.raises(ValueError, match=message):
        load_traces(tmp_path)


def test_folder_without_traces(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match=r"there are no files of traces \(\.npz, \.npy, \.h5"):
        load_traces(tmp_path)


def test_damaged_file_in_a_folder_is_named(tmp_path):
    save_parts(tmp_path)
    (tmp_path / "part1.h5").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"part1\.h5 cannot be read as a \.h5 file of traces"):
        load_traces(tmp_path, chunk_size=2)


def test_files_that_are_left_out_are_named(tmp_path):
    save_parts(tmp_path)
    (tmp_path / "part0.npz").rename(tmp_path / "PART0.NPZ")
    np.save(tmp_path / "empty.npy", DATA.traces[:0])
    (tmp_path / "gone.h5").symlink_to("nowhere.h5")
    (tmp_path / "events.nur").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"without allow_pickle=True: empty.npy, events.nur, gone"):
        data = load_traces(tmp_path)
    np.testing.assert_array_equal(data.traces, DATA.traces)


# --- NuRadioReco --------------------------------------------------------------------------------


def write_nur(path, traces, rates=None):
    """Events of one station with two channels each, as NuRadioReco writes them (V, GHz)."""
    channel = pytest.importorskip(
        "NuRadioReco.framework.channel", reason="NuRadioMC is not installed (extra NuRadioMC)"
    )
    from NuRadioReco.framework.event import Event
    from NuRadioReco.framework.station import Station
    from NuRadioReco.modules.io.eventWriter import eventWriter

    writer = eventWriter()
    writer.begin(str(path))
    for number in range(0, len(traces), 2):
        event, station = Event(3, number), Station(51)
        for row in (0, 1):
            made = channel.Channel(10 + row)
            rate = 0.18 if rates is None else rates[number + row]
            made.set_trace(np.asarray(traces[number + row], dtype=float) * 1e-3, rate)
            station.add_channel(made)
        event.set_station(station)
        writer.run(event)
    writer.end()


def test_nur(tmp_path):
    write_nur(tmp_path / "events.nur", DATA.traces)
    data = load_traces(tmp_path / "events.nur", allow_pickle=True)
    np.testing.assert_allclose(data.traces, DATA.traces, rtol=1e-5, atol=1e-7)
    assert data.traces.dtype == np.float32
    assert data.sampling_rate == pytest.approx(180.0)
    assert data.channels[:3].tolist() == [[3, 0, 51, 10], [3, 0, 51, 11], [3, 2, 51, 10]]
    assert data.y is data.signals is data.events is None


def test_nur_of_two_lengths_or_rates(tmp_path):
    write_nur(tmp_path / "lengths.nur", [np.ones(100), np.ones(90)])
    with pytest.raises(ValueError, match=r"different lengths, \[90, 100\]"):
        load_traces(tmp_path / "lengths.nur", allow_pickle=True)
    write_nur(tmp_path / "rates.nur", [np.ones(100)] * 2, rates=[0.18, 0.2])
    with pytest.raises(ValueError, match="different sampling rates"):
        load_traces(tmp_path / "rates.nur", allow_pickle=True)


def test_damaged_nur(tmp_path):
    write_nur(tmp_path / "events.nur", DATA.traces)
    path = tmp_path / "events.nur"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"cannot be read as a \.nur file of traces"):
        load_traces(path, allow_pickle=True)


def test_nur_runs_code_only_when_allowed(tmp_path):
    (tmp_path / "events.nur").write_bytes(b"")
    with pytest.raises(ValueError, match=r"events\.nur runs code .* allow_pickle=True allows it"):
        load_traces(tmp_path / "events.nur")
    with pytest.raises(ValueError, match="there are no files of traces"):
        load_traces(tmp_path)


def test_nur_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "NuRadioReco.modules.io.eventReader", None)
    (tmp_path / "events.nur").write_bytes(b"")
    with pytest.raises(ImportError, match=r"to read events\.nur install NuRadioMC"):
        load_traces(tmp_path / "events.nur", allow_pickle=True)
