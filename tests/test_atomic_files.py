"""Files are written whole or not at all, whatever interrupts the writer."""

import os
import subprocess
import sys

import numpy as np
import pytest

from sklearn_aera._files import reserved, written_whole
from sklearn_aera.datasets import load_traces, save_traces


def names(folder):
    return sorted(path.name for path in folder.iterdir())


WRITE = {
    "npz": "save_traces('data.npz', traces)",
    "npy": "save_traces('data.npy', traces)",
    "h5": "save_traces('data.h5', traces)",
    "simulation": "simulate_to_file('data.h5', 5000)",
    "skops": "save_model(StdNormalizer(per='dataset').fit(traces), 'data.skops')",
    "joblib": "save_model(StdNormalizer(per='dataset').fit(traces), 'data.joblib')",
}


@pytest.mark.parametrize("writer", WRITE)
def test_full_disk(tmp_path, writer):
    """A limit of the size of files acts as a full disk."""
    limit = 100 if writer in ("skops", "joblib") else 1_000_000
    program = f"""
import resource
import numpy as np
from sklearn_aera.datasets import save_traces, simulate_to_file
from sklearn_aera.persistence import save_model
from sklearn_aera.preprocessing import StdNormalizer
traces = np.random.default_rng(0).normal(size=(2000, 500))
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    {WRITE[writer]}
except OSError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "'data." in run.stdout
    assert run.stderr == ""
    assert names(tmp_path) == []


def write_late(path, context):
    with context as temporary:
        temporary.write_text("mine")
        with written_whole(path) as other:
            other.write_text("theirs")


def test_second_writer_of_a_new_file(tmp_path):
    path = tmp_path / "data.txt"
    with pytest.raises(FileExistsError, match=r"data\.txt exists; overwrite=True"):
        write_late(path, written_whole(path))
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["data.txt"]


def write_both(first, second):
    with reserved([first, second]) as temporaries:
        for number, temporary in enumerate(temporaries):
            temporary.write_text(str(number))
        first.write_text("theirs")


def test_results_of_long_work_are_kept(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    with pytest.raises(FileExistsError, match=r"a\.txt was created .* the result is in .*a-2\.txt"):
        write_both(first, second)
    assert {name: (tmp_path / name).read_text() for name in names(tmp_path)} == {
        "a.txt": "theirs",
        "a-2.txt": "0",
        "b.txt": "1",
    }


@pytest.mark.parametrize("target", ["target.npy", "link.npy"])
def test_dangling_links_and_loops(tmp_path, target):
    link = tmp_path / "link.npy"
    link.symlink_to(target)
    with pytest.raises(FileExistsError, match=r"link\.npy exists"):
        save_traces(link, np.zeros((2, 3)))
    if target == "link.npy":
        with pytest.raises(OSError, match=r"link\.npy"):
            save_traces(link, np.zeros((2, 3)), overwrite=True)
    else:
        save_traces(link, np.zeros((2, 3)), overwrite=True)
        assert load_traces(tmp_path / target).traces.shape == (2, 3)
    assert link.is_symlink()
    assert len(names(tmp_path)) == 1 + (target != "link.npy")


def test_other_things_than_files_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.npy").mkdir()
    for name in ("pipe.npy", "folder.npy"):
        with pytest.raises(ValueError, match=f"{name} is not a regular file"):
            save_traces(tmp_path / name, np.zeros((2, 3)), overwrite=True)


def test_abandoned_files_are_removed(tmp_path):
    """Of files that a killed process left, but not of those that another one writes."""
    path = tmp_path / "data.txt"
    (tmp_path / f".data-{'0' * 16}.txt").write_text("half")
    (tmp_path / f".other-{'0' * 16}.txt").write_text("half")
    with written_whole(path) as first:
        with written_whole(path) as second:
            second.write_text("whole")
        assert first.exists()
        path.unlink()
    assert names(tmp_path) == [f".other-{'0' * 16}.txt", "data.txt"]


@pytest.mark.parametrize("name", ["x" * 246 + ".npy", "\udcff.npy", "é" * 120 + ".npy"])
def test_names(tmp_path, name):
    save_traces(tmp_path / name, np.zeros((2, 3)))
    assert load_traces(tmp_path / name).traces.shape == (2, 3)


def test_missing_folder_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no/data\.npy.$"):
        save_traces(tmp_path / "no" / "data.npy", np.zeros((2, 3)))
