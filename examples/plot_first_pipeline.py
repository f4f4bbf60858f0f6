"""
A first pipeline: from events to a detector
===========================================

One scikit-learn pipeline simulates the traces of events, normalises and classifies them. The fitted
detector, which is the pipeline without the simulator, takes the traces of an antenna.
"""

# %%
# An event table has one row per event: its signal-to-noise ratio (SNR), the arrival time of the
# pulse and the slope of its spectrum. Training and test events have different ids, so that they
# share no noise.

import os

import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_events, make_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.inspection import EfficiencyDisplay, TraceDisplay
from sklearn_aera.metrics import operating_point
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import TraceSimulator

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_train, n_test, epochs = (200, 400, 1) if quick else (6000, 10_000, 8)
events, y = make_events(n_train, snr=(0.5, 5.0), random_state=0)

# %%
# The classifier is a bidirectional GRU behind a short convolution. The simulator is the first step
# of the pipeline, so `fit` takes events, not traces. A click on a step shows its parameters, a
# click on a question mark its documentation.

pipeline = make_pipeline(
    TraceSimulator(random_state=0),
    StdNormalizer(),
    RecurrentClassifier(cell="gru", hidden_size=24, stride=8, epochs=epochs, random_state=0),
)
pipeline.fit(events, y)

# %%
# The detector is compared with a threshold on the signal-to-noise ratio. `operating_point` chooses
# the threshold for a false-positive rate (FPR) of 1 % on validation traces, and measures the
# true-positive rate (TPR) on test traces.

detector = pipeline[1:]
validation = make_traces(n_test, first_event_id=1_000_000, random_state=0)
test = make_traces(n_test, first_event_id=2_000_000, random_state=0)
baseline = make_pipeline(SNRCalculator(), LogisticRegression())
baseline.fit(pipeline[:1].transform(events), y)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
row = int(abs(test.snr - 3.0).argmin())
TraceDisplay.from_trace(test.traces[row], signal=test.signals[row], ax=left)
left.set_title(f"A trace at SNR {test.snr[row]:.1f}", fontsize="medium")
left.legend(loc="upper right", fontsize="small")
for name, model in {"SNR threshold": baseline, "Bidirectional GRU": detector}.items():
    on_validation = model.decision_function(validation.traces)
    score = model.decision_function(test.traces)
    point = operating_point(validation.y, on_validation, test.y, score, max_fpr=0.01)
    tpr = point.tpr
    print(
        f"{name}: AUC {roc_auc_score(test.y, score):.3f}, "
        f"TPR at FPR 1 % {tpr.value:.3f} (68 % interval {tpr.low:.3f} to {tpr.high:.3f})"
    )
    EfficiencyDisplay.from_predictions(
        test.y, score, test.snr, threshold=point.threshold, name=name, ax=right
    )
plt.show()
