"""Detection at rare false alarms: true-positive rates at false-positive rates of 1e-4 and 1e-5.

Run as::

    python examples/benchmarks/rare.py [--scores FOLDER] [--detector FILE] [--snr LOW HIGH]
        [--jobs N] [--quick] [--json FILE]

The thresholds are those that 1e-4 and 1e-5 of two million noise events exceed. Noise is made,
scored and forgotten in pieces of 10 000 events. With ``--scores``, its scores stay in a folder, one
file for each method and 100 000 events (float32), and a run that was interrupted continues. Such a
folder belongs to one signal-to-noise ratio, or range, and one detector.

The rows:

- matched filter: `MatchedFilter`; likelihood ratio: `LikelihoodRatioClassifier`. Both have the
  noise covariance of 40 000 training traces.
- detector: the one that ``--detector`` names, stored by `sklearn_aera.persistence.save_model`, or
  the endless detector of ``detection.py``, which is kept in the folder, too.

The columns:

- TPR: share of 20 000 test pulses above the threshold, with its 68 % interval. Two parts are added
  in quadrature: the binomial interval of the pulses, and the change of the rate between the two
  thresholds that noise exceeds one standard deviation more, or less, often than expected.
- of limit: the rate over that of the likelihood ratio.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from detection import FULL as DETECTION
from detection import QUICK as QUICK_DETECTION
from detection import endless_detector, fit_ratio, scores
from joblib import Parallel, delayed
from report import Report, Target, input_file, make_parser, timed
from scipy.stats import binom, norm
from traces import SEED, make_data

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.metrics import binomial_interval
from sklearn_aera.persistence import load_model, save_model

RATES = {"TPR at FPR 1e-4": 1e-4, "TPR at FPR 1e-5": 1e-5}
FORMATS = dict.fromkeys(RATES, ".4f") | {"of limit at 1e-4": ".4f", "of limit at 1e-5": ".4f"}
FORMATS |= {"ms/trace": ".3f"}
LEAST_OF_LIMIT = 0.97
LIMIT = "likelihood ratio"
# Event ids of the noise: beyond those of all other data but the endless.
FIRST_NOISE_ID = 10**10
# Share of a normal distribution below one standard deviation under its mean.
_TAIL = float(norm.cdf(-1))


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_test: int
    n_noise: int
    n_file: int
    n_piece: int


FULL = Size(40_000, 40_000, 2_000_000, 100_000, 10_000)
QUICK = Size(1000, 400, 60_000, 30_000, 5000)


def score_noise(path, model, number, size):
    """Score the noise events of one file, unless it is there; returns the seconds."""
    if path.exists():
        return 0.0
    found, seconds = [], 0.0
    first = FIRST_NOISE_ID + number * size.n_file
    options = {"signal_fraction": 0.0, "first_event_id": first, "random_state": SEED}
    for piece in make_traces(size.n_file, chunk_size=size.n_piece, **options):
        score, elapsed = timed(scores, model, piece.traces)
        found.append(score.astype(np.float32))
        seconds += elapsed
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, np.concatenate(found))
    unfinished.rename(path)
    return seconds


def rate_with_interval(noise, pulses, max_fpr):
    """True-positive rate at a false-positive rate, with its 68 % interval.

    Parameters
    ----------
    noise, pulses : ndarray of shape (n_noise,), ndarray of shape (n_pulses,)
        Scores.
    max_fpr : float

    Returns
    -------
    value, low, high : float
    """
    n_above = int(max_fpr * len(noise))
    few, many = (int(binom.ppf(p, len(noise), max_fpr)) for p in (_TAIL, 1 - _TAIL))
    if few < 1:
        raise ValueError(f"{len(noise)} noise events are too few for a rate of {max_fpr}")
    # The threshold is the score of the first event that must not be above it.
    places = [len(noise) - 1 - n for n in (n_above, few, many)]
    ordered = np.partition(noise, places)
    n_found = [int(np.sum(pulses > ordered[place])) for place in places]
    value, low, high = binomial_interval(n_found[0], len(pulses))
    higher, lower = (n / len(pulses) for n in (n_found[2], n_found[1]))
    return (
        value,
        max(value - float(np.hypot(value - low, value - lower)), 0.0),
        min(value + float(np.hypot(high - value, higher - value)), 1.0),
    )


class Comparison:
    """All methods scored on the same noise and the same pulses."""

    def __init__(self, size, options, folder, report):
        self.size, self.options, self.folder, self.report = size, options, folder, report
        self.snr = tuple(options.snr)

    def models(self):
        """Fitted model of each method."""
        train = make_data(self.size.n_train, 1, self.snr)[0]
        matched = MatchedFilter().fit(train.traces, train.y)
        return {
            "matched filter": matched,
            LIMIT: fit_ratio(train, self.snr),
            "detector": self._detector(train),
        }

    def _detector(self, train):
        if self.options.detector is not None:
            return load_model(self.options.detector)
        path = self.folder / "detector.skops"
        if not path.exists():
            size = DETECTION if self.size is FULL else QUICK_DETECTION
            detector, seconds = timed(endless_detector, train, size, self.snr)
            self.report.note(f"detector: {seconds:.0f} s")
            save_model(detector, path)
        return load_model(path)

    def rows(self):
        options = {"signal_fraction": 1.0, "snr": self.snr, "random_state": SEED}
        pulses = make_traces(self.size.n_test // 2, first_event_id=2 * 10**8, **options)
        rows = {}
        for name, model in self.models().items():
            noise, seconds = self._noise_scores(name, model)
            found = scores(model, pulses.traces).astype(np.float32)
            rows[name] = {"method": name, "noise events": len(noise)}
            for column, max_fpr in RATES.items():
                if max_fpr * len(noise) > 5:
                    rows[name][column] = rate_with_interval(noise, found, max_fpr)
            rows[name]["ms/trace"] = seconds and 1e3 * seconds / len(noise)
            self.report.note(f"{name}: {seconds or 0:.0f} s of scoring")
        for row in rows.values():
            for column in filter(row.__contains__, RATES):
                share = row[column][0] / rows[LIMIT][column][0]
                row[f"of limit at {column.split()[-1]}"] = share
        return rows.values()

    def _noise_scores(self, name, model):
        """Scores of the noise, and the seconds of scoring it, None if files were there."""
        size = self.size
        numbers = range(-(-size.n_noise // size.n_file))
        paths = [self.folder / f"{name.replace(' ', '_')}_{n}.npy" for n in numbers]
        seconds = Parallel(n_jobs=self.options.jobs)(
            delayed(score_noise)(path, model, n, size)
            for n, path in zip(numbers, paths, strict=True)
        )
        noise = np.concatenate([np.load(path) for path in paths])[: size.n_noise]
        return noise, sum(seconds) if all(seconds) else None


def main(arguments=None):
    parser = make_parser(__doc__)
    parser.add_argument("--snr", type=float, nargs=2, default=(2.0, 2.0), metavar=("LOW", "HIGH"))
    help_ = "a stored detector, instead of training one"
    parser.add_argument("--detector", type=input_file, metavar="FILE", help=help_)
    help_ = "keep the scores of noise here, or use those that are there"
    parser.add_argument("--scores", type=Path, metavar="FOLDER", help=help_)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes, 2")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("rare", options)
    low, high = options.snr
    ratio = f"{low:g} to {high:g}" if low < high else f"{low:g}"
    title = f"SNR {ratio}, {size.n_noise:,} noise events, {size.n_test // 2:,} pulses"
    with TemporaryDirectory() as temporary:
        folder = options.scores or Path(temporary)
        folder.mkdir(exist_ok=True)
        comparison = Comparison(size, options, folder, report)
        rows = report.measure("rare", title, comparison.rows, FORMATS)
    share = next(row["of limit at 1e-4"] for row in rows if row["method"] == "detector")
    name = "detector's TPR over the limit's at FPR 1e-4"
    report.targets.append(Target(name, share, at_least=LEAST_OF_LIMIT))
    report.finish()


if __name__ == "__main__":
    main()
