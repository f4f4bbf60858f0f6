"""Atomic writing of files."""

import os
import secrets
from contextlib import contextmanager


def check_new(path, overwrite):
    """Raise FileExistsError if ``path`` exists, unless ``overwrite`` is True."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"path: {path} exists; overwrite=True replaces it")


@contextmanager
def written_whole(path):
    """Provide a temporary path in the same folder, and rename it to ``path`` on success.

    An error leaves an existing file as it was, and names ``path``. The permissions are those of a
    new file or of the file that is replaced.
    """
    # The length of a name is limited: to 255 bytes on most systems.
    temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(8)}{path.suffix}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        if str(error.filename) == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)
