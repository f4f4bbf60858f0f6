"""
Which recurrent network? A search over cell, size and direction
===============================================================

`GridSearchCV` compares twelve recurrent networks in the recommended pipeline, once behind filters
of the recommended lengths and once behind short ones.
"""

# %%
# In a whitened trace a pulse is a short oscillation that rings before and after its peak. The band
# has sharp edges and zero phase, so the ringing is equally long on both sides. The recommended
# detector has two convolutions, so lengths and steps of their filters are tuples. With filters of
# 32 samples and then 8 steps of two samples, an output covers 46 samples (0.26 us): the peak and
# the first ringing. With filters of 6 samples and then 2 steps it covers 8 samples, the peak alone,
# and the rest is left to the recurrent layer.

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import SearchDisplay
from sklearn_aera.neural_network import make_detector

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_traces, epochs = (120, 1) if quick else (3000, 15)
data = make_traces(n_traces, snr=2.0, random_state=0)
grid = {
    "classify__cell": ["simple_rnn", "lstm", "gru"],
    "classify__hidden_size": [4] if quick else [8, 24],
    "classify__bidirectional": [False, True],
}

# %%
# Twelve networks for the filters of either length, three folds each. They learn from the true
# signals too: the search divides ``signals`` into folds as it does the traces. The scores are areas
# under the ROC curve (AUC) on the traces of the fold that is left out, with their standard
# deviations over the folds.

for length, kernel_size in {"46": (32, 8), "8": (6, 2)}.items():
    detector = make_detector(epochs=epochs, random_state=0)
    detector.set_params(classify__kernel_size=kernel_size, classify__n_filters=(16, 32))
    search = GridSearchCV(detector, grid, scoring="roc_auc", cv=3, n_jobs=2, refit=False)
    search.fit(data.traces, data.y, signals=data.signals)
    name = f"AUC, filters cover {length} samples"
    shown = SearchDisplay.from_search(search, score_name=name)
    one, both = shown.scores
    print(f"{name}: the second direction adds {np.mean(both - one):+.4f}")
plt.show()

# %%
# The printed numbers are means over cells and hidden sizes. Behind short filters the second
# direction helps: the network gives a logit for each arrival time, and a forward layer has not yet
# read the ringing after a pulse when it arrives. The recommended filters cover this ringing
# themselves, and the second direction adds little.
