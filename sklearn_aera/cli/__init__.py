"""The command ``sklearn-aera``."""

import os
import signal
import sys

__all__ = ["main"]


def main():
    """Run the command line."""
    _open_streams()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        from sklearn_aera.cli._app import app

        app(prog_name="sklearn-aera")
    except KeyboardInterrupt:  # While modules are imported.
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)


def _open_streams():
    """Replace closed standard streams; other files would get their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        # The names of files and the results need not be in the encoding of the terminal.
        getattr(sys, name).reconfigure(errors="replace")


def _terminate(number, frame):
    """End by an exception, which also ends worker processes and removes temporary files."""
    sys.exit(128 + number)
