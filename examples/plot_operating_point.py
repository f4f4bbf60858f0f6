"""
Where to set the threshold for an allowed false-positive rate
=============================================================

Parameters are tuned for the efficiency at an allowed false-positive rate, and four ways to choose
the threshold are compared. A trigger may fire on one noise trace in a hundred, say, and should find
as many pulses as possible.
"""

# %%
# The detector is the likelihood ratio, which is fitted in a second. The code for a network of
# `make_detector` is the same, with the true signals of the training events in addition:
# ``signals=train.signals`` in ``fit``, ``params={"signals": train.signals}`` in
# `cross_val_predict`. `TunedThresholdClassifierCV` passes them on where scikit-learn's metadata
# routing is enabled. Training, validation and test events share no noise.

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
from sklearn_aera.metrics import binomial_interval, operating_point, threshold_at_fpr, tpr_at_fpr

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_train, n_test = (300, 600) if quick else (4000, 50_000)
max_fpr = 0.01
train, validation, test = (
    make_traces(n, snr=(0.5, 3.0), first_event_id=first, random_state=0)
    for n, first in ((n_train, 0), (n_test, 1_000_000), (n_test, 2_000_000))
)

# %%
# The scorer of the search is the true-positive rate (TPR) at the allowed false-positive rate (FPR).
# It needs scores, not classes. The search is over the signal-to-noise ratio that the detector
# expects.

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
# A classifier's own threshold is a probability of one half, whatever its false-positive rate.
# `TunedThresholdClassifierCV` finds another threshold. Its score here is the true-positive rate if
# the false-positive rate is allowed, and negative if it is not. By default it tries 100 thresholds
# from the lowest to the highest score. This is too coarse for a log likelihood ratio, which reaches
# hundreds for loud pulses, so the thresholds to try are given. ``cv="prefit"`` tunes a fitted
# detector on other events, which are free where they are simulated.


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
# `operating_point` does the same in one call: it chooses the threshold on validation events and
# measures both rates on test events.
#
# Where events are scarce, the threshold has to be chosen on the training events, in five folds.
# With `TunedThresholdClassifierCV` the mean over the folds is low as soon as one fold is above the
# allowed rate. The strictest fold decides, and the threshold becomes too high. It is better to pool
# the scores of the folds and to choose one threshold.

strictest = TunedThresholdClassifierCV(detector, cv=5, **options).fit(train.traces, train.y)
out_of_fold = cross_val_predict(detector, train.traces, train.y, cv=5, method="decision_function")
score = detector.decision_function(test.traces)
on_validation = detector.decision_function(validation.traces)
point = operating_point(validation.y, on_validation, test.y, score, max_fpr=max_fpr)
thresholds = {
    "probability 1/2": 0.0,
    "validation events, tuned": tuned.best_threshold_,
    "validation events, operating_point": point.threshold,
    "five folds, strictest": strictest.best_threshold_,
    "five folds, pooled": threshold_at_fpr(train.y, out_of_fold, max_fpr=max_fpr),
}

# %%
# Is the false-positive rate on test events the allowed one? It has two errors: that of the test
# noise, given as an interval, and that of the noise on which the threshold was chosen. The second
# is as large as the first for the validation events, and several times larger for the training
# events.

n_noise = np.sum(test.y == 0)
false_positives = {
    name: np.sum(score[test.y == 0] >= threshold) for name, threshold in thresholds.items()
}
both_errors = np.sqrt(max_fpr * (1 - max_fpr) * (1 / n_noise + 1 / np.sum(validation.y == 0)))
print(f"test events: AUC {roc_auc_score(test.y, score):.4f}")
print(f"FPR allowed {max_fpr:.2%}, with both errors of the validation events ± {both_errors:.2%}")
for name, threshold in thresholds.items():
    fpr, low, high = binomial_interval(false_positives[name], n_noise)
    tpr = tpr_at_fpr(test.y, score, threshold=threshold)
    print(
        f"  {name}: threshold {threshold:.2f}, TPR {tpr:.3f}, FPR {fpr:.2%} "
        f"(68 % interval {low:.2%} to {high:.2%})"
    )

# %%
# Both rates against the threshold, and the ROC curve at small false-positive rates with the 68 %
# intervals of the test.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
fpr, tpr, threshold = roc_curve(test.y, score, drop_intermediate=False)
left.plot(threshold, tpr, color="#0072B2", label="True-positive rate")
left.plot(threshold, fpr, color="#D55E00", label="False-positive rate")
left.axhline(max_fpr, color="0.6", linestyle=":", label="False-positive rate allowed")
right.plot(fpr, tpr, color="0.45")
right.axvline(max_fpr, color="0.6", linestyle=":")
styles = [("o", "black"), ("s", "#009E73"), ("x", "#0072B2"), ("D", "#CC79A7"), ("v", "#E69F00")]
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
