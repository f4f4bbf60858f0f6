"""Several processes: each has its share of the cores, and cached steps are fitted once."""

import os
import subprocess
import sys
from functools import wraps

import joblib
import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_aera.datasets import make_events
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import AnalyticPulse, AntennaNoise, BandPass, TraceSimulator

N_JOBS = 2


def tiny(**parameters):
    network = {"cell": "simple_rnn", "hidden_size": 3, "n_filters": 0, "kernel_size": 12}
    training = {"stride": 12, "epochs": 1, "batch_size": 64, "random_state": 0}
    return RecurrentClassifier(**(network | training | parameters))


# --- the cores -------------------------------------------------------------------------------


def _fit_and_tell_threads(X, y):
    """Threads that TensorFlow may use in the process that this runs in, and that process."""
    tiny().fit(X, y)
    import tensorflow as tf

    threads = tf.config.threading
    intra, inter = (
        threads.get_intra_op_parallelism_threads(),
        threads.get_inter_op_parallelism_threads(),
    )
    return intra, inter, os.getpid()


@pytest.mark.parametrize("inner", [None, 1, 3])
def test_every_worker_has_its_share_of_the_cores(easy_traces, monkeypatch, inner):
    """joblib's share, or as many threads as its user wants in each worker."""
    for name in ("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.delenv(name, raising=False)
    X, y = easy_traces
    with joblib.parallel_config("loky", n_jobs=N_JOBS, inner_max_num_threads=inner):
        told = joblib.Parallel()(
            joblib.delayed(_fit_and_tell_threads)(X[:64], y[:64]) for _ in range(N_JOBS)
        )
    expected = inner or max(joblib.cpu_count() // N_JOBS, 1)
    for intra, inter, process in told:
        assert process != os.getpid()
        assert (intra, inter) == (expected, expected)


def test_a_single_process_has_the_cores_that_it_may_use():
    """Also fewer than the machine has: `LOKY_MAX_CPU_COUNT` stands for a container's limit."""
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


# --- the cache -------------------------------------------------------------------------------


def _simulator():
    parts = AnalyticPulse(phase_jitter=20.0), AntennaNoise(carrier_share=0.1), BandPass()
    return TraceSimulator(*parts, n_samples=120, random_state=0)


def _pipeline(memory=None):
    steps = [("simulate", _simulator()), ("normalize", StdNormalizer())]
    steps += [("whiten", SpectralWhitener()), ("classify", tiny())]
    return Pipeline(steps, memory=memory)


@pytest.fixture
def n_fits(monkeypatch):
    """How often each transformer was fitted in this process."""
    counts = {}
    for cls in (TraceSimulator, StdNormalizer, SpectralWhitener):
        counts[cls.__name__] = 0

        def fit(self, X, y=None, *, original=cls.fit):
            counts[type(self).__name__] += 1
            return original(self, X, y)

        monkeypatch.setattr(cls, "fit", wraps(cls.fit)(fit))
    return counts


def test_a_search_fits_cached_steps_once_per_fold(tmp_path, n_fits):
    events = make_events(200, snr=8.0, arrival_time=(0.1, 0.5), random_state=3)
    grid = {"classify__learning_rate": [0.001, 0.01, 0.03]}
    options = {"cv": 2, "scoring": "roc_auc"}
    plain = GridSearchCV(_pipeline(), grid, **options).fit(*events)
    assert set(n_fits.values()) == {3 * 2 + 1}
    n_fits.update(dict.fromkeys(n_fits, 0))
    cached = GridSearchCV(_pipeline(str(tmp_path)), grid, **options).fit(*events)
    assert set(n_fits.values()) == {2 + 1}  # two folds and all events
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(cached.cv_results_[name], plain.cv_results_[name])
    # A search that follows, watched or not, finds them done.
    grid = {"classify__hidden_size": [2, 3]}
    search = GridSearchCV(_pipeline(str(tmp_path)), grid, **options)
    search.set_callbacks(ProgressBar()).fit(*events)
    assert set(n_fits.values()) == {3}
    # Other parameters of a step are another simulation.
    _pipeline(str(tmp_path)).set_params(simulate__noise__carrier_share=0.5).fit(*events)
    assert set(n_fits.values()) == {4}


def test_the_cache_is_found_by_other_processes():
    """What joblib makes of the parameters is the same in every process."""
    steps = [step for _, step in _pipeline().steps]
    code = (
        "import joblib\n"
        "from test_parallel import _pipeline\n"
        "print(*(joblib.hash(step) for _, step in _pipeline().steps))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert printed.stdout.split() == [joblib.hash(step) for step in steps]
