"""
One direction or two
====================

The outputs of a bidirectional layer, which reads a trace forwards and backwards in time.
"""

# %%
# A detector has the whole trace, so it may use samples after the pulse as well as before it. A
# bidirectional layer consists of two recurrent layers, each with its own weights: with twelve units
# in each direction it has twice the weights of a single layer.

import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_traces, n_epochs = (200, 1) if quick else (8000, 15)
train = make_traces(n_traces, snr=(0.5, 5.0), random_state=0)
test = make_traces(n_traces, snr=(0.5, 5.0), first_event_id=10**6, random_state=0)
prepare = make_pipeline(StdNormalizer(), SpectralWhitener()).fit(train.traces, train.y)
options = {"cell": "gru", "hidden_size": 12, "n_filters": 0, "kernel_size": 10, "stride": 10}
options |= {"learning_rate": 3e-3, "epochs": n_epochs, "random_state": 0}
networks = {}
for name, bidirectional in {"one direction": False, "both directions": True}.items():
    network = RecurrentClassifier(bidirectional=bidirectional, **options)
    networks[name] = network.fit(prepare.transform(train.traces), train.y)
    area = roc_auc_score(test.y, network.decision_function(prepare.transform(test.traces)))
    print(f"{name}: {network.model_.count_params()} parameters, AUC {area:.3f}")

# %%
# The outputs of the bidirectional layer for a trace with a strong pulse. Units that read forwards
# are quiet before the pulse and can remember it after it (to the right). Units that read backwards
# start at the end of the trace and remember the pulse to the left.

row = int(np.argmax(test.snr * (np.abs(test.arrival_time - 1.2) < 0.3)))
trace = prepare.transform(test.traces[row : row + 1])
model = networks["both directions"].model_
layer = next(one for one in model.layers if isinstance(one, keras.layers.Bidirectional))
states = keras.Model(model.input, layer.output).predict(trace, verbose=0)[0]
duration = trace.shape[1] / 180
figure, axes = plt.subplots(3, 1, figsize=(6, 5.4), layout="constrained", sharex=True)
axes[0].plot(np.arange(trace.shape[1]) / 180, trace[0], color="black", linewidth=0.6)
axes[0].set(ylabel="Whitened trace", xlim=(0, duration))
for ax, units, title in (
    (axes[1], states[:, :12], "Forwards in time"),
    (axes[2], states[:, 12:], "Backwards in time"),
):
    image = ax.imshow(
        units.T, extent=(0, duration, 0, 12), aspect="auto", cmap="RdBu", vmin=-1, vmax=1
    )
    ax.set(ylabel="Unit", title=title)
for ax in axes:
    ax.axvline(test.arrival_time[row], color="black", linestyle="--", linewidth=0.8)
axes[-1].set_xlabel("Time / µs")
figure.colorbar(image, ax=axes[1:], label="Output of the unit")
plt.show()
