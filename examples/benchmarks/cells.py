"""Which recurrent cells reach the limit: simple RNN, LSTM and GRU, one- and bidirectional.

Run as::

    python examples/benchmarks/cells.py [--quick] [--json FILE]

Each row is `make_detector` with another cell, trained on the same endless data with signal-to-noise
ratios of 0.5 to 5 (15 epochs of 20 000 events), the first row `LikelihoodRatioClassifier` for the
same range. All are judged on the same test events of this range and of ratio 2. Thresholds are
chosen on validation events. The columns:

- AUC, gap: area under the ROC curve, and its difference from that of the likelihood ratio.
- TPR: true-positive rate at a false-positive rate of 0.2 %, with its 68 % binomial interval.
- weights: numbers that the network learns.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from detection import fit_ratio
from report import Report, make_parser, timed
from sklearn.metrics import roc_auc_score
from traces import FIRST_ENDLESS_ID, SEED, make_data

from sklearn_aera.metrics import operating_point
from sklearn_aera.neural_network import make_detector
from sklearn_aera.simulation import TraceSimulator

CELLS = {"simple_rnn": "simple RNN", "lstm": "LSTM", "gru": "GRU"}
TRAINED_FOR = (0.5, 5.0)
JUDGED_ON = {"0.5 to 5": TRAINED_FOR, "2": (2.0, 2.0)}
MAX_FPR = 2e-3
FORMATS = {f"{name}, SNR {snr}": ".4f" for snr in JUDGED_ON for name in ("AUC", "gap")}
FORMATS |= {f"TPR, SNR {snr}": ".3f" for snr in JUDGED_ON}
FORMATS |= {"weights": ",", "training / s": ".0f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_test: int
    n_epoch: int
    epochs: int


FULL = Size(40_000, 20_000, 20_000, 15)
QUICK = Size(200, 400, 200, 1)


def train(cell, bidirectional, preprocessing, size):
    """The recommended detector with another cell, trained on endless data."""
    detector = make_detector(epochs=size.epochs, random_state=SEED)
    classifier = detector[-1].set_params(cell=cell, bidirectional=bidirectional)
    classifier.fit_simulated(
        TraceSimulator(random_state=SEED),
        size.n_epoch,
        preprocessing=preprocessing,
        snr=TRAINED_FOR,
        first_event_id=FIRST_ENDLESS_ID,
    )
    return classifier


def judge(name, score, data):
    """Areas and rates of a detector on all test events."""
    row = {"detector": name}
    for snr, (validation, test) in data.items():
        on_test = score(test)
        point = operating_point(validation.y, score(validation), test.y, on_test, max_fpr=MAX_FPR)
        row[f"AUC, SNR {snr}"] = roc_auc_score(test.y, on_test)
        row[f"gap, SNR {snr}"] = None
        row[f"TPR, SNR {snr}"] = list(point.tpr)
    return row


def rows(size, report):
    """All cells, and the likelihood ratio."""
    data, raw = {}, None
    for snr, limits in JUDGED_ON.items():
        training, *data[snr] = make_data(size.n_train, size.n_test, limits)
        raw = training if raw is None else raw
    preprocessing = make_detector()[:-1].fit(raw.traces, raw.y)
    ratio = fit_ratio(raw, TRAINED_FOR)
    white = {id(one): preprocessing.transform(one.traces) for pair in data.values() for one in pair}
    limit = judge("likelihood ratio", lambda one: ratio.decision_function(one.traces), data)
    table = [limit | {"weights": None, "training / s": None}]
    for (cell, name), bidirectional in product(CELLS.items(), (False, True)):
        classifier, seconds = timed(train, cell, bidirectional, preprocessing, size)
        direction = "bidirectional" if bidirectional else "one direction"
        score = classifier.decision_function
        row = judge(f"{name}, {direction}", lambda one, f=score: f(white[id(one)]), data)
        n_weights = int(sum(np.size(array) for array in classifier.weights_))
        table.append(row | {"weights": n_weights, "training / s": seconds})
        report.note(f"{row['detector']}: {seconds:.0f} s, AUC {row['AUC, SNR 0.5 to 5']:.4f}")
    for row in table:
        for snr in JUDGED_ON:
            row[f"gap, SNR {snr}"] = limit[f"AUC, SNR {snr}"] - row[f"AUC, SNR {snr}"]
    return table


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("cells", options)
    title = f"Recurrent cells, {size.epochs} epochs of {size.n_epoch:,} events"
    report.measure("cells", title, lambda: rows(size, report), FORMATS)
    report.finish()


if __name__ == "__main__":
    main()
