"""Safe reading of files and atomic writing."""

import errno
import glob
import os
import secrets
import stat
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

try:
    import fcntl
except ImportError:  # Without locks, as on Windows, no temporary file is known to be abandoned.
    fcntl = None

# Larger than that of any data set of float32 traces with true signals.
_MAX_COMPRESSION = 100
_FREE_BYTES = 100_000_000


# --- Reading ----------------------------------------------------------------------------------


def as_path(path):
    """Return a path; an empty one, which would stand for the working folder, is refused."""
    if not isinstance(path, str | os.PathLike):
        # It imports scikit-learn, which a program that only applies .onnx models does not need.
        from sklearn_aera._validation import shown

        raise TypeError(f"path must be a string or a path, got {shown(path)}")
    if not os.fspath(path) or "\0" in os.fspath(path):
        raise ValueError(f"path must not be empty or have null characters, got {path!r}")
    return Path(path)


def check_readable(path):
    """Raise an error that names ``path`` unless it is a regular file that can be opened."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"path: there is no file {path}") from None
    if not stat.S_ISREG(mode):  # Opening a named pipe waits for a writer.
        raise ValueError(f"path: {path} is not a regular file")
    with open(path, "rb"):
        pass


def check_pickle(path, allow_pickle):
    """Raise ValueError unless the user allows to load ``path``, which contains pickles."""
    if not allow_pickle:
        raise ValueError(
            f"path: loading {path} runs code that is in the file; allow_pickle=True allows it, "
            "for files from a source that you trust"
        )


def check_declared(path, n_bytes):
    """Raise ValueError if a file declares many times more bytes than it has."""
    if n_bytes > max(_FREE_BYTES, _MAX_COMPRESSION * os.path.getsize(path)):
        raise ValueError(f"it declares {n_bytes:,} bytes, which cannot be in a file of this size")


@contextmanager
def readable(path, kind):
    """Report the errors of a reader as one ValueError that names the file.

    Their types depend on where the file is damaged.
    """
    try:
        yield
    except (ImportError, MemoryError, FileNotFoundError, PermissionError, BlockingIOError):
        raise
    except Exception as error:
        raise ValueError(
            f"path: {path} cannot be read as {kind}, it is damaged or has another layout: {error}"
        ) from error


# --- Writing ----------------------------------------------------------------------------------


def check_new(path, overwrite):
    """Raise FileExistsError if ``path`` exists, unless ``overwrite`` is True."""
    from sklearn_aera._validation import check_flag

    check_flag(overwrite, "overwrite")
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(f"path: {path} exists; overwrite=True replaces it")


@contextmanager
def written_whole(path, overwrite=False):
    """Provide a temporary file in the same folder, and rename it to ``path`` on success.

    An error leaves an existing file as it was, and names ``path``. The permissions are those of a
    new file or of the file that is replaced.
    """
    with _temporary(path, overwrite) as temporary:
        try:
            yield temporary
        except OSError as error:
            if error.filename not in (None, str(temporary)):
                raise
            cause = error.strerror or str(error)
            raise OSError(error.errno or errno.EIO, cause, str(path)) from error
        publish(temporary, path, overwrite)


@contextmanager
def reserved(paths, overwrite=False):
    """Like `written_whole`, for several files that are written after long work.

    If a path was created in the meantime, its file is kept under another name.
    """
    with ExitStack() as stack:
        temporaries = [stack.enter_context(_temporary(path, overwrite)) for path in paths]
        yield temporaries
        kept = []
        for temporary, path in zip(temporaries, paths, strict=True):
            try:
                publish(temporary, path, overwrite)
            except FileExistsError:
                other = _free_name(Path(path))
                temporary.replace(other)
                kept.append(f"{path} was created by another program: the result is in {other}")
        if kept:
            raise FileExistsError(f"path: {'; '.join(kept)}")


def publish(temporary, path, overwrite):
    """Rename a complete file to ``path``, which must be new unless ``overwrite`` is True."""
    target = _target(path, overwrite)
    if target.exists():
        temporary.chmod(target.stat().st_mode & 0o777)
    if not overwrite:
        open(target, "xb").close()
    temporary.replace(target)


def _target(path, overwrite):
    """Return the file to write: if ``path`` is a link, the file to which it leads."""
    check_new(path, overwrite)
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if target.exists() and not target.is_file():
        raise ValueError(f"path: {path} is not a regular file")
    return target


@contextmanager
def _temporary(path, overwrite):
    """Create a temporary file beside ``path``, which is removed at the end."""
    path = Path(path)
    target = _target(path, overwrite)
    # The length of a name is limited: to 255 bytes on most systems.
    start = f".{target.stem[:40]}-"
    _remove_abandoned(target.parent, start, path.suffix)
    temporary = target.with_name(f"{start}{secrets.token_hex(8)}{path.suffix}")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            if fcntl is not None:
                with suppress(OSError):  # Some file systems have no locks.
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield temporary
        finally:
            os.close(descriptor)
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        if str(error.filename) == str(temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _remove_abandoned(folder, start, suffix):
    """Remove temporary files whose process was killed: nobody holds their lock."""
    if fcntl is None:
        return
    random = "[0-9a-f]" * 16
    for file in folder.glob(f"{glob.escape(start)}{random}{glob.escape(suffix)}"):
        with suppress(OSError), open(file, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.unlink()


def _free_name(path):
    for number in count(2):
        name = path.with_name(f"{path.stem[:40]}-{number}{path.suffix}")
        with suppress(FileExistsError):
            open(name, "xb").close()
            break
    return name
