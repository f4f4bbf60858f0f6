"""Detectors beside the physical limit: one run, the same test events for all.

Run as::

    python examples/benchmarks/detection.py [--only TABLE ...] [--snr LOW HIGH] [--pulses FILE]
        [--detector FILE] [--quick] [--json FILE] [--figure FILE]

Training, validation and test events have different event ids. The threshold of each operating
point is chosen on the validation events; areas, accuracies (at probability 1/2), calibration
errors and true-positive rates are those of the test events, the latter with their 68 % binomial
intervals. The calibration error is the mean difference between the predicted probability and the
share of pulses in ten bins of equal counts. Seconds are wall time of the training, simulation
included where the data are endless. The rows:

- SNR threshold: `SNRCalculator`, no training.
- matched filter: `MatchedFilter` with the noise covariance of the 40 000 training traces.
- likelihood ratio: `LikelihoodRatioClassifier` with the same covariance; the physical limit.
- detector: `make_detector` with true signals on 4 000 traces (for 16 and for 60 epochs; also from
  labels alone, and with the best fitting templates in place of the true signals), on 40 000
  (10 epochs), and on endless data (20 epochs of 20 000 events).
- convolution: `ConvolutionalClassifier` on the same normalised and whitened traces, endless; also
  with logits of arrival cells (``pooling="log_sum_exp"``).

Two more tables follow: "coreas", the endless detector on the pulses of a CoREAS shower (with
``--pulses FILE``), and "bursts", networks and likelihood ratio in a background with bursts.
``--detector`` stores the endless detector.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from report import Report, Target, input_file, make_parser, output_file, timed
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline
from traces import FIRST_ENDLESS_ID, SEED, make_data

from sklearn_aera.datasets import load_coreas
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.inspection import EfficiencyDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import operating_point
from sklearn_aera.neural_network import ConvolutionalClassifier, make_detector
from sklearn_aera.persistence import save_model
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

RATES = {"TPR at FPR 1 %": 1e-2, "TPR at FPR 0.2 %": 2e-3}
TABLES = ("detectors", "coreas", "bursts")
SHOWN = ("likelihood ratio", "detector, endless", "matched filter", "SNR threshold")
BURSTS = AntennaNoise(burst_rate=0.5)
RECIPE = {"learning_rate": 2e-3, "learning_rate_schedule": "cosine", "weight_decay": 0.01}
FORMATS = dict.fromkeys(("AUC", "gap", "accuracy", "calibration"), ".4f")
FORMATS |= dict.fromkeys(RATES, ".3f")
FORMATS |= {"training / s": ".0f", "traces/s": ",.0f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_small: int
    n_large: int
    n_test: int
    n_epoch: int
    endless_epochs: int
    detector_epochs: tuple[int, int, int]


FULL = Size(4000, 40_000, 20_000, 20_000, 20, (16, 60, 10))
QUICK = Size(200, 400, 1000, 200, 1, (1, 1, 1))


def endless(pipeline, train, size, snr, noise=None):
    """Train the last step of a pipeline on endless data; the others on the data at hand."""
    preprocessing = pipeline[:-1].fit(train.traces, train.y)
    simulator = TraceSimulator(noise=noise, random_state=SEED)
    options = {"preprocessing": preprocessing, "snr": snr, "first_event_id": FIRST_ENDLESS_ID}
    pipeline[-1].fit_simulated(simulator, size.n_epoch, **options)
    return pipeline


def endless_detector(train, size, snr, noise=None):
    """The recommended detector, trained on endless data."""
    detector = make_detector(epochs=size.endless_epochs, max_shift=0, random_state=SEED)
    return endless(detector, train, size, snr, noise)


def fit_ratio(train, snr):
    """The likelihood ratio for a range of signal-to-noise ratios."""
    snr = snr if snr[0] < snr[1] else snr[0]
    return LikelihoodRatioClassifier(snr=snr).fit(train.traces, train.y)


def estimated_signals(X, y):
    """Signals in traces whose labels are known: the best fitting templates of the pulses."""
    limit = LikelihoodRatioClassifier().fit(X, y)
    return np.where(y[:, None] == 1, limit.template_fit(X), 0)


def detectors(train, size, snr):
    """Functions that train each detector, by name."""
    few, every = (
        {"X": train.traces[:n], "y": train.y[:n], "signals": train.signals[:n]}
        for n in (size.n_small, size.n_large)
    )
    labels = {name: few[name] for name in ("X", "y")}
    n_short, n_few, n_many = size.detector_epochs

    def network(n_epochs, data):
        return make_detector(epochs=n_epochs, random_state=SEED).fit(**data)

    def with_estimates():
        return network(n_few, labels | {"signals": estimated_signals(**labels)})

    def convolution(pooling):
        options = {"epochs": size.endless_epochs, "random_state": SEED, **RECIPE}
        classifier = ConvolutionalClassifier(pooling=pooling, **options)
        pipeline = make_pipeline(*make_detector(epochs=1)[:-1], classifier)
        return endless(pipeline, train, size, snr)

    return {
        "SNR threshold": lambda: SNRCalculator().fit(few["X"]),
        "matched filter": lambda: MatchedFilter().fit(train.traces, train.y),
        "likelihood ratio": partial(fit_ratio, train, snr),
        f"detector, {size.n_small:,}, {n_short} epochs": partial(network, n_short, few),
        f"detector, {size.n_small:,}": partial(network, n_few, few),
        f"detector, {size.n_small:,}, labels alone": partial(network, n_few, labels),
        f"detector, {size.n_small:,}, estimated signals": with_estimates,
        f"detector, {size.n_large:,}": partial(network, n_many, every),
        "detector, endless": partial(endless_detector, train, size, snr),
        "convolution, endless": partial(convolution, "max_logit"),
        "convolution with arrival cells, endless": partial(convolution, "log_sum_exp"),
    }


def scores(model, traces):
    """One score per trace, the higher the more like a pulse."""
    if hasattr(model, "decision_function"):
        return model.decision_function(traces)
    return model.transform(traces)[:, 0]


def calibration_error(y, logits):
    """Mean difference between the share of pulses and the probability in bins of equal counts."""
    share, probability = calibration_curve(y, expit(logits), n_bins=10, strategy="quantile")
    return float(np.mean(np.abs(share - probability)))


def judge(name, model, validation, test):
    """Measure one trained detector.

    Returns its row, its scores of the test traces and the threshold of the lowest rate.
    """
    score, seconds = timed(scores, model, test.traces)
    on_validation = scores(model, validation.traces)
    is_classifier = hasattr(model, "decision_function")
    accuracy = float(np.mean((score > 0) == test.y)) if is_classifier else None
    row = {"detector": name, "AUC": roc_auc_score(test.y, score), "gap": None}
    row["accuracy"] = accuracy
    row["calibration"] = calibration_error(test.y, score) if is_classifier else None
    for column, max_fpr in RATES.items():
        point = operating_point(validation.y, on_validation, test.y, score, max_fpr=max_fpr)
        row[column] = list(point.tpr)
    return row | {"training / s": None, "traces/s": len(score) / seconds}, score, point.threshold


class Comparison:
    """All detectors trained and judged on the same events."""

    def __init__(self, size, snr, report):
        self.size, self.snr, self.report = size, snr, report
        self.judged, self.models = {}, {}

    def rows(self, detectors):
        """Rows of the detectors that a function returns, which train on data."""
        train, validation, self.test = make_data(self.size.n_large, self.size.n_test, self.snr)
        rows = {}
        for name, make in detectors(train, self.size, self.snr).items():
            self.models[name], seconds = timed(make)
            rows[name], *self.judged[name] = judge(name, self.models[name], validation, self.test)
            rows[name]["training / s"] = seconds
            self.report.note(f"{name}: {seconds:.0f} s, AUC {rows[name]['AUC']:.4f}")
        for row in rows.values():
            row["gap"] = rows["likelihood ratio"]["AUC"] - row["AUC"]
        return rows.values()

    def on_a_shower(self, path):
        """Rows of the endless detector on analytic pulses and on those of a CoREAS shower."""
        model = self.models["detector, endless"]
        for name, pulse in {"analytic": None, "CoREAS": load_coreas(path).pulses}.items():
            data = make_data(self.size.n_large, self.size.n_test, self.snr, pulse=pulse)
            yield judge(f"{name} pulses", model, *data[1:])[0]

    def with_bursts(self):
        """Rows of likelihood ratio and detector in a background with bursts."""
        size, snr = self.size, self.snr
        train, *data = make_data(size.n_large, size.n_test, snr, noise=BURSTS)
        yield judge("likelihood ratio", fit_ratio(train, snr), *data)[0]
        yield judge("detector, trained without bursts", self.models["detector, endless"], *data)[0]
        detector = endless_detector(train, size, snr, noise=BURSTS)
        yield judge("detector, trained with bursts", detector, *data)[0]


def targets(rows, snr):
    """What is expected of the detectors at a ratio of 2, and over the range of the course."""
    by_name = {row["detector"]: row for row in rows}
    small, endless = by_name[f"detector, {FULL.n_small:,}"], by_name["detector, endless"]
    limit, matched = by_name["likelihood ratio"], by_name["matched filter"]
    rate = "TPR at FPR 0.2 %"
    if snr == (2.0, 2.0):
        yield Target("gap of endless data", endless["gap"], at_most=0.0002)
        yield Target(f"accuracy of {FULL.n_small:,} traces", small["accuracy"], at_least=0.986)
    elif snr == (0.5, 5.0):
        share = endless[rate][0] / limit[rate][0]
        yield Target("gap of endless data", endless["gap"], at_most=0.002)
        yield Target(f"{rate} of endless data over that of the limit", share, at_least=0.99)
        share = small["AUC"] - matched["AUC"]
        yield Target(f"AUC of {FULL.n_small:,} traces over the matched filter's", share, at_least=0)
    yield Target("training on endless data", endless["training / s"], at_most=300, unit="s")
    for row in (small, endless):
        yield Target(f"calibration, {row['detector']}", row["calibration"], at_most=0.01)


def draw(path, judged, test):
    """Efficiency against SNR; the ROC curve, where all pulses have one SNR.

    ``judged`` has the scores of the test traces and the threshold of each detector.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    ax = figure.subplots()
    if len(np.unique(test.snr[test.y == 1])) == 1:
        _draw_roc(ax, {name: judged[name][0] for name in SHOWN}, test)
    else:
        for name in SHOWN:
            score, threshold = judged[name]
            options = {"threshold": threshold, "max_fpr": min(RATES.values()), "ax": ax}
            options |= {"name": name, "limit": name == "likelihood ratio"}
            EfficiencyDisplay.from_predictions(test.y, score, test.snr, **options)
    figure.savefig(path, dpi=150)


def _draw_roc(ax, scores_by_name, test):
    for name, score in scores_by_name.items():
        fpr, tpr, _ = roc_curve(test.y, score)
        limit = name == "likelihood ratio"
        style = {"color": "black", "linestyle": "--", "zorder": 3} if limit else {}
        label = f"{name} (limit)" if limit else name
        ax.plot(fpr, tpr, label=label, drawstyle="steps-post", **style)
    rates = np.geomspace(1 / np.sum(test.y == 0), 1, 200)
    ax.plot(rates, rates, color="0.6", linewidth=0.8, linestyle=":", label="guessing")
    ax.set(xscale="log", xlim=(rates[0], 1), ylim=(0, 1.02))
    ax.set(xlabel="False-positive rate", ylabel="True-positive rate")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize="small", loc="center right")


def main(arguments=None):
    parser = make_parser(__doc__, TABLES)
    parser.add_argument("--snr", type=float, nargs=2, default=(2.0, 2.0), metavar=("LOW", "HIGH"))
    parser.add_argument("--pulses", type=input_file, metavar="FILE", help="a CoREAS file")
    help_ = "store the endless detector here"
    parser.add_argument("--detector", type=output_file, metavar="FILE", help=help_)
    help_ = "draw efficiency or ROC curves here"
    parser.add_argument("--figure", type=output_file, metavar="FILE", help=help_)
    options = parser.parse_args(arguments)
    if options.only and "detectors" not in options.only:
        parser.error("the other tables need the table detectors")
    size, snr = QUICK if options.quick else FULL, tuple(options.snr)
    report = Report("detection", options)
    comparison = Comparison(size, snr, report)
    title = f"SNR {snr[0]:g} to {snr[1]:g}, {size.n_test:,} test events"
    rows = report.measure("detectors", title, lambda: comparison.rows(detectors), FORMATS)
    if options.detector is not None:
        save_model(comparison.models["detector, endless"], options.detector)
    if size is FULL:
        report.targets.extend(targets(rows, snr))
    if options.pulses is not None:
        title = "Other pulses"
        report.measure("coreas", title, lambda: comparison.on_a_shower(options.pulses), FORMATS)
    report.measure("bursts", "Bursts in the background", comparison.with_bursts, FORMATS)
    report.finish()
    if options.figure is not None:
        draw(options.figure, comparison.judged, comparison.test)


if __name__ == "__main__":
    main()
