"""Each of several processes uses its share of the cores."""

import os
import subprocess
import sys

import joblib
import pytest
from helpers import tiny

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_workers")]

N_JOBS = 2


def _fit_and_tell_threads(X, y):
    """Fit; return the numbers of threads of TensorFlow and the id of the process."""
    tiny(epochs=1).fit(X, y)
    import tensorflow as tf

    threads = tf.config.threading
    intra, inter = (
        threads.get_intra_op_parallelism_threads(),
        threads.get_inter_op_parallelism_threads(),
    )
    return intra, inter, os.getpid()


@pytest.mark.parametrize("inner", [None, 1, 3])
def test_every_worker_has_its_share_of_the_cores(easy_traces, monkeypatch, inner):
    """The share is joblib's, or what its user sets, at most one thread per core."""
    for name in ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.delenv(name, raising=False)
    X, y = easy_traces
    with joblib.parallel_config("loky", n_jobs=N_JOBS, inner_max_num_threads=inner):
        told = joblib.Parallel()(
            joblib.delayed(_fit_and_tell_threads)(X[:64], y[:64]) for _ in range(N_JOBS)
        )
    expected = min(inner, joblib.cpu_count()) if inner else max(joblib.cpu_count() // N_JOBS, 1)
    for intra, inter, process in told:
        assert process != os.getpid()
        assert (intra, inter) == (expected, expected)


def test_a_single_process_has_the_cores_that_it_may_use():
    """`LOKY_MAX_CPU_COUNT` stands for the limit of a container."""
    code = (
        "import numpy as np, joblib\n"
        "from sklearn_aera.neural_network import RecurrentClassifier\n"
        "X = np.random.default_rng(0).normal(size=(20, 24))\n"
        "RecurrentClassifier(n_filters=0, epochs=1).fit(X, np.arange(20) % 2)\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), joblib.cpu_count())\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment["LOKY_MAX_CPU_COUNT"] = "1"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.split() == ["1", "1"]
