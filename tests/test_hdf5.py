"""HDF5 files that refer to other files are refused by every reader."""

import fcntl
import os

import h5py
import numpy as np
import pytest

from sklearn_aera.datasets import load_coreas, load_traces, simulate_to_file

READERS = {
    "traces": lambda path: load_traces(path),
    "pieces": lambda path: list(load_traces(path, chunk_size=1)),
    "coreas": lambda path: load_coreas(path),
    "resume": lambda path: simulate_to_file(path, 5, resume=True),
}


def external_data(file, name):
    file.create_dataset(name, (4, 10), "u1", external=[("secret", 0, 40)])


def external_link(file, name):
    file[name] = h5py.ExternalLink("other.h5", "traces")


def soft_link(file, name):
    file["elsewhere"] = h5py.ExternalLink("other.h5", "/")
    file[name] = h5py.SoftLink("/elsewhere/traces")


def virtual(file, name):
    layout = h5py.VirtualLayout((4, 10), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "traces", (4, 10))
    file.create_virtual_dataset(name, layout)


def path_for(reader, folder):
    return folder / ("data.h5.part" if reader == "resume" else "data.h5")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("refer", [external_data, external_link, soft_link, virtual])
def test_other_files(tmp_path, monkeypatch, reader, refer):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(bytes(range(40)))
    with h5py.File("other.h5", "w") as file:
        file["traces"] = np.zeros((4, 10), "f4")
    path = path_for(reader, tmp_path)
    name = {"coreas": "CoREAS/observers/antenna"}.get(reader, "traces")
    with h5py.File(path, "w") as file:
        refer(file, name)
    with pytest.raises(ValueError, match=f"{path} .*(link to another file|in other files)"):
        READERS[reader](tmp_path / "data.h5")


@pytest.mark.parametrize("reader", READERS)
def test_pipes_folders_and_loops(tmp_path, reader):
    path = path_for(reader, tmp_path)
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path} is not a regular file"):
        READERS[reader](tmp_path / "data.h5")
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(OSError, match=f"{path}"):
        READERS[reader](tmp_path / "data.h5")
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"{path}"):
        READERS[reader](tmp_path / "data.h5")


def test_locked_files(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["traces"] = np.zeros((4, 10), "f4")
    with open(tmp_path / "data.h5", "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for reader in ("traces", "coreas"):
            with pytest.raises(BlockingIOError, match=r"another program .*data\.h5"):
                READERS[reader](tmp_path / "data.h5")


def test_links_within_a_file_are_read(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["all/run1"] = np.eye(4, 10, dtype="f4")
        file["traces"] = h5py.SoftLink("/all/run1")
        file["all/itself"] = file["all"]
    np.testing.assert_array_equal(load_traces(tmp_path / "data.h5").traces, np.eye(4, 10))
