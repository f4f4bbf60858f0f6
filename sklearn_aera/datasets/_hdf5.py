"""Open HDF5 files safely."""

import errno
import math
import os
from contextlib import contextmanager

from sklearn_aera._files import check_declared, check_readable


@contextmanager
def open_hdf5(path, mode="r"):
    """Open an HDF5 file; raises ValueError if it refers to other files."""
    import h5py

    check_readable(path)
    try:
        file = h5py.File(path, mode)
    except BlockingIOError as error:
        message = "another program has this file open"
        raise BlockingIOError(error.errno, message, str(path)) from error
    with file:
        _check_references(file, h5py)
        yield file


def _check_references(file, h5py):
    groups, seen = [file], set()
    while groups:
        group = groups.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise ValueError(f"{name!r} is a link to another file")
            if isinstance(link, h5py.SoftLink):  # To an object that is found by another name.
                continue
            item = group[name]
            if isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
                raise ValueError(f"the data of {name!r} are in other files")
            address = h5py.h5o.get_info(item.id).addr
            if isinstance(item, h5py.Group) and address not in seen:
                seen.add(address)
                groups.append(item)


def check_stored(dataset, path):
    """Raise ValueError unless all values of a data set are in the file."""
    if dataset.chunks is None:
        complete = dataset.id.get_storage_size() >= dataset.nbytes
    else:
        sizes = zip(dataset.shape, dataset.chunks, strict=True)
        n_chunks = math.prod(-(-size // chunk) for size, chunk in sizes)
        complete = dataset.id.get_num_chunks() >= n_chunks
    if not complete:
        raise ValueError(f"values of {dataset.name!r} are missing")
    check_declared(path, dataset.nbytes)


def reserve_space(path, n_bytes):
    """Allocate the space of a file, so that a full disk is noticed before data are written.

    HDF5 can crash when it cannot write. File systems that cannot allocate are left alone.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        with open(path, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
