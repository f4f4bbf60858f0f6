"""
Larger searches: halving and Optuna
===================================

Three searches over networks are compared by their result and their cost. A grid search trains every
candidate in full. `HalvingGridSearchCV` trains all of them for a few epochs and continues with the
best third. Optuna draws one candidate after the other, more of them where the scores are good.
"""

# %%
# The whitened traces are the same for all candidates, so the cache of the pipeline keeps them. All
# three searches pass the true signals on to the networks.

import os
import tempfile
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna_integration import OptunaSearchCV
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import make_detector

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_traces, most_epochs = (120, 2) if quick else (2000, 18)
train = make_traces(n_traces, snr=2.0, random_state=0)
test = make_traces(400 if quick else 10_000, snr=2.0, first_event_id=10**6, random_state=0)
cache = tempfile.TemporaryDirectory()
detector = make_detector(epochs=most_epochs, random_state=0, memory=cache.name)
detector.set_params(classify__n_filters=(4, 4) if quick else (16, 32))
grid = {
    "classify__cell": ["simple_rnn", "lstm", "gru"],
    "classify__hidden_size": [2] if quick else [8, 24],
    "classify__bidirectional": [False, True],
}
options = {"scoring": "roc_auc", "cv": 2, "n_jobs": 1}

# %%
# The resource of halving is a parameter of the pipeline: ``classify__epochs``. Optuna also searches
# the learning rate, on a logarithmic scale.

space = {name: CategoricalDistribution(values) for name, values in grid.items()}
space["classify__learning_rate"] = FloatDistribution(1e-3, 1e-2, log=True)
optuna.logging.set_verbosity(optuna.logging.WARNING)
# OptunaSearchCV is experimental, and uses functions that Optuna 6 will remove.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
warnings.filterwarnings("ignore", module="optuna")
searches = {
    "Grid": GridSearchCV(detector, grid, **options),
    "Halving": HalvingGridSearchCV(
        detector,
        grid,
        resource="classify__epochs",
        min_resources=1 if quick else 2,
        max_resources=most_epochs,
        factor=2 if quick else 3,
        **options,
    ),
    "Optuna": OptunaSearchCV(
        detector, space, n_trials=3 if quick else 8, random_state=0, **options
    ),
}

# %%
# The result of a search is the area under the ROC curve (AUC) of its best network on test events.
# Its cost, on any machine, is the number of trained epochs.


def trained_epochs(search):
    """Epochs of all candidates and folds."""
    results = getattr(search, "cv_results_", None)
    if results is None or "n_resources" not in results:
        n_fits = len(search.trials_) if hasattr(search, "trials_") else len(results["params"])
        return n_fits * most_epochs * options["cv"]
    return int(np.sum(results["n_resources"])) * options["cv"]


figure, ax = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
for (name, search), marker in zip(searches.items(), "os^", strict=True):
    started = time.perf_counter()
    search.fit(train.traces, train.y, signals=train.signals)
    seconds = time.perf_counter() - started
    area = roc_auc_score(test.y, search.decision_function(test.traces))
    best = {key.removeprefix("classify__"): value for key, value in search.best_params_.items()}
    print(f"{name}: AUC {area:.4f}, {trained_epochs(search)} epochs, {seconds:.0f} s, {best}")
    ax.plot(trained_epochs(search), area, marker, markersize=8, label=name)
ax.set(xlabel="Epochs trained in the search", ylabel="AUC of the best on test events")
ax.margins(0.2)
ax.grid(alpha=0.3)
ax.legend(frameon=False, fontsize="small")
cache.cleanup()
plt.show()

# %%
# Halving trains little more than a third of the epochs of the grid. It does not always find the
# best candidate of the grid: a network that learns slowly at first may be dropped after two epochs.
# Optuna trains fewer candidates in full than the grid, and only it searches the learning rate.
