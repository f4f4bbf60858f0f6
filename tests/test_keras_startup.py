"""Networks in forked processes."""

import os
import subprocess
import sys

PROGRAM = """
import os
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


def run(program):
    """What a program prints that imports the tests' helpers."""
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    command = [sys.executable, "-c", PROGRAM + program]
    printed = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout


def test_a_forked_child_is_told_to_start_otherwise():
    assert "networks cannot be used in this process, which was forked" in run(FORK)
