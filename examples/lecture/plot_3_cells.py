"""
What the three recurrent cells remember
=======================================

The outputs of a simple RNN, an LSTM and a GRU while they read the same trace.
"""

# %%
# Each network has one recurrent layer of twelve units. It reads normalised and whitened traces in
# frames of ten samples, and the largest output of each unit decides. The cells differ in the
# update of their state at each step: a simple RNN replaces it, while an LSTM and a GRU can keep it
# by their gates. Gates need weights: an LSTM has four matrices and a GRU three, a simple RNN one.

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
n_traces, n_epochs = (200, 1) if quick else (8000, 30)
train = make_traces(n_traces, snr=(0.5, 5.0), random_state=0)
test = make_traces(n_traces, snr=(0.5, 5.0), first_event_id=10**6, random_state=0)
prepare = make_pipeline(StdNormalizer(), SpectralWhitener()).fit(train.traces, train.y)
options = {"hidden_size": 12, "bidirectional": False, "n_filters": 0, "kernel_size": 10}
options |= {"stride": 10, "learning_rate": 3e-3, "epochs": n_epochs, "random_state": 0}
networks = {}
names = {"simple_rnn": "Simple RNN", "lstm": "LSTM", "gru": "GRU"}
for cell, name in names.items():
    network = RecurrentClassifier(cell=cell, **options)
    networks[name] = network.fit(prepare.transform(train.traces), train.y)
    area = roc_auc_score(test.y, network.decision_function(prepare.transform(test.traces)))
    print(f"{name}: {network.model_.count_params()} parameters, AUC {area:.3f}")

# %%
# `model_` is a Keras model with the fitted weights, so the outputs of its recurrent layer can be
# computed. A strong pulse arrives at the dashed line. Some units respond to it and soon return to
# their behaviour in noise. In cells with gates, other units remember it to the end of the trace.

row = int(np.argmax(test.snr * (np.abs(test.arrival_time - 1.2) < 0.3)))
trace = prepare.transform(test.traces[row : row + 1])
duration = trace.shape[1] / 180
figure, axes = plt.subplots(4, 1, figsize=(6, 7), layout="constrained", sharex=True)
axes[0].plot(np.arange(trace.shape[1]) / 180, trace[0], color="black", linewidth=0.6)
axes[0].set(ylabel="Whitened trace", xlim=(0, duration))
for ax, (name, network) in zip(axes[1:], networks.items(), strict=True):
    model = network.model_
    layer = next(one for one in model.layers if isinstance(one, keras.layers.RNN))
    states = keras.Model(model.input, layer.output).predict(trace, verbose=0)[0]
    image = ax.imshow(
        states.T, extent=(0, duration, 0, 12), aspect="auto", cmap="RdBu", vmin=-1, vmax=1
    )
    ax.set(ylabel="Unit", title=name)
for ax in axes:
    ax.axvline(test.arrival_time[row], color="black", linestyle="--", linewidth=0.8)
axes[-1].set_xlabel("Time / µs")
figure.colorbar(image, ax=axes[1:], label="Output of the unit")
plt.show()
