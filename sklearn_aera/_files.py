"""Files that are written whole or not at all."""

import os
import secrets
from contextlib import contextmanager


def check_new(path, overwrite):
    """Raise FileExistsError if there is a file already that must not be replaced."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"path: {path} exists; overwrite=True replaces it")


@contextmanager
def written_whole(path):
    """A temporary path in the same folder that becomes ``path`` if nothing goes wrong.

    Its permissions are those of a new file, or of the file that it replaces.
    """
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
