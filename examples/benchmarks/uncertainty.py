"""Errors of recovered pulses: do they cover the truth, and how near are they to the bound?

Run as::

    python examples/benchmarks/uncertainty.py [--denoiser FILE] [--jobs N] [--quick] [--json FILE]

The methods know that the signal-to-noise ratio is between 0.5 and 5. They are judged on pulses over
this range and on pulses with a ratio of 2, as far as the likelihood ratio finds them at a
false-positive rate of 0.2 % (threshold from noise of its own). The rows:

- likelihood ratio: quantiles of the posterior distribution, `predict_pulses` of
  `LikelihoodRatioClassifier`, with a bank of 4 times per sample, 8 slopes and 4 phases.
- template fit: the best fitting template of the same bank. Its error is the Cramer-Rao bound of
  this template.
- denoiser: `predict_pulses` of `make_denoiser` with ``learn_std``, trained on endless data, and
  calibrated on found pulses over the whole range; calibrated at 2: on those with a ratio of 2.

The columns:

- amplitude, energy, time in %: share of the 68 % intervals that contain the truth.
- over bound: median of half the width of the interval over the Cramer-Rao bound, for which the
  phase is known as well as in the simulation, uniform within 30 degrees.

The second table judges the standard deviation of each sample, on events of which half are noise:

- all, pulses, noise: mean squared error over mean variance.
- at the peak: share of the found pulses whose true signal is within one standard deviation, at the
  sample where the recovered signal is largest.
- error: mean square error of the traces with a pulse, in dB of their signals' energy.
"""

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from report import Report, Target, input_file, make_parser, timed
from sklearn.utils import gen_batches
from traces import FIRST_ENDLESS_ID, SEED

from sklearn_aera.datasets import make_traces
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import (
    Interval,
    PulseParameters,
    binomial_interval,
    cramer_rao_bound,
    normalized_mean_squared_error,
    pulse_parameters,
    threshold_at_fpr,
)
from sklearn_aera.neural_network import make_denoiser
from sklearn_aera.persistence import load_model
from sklearn_aera.simulation import TraceSimulator

RANGES = {"0.5 to 5": (0.5, 5.0), "2": 2.0}
MAX_FPR = 2e-3
# Standard deviation of a phase that is uniform within 30 degrees.
PHASE_STD = 30 / np.sqrt(3)
TRUTH = (0.66, 0.70)
NAMES = PulseParameters._fields
COLUMNS = [f"{name} / %" for name in NAMES] + [f"{name} / bound" for name in NAMES]
FORMATS = dict.fromkeys(COLUMNS[:3], ".1f") | dict.fromkeys(COLUMNS[3:], ".2f")
SAMPLE_FORMATS = dict.fromkeys(("all", "pulses", "noise"), ".2f")
SAMPLE_FORMATS |= {"at the peak / %": ".1f", "error / dB": ".2f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_noise: int
    n_pulses: int
    n_epoch: int
    epochs: int
    bank: tuple[int, int, int]


FULL = Size(20_000, 40_000, 12_500, 20_000, 40, (4, 8, 4))
QUICK = Size(1000, 1000, 200, 1000, 1, (1, 1, 1))


def pulses(number, n_events, snr):
    """Events with a pulse; another number gives other events."""
    options = {"snr": snr, "signal_fraction": 1.0, "random_state": SEED}
    return make_traces(n_events, first_event_id=number * 10**8, **options)


def fit_denoiser(size):
    """The recommended denoiser with standard deviations, on endless data."""
    network = make_denoiser(epochs=size.epochs, max_shift=0, learn_std=True, random_state=SEED)
    options = {"snr": RANGES["0.5 to 5"], "first_event_id": FIRST_ENDLESS_ID}
    return network.fit_simulated(TraceSimulator(random_state=SEED), size.n_epoch, **options)


def in_parallel(function, traces, jobs):
    """Intervals of pulses, of pieces of the traces in several processes."""
    pieces = Parallel(n_jobs=jobs)(
        delayed(function)(traces[rows]) for rows in gen_batches(len(traces), 1000)
    )
    return PulseParameters(
        *(Interval(*np.concatenate(parts, axis=1)) for parts in zip(*pieces, strict=True))
    )


class Comparison:
    """All methods judged on the same pulses."""

    def __init__(self, size, options, report):
        self.size, self.jobs, self.report = size, options.jobs, report
        train = make_traces(size.n_train, random_state=SEED)
        bank = dict(zip(("times_per_sample", "n_slopes", "n_phases"), size.bank, strict=True))
        self.finder = LikelihoodRatioClassifier().fit(train.traces, train.y)
        self.limit = LikelihoodRatioClassifier(**bank).fit(train.traces, train.y)
        noise = {"signal_fraction": 0.0, "first_event_id": 6 * 10**8, "random_state": SEED}
        score = self.finder.decision_function(make_traces(size.n_noise, **noise).traces)
        labels = np.append(np.zeros(len(score)), 1)
        self.threshold = threshold_at_fpr(labels, np.append(score, 0.0), max_fpr=MAX_FPR)
        if options.denoiser is not None:
            self.denoiser = load_model(options.denoiser)
        else:
            self.denoiser, seconds = timed(fit_denoiser, size)
            report.note(f"denoiser: {seconds:.0f} s")

    def found(self, number, snr):
        """Traces, signals of the pulses that are found."""
        data = pulses(number, self.size.n_pulses, snr)
        rows = self.finder.decision_function(data.traces) >= self.threshold
        return data.traces[rows], data.signals[rows]

    def intervals(self):
        """Rows of the table of intervals."""
        calibration = {name: self.found(1, snr) for name, snr in RANGES.items()}
        for name, snr in RANGES.items():
            traces, signals = self.found(2, snr)
            bound = cramer_rao_bound(signals, self.limit.autocovariance_, phase_std=PHASE_STD)
            truth = pulse_parameters(signals)
            methods = {
                "likelihood ratio": lambda x: in_parallel(self.limit.predict_pulses, x, self.jobs),
                "template fit": self._template_fit,
                "denoiser": self._denoiser(calibration["0.5 to 5"]),
            }
            if name == "2":
                methods["denoiser, calibrated at 2"] = self._denoiser(calibration["2"])
            for method, predict in methods.items():
                shares, row = _row(truth, predict(traces), bound)
                self.report.note(f"SNR {name}, {method}: {', '.join(f'{s:.3f}' for s in shares)}")
                yield {"SNR": name, "method": method, "pulses": len(traces)} | row
                if method != "template fit":
                    self._add_targets(f"SNR {name}, {method}", shares)

    def _template_fit(self, traces):
        """The best fitting template with the bound of its errors."""
        signals = self.limit.template_fit(traces)
        values = pulse_parameters(signals)
        errors = cramer_rao_bound(signals, self.limit.autocovariance_)
        return PulseParameters(
            *(Interval(v, v - e, v + e) for v, e in zip(values, errors, strict=True))
        )

    def _denoiser(self, calibration):
        return lambda traces: self.denoiser.calibrate_pulses(*calibration).predict_pulses(traces)

    def _add_targets(self, name, shares):
        low, high = TRUTH
        self.report.targets += [
            Target(f"{name}: worst share below 68 %", min(shares), at_least=low),
            Target(f"{name}: worst share above 68 %", max(shares), at_most=high),
        ]

    def samples(self):
        """Rows of the table of standard deviations."""
        data = make_traces(self.size.n_pulses // 4, first_event_id=3 * 10**8, random_state=SEED)
        found = self.finder.decision_function(data.traces) >= self.threshold
        recoveries = {
            "posterior mean": self.limit.posterior_mean,
            "denoiser": self.denoiser.predict,
        }
        for method, recover in recoveries.items():
            recovered, std = recover(data.traces, return_std=True)
            pulse = data.y == 1
            error = np.square(recovered - data.signals, dtype=np.float64)
            variance = np.square(std, dtype=np.float64)
            row = {"method": method}
            for name, rows in {"all": pulse | True, "pulses": pulse, "noise": ~pulse}.items():
                row[name] = _ratio(error[rows].sum(axis=1), variance[rows].sum(axis=1))
            rows = found & pulse
            peaks = np.flatnonzero(rows), np.abs(recovered[rows]).argmax(axis=1)
            row["at the peak / %"] = _share(error[peaks] < variance[peaks])
            left = normalized_mean_squared_error(data.signals[pulse], recovered[pulse])
            yield row | {"error / dB": 10 * np.log10(left)}


def _row(truth, intervals, bound):
    """Shares of intervals that contain the truth, and the columns of a method."""
    row, shares = {}, []
    for name, true, (_, low, high) in zip(NAMES, truth, intervals, strict=True):
        inside = (low <= true) & (true <= high)
        shares.append(float(inside.mean()))
        row[f"{name} / %"] = _share(inside)
    for name, (_, low, high), lowest in zip(NAMES, intervals, bound, strict=True):
        row[f"{name} / bound"] = float(np.median((high - low) / 2 / lowest))
    return shares, row


def _share(inside):
    return [100 * end for end in binomial_interval(int(inside.sum()), len(inside))]


def _ratio(error, variance):
    """Ratio of two sums over events, and its statistical error."""
    ratio = error.sum() / variance.sum()
    return [float(ratio), float(np.sqrt(np.sum((error - ratio * variance) ** 2)) / variance.sum())]


def main(arguments=None):
    parser = make_parser(__doc__)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes, 2")
    help_ = "a stored denoiser with learn_std, instead of training one"
    parser.add_argument("--denoiser", type=input_file, metavar="FILE", help=help_)
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("uncertainty", options)
    comparison = Comparison(size, options, report)
    report.measure("intervals", "68 % intervals of found pulses", comparison.intervals, FORMATS)
    title = "Standard deviation of each sample"
    report.measure("samples", title, comparison.samples, SAMPLE_FORMATS)
    report.finish()


if __name__ == "__main__":
    main()
