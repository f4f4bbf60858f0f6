"""Recovery of signals beside its limit: one run, the same test events for all.

Run as::

    python examples/benchmarks/recovery.py [--snr LOW HIGH] [--pulses FILE] [--quick]
        [--json FILE] [--figure FILE]

Training, validation and test events have different event ids. The rows:

- measured trace: as it is. band-pass: 30 to 80 MHz of it.
- Wiener filter: the linear optimum for stationary signals, `WienerFilter`.
- template fit: the template with the largest likelihood, of any amplitude.
- posterior mean: the physical limit of the mean square error, over a bank with 4 times per sample,
  4 slopes and 4 phases; both by `LikelihoodRatioClassifier`.
- convolutional autoencoder: four convolutions down and four up in plain Keras, of the kind of
  arXiv:1901.04079, on the training traces.
- denoiser: `make_denoiser` on endless data.

The columns:

- error, noise: mean square error of the traces with a pulse, in dB of their signals' energy, and
  that of noise alone.
- bias, resolution: median and central 68 % of the energy ratio less one, of the pulses that the
  likelihood ratio finds at a false-positive rate of 0.2 % (threshold from validation events).
- calibrated: the bias that is left after division by the median ratio of the validation events
  with analytic pulses, one number for a method, with the errors of both.
- largest 85 %: the resolution of the 85 % of the found whose recovered peak is largest.
- within 20 %, of all: share of the found pulses whose energy is within 20 % of the truth; how many
  these are of all pulses.
- peak time: share of the pulses at SNR 2.5 to 3.5 whose peak is within one sample.
- invented: rate of pulses invented from 60 000 noise traces, above the peak that 0.2 % of 60 000
  others exceed after recovery.
- carriers: power at the carriers that is left of noise, in dB of what there was.
"""

from dataclasses import dataclass

import numpy as np
from networks import fit_autoencoder
from report import Report, input_file, make_parser, output_file, timed
from traces import FIRST_ENDLESS_ID, SEED, make_data

from sklearn_aera.datasets import load_coreas, make_traces
from sklearn_aera.inspection import ResolutionDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import (
    bias_and_resolution,
    energy_ratio,
    invented_pulses,
    normalized_mean_squared_error,
    pulse_peak,
    threshold_at_fpr,
    trace_energy,
)
from sklearn_aera.neural_network import make_denoiser
from sklearn_aera.preprocessing import WienerFilter
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

MAX_FPR = 2e-3
LARGEST = 0.85
RATE = 180.0  # MHz
CARRIERS = AntennaNoise().carriers
PERCENTAGES = ("bias", "calibrated", "resolution", "largest 85 %", "within 20 %", "of all")
FORMATS = {"error / dB": ".2f", "noise / dB": ".1f", "invented / %": ".2f", "carriers / dB": ".1f"}
FORMATS |= {f"{name} / %": ".1f" for name in (*PERCENTAGES, "peak time")} | {"fit / s": ".0f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_test: int
    n_noise: int
    n_epoch: int
    epochs: int
    autoencoder_epochs: int
    bank: int


FULL = Size(20_000, 4000, 60_000, 20_000, 40, 30, 4)
QUICK = Size(300, 200, 200, 200, 1, 1, 1)


def make_noise(size):
    """Two sets of noise traces, to choose a threshold and to see what is above it."""
    options = {"simulator": TraceSimulator(), "signal_fraction": 0.0, "random_state": SEED}
    return [
        make_traces(size.n_noise, first_event_id=number * 10**8, **options).traces
        for number in (3, 4)
    ]


# Methods


def band_pass(traces):
    frequencies = np.fft.rfftfreq(traces.shape[1], 1 / RATE)
    inside = (frequencies >= 30.0) & (frequencies <= 80.0)
    return np.fft.irfft(np.fft.rfft(traces) * inside, traces.shape[1])


def fit_denoiser(size, snr):
    """The recommended denoiser on endless data."""
    network = make_denoiser(epochs=size.epochs, max_shift=0, random_state=SEED)
    simulator = TraceSimulator(random_state=SEED)
    network.fit_simulated(simulator, size.n_epoch, snr=snr, first_event_id=FIRST_ENDLESS_ID)
    return network


def methods(train, size, snr):
    """Functions that fit each method and return its recovery, by name."""
    n = size.bank
    fine = {"times_per_sample": n, "n_slopes": n, "n_phases": n}
    limit = LikelihoodRatioClassifier(snr=snr, **fine)
    return {
        "measured trace": lambda: lambda traces: traces,
        "band-pass": lambda: band_pass,
        "Wiener filter": lambda: WienerFilter().fit(train.traces, train.y).transform,
        "template fit": lambda: limit.fit(train.traces, train.y).template_fit,
        "posterior mean": lambda: limit.fit(train.traces, train.y).posterior_mean,
        "convolutional autoencoder": lambda: fit_autoencoder(
            train.traces, train.signals, size.autoencoder_epochs
        ),
        "denoiser": lambda: fit_denoiser(size, snr).predict,
    }


# Measures


def judge(method, recover, test, found, noise, calibration):
    """Row of one method on the test events; ``calibration`` is its bias on validation events."""
    recovered = np.asarray(recover(test.traces), dtype=np.float64)
    pulses = test.y == 1
    truth = test.signals[pulses]
    left = trace_energy(recovered[~pulses]).sum() / trace_energy(truth).sum()
    row = {"method": method}
    row["error / dB"] = _decibel(normalized_mean_squared_error(truth, recovered[pulses]))
    row["noise / dB"] = _decibel(left)
    percent = _energies(test.signals[found], recovered[found], calibration)
    percent["of all"] = percent["within 20 %"] * found.sum() / pulses.sum()
    percent["peak time"] = _peak_time(test, recovered)
    percent["invented"] = _invented(recover, *noise)
    row |= {f"{name} / %": _percent(value) for name, value in percent.items()}
    row["carriers / dB"] = _carriers_left(test.traces[~pulses], recovered[~pulses])
    return row


def _energies(truth, recovered, calibration):
    """Bias and resolution of the energies of found pulses, and the share within 20 %."""
    ratio = energy_ratio(truth, recovered) - 1
    bias, resolution = bias_and_resolution(ratio)
    peak = pulse_peak(recovered).amplitude
    largest = peak >= np.quantile(peak, 1 - LARGEST)
    return {
        "bias": bias,
        "calibrated": _calibrated(bias, calibration),
        "resolution": resolution,
        "largest 85 %": bias_and_resolution(ratio[largest])[1],
        "within 20 %": float(np.mean(np.abs(ratio) <= 0.2)),
    }


def _decibel(ratio):
    return 10 * float(np.log10(max(ratio, 1e-12)))


def _percent(value):
    return [100 * float(v) for v in value] if isinstance(value, tuple) else 100 * float(value)


def _calibrated(bias, before):
    """What is left of a bias when energies are divided by the validation events' median ratio."""
    left = (1 + bias.value) / (1 + before.value) - 1
    errors = [(one.high - one.low) / 2 / (1 + one.value) for one in (bias, before)]
    error = (1 + left) * float(np.hypot(*errors))
    return left, left - error, left + error


def _invented(recover, validation, test):
    """Rate of pulses in recovered noise above a threshold that other noise has chosen."""
    peaks = pulse_peak(recover(validation)).amplitude
    threshold = np.quantile(peaks, 1 - MAX_FPR, method="higher")
    return invented_pulses(recover(test), threshold).rate.value


def _peak_time(test, recovered):
    """Share of the pulses with SNR 2.5 to 3.5 whose peak is within one sample."""
    chosen = (test.snr >= 2.5) & (test.snr <= 3.5)
    chosen = chosen if chosen.any() else test.y == 1
    late = pulse_peak(recovered[chosen]).time - pulse_peak(test.signals[chosen]).time
    return float(np.mean(np.abs(late) <= 1.001 / RATE))


def _carriers_left(traces, recovered):
    """Power at the carriers' frequencies, recovered over measured, in dB."""
    times = np.arange(traces.shape[1]) / RATE
    window = np.hanning(len(times))[:, None]
    waves = window * np.exp(-2j * np.pi * np.outer(times, CARRIERS))
    before, after = (np.mean(np.abs(x @ waves) ** 2) for x in (traces, recovered))
    return _decibel(after / before)


class Comparison:
    """All methods fitted and judged on the same events."""

    def __init__(self, size, snr, report):
        self.size, self.snr, self.report = size, snr, report
        self.recoveries, self.calibrations = {}, {}
        self.train, self.validation, self.test = make_data(size.n_train, size.n_test, snr)
        self.noise = make_noise(size)

    def rows(self):
        in_validation, in_test = self._found_pulses(self.validation, self.test)
        self.report.note(f"{in_test.sum()} of {np.sum(self.test.y)} pulses found")
        traces, truth = (
            x[in_validation] for x in (self.validation.traces, self.validation.signals)
        )
        for name, fit in methods(self.train, self.size, self.snr).items():
            recover, seconds = timed(fit)
            before = energy_ratio(truth, recover(traces))
            self.recoveries[name] = recover
            self.calibrations[name] = bias_and_resolution(before - 1)[0]
            row = self._judge(name, self.test, in_test)
            self.report.note(f"{name}: {seconds:.0f} s, error {row['error / dB']:.2f} dB")
            yield row | {"fit / s": seconds}

    def on_a_shower(self, path):
        """Rows of the best methods on the pulses of a CoREAS shower."""
        pulses = load_coreas(path).pulses
        data = make_data(self.size.n_train, self.size.n_test, self.snr, pulse=pulses)[1:]
        found = self._found_pulses(*data)[1]
        for name in ("posterior mean", "denoiser"):
            yield self._judge(name, data[1], found)

    def _judge(self, name, test, found):
        recover, calibration = self.recoveries[name], self.calibrations[name]
        return judge(name, recover, test, found, self.noise, calibration)

    def _found_pulses(self, validation, test):
        """Pulses of the validation and of the test events that the likelihood ratio finds."""
        ratio = LikelihoodRatioClassifier(snr=self.snr).fit(self.train.traces, self.train.y)
        scores = [ratio.decision_function(data.traces) for data in (validation, test)]
        threshold = threshold_at_fpr(validation.y, scores[0], max_fpr=MAX_FPR)
        both = zip((validation, test), scores, strict=True)
        return [(data.y == 1) & (score > threshold) for data, score in both]


def draw(path, recoveries, test):
    """Bias and resolution of the energy against SNR."""
    pulses = (test.y == 1) & (test.snr >= 1)
    axes = None
    for name in ("template fit", "posterior mean", "denoiser"):
        recovered = np.asarray(recoveries[name](test.traces[pulses]))
        display = ResolutionDisplay.from_predictions(
            test.signals[pulses], recovered, test.snr[pulses], name=name, axes=axes
        )
        axes = display.axes_
    display.figure_.savefig(path, dpi=150)


def main(arguments=None):
    parser = make_parser(__doc__)
    parser.add_argument("--snr", type=float, nargs=2, default=(0.5, 5.0), metavar=("LOW", "HIGH"))
    parser.add_argument("--pulses", type=input_file, metavar="FILE", help="a CoREAS file")
    help_ = "draw the resolution against SNR here"
    parser.add_argument("--figure", type=output_file, metavar="FILE", help=help_)
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else FULL
    low, high = options.snr
    report = Report("recovery", options)
    comparison = Comparison(size, low if low == high else (low, high), report)
    title = f"SNR {low:g} to {high:g}, {size.n_test:,} test events"
    report.measure("methods", title, comparison.rows, FORMATS)
    if options.pulses is not None:
        title = "Pulses of a CoREAS shower"
        report.measure("coreas", title, lambda: comparison.on_a_shower(options.pulses), FORMATS)
    report.finish()
    if options.figure is not None:
        draw(options.figure, comparison.recoveries, comparison.test)


if __name__ == "__main__":
    main()
