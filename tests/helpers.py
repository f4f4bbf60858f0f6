"""Functions that several test modules share."""

import subprocess
import threading
from contextlib import contextmanager


@contextmanager
def child_process(*command, seconds=120, **options):
    """A running process; it is killed when the test ends or after ``seconds``."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **(pipes | options))
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
