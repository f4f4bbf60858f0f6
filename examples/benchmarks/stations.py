"""The same experiment at each station: detectors beside the likelihood ratio, in all channels.

Run as::

    python examples/benchmarks/stations.py [--stations NAME ...] [--quick] [--json FILE]

For each simulator of `make_station`, the signal-to-noise ratio is searched at which the likelihood
ratio finds 90 % of the pulses at a false-positive rate of 1 %, on 4 000 events of its own. With
pulses of this ratio, the detectors are trained and tested, the same calls for each station: band
and sampling rate are those of the simulator. Training, validation and test events have different
event ids. The rows of a station:

- likelihood ratio: `LikelihoodRatioClassifier`, with the covariance of 4 000 training traces.
- matched filter: `MatchedFilter`, with the same traces.
- detector, 4 000: `make_detector`, trained on these traces with their signals.
- detector, endless: the same network on 20 epochs of 20 000 new events.

The columns:

- TPR: true-positive rate of the test events at a false-positive rate of 1 %, with its 68 % binomial
  interval; the threshold is chosen on the validation events.
- below limit: by how many points it is less than that of the likelihood ratio.
"""

from dataclasses import dataclass

from detection import scores
from report import Report, Target, make_parser, timed
from sklearn.metrics import roc_auc_score
from traces import FIRST_ENDLESS_ID, SEED

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import operating_point
from sklearn_aera.neural_network import make_detector
from sklearn_aera.simulation import make_station

STATIONS = ("aera", "augerprime", "lopes", "lofar", "grandproto300", "icecube")
MAX_FPR, TPR = 1e-2, 0.9
SNR_LIMITS = 0.2, 8.0
FORMATS = {"AUC": ".4f", "TPR": ".3f", "below limit": ".1f", "SNR": ".2f", "fit / s": ".0f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_test: int
    n_search: int
    n_halvings: int
    epochs: int
    n_epoch: int
    endless_epochs: int


FULL = Size(4000, 10_000, 4000, 9, 60, 20_000, 20)
QUICK = Size(100, 200, 100, 1, 1, 100, 1)


class Station:
    """Data and detectors of a station."""

    def __init__(self, name, size):
        self.name, self.size = name, size
        self.simulator = make_station(name, random_state=SEED)
        response = self.simulator.response
        self.band = response.low, response.high

    def data(self, n, snr, part):
        """Events of a part of the data: other parts have other event ids."""
        return make_traces(
            n, simulator=self.simulator, snr=snr, first_event_id=10**8 * part, random_state=SEED
        )

    def ratio(self, data, snr):
        """The likelihood ratio for pulses of a known ratio."""
        names = ("pulse", "response", "sampling_rate", "arms")
        options = {name: getattr(self.simulator, name) for name in names}
        return LikelihoodRatioClassifier(**options, snr=snr).fit(data.traces, data.y)

    def find_snr(self):
        """The signal-to-noise ratio at which the limit finds 90 % of the pulses, by bisection."""
        low, high = SNR_LIMITS
        for _ in range(self.size.n_halvings):
            snr = (low * high) ** 0.5
            train, validation, test = (self.data(self.size.n_search, snr, n) for n in (10, 11, 12))
            point = judge(self.ratio(train, snr), validation, test)[1]
            low, high = (low, snr) if point.value > TPR else (snr, high)
        if self.size is FULL and not SNR_LIMITS[0] * 1.05 < snr < SNR_LIMITS[1] / 1.05:
            raise RuntimeError(f"{self.name}: the ratio is not between {SNR_LIMITS}, found {snr}")
        return float(f"{snr:.2f}")

    def detectors(self, train, snr):
        """Functions that train the detectors, by name."""
        size, rate = self.size, self.simulator.sampling_rate

        def detector(epochs):
            return make_detector(
                epochs=epochs, sampling_rate=rate, band=self.band, random_state=SEED
            )

        def endless():
            model = detector(size.endless_epochs)
            preprocessing = model[:-1].fit(train.traces, train.y)
            options = {"preprocessing": preprocessing, "snr": snr}
            options["first_event_id"] = FIRST_ENDLESS_ID
            model[-1].fit_simulated(self.simulator, size.n_epoch, **options)
            return model

        return {
            "likelihood ratio": lambda: self.ratio(train, snr),
            "matched filter": lambda: self.matched_filter().fit(train.traces, train.y),
            f"detector, {size.n_train:,}": lambda: detector(size.epochs).fit(
                train.traces, train.y, signals=train.signals
            ),
            "detector, endless": endless,
        }

    def matched_filter(self):
        names = ("pulse", "response", "sampling_rate", "arms")
        return MatchedFilter(**{name: getattr(self.simulator, name) for name in names})

    def rows(self, report):
        """Rows of all detectors."""
        snr = self.find_snr()
        train, validation, test = (
            self.data(n, snr, part)
            for part, n in enumerate((self.size.n_train, self.size.n_test, self.size.n_test))
        )
        limit = None
        for name, make in self.detectors(train, snr).items():
            model, seconds = timed(make)
            auc, tpr = judge(model, validation, test)
            limit = tpr if limit is None else limit
            report.note(f"{self.name}, SNR {snr:g}, {name}: {seconds:.0f} s, TPR {tpr.value:.3f}")
            yield {
                "station": self.name,
                "SNR": snr,
                "detector": name,
                "AUC": auc,
                "TPR": list(tpr),
                "below limit": 100 * (limit.value - tpr.value),
                "fit / s": seconds,
            }


def judge(model, validation, test):
    """Area under the ROC curve, and rate with its interval."""
    on_validation, on_test = (scores(model, data.traces) for data in (validation, test))
    point = operating_point(validation.y, on_validation, test.y, on_test, max_fpr=MAX_FPR)
    return roc_auc_score(test.y, on_test), point.tpr


def main(arguments=None):
    parser = make_parser(__doc__)
    parser.add_argument("--stations", nargs="+", choices=STATIONS, metavar="NAME")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("stations", options)

    def rows():
        for name in options.stations or (STATIONS[-1:] if options.quick else STATIONS):
            yield from Station(name, size).rows(report)

    table = report.measure("stations", "Stations", rows, FORMATS)
    if not options.quick:
        for row in table:
            if row["detector"].startswith("detector"):
                name = f"{row['station']}, {row['detector']}: TPR below the limit"
                report.targets.append(Target(name, row["below limit"], at_most=2, unit="points"))
    report.finish()


if __name__ == "__main__":
    main()
