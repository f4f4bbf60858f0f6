"""TensorFlow is loaded in hostile surroundings, and networks are used in forked processes."""

import os
import subprocess
import sys

import pytest

# No place for temporary files, and a thread that writes lines while TensorFlow is loaded.
HOSTILE = """
import os, sys, tempfile, threading
tempfile.tempdir = os.devnull + "/none"

def write():
    for number in range(100):
        os.write(2, b"line %d\\n" % number)
        done.wait(0.02)

done = threading.Event()
thread = threading.Thread(target=write)
thread.start()
import sklearn_aera.neural_network._keras.pool
done.set()
thread.join()
"""
FIT = """
import numpy as np
from helpers import recurrent

X, y = np.random.default_rng(0).normal(size=(40, 120)).astype("f4"), np.arange(40) % 2
model = recurrent(epochs=1).fit(X, y)
"""
FORK = """
pid = os.fork()
if pid == 0:
    try:
        model.predict(X)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.fixture(scope="module")
def printed():
    """What a program prints that loads TensorFlow, fits a network, and forks."""
    path = [os.path.dirname(__file__), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-W", "error", "-c", HOSTILE + FIT + FORK]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert run.returncode == 0, run.stderr
    return run


def test_no_line_is_lost_and_no_temporary_file_needed(printed):
    lines = [line for line in printed.stderr.splitlines() if line.startswith("line")]
    assert lines == [f"line {number}" for number in range(100)]


def test_a_forked_child_is_told_to_start_otherwise(printed):
    assert "networks cannot be used in this process, which was forked" in printed.stdout
