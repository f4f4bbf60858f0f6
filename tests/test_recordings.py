"""Recordings: file formats, selection without reading, filters in pieces, checks."""

import copy
import os
import struct

import h5py
import numpy as np
import pytest

from sklearn_aera.datasets import Recording, load_recording

RNG = np.random.default_rng(0)
COUNTS = RNG.normal(0, 40, (3, 20_000)).astype(np.int16)
START = np.datetime64("2004-01-12T00:28:11.576998800")


def write_lopes(path, counts=COUNTS, **changes):
    """A file of the layout of LOPES: a header of 48 bytes, then number, length and samples."""
    n_times = counts.shape[1]
    size = 48 + sum(8 + 2 * n_times for _ in counts)
    header = [size, 1, 1073867291, 2884994, 1, 3, n_times, n_times // 2, 0, 0, 0, 0]
    for place, value in changes.items():
        header[int(place[1:])] = value
    blocks = [struct.pack("<2i", 101 + i, n_times) + row.tobytes() for i, row in enumerate(counts)]
    path.write_bytes(struct.pack("<12i", *header) + b"".join(blocks))
    return path


def write_lofar(path, counts=COUNTS, begins=(0, 7, 3), **changes):
    """A file of the layout of LOFAR's transient buffers."""
    with h5py.File(path, "w") as file:
        station = file.create_group("Station001")
        for number, (row, begin) in enumerate(zip(counts, begins, strict=False)):
            dipole = station.create_dataset(f"00100100{number}", data=row)
            known = {"TIME": 1214929202, "SAMPLE_NUMBER": 1000 + begin, "NYQUIST_ZONE": 1}
            known |= {"DATA_LENGTH": len(row), "SAMPLE_FREQUENCY_VALUE": 200.0}
            dipole.attrs.update(known | changes)
    return path


def write(path):
    """The same counts in each format, and what the reader must be told."""
    n_antennas = None
    if path.suffix == ".npy":
        np.save(path, COUNTS)
    elif path.suffix == ".npz":
        np.savez(path, samples=COUNTS, sampling_rate=200.0, antennas=["a", "b", "c"])
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["samples"] = COUNTS
            file.attrs["sampling_rate"] = 200.0
            file["antennas"] = ["a", "b", "c"]
            file["positions"] = np.eye(3)
    elif path.suffix == ".event":
        return load_recording(write_lopes(path))
    else:
        path.write_bytes(COUNTS.tobytes())
        n_antennas = 3
    return load_recording(path, sampling_rate=200.0, n_antennas=n_antennas)


# --- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["r.npy", "r.npz", "r.h5", "r.dat", "r.event"])
def test_formats_hold_the_same(tmp_path, name):
    recording = write(tmp_path / name)
    assert recording.shape == COUNTS.shape
    assert recording.sampling_rate == (80.0 if name == "r.event" else 200.0)
    np.testing.assert_array_equal(recording.read(), COUNTS)
    np.testing.assert_array_equal(recording.read(19_990, 30_000), COUNTS[:, 19_990:])
    np.testing.assert_array_equal(np.concatenate(list(recording.pieces(999)), axis=1), COUNTS)
    some = recording[[2, 0], 100:]
    assert some.antennas == [recording.antennas[2], recording.antennas[0]]
    np.testing.assert_array_equal(some[:, 5:9].read(), COUNTS[[2, 0], 105:109])
    chosen = load_recording(
        tmp_path / name, antennas=recording.antennas[1], n_antennas=3 if "dat" in name else None,
        sampling_rate=recording.sampling_rate,
    )  # fmt: skip
    np.testing.assert_array_equal(chosen.read(), COUNTS[1:2])


def test_lopes(tmp_path):
    recording = load_recording(write_lopes(tmp_path / "r.event"))
    assert recording.antennas == ["101", "102", "103"]
    assert recording.nyquist_zone == 2
    # The trigger is half the record, 125 us, after the first sample.
    assert recording.absolute(125.0) == START
    assert load_recording(tmp_path / "r.event", nyquist_zone=3).nyquist_zone == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"h0": 5}, "declares 5 bytes"), ({"h6": 0}, "declares 0 samples"), ({"h6": 19_999}, "bytes")],
)
def test_foreign_lopes(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"cannot be read as a .event recording.*{message}"):
        load_recording(write_lopes(tmp_path / "r.event", **changes))


def test_lofar_dipoles_are_aligned(tmp_path):
    recording = load_recording(write_lofar(tmp_path / "r.h5"))
    assert recording.shape == (3, 20_000 - 7)
    assert recording.antennas == ["001001000", "001001001", "001001002"]
    expected = [row[7 - begin :][:19_993] for row, begin in zip(COUNTS, (0, 7, 3), strict=True)]
    np.testing.assert_array_equal(recording.read(), expected)
    assert recording.start_time == np.datetime64("2008-07-01T16:20:02.000005035")
    assert recording.sampling_rate == 200.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DATA_LENGTH": 5}, "declares 5, has 20000"),
        ({"SAMPLE_FREQUENCY_UNIT": "m"}, "unit of SAMPLE_FREQUENCY"),
    ],
)
def test_foreign_lofar(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        load_recording(write_lofar(tmp_path / "r.h5", **changes))
    write_lofar(tmp_path / "r.h5", begins=(0, 30_000))
    with pytest.raises(ValueError, match="no time in common"):
        load_recording(tmp_path / "r.h5")


@pytest.mark.parametrize("name", ["r.npy", "r.npz", "r.h5", "r.event", "lofar.h5"])
def test_damage_anywhere(tmp_path, name):
    """A flipped bit is found, or changes numbers only; the error names the file."""
    path = tmp_path / name
    if name == "lofar.h5":
        write_lofar(path, COUNTS[:, :40])
    elif name == "r.event":
        write_lopes(path, COUNTS[:, :40])
    else:
        write(path)
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
    # The structure of a file is at its beginning and at its end.
    places = [*range(min(len(content), 400)), *range(max(len(content) - 400, 0), len(content))]
    for place in rng.choice(places, 150, replace=False):
        damaged = content.copy()
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        error = None
        try:
            load_recording(path, sampling_rate=None if "l" in name[:2] else 200.0).read(0, 50)
        except (ValueError, UserWarning) as raised:
            error = raised
        assert error is None or name in str(error) or "sampling_rate" in str(error)


@pytest.mark.parametrize("name", ["r.npy", "r.npz", "r.h5", "r.event"])
def test_truncated_and_foreign_files(tmp_path, name):
    write(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for damaged in (content[: len(content) // 2], b"something else", b""):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{name} cannot be read as a \.\w+ recording"):
            load_recording(tmp_path / name, sampling_rate=200.0)


def test_other_errors(tmp_path):
    path = tmp_path / "r.npy"
    np.save(path, COUNTS)
    with pytest.raises(ValueError, match="must be given in MHz"):
        load_recording(path)
    with pytest.raises(ValueError, match=r"antennas must be some of \['0', '1', '2'\]"):
        load_recording(path, sampling_rate=200.0, antennas=["7"])
    with pytest.raises(ValueError, match="n_antennas is for raw data"):
        load_recording(path, sampling_rate=200.0, n_antennas=3)
    with pytest.raises(ValueError, match=r"the ending of path 'r\.csv'"):
        load_recording("r.csv")
    with pytest.raises(FileNotFoundError):
        load_recording("nowhere.npy")
    np.savez(tmp_path / "r.npz", samples=COUNTS, sampling_rate=200.0)
    with pytest.raises(ValueError, match="is 200 MHz, got 180 MHz"):
        load_recording(tmp_path / "r.npz", sampling_rate=180.0)
    (tmp_path / "r.dat").write_bytes(COUNTS.tobytes()[:-2])
    with pytest.raises(ValueError, match="not 3 rows of int16"):
        load_recording(tmp_path / "r.dat", sampling_rate=200.0, n_antennas=3)
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["samples"] = h5py.ExternalLink("other.h5", "samples")
    with pytest.raises(ValueError, match="link to another file"):
        load_recording(tmp_path / "r.h5")


def test_a_file_that_becomes_shorter(tmp_path):
    recording = load_recording(write_lopes(tmp_path / "r.event"))
    content = (tmp_path / "r.event").read_bytes()
    (tmp_path / "r.event").write_bytes(content[:-10])
    with pytest.raises(ValueError, match="became shorter while it was read"):
        recording.read()


# --- checks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[1].fill(3), "antenna 1 constant throughout"),
        (lambda x: np.clip(x, -60, 60, out=x), "antennas 0, 1, 2 clipped"),
        (lambda x: x[2, 7000:9000].fill(0), "antenna 2 without data for a time"),
        (lambda x: x[:1, 50:51].fill(np.nan), "antenna 0 hold NaN"),
    ],
)
def test_bad_antennas_are_named(tmp_path, change, message):
    samples = COUNTS.astype(np.float32)
    change(samples)
    np.save(tmp_path / "r.npy", samples)
    with pytest.raises(ValueError, match=message):
        load_recording(tmp_path / "r.npy", sampling_rate=200.0)
    assert load_recording(tmp_path / "r.npy", sampling_rate=200.0, check=False).shape


# --- recordings ------------------------------------------------------------------------------


def test_scale_times_and_parts():
    recording = Recording(COUNTS, 200.0, scale=0.5, start_time=START, positions=np.eye(3))
    np.testing.assert_array_equal(recording.read(), COUNTS / 2)
    np.testing.assert_array_equal(np.asarray(recording), COUNTS / 2)
    part = recording[1:, 4000:]
    assert part.first_time == 20.0
    assert part.time_of(200) == 21.0
    assert part.absolute(20.0) == START + np.timedelta64(20, "us")
    np.testing.assert_array_equal(part.positions, np.eye(3)[1:])
    np.testing.assert_array_equal(part.between(25.0, 26.0).read(), COUNTS[1:, 5000:5200] / 2)
    assert copy.deepcopy(recording) is recording
    first, second = recording.split((0.25, 0.75))
    assert (first.shape[1], second.shape[1], second.first_time) == (5000, 15_000, 25.0)
    assert np.isnat(Recording(COUNTS, 200.0).absolute(3.0))


def test_bad_recordings():
    with pytest.raises(ValueError, match=r"samples must be of shape \(n_antennas, n_times\)"):
        Recording(COUNTS[0], 200.0)
    with pytest.raises(ValueError, match="antennas must be 3 different names"):
        Recording(COUNTS, 200.0, antennas=["a", "a", "b"])
    with pytest.raises(ValueError, match="positions must be finite"):
        Recording(COUNTS, 200.0, positions=np.eye(2))
    with pytest.raises(ValueError, match="shares must sum to at most 1"):
        Recording(COUNTS, 200.0).split((0.5, 0.6))
    with pytest.raises(ValueError, match="high must be above low"):
        Recording(COUNTS, 200.0).between(5.0, 5.0)
    with pytest.raises(IndexError, match="times must be a range"):
        Recording(COUNTS, 200.0)[:, ::2]


# --- filters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "zone", "band", "new_rate"),
    [(200.0, 1, (30, 80), None), (200.0, 1, (30, 80), 180.0), (80.0, 2, (43, 74), None),
     (80.0, 2, (43, 74), 180.0), (200.0, 1, (30, 60), 125.0), (100.0, 3, (105, 140), None)],
)  # fmt: skip
def test_pieces_equal_the_whole(rate, zone, band, new_rate):
    source = Recording(COUNTS, rate, nyquist_zone=zone)
    recording = source.band_pass(*band, sampling_rate=new_rate)
    whole = recording.read()
    assert whole.shape == recording.shape
    pieces = np.concatenate(list(recording.pieces(777)), axis=1)
    np.testing.assert_allclose(pieces, whole, atol=1e-5 * whole.std())
    # So does a part of the source, where it is complete.
    part = source[:, 5000:9000].band_pass(*band, sampling_rate=new_rate)
    shift = (part.first_time - recording.first_time) * recording.sampling_rate
    if abs(shift - round(shift)) < 1e-6:
        same = whole[:, round(shift) :][:, : part.shape[1]]
        np.testing.assert_allclose(part.read(), same, atol=1e-5 * whole.std())


@pytest.mark.parametrize(
    ("rate", "zone", "frequency", "new_rate"),
    [
        (200.0, 1, 50.3, 180.0),
        (200.0, 1, 50.3, None),
        (80.0, 2, 50.3, None),
        (80.0, 2, 50.3, 180.0),
    ],
)
def test_waves_keep_frequency_phase_and_amplitude(rate, zone, frequency, new_rate):
    """A wave in the band, sampled below its Nyquist rate or not, and one outside the band."""
    outside = 30.0 if zone == 1 else 78.0
    time = np.arange(30_000) / rate
    wave = np.cos(2 * np.pi * frequency * time + 0.3) + 30 * np.cos(2 * np.pi * outside * time)
    recording = Recording(wave[None], rate, nyquist_zone=zone)
    filtered = recording.band_pass(43.0, 74.0, sampling_rate=new_rate)
    time = filtered.time_of(np.arange(filtered.shape[1]))
    expected = np.cos(2 * np.pi * frequency * time + 0.3)
    # 100 dB of 30, and the ripple in the band of the same size.
    np.testing.assert_allclose(filtered.read()[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 80, "high": 30}, "high must be above low"),
        ({"low": 30, "high": 99.5}, "within the recorded band, 0 to 100 MHz"),
        ({"low": 30, "high": 80, "sampling_rate": 150.0}, "at least 162 MHz"),
        ({"low": 30, "high": 80, "sampling_rate": 200 * np.pi}, "ratio of integers"),
        ({"low": 30, "high": 80, "edge_width": 0.05}, "as many as the filter"),
    ],
)
def test_bands_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Recording(COUNTS, 200.0).band_pass(**options)


# --- measured files --------------------------------------------------------------------------


def test_measured_lopes_recording(lopes_path):
    recording = load_recording(lopes_path)
    assert recording.shape == (8, 65_536)
    assert recording.start_time == np.datetime64("2004-01-12T00:28:11.576589200")
    band = recording.band_pass(43.0, 74.0)
    assert band.sampling_rate == 160.0
    spectrum = np.abs(np.fft.rfft(band.read(), axis=1)) ** 2
    inside = slice(*np.array([45, 72]) * spectrum.shape[1] // 80)
    assert (spectrum[:, inside].sum(axis=1) > 0.95 * spectrum.sum(axis=1)).all()


def test_measured_lofar_recording(lofar_path):
    recording = load_recording(lofar_path)
    assert (recording.shape, recording.sampling_rate) == ((1, 2_048_000), 200.0)
    power = recording[:, :200_000].read().var()
    band = recording[:, :200_000].band_pass(30.0, 80.0, sampling_rate=180.0)
    # 99.9 % of the power is short wave, below the band.
    assert 0 < band.read().var() < 2e-3 * power
    assert os.path.getsize(lofar_path) > 4e6
