"""Draw the figure of the README and of the first page, ``figures/overview.png``.

Run as ``python docs/make_overview.py`` (some minutes on two cores).
"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.inspection import EfficiencyDisplay, TraceDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import operating_point
from sklearn_aera.neural_network import make_detector

HERE = Path(__file__).parent
MAX_FPR = 0.01


def main():
    mpl.use("agg")
    train, validation, test = (
        make_traces(n, first_event_id=10**6 * number, random_state=0)
        for number, n in enumerate((20_000, 20_000, 20_000))
    )
    labelled = train.traces, train.y
    detectors = {
        "SNR threshold": make_pipeline(SNRCalculator(), LogisticRegression()).fit(*labelled),
        "make_detector": make_detector(epochs=20, random_state=0).fit(
            *labelled, signals=train.signals
        ),
        "Physical limit": LikelihoodRatioClassifier().fit(*labelled),
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for name, detector in detectors.items():
        on_validation, score = (detector.decision_function(x.traces) for x in (validation, test))
        point = operating_point(validation.y, on_validation, test.y, score, max_fpr=MAX_FPR)
        EfficiencyDisplay.from_predictions(
            test.y,
            score,
            test.snr,
            max_fpr=MAX_FPR,
            threshold=point.threshold,
            name=name,
            limit=name == "Physical limit",
            ax=axes[2],
        )
    row = int(abs(test.snr - 2.0).argmin())
    whiten = detectors["make_detector"][:2]
    TraceDisplay.from_trace(test.traces[row], signal=test.signals[row], ax=axes[0])
    TraceDisplay.from_trace(whiten.transform(test.traces[row : row + 1])[0], ax=axes[1])
    axes[1].set(ylabel="Whitened amplitude")
    axes[1].set_title("The same trace, whitened", fontsize="small", loc="left")
    figure.savefig(HERE / "figures" / "overview.png", dpi=150)


if __name__ == "__main__":
    main()
