"""Searches on a Dask cluster give the results of one machine, even if a worker dies."""

import os
import signal
from itertools import chain

import joblib
import numpy as np
import psutil
import pytest
from dask import distributed
from helpers import LOUD, simulating_pipeline, tiny
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from sklearn_aera.datasets import make_events

pytestmark = pytest.mark.slow

N_WORKERS = 2
GRID = {"classify__cell": ["simple_rnn", "gru"], "classify__hidden_size": [2, 3]}
SCORES = {"AUC": "roc_auc", "loss": "neg_log_loss"}
# Arrays of more than a kilobyte, which joblib does not send with each task.
N_EVENTS = 600


def search(cv=2, **options):
    pipeline = simulating_pipeline(tiny(epochs=2))
    return GridSearchCV(pipeline, GRID, cv=cv, scoring=SCORES, refit="AUC", **options)


def _scores(results):
    return {name: value for name, value in results.items() if "_test_" in name}


@pytest.fixture(scope="module")
def events():
    return make_events(N_EVENTS, random_state=3, **LOUD)


@pytest.fixture(scope="module")
def alone(events):
    """The search in this process."""
    return search().fit(*events)


@pytest.fixture(scope="module")
def cluster():
    options = {"n_workers": N_WORKERS, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(processes=True, **options) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(N_WORKERS)
        yield client


def _assert_same(search, alone):
    """Scores, ranks and the best estimator's weights.

    Sums over a batch may be taken in another order where a worker has other threads than this
    process, which moves float32 by its last digits.
    """
    for name, expected in _scores(alone.cv_results_).items():
        np.testing.assert_allclose(search.cv_results_[name], expected, rtol=1e-5, err_msg=name)
    assert search.best_params_ == alone.best_params_
    weights = (found.best_estimator_[-1].weights_ for found in (search, alone))
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_simulator_fills_its_own_arrays(client):
    """Chunks are written in place, which workers in other processes cannot do."""
    events, _ = make_events(2000, arrival_time=(0.1, 0.5), random_state=0)
    simulator = simulating_pipeline(tiny())[0]
    expected = simulator.fit_transform(events)
    with joblib.parallel_config("dask"):
        np.testing.assert_array_equal(simulator.fit_transform(events), expected)


def _fit_and_tell_threads(X, y):
    """Fit; return the numbers of threads of TensorFlow and the id of the process."""
    tiny().fit(X, y)
    import tensorflow as tf

    threads = tf.config.threading
    intra = threads.get_intra_op_parallelism_threads()
    return intra, threads.get_inter_op_parallelism_threads(), os.getpid()


def test_every_worker_has_its_share_of_the_cores(client, easy_traces):
    """Dask gives each thread of a worker one core, however many this process has."""
    X, y = easy_traces
    workers = client.run(os.getpid)
    told = client.run(_fit_and_tell_threads, X[:64], y[:64])
    assert told == {address: (1, 1, process) for address, process in workers.items()}
    assert os.getpid() not in workers.values()


def test_the_search_of_one_machine(client, events, alone):
    with joblib.parallel_config("dask"):
        _assert_same(search().fit(*events), alone)


class KillsAWorker(distributed.SchedulerPlugin):
    """Plugin that kills a busy worker after a number of tasks and records its removal."""

    def __init__(self, scheduler, processes, after):
        self.scheduler, self.processes, self.after = scheduler, processes, after
        self.done, self.unfinished = [], set()
        self.killed = self.missed_after = None

    def transition(self, key, start, finish, *args, **kwargs):
        if "fit_and_score" not in str(key) or (start, finish) != ("processing", "memory"):
            return
        self.done.append(key)
        if len(self.done) == self.after:
            busy = (worker for worker in self.scheduler.workers.values() if worker.processing)
            worker = next(busy)
            self.killed, self.unfinished = worker.address, {task.key for task in worker.processing}
            os.kill(self.processes[self.killed], signal.SIGKILL)

    def remove_worker(self, scheduler, worker, **kwargs):
        if worker == self.killed:
            self.missed_after = len(self.done)


def test_a_worker_dies_in_the_middle_of_a_search(cluster, client, events, alone):
    """Its fits are repeated by other workers, all of which have the data."""
    folds = list(StratifiedKFold(2).split(*events))
    client.amm.stop()
    before = client.run(os.getpid)
    killer = KillsAWorker(cluster.scheduler, before, after=2)
    cluster.scheduler.add_plugin(killer, name="killer")
    try:
        with joblib.parallel_config("dask", scatter=[*events, *chain.from_iterable(folds)]):
            found = search(cv=folds).fit(*events)
    finally:
        cluster.scheduler.remove_plugin(name="killer")
    assert killer.unfinished
    assert killer.unfinished <= set(killer.done[killer.missed_after :])
    _assert_same(found, alone)
    client.wait_for_workers(N_WORKERS)  # Dask's nanny starts another in its place.
    assert not psutil.pid_exists(before[killer.killed])
    assert before.keys() - client.run(os.getpid).keys() == {killer.killed}
