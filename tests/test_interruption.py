"""Processes that are interrupted or killed leave estimators and files unchanged."""

import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from helpers import child_process

from sklearn_aera.datasets import make_traces
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import SpectralWhitener

# A background job ignores SIGINT, and its children inherit this: the child process sets the
# default handler itself.
PREPARE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import sys
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.exceptions import NotFittedError
from sklearn_aera.neural_network import RecurrentClassifier


class Tells:
    '''Callback that creates a file when the second epoch begins, in any process.'''

    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context): pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 1:
            open(sys.argv[1], "a").close()


rng = np.random.default_rng(0)
X, y = rng.normal(size=(400, 200)).astype("f4"), np.arange(400) % 2
network = RecurrentClassifier(
    cell="simple_rnn", hidden_size=4, n_filters=0, stride=48, epochs=1, random_state=0
)
"""
FIT = """
network.fit(X, y)
before = [weight.copy() for weight in network.weights_]
network.set_params(epochs=100_000).set_callbacks(Tells())
try:
    network.fit(X, y)
except KeyboardInterrupt:
    same = all(map(np.array_equal, network.weights_, before)) and network.n_iter_ == 1
    print("as before" if same else "changed")
"""
SEARCH = """
network.set_callbacks(Tells())
n_jobs = int(sys.argv[2])
search = GridSearchCV(network, {"epochs": [100_000, 200_000]}, cv=2, n_jobs=n_jobs)
try:
    search.fit(X, y)
except KeyboardInterrupt:
    try:
        search.predict(X)
        print("fitted")
    except (NotFittedError, AttributeError):
        print("not fitted", hasattr(search, "cv_results_"))
"""


def interrupted(program, folder, *arguments):
    """Interrupt a program while it trains; return its output and the children still alive.

    The program is killed with its children if it does not react.
    """
    training = folder / "training"
    command = [sys.executable, "-c", PREPARE + program, str(training), *arguments]
    with child_process(*command, seconds=180) as process:
        while not training.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        time.sleep(0.3)  # Training continues.
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
        # joblib's workers end a moment after their parent.
        _, alive = psutil.wait_procs(children, timeout=20)
    assert process.returncode == 0, errors
    return printed, alive


def test_interrupted_fit_leaves_the_fit_of_before(tmp_path):
    printed, _ = interrupted(FIT, tmp_path)
    assert printed == "as before\n"


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupted_search_is_not_fitted(tmp_path, n_jobs):
    printed, alive = interrupted(SEARCH, tmp_path, str(n_jobs))
    assert printed == "not fitted False\n"
    assert not alive


@pytest.mark.slow
def test_a_child_that_does_not_react_is_killed_with_its_children():
    """This is how the tests above end if the program does not react."""
    program = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(command)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    started = time.monotonic()
    with child_process(sys.executable, "-c", program, seconds=5) as process:
        grandchild = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 60
    psutil.wait_procs([grandchild], timeout=20)
    assert not grandchild.is_running()


def test_killed_while_a_model_is_written(tmp_path):
    """If the process dies while it writes, the previous file is intact."""
    data, path = make_traces(40, random_state=0), tmp_path / "model.skops"
    whitener = SpectralWhitener().fit(data.traces, data.y)
    save_model(whitener, path)
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
save_model(model, sys.argv[1], overwrite=True)
"""
    command = [sys.executable, "-c", program, str(path)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert path.read_bytes() == before
    again, here = load_model(path).transform(data.traces), whitener.transform(data.traces)
    np.testing.assert_array_equal(again, here)
    # What was begun has another name, and the next writer removes it.
    [begun] = [file for file in tmp_path.iterdir() if file != path]
    assert begun.name.startswith(".")
    save_model(whitener, path, overwrite=True)
    assert list(tmp_path.iterdir()) == [path]
