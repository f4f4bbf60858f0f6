"""Data sets larger than memory: written by several workers, resumed, read in pieces."""

import json
import os
import signal
import sys

import h5py
import numpy as np
import pytest
from helpers import child_process

from sklearn_aera.datasets import load_traces, make_traces, save_traces, simulate_to_file
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

OPTIONS = {"simulator": TraceSimulator(n_samples=50), "arrival_time": (0.1, 0.2), "snr": 2.0}
OPTIONS |= {"random_state": 3, "first_event_id": 7}
WHOLE = make_traces(130, **OPTIONS)


def assert_same(data, expected=WHOLE):
    # Chunks of other lengths differ by float32 round-off of traces of about 0.1 mV.
    np.testing.assert_allclose(data.traces, expected.traces, atol=1e-6)
    for name in ("signals", "events", "y"):
        np.testing.assert_allclose(data[name], expected[name], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "n_jobs", "chunk_size"),
    [("data.hdf5", 1, 1000), ("data.h5", 1, 40), ("data.h5", 2, 25)],
)
def test_file_holds_the_same_data(tmp_path, name, n_jobs, chunk_size):
    simulate_to_file(tmp_path / name, 130, n_jobs=n_jobs, chunk_size=chunk_size, **OPTIONS)
    data = load_traces(tmp_path / name)
    assert_same(data)
    assert data.sampling_rate == 180.0
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".csv", ""])
def test_other_formats_are_refused_with_the_way_to_convert(tmp_path, suffix):
    message = (
        f"ending of path 'data{suffix}' must be .* convert .* with load_traces and save_traces"
    )
    with pytest.raises(ValueError, match=message):
        simulate_to_file(tmp_path / f"data{suffix}", 10)
    assert list(tmp_path.iterdir()) == []


def test_hdf5_says_how_it_was_made(tmp_path):
    simulate_to_file(tmp_path / "data.h5", 10, **OPTIONS)
    with h5py.File(tmp_path / "data.h5") as file:
        parameters = json.loads(file.attrs["parameters"])
        assert parameters["random_state"] == 3
        assert parameters["snr"] == 2.0
        assert "'n_samples': 50" in parameters["simulator"]
        assert file["traces"].attrs["unit"] == "mV"


def test_progress(tmp_path):
    seen = []
    path = tmp_path / "data.h5"
    simulate_to_file(path, 130, chunk_size=50, on_progress=seen.append, **OPTIONS)
    assert seen == [50, 100, 130]


class StoppedError(Exception):
    pass


def interrupt_at(n_done):
    def on_progress(number):
        if number >= n_done:
            raise StoppedError

    return on_progress


def test_interrupted_and_resumed(tmp_path):
    path = tmp_path / "data.h5"
    with pytest.raises(StoppedError):
        simulate_to_file(path, 130, chunk_size=30, on_progress=interrupt_at(60), **OPTIONS)
    assert [p.name for p in tmp_path.iterdir()] == ["data.h5.part"]
    with pytest.raises(FileExistsError, match="resume=True continues it"):
        simulate_to_file(path, 130, **OPTIONS)
    seen = []
    simulate_to_file(path, 130, chunk_size=40, resume=True, on_progress=seen.append, **OPTIONS)
    assert seen == [100, 130]  # From 60 on, in pieces of another size.
    assert_same(load_traces(path))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_events": 131}, "n_events: .* was begun with 130 and cannot be continued with 131"),
        ({"snr": 3.0}, "snr: .* was begun with 2.0"),
        ({"random_state": 4}, "random_state: .* was begun with 3"),
        ({"simulator": TraceSimulator(n_samples=50, n_bits=12)}, "simulator: .* was begun with"),
        (
            {"simulator": TraceSimulator(n_samples=50, noise=AntennaNoise(rms=0.2))},
            "simulator: .* was begun with",
        ),
    ],
)
def test_resuming_with_other_parameters(tmp_path, changes, message):
    path = tmp_path / "data.h5"
    with pytest.raises(StoppedError):
        simulate_to_file(path, 130, chunk_size=30, on_progress=interrupt_at(30), **OPTIONS)
    before = (tmp_path / "data.h5.part").read_bytes()
    with pytest.raises(ValueError, match=message):
        simulate_to_file(path, resume=True, **({"n_events": 130} | OPTIONS | changes))
    assert (tmp_path / "data.h5.part").read_bytes() == before


def test_seed_of_an_unfinished_file_is_kept(tmp_path):
    path, options = tmp_path / "data.h5", OPTIONS | {"random_state": None}
    with pytest.raises(StoppedError):
        simulate_to_file(path, 60, chunk_size=30, on_progress=interrupt_at(30), **options)
    with h5py.File(tmp_path / "data.h5.part") as file:
        seed = json.loads(file.attrs["parameters"])["random_state"]
    simulate_to_file(path, 60, resume=True, **options)
    assert_same(load_traces(path), make_traces(60, **options | {"random_state": seed}))


def test_something_else_under_the_name_of_an_unfinished_file(tmp_path):
    (tmp_path / "data.h5.part").write_bytes(b"my only copy")
    with pytest.raises(ValueError, match="cannot be read as an unfinished file of traces"):
        simulate_to_file(tmp_path / "data.h5", 10, resume=True)
    assert (tmp_path / "data.h5.part").read_bytes() == b"my only copy"


def test_completed_file_can_be_resumed(tmp_path):
    path, part = tmp_path / "data.h5", tmp_path / "data.h5.part"
    simulate_to_file(path, 10, **OPTIONS)
    part.write_bytes(path.read_bytes())
    before = path.read_bytes()
    simulate_to_file(path, 10, resume=True, **OPTIONS)
    assert path.read_bytes() == before
    assert not part.exists()
    with pytest.raises(FileExistsError, match="overwrite=True replaces it"):
        simulate_to_file(path, 11, resume=True, **OPTIONS)


def test_parameters_are_checked_before_a_file_is_made(tmp_path):
    with pytest.raises(ValueError, match="n_jobs == 0"):
        simulate_to_file(tmp_path / "data.h5", 10, n_jobs=0)
    with pytest.raises(TypeError, match="simulator must"):
        simulate_to_file(tmp_path / "data.h5", 10, simulator="fast")
    for name, value in (("snr", 2**63), ("spectral_slope", 500), ("arrival_time", (1.0, 5.0))):
        with pytest.raises(ValueError, match=name):
            simulate_to_file(tmp_path / "data.h5", 10, signal_fraction=0.01, **{name: value})
    assert list(tmp_path.iterdir()) == []


def test_existing_files_stay(tmp_path):
    path = tmp_path / "data.h5"
    save_traces(path, WHOLE.traces[:3])
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True replaces it"):
        simulate_to_file(path, 10, **OPTIONS)
    with pytest.raises(ValueError, match="snr"):
        simulate_to_file(path, 10, overwrite=True, **(OPTIONS | {"snr": -1.0}))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["data.h5"]
    simulate_to_file(path, 10, overwrite=True, **OPTIONS)
    assert len(load_traces(path).traces) == 10


PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # It is ignored in background jobs.
from sklearn_aera.datasets import simulate_to_file
simulate_to_file(sys.argv[1], 10**5, chunk_size=500, random_state=0, n_jobs=int(sys.argv[2]),
                 on_progress=lambda n: print(n, flush=True))
"""


@pytest.mark.parametrize(("number", "n_jobs"), [("SIGKILL", 1), ("SIGINT", 1), ("SIGINT", 2)])
def test_stopped_process_can_be_resumed(tmp_path, number, n_jobs):
    path = tmp_path / "data.h5"
    with child_process(sys.executable, "-c", PROGRAM, str(path), str(n_jobs)) as process:
        written = [int(process.stdout.readline()) for _ in range(3)]
        process.send_signal(getattr(signal, number))
        process.communicate(timeout=60)
    # Threads that still compute can abort a program that ends.
    assert process.returncode in (1, -signal.SIGABRT, -getattr(signal, number))
    assert not path.exists()
    with h5py.File(tmp_path / "data.h5.part") as file:
        done = int(np.isfinite(file["events"][:, 0]).sum())
        assert done >= written[-1]
        traces = file["traces"][: written[-1]]
    np.testing.assert_allclose(traces, make_traces(written[-1], random_state=0).traces, atol=1e-6)
    seen = []

    def stop_soon(n_done):
        seen.append(n_done)
        raise StoppedError

    with pytest.raises(StoppedError):
        simulate_to_file(
            path, 10**5, chunk_size=500, random_state=0, resume=True, on_progress=stop_soon
        )
    assert seen == [done + 500]
    os.remove(tmp_path / "data.h5.part")


# --- Reading in pieces ----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".npy"])
@pytest.mark.parametrize("chunk_size", [1, 50, 130, 1000])
def test_pieces_are_the_same_data(tmp_path, suffix, chunk_size):
    path = tmp_path / f"data{suffix}"
    more = {} if suffix == ".npy" else {"signals": WHOLE.signals, "events": WHOLE.events}
    save_traces(path, WHOLE.traces, **more)
    pieces = list(load_traces(path, chunk_size=chunk_size))
    assert max(len(piece.traces) for piece in pieces) == min(chunk_size, 130)
    for name in ("traces", *more, *(["y"] if more else [])):
        joined = np.concatenate([piece[name] for piece in pieces])
        np.testing.assert_array_equal(joined, WHOLE[name])


def test_compressed_npz_in_pieces(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", traces=WHOLE.traces, signals=WHOLE.signals)
    pieces = load_traces(tmp_path / "data.npz", chunk_size=33)
    np.testing.assert_array_equal(np.concatenate([p.traces for p in pieces]), WHOLE.traces)


def test_layout_is_looked_at_before_the_first_piece(tmp_path):
    np.savez(tmp_path / "data.npz", X=WHOLE.traces)
    with pytest.raises(ValueError, match="it has no array 'traces'"):
        load_traces(tmp_path / "data.npz", chunk_size=10)
    with pytest.raises(ValueError, match="chunk_size == 0, must be >= 1"):
        load_traces(tmp_path / "data.npz", chunk_size=0)


def test_values_are_looked_at_piece_by_piece(tmp_path):
    traces = WHOLE.traces.copy()
    traces[100, 3] = np.nan
    np.save(tmp_path / "data.npy", traces)
    pieces = load_traces(tmp_path / "data.npy", chunk_size=60)
    assert len(next(pieces).traces) == 60
    with pytest.raises(ValueError, match=r"data\.npy: Input traces contains NaN"):
        next(pieces)


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".npy"])
def test_truncated_files_in_pieces(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    save_traces(path, WHOLE.traces)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ValueError, match=f"cannot be read as a {suffix} file of traces"):
        load_traces(path, chunk_size=10)


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".npy"])
def test_files_that_become_shorter(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    save_traces(path, np.tile(WHOLE.traces, (100, 1)))
    pieces = load_traces(path, chunk_size=2000)
    next(pieces)
    os.truncate(path, 1_000_000)
    with pytest.raises(ValueError, match=f"cannot be read as a {suffix} file of traces"):
        list(pieces)


def test_training_from_a_file_piece_by_piece(tmp_path):
    simulate_to_file(tmp_path / "data.h5", 200, **OPTIONS)
    options = {"hidden_size": 2, "n_filters": 2, "batch_size": 50, "random_state": 0}
    from_file, in_memory = RecurrentClassifier(**options), RecurrentClassifier(**options)
    data = make_traces(200, **OPTIONS)
    normalize = StdNormalizer().fit(data.traces)
    for chunk in load_traces(tmp_path / "data.h5", chunk_size=100):
        from_file.partial_fit(normalize.transform(chunk.traces), chunk.y, classes=[0, 1])
    for rows in (slice(100), slice(100, None)):
        X, y = normalize.transform(data.traces[rows]), data.y[rows]
        in_memory.partial_fit(X, y, classes=[0, 1])
    for one, other in zip(from_file.weights_, in_memory.weights_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_files_of_others_stay(tmp_path):
    path = tmp_path / "data.h5"
    with pytest.raises(FileExistsError, match="exists; overwrite=True replaces it"):
        simulate_to_file(path, 130, on_progress=lambda done: path.write_text("other"), **OPTIONS)
    assert path.read_text() == "other"
    path.unlink()
    simulate_to_file(path, 130, resume=True, **OPTIONS)
    assert_same(load_traces(path))
