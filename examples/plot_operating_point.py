"""
Where to set the threshold: an operating point that keeps its promise
=====================================================================

A trigger may fire on one noise trace in a hundred, say, and is to find as many pulses as it can.
Hyper-parameters are searched for the efficiency at that rate, and the threshold is chosen on events
that trained nothing.
"""

# %%
# The detector is the likelihood ratio, which trains in a second; a network from `make_detector`
# would go through the same lines. Training, validation and test events share no noise.

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import make_scorer, roc_auc_score, roc_curve
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
)

from sklearn_aera.datasets import make_traces
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import binomial_interval, threshold_at_fpr, tpr_at_fpr

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_train, n_test = (300, 600) if quick else (4000, 50_000)
max_fpr = 0.01
train, validation, test = (
    make_traces(n, snr=(0.5, 3.0), first_event_id=first, random_state=0)
    for n, first in ((n_train, 0), (n_test, 1_000_000), (n_test, 2_000_000))
)

# %%
# A scorer for searches: the true-positive rate at the false-positive rate that is wanted. It needs
# scores, not classes. What is searched here is the signal-to-noise ratio that the detector expects.

efficiency = make_scorer(
    tpr_at_fpr, response_method=("decision_function", "predict_proba"), max_fpr=max_fpr
)
search = GridSearchCV(
    LikelihoodRatioClassifier(),
    {"snr": [0.5, 3.0, (0.5, 3.0)]},
    scoring={"TPR": efficiency, "AUC": "roc_auc"},
    refit="TPR",
    cv=3,
).fit(train.traces, train.y)
results = search.cv_results_
for row, parameters in enumerate(results["params"]):
    tpr, area = (results[f"mean_test_{name}"][row] for name in ("TPR", "AUC"))
    error = results["std_test_TPR"][row] / np.sqrt(search.n_splits_ - 1)
    print(
        f"expected SNR {parameters['snr']}: TPR {tpr:.3f} ± {error:.3f} at FPR {max_fpr:.0%}, "
        f"AUC {area:.4f}"
    )


# %%
# A classifier's own threshold is a probability of one half, and its false-positive rate is what it
# is. `TunedThresholdClassifierCV` finds another one. Its score here is the true-positive rate where
# the false-positive rate is allowed, and negative where it is not. By default it tries 100
# thresholds from the lowest to the highest score, too coarse for a log likelihood ratio whose loud
# pulses reach the hundreds: so the thresholds to try are given. ``cv="prefit"`` tunes a fitted
# detector on events of their own, which simulation gives for free.


def allowed_efficiency(y_true, y_pred, max_fpr):
    fpr = np.mean(y_pred[y_true == 0])
    return np.mean(y_pred[y_true == 1]) if fpr <= max_fpr else -fpr


options = {
    "scoring": make_scorer(allowed_efficiency, max_fpr=max_fpr),
    "response_method": "decision_function",
    "thresholds": np.linspace(-2, 8, 501),
}
detector = search.best_estimator_
tuned = TunedThresholdClassifierCV(detector, cv="prefit", refit=False, **options)
tuned.fit(validation.traces, validation.y)

# %%
# Where events are scarce, the training events have to do, in five folds. The mean over folds loses
# a whole fold's efficiency where that fold is above the allowed rate, so the strictest fold decides
# and the threshold comes out too high. Better to pool the folds' scores and take one threshold.

strictest = TunedThresholdClassifierCV(detector, cv=5, **options).fit(train.traces, train.y)
out_of_fold = cross_val_predict(detector, train.traces, train.y, cv=5, method="decision_function")
thresholds = {
    "probability 1/2": 0.0,
    "validation events": tuned.best_threshold_,
    "five folds, strictest": strictest.best_threshold_,
    "five folds, pooled": threshold_at_fpr(train.y, out_of_fold, max_fpr=max_fpr),
}

# %%
# Do they keep the promise on fresh events? The rate found there has the error of the test noise,
# given as an interval, and that of the noise which the threshold was chosen on: just as large for
# the validation events, several times larger for the training events.

score = detector.decision_function(test.traces)
n_noise = np.sum(test.y == 0)
false_positives = {
    name: np.sum(score[test.y == 0] >= threshold) for name, threshold in thresholds.items()
}
both_errors = np.sqrt(max_fpr * (1 - max_fpr) * (1 / n_noise + 1 / np.sum(validation.y == 0)))
print(f"fresh events: AUC {roc_auc_score(test.y, score):.4f}")
print(f"FPR wanted {max_fpr:.2%}, with both errors of the validation events ± {both_errors:.2%}")
for name, threshold in thresholds.items():
    fpr, low, high = binomial_interval(false_positives[name], n_noise)
    tpr = tpr_at_fpr(test.y, score, threshold=threshold)
    print(
        f"  {name}: threshold {threshold:.2f}, TPR {tpr:.3f}, FPR {fpr:.2%} "
        f"(68 % interval {low:.2%} to {high:.2%})"
    )

# %%
# The rates against the threshold, and the ROC curve where false positives are rare, with the 68 %
# intervals of the test.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
fpr, tpr, threshold = roc_curve(test.y, score, drop_intermediate=False)
left.plot(threshold, tpr, color="#0072B2", label="True-positive rate")
left.plot(threshold, fpr, color="#D55E00", label="False-positive rate")
left.axhline(max_fpr, color="0.6", linestyle=":", label="False-positive rate wanted")
right.plot(fpr, tpr, color="0.45")
right.axvline(max_fpr, color="0.6", linestyle=":")
styles = [("o", "black"), ("s", "#009E73"), ("D", "#CC79A7"), ("v", "#E69F00")]
for (name, chosen), (marker, color) in zip(thresholds.items(), styles, strict=True):
    value, low, high = binomial_interval(false_positives[name], n_noise)
    found = tpr_at_fpr(test.y, score, threshold=chosen)
    style = {"color": color, "markerfacecolor": "none", "markersize": 8, "markeredgewidth": 1.5}
    left.plot([chosen] * 2, [found, value], marker, **style)
    right.plot(value, found, marker, label=name, **style)
    right.errorbar(value, found, xerr=[[value - low], [high - value]], color=color, capsize=3)
left.set(xlim=(-3, 7), ylim=(2e-4, 2), yscale="log", xlabel="Threshold (log odds)", ylabel="Rate")
left.legend(loc="lower left", fontsize="small")
right.set(xlim=(2e-4, 1), ylim=(0.55, 1.0), xscale="log")
right.set(xlabel="False-positive rate", ylabel="True-positive rate")
right.legend(loc="upper left", fontsize="small")
plt.show()
