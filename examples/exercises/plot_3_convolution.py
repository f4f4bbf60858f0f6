"""
Exercise 3: a convolutional network
===================================

Classify traces with a convolutional network instead of a recurrent one, and with both: how do
parameters, time and performance compare?
"""

# %%
# `ConvolutionalClassifier` has filters, a logit from them at every step, and keeps the largest
# logit. The convolution may also stand before a recurrent layer: `RecurrentClassifier` has it in
# front by default. All three see traces divided by their standard deviation, and, in the second
# column, whitened too.

import os
import time

import matplotlib.pyplot as plt
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import EfficiencyDisplay
from sklearn_aera.metrics import threshold_at_fpr
from sklearn_aera.neural_network import ConvolutionalClassifier, RecurrentClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_traces, n_epochs = (200, 1) if quick else (6000, 20)
train, validation, test = (
    make_traces(n_traces, snr=(0.5, 5.0), first_event_id=number * 10**6, random_state=0)
    for number in range(3)
)
training = {"epochs": n_epochs, "random_state": 0}
networks = {
    "Bidirectional GRU": RecurrentClassifier(n_filters=0, kernel_size=10, stride=10, **training),
    "Convolution": ConvolutionalClassifier(**training),
    "Convolution and GRU": RecurrentClassifier(stride=8, **training),
}

# %%
# The efficiency is that on test traces at a false-positive rate of 1 %, with thresholds from
# validation traces.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for ax, whiten in zip(axes, (False, True), strict=True):
    steps = [StdNormalizer(), SpectralWhitener()] if whiten else [StdNormalizer()]
    prepared = "whitened" if whiten else "normalised"
    for name, network in networks.items():
        detector = make_pipeline(*steps, network)
        started = time.perf_counter()
        detector.fit(train.traces, train.y)
        seconds = time.perf_counter() - started
        area = roc_auc_score(test.y, detector.decision_function(test.traces))
        n_parameters = network.model_.count_params()
        print(f"{name}, {prepared}: {n_parameters} parameters, {seconds:.0f} s, AUC {area:.3f}")
        threshold = threshold_at_fpr(validation.y, detector.decision_function(validation.traces))
        EfficiencyDisplay.from_estimator(
            detector,
            test.traces,
            test.y,
            test.events[:, 1],
            max_fpr=0.01,
            threshold=threshold,
            name=name,
            ax=ax,
        )
    ax.text(0.97, 0.05, f"Traces {prepared}", ha="right", transform=ax.transAxes)
plt.show()

# %%
# The convolution alone has the fewest parameters, is trained in less than half the time of the
# others, and is no worse than the recurrent network: the filters hold the pulse, and where it is
# does not matter to the largest logit over time. On traces that are only normalised, where the
# network has to get rid of the carriers itself, the recurrent layer behind the convolution helps.
# Whitening helps all of them more than that.
