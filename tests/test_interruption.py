"""Ctrl-C and sudden death of real processes leave estimators and files as they were."""

import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from sklearn_aera.datasets import make_traces
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import SpectralWhitener

PREPARE = """
import sys
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.exceptions import NotFittedError
from sklearn_aera.neural_network import RecurrentClassifier

rng = np.random.default_rng(0)
X, y = rng.normal(size=(400, 200)).astype("f4"), np.arange(400) % 2
network = RecurrentClassifier(hidden_size=4, n_filters=4, epochs=1, random_state=0)
"""
FIT = """
network.fit(X, y)
before = [weight.copy() for weight in network.weights_]
network.set_params(epochs=100_000)
print("ready", flush=True)
try:
    network.fit(X, y)
except KeyboardInterrupt:
    same = all(map(np.array_equal, network.weights_, before)) and network.n_iter_ == 1
    print("as before" if same else "changed")
"""
SEARCH = """
search = GridSearchCV(network, {"epochs": [100_000, 200_000]}, cv=2, n_jobs=int(sys.argv[1]))
print("ready", flush=True)
try:
    search.fit(X, y)
except KeyboardInterrupt:
    try:
        search.predict(X)
        print("fitted")
    except (NotFittedError, AttributeError):
        print("not fitted", hasattr(search, "cv_results_"))
"""


def interrupted(program, *arguments, after):
    """What a program prints that gets Ctrl-C some seconds after it is ready."""
    command = [sys.executable, "-c", PREPARE + program, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    # Workers go with their parent, which joblib gives a moment.
    _, alive = psutil.wait_procs(children, timeout=20)
    return printed, alive


def test_interrupted_fit_leaves_the_fit_of_before():
    printed, _ = interrupted(FIT, after=2)
    assert printed == "as before\n"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupted_search_is_not_fitted(n_jobs):
    printed, alive = interrupted(SEARCH, str(n_jobs), after=4 * n_jobs)
    assert printed == "not fitted False\n"
    assert not alive


def test_killed_while_a_model_is_written(tmp_path):
    """The process dies in the middle of writing: the file of before is whole."""
    data, path = make_traces(40, random_state=0), tmp_path / "model.skops"
    whitener = SpectralWhitener().fit(data.traces, data.y)
    save_model(path, whitener)
    before = path.read_bytes()
    program = """
import os, signal, sys, zipfile
from sklearn_aera.persistence import load_model, save_model

model = load_model(sys.argv[1])
write = zipfile.ZipFile.writestr

def half(self, *args, **options):
    write(self, *args, **options)
    self.fp.flush()
    os.kill(os.getpid(), signal.SIGKILL)

zipfile.ZipFile.writestr = half
save_model(sys.argv[1], model, overwrite=True)
"""
    command = [sys.executable, "-c", program, str(path)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert path.read_bytes() == before
    again, here = load_model(path).transform(data.traces), whitener.transform(data.traces)
    np.testing.assert_array_equal(again, here)
    # What was begun has another name, and is in nobody's way.
    begun = [file for file in tmp_path.iterdir() if file != path]
    assert len(begun) == 1
    assert begun[0].name.startswith(".")
