"""
A search on a Dask cluster
==========================

`GridSearchCV` runs on the workers of a Dask cluster, which simulate their traces themselves.

Here the workers are two processes of this machine; on a cluster, give the address of its scheduler:
``Client("scheduler:8786")``. Workers only need the package: events are numbers in a table, and each
worker simulates the traces of its fits. The data of the search are sent to the workers once
(``scatter``). If a worker dies, Dask repeats its fits on another one and starts a new worker; the
scores of the search are the same. ``python examples/search_on_a_cluster.py`` takes a minute on two
cores.
"""

import os

import joblib
from dask.distributed import Client, LocalCluster
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_events, make_traces
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import TraceSimulator

QUICK = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
N_EVENTS, N_TEST, EPOCHS = (200, 400, 1) if QUICK else (3000, 10_000, 5)
GRID = {
    "recurrentclassifier__cell": ["simple_rnn", "gru"] if QUICK else ["simple_rnn", "lstm", "gru"],
    "recurrentclassifier__bidirectional": [True] if QUICK else [False, True],
}


def main():
    events, y = make_events(N_EVENTS, snr=(0.5, 5.0), random_state=0)
    network = RecurrentClassifier(
        hidden_size=24,
        n_filters=16,
        kernel_size=40,
        stride=8,
        learning_rate=3e-3,
        epochs=EPOCHS,
        random_state=0,
    )
    pipeline = make_pipeline(TraceSimulator(random_state=0), StdNormalizer(), network)
    search = GridSearchCV(pipeline, GRID, scoring="roc_auc", cv=3)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config("dask", scatter=[events, y]),
    ):
        search.fit(events, y)
    results = search.cv_results_
    for rank, row in enumerate(results["rank_test_score"].argsort(), 1):
        params = {name.split("__")[1]: value for name, value in results["params"][row].items()}
        mean, std = results["mean_test_score"][row], results["std_test_score"][row]
        print(f"{rank}. {params}: AUC {mean:.3f} ± {std:.3f}")
    detector = search.best_estimator_[1:]
    test = make_traces(N_TEST, first_event_id=1_000_000, random_state=0)
    area = roc_auc_score(test.y, detector.decision_function(test.traces))
    print(f"The best of these on test traces: AUC {area:.3f}")


if __name__ == "__main__":  # Worker processes import this file.
    main()
