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

The columns: mean square error of the traces with a pulse, in dB of their signals' energy, and that
of noise alone; median and central 68 % of the energy ratio less one, and the share within 20 %, of
the pulses that the likelihood ratio finds at a false-positive rate of 0.2 % (threshold from
validation events); the bias that is left after division by the median ratio of the validation
events with analytic pulses, one number for a method, with the errors of both; the resolution of the
85 % of the found whose recovered peak is largest; the pulses found and within 20 %, of all pulses;
peak time within one sample at SNR 2.5 to 3.5; the rate of pulses invented from 60 000 noise traces,
above the peak that 0.2 % of 60 000 others exceed after recovery; power at the carriers that is left
of noise, in dB of what there was.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from sklearn_aera.datasets import load_coreas, make_traces
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
from sklearn_aera.simulation import TraceSimulator

SEED = 0
MAX_FPR = 2e-3
LARGEST = 0.85
RATE = 180.0
CARRIERS = (58.887, 61.523, 68.555, 71.191)


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


@dataclass
class Row:
    """What is measured of one method."""

    method: str
    error: float
    noise: float
    bias: tuple
    calibrated: tuple
    resolution: tuple
    resolution_of_largest: tuple
    within: float
    within_of_all: float
    peak_time: float
    invented: tuple
    carriers: float
    seconds: float


def make_data(size, snr, pulse=None):
    """Training, validation and test traces, none of which share an event."""
    options = {"simulator": TraceSimulator(pulse=pulse), "snr": snr, "random_state": SEED}
    numbers = (size.n_train, size.n_test, size.n_test)
    return [
        make_traces(n, first_event_id=number * 100_000_000, **options)
        for number, n in enumerate(numbers)
    ]


def make_noise(size):
    """Two sets of noise traces, to choose a threshold and to see what is above it."""
    options = {"simulator": TraceSimulator(), "signal_fraction": 0.0, "random_state": SEED}
    return [
        make_traces(size.n_noise, first_event_id=number * 100_000_000, **options).traces
        for number in (3, 4)
    ]


def band_pass(traces):
    frequencies = np.fft.rfftfreq(traces.shape[1], 1 / RATE)
    inside = (frequencies >= 30.0) & (frequencies <= 80.0)
    return np.fft.irfft(np.fft.rfft(traces) * inside, traces.shape[1])


def autoencoder(train, epochs):
    """Fit a convolutional autoencoder in plain Keras; returns its recovery."""
    import keras

    layers = keras.layers
    inputs = keras.Input((train.traces.shape[1], 1))
    x = layers.ZeroPadding1D((6, 6))(inputs)
    for n_filters in (32, 64, 64, 128):
        x = layers.Conv1D(n_filters, 9, strides=2, padding="same", activation="relu")(x)
    for n_filters in (64, 64, 32, 32):
        x = layers.Conv1DTranspose(n_filters, 9, strides=2, padding="same", activation="relu")(x)
    x = layers.Cropping1D((6, 6))(layers.Conv1D(1, 9, padding="same")(x))
    network = keras.Model(inputs, x)
    network.compile(keras.optimizers.Adam(1e-3), "mse")
    unit = float(np.sqrt(np.mean(train.signals**2)))

    def scaled(traces):
        return (traces / train.traces.std())[:, :, None]

    targets = (train.signals / unit)[:, :, None]
    network.fit(scaled(train.traces), targets, batch_size=128, epochs=epochs, verbose=0)
    return lambda traces: unit * network.predict(scaled(traces), verbose=0)[:, :, 0]


def denoiser(train, size, snr):
    """The recommended denoiser on endless data."""
    network = make_denoiser(epochs=size.epochs, max_shift=0, random_state=SEED)
    simulator = TraceSimulator(random_state=SEED)
    network.fit_simulated(simulator, size.n_epoch, snr=snr, first_event_id=10**12)
    return network.predict


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
        "convolutional autoencoder": lambda: autoencoder(train, size.autoencoder_epochs),
        "denoiser": lambda: denoiser(train, size, snr),
    }


def judge(method, recover, test, found, noise, seconds, calibration):
    """Measure one method on the test events; ``calibration`` is its bias on validation events."""
    recovered = np.asarray(recover(test.traces), dtype=np.float64)
    pulses = test.y == 1
    truth = test.signals[pulses]
    error = normalized_mean_squared_error(truth, recovered[pulses])
    left = trace_energy(recovered[~pulses]).sum() / trace_energy(truth).sum()
    ratio = energy_ratio(test.signals[found], recovered[found]) - 1
    bias, resolution = bias_and_resolution(ratio)
    peak = pulse_peak(recovered[found]).amplitude
    largest = peak >= np.quantile(peak, 1 - LARGEST)
    within = np.abs(ratio) <= 0.2
    return Row(
        method,
        10 * np.log10(error),
        10 * np.log10(max(left, 1e-12)),
        tuple(bias),
        _calibrated(bias, calibration),
        tuple(resolution),
        tuple(bias_and_resolution(ratio[largest])[1]),
        float(np.mean(within)),
        float(within.sum() / pulses.sum()),
        _peak_time(test, recovered),
        _invented(recover, *noise),
        _carriers_left(test.traces[~pulses], recovered[~pulses]),
        seconds,
    )


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
    return tuple(invented_pulses(recover(test), threshold).rate)


def _peak_time(test, recovered):
    """Share of the pulses with SNR 2.5 to 3.5 whose peak is within one sample."""
    chosen = (test.events[:, 1] >= 2.5) & (test.events[:, 1] <= 3.5)
    chosen = chosen if chosen.any() else test.y == 1
    late = pulse_peak(recovered[chosen]).time - pulse_peak(test.signals[chosen]).time
    return float(np.mean(np.abs(late) <= 1.001 / RATE))


def _carriers_left(traces, recovered):
    """Power at the carriers' frequencies, recovered over measured, in dB."""
    times = np.arange(traces.shape[1]) / RATE
    window = np.hanning(len(times))[:, None]
    waves = window * np.exp(-2j * np.pi * np.outer(times, CARRIERS))
    before, after = (np.mean(np.abs(x @ waves) ** 2) for x in (traces, recovered))
    return 10 * np.log10(max(after / before, 1e-12))


def found_pulses(train, validation, test, snr):
    """Pulses of the validation and of the test events that the likelihood ratio finds."""
    ratio = LikelihoodRatioClassifier(snr=snr).fit(train.traces, train.y)
    scores = [ratio.decision_function(data.traces) for data in (validation, test)]
    threshold = threshold_at_fpr(validation.y, scores[0], max_fpr=MAX_FPR)
    both = zip((validation, test), scores, strict=True)
    return [(data.y == 1) & (score > threshold) for data, score in both]


def compare(size, snr, path, console):
    """Fit and judge all methods; the tables by title, and what each recovers of the test."""
    train, validation, test = make_data(size, snr)
    noise = make_noise(size)
    found = found_pulses(train, validation, test, snr)
    console.print(f"{found[1].sum()} of {np.sum(test.y)} pulses found")
    rows, recoveries, calibrations = [], {}, {}
    for name, fit in methods(train, size, snr).items():
        started = time.perf_counter()
        recover = recoveries[name] = fit()
        seconds = time.perf_counter() - started
        before = energy_ratio(validation.signals[found[0]], recover(validation.traces[found[0]]))
        calibration = calibrations[name] = bias_and_resolution(before - 1)[0]
        rows.append(judge(name, recover, test, found[1], noise, seconds, calibration))
        console.print(f"  {name}: {seconds:.0f} s, error {rows[-1].error:.2f} dB")
    tables = {f"SNR {snr}, {len(test.y):,} test events": rows}
    if path is not None:
        _, validation, shower = make_data(size, snr, load_coreas(path).pulses)
        found = found_pulses(train, validation, shower, snr)[1]
        tables["Pulses of a CoREAS shower"] = [
            judge(name, recoveries[name], shower, found, noise, 0.0, calibrations[name])
            for name in ("posterior mean", "denoiser")
        ]
    return tables, recoveries, test


def show(title, rows, console):
    table = Table(title=title, title_justify="left")
    columns = ["error/dB", "noise/dB", "bias", "calibrated", "resolution", "of 85 %"]
    columns += ["within 20%", "of all", "peak time", "invented", "carriers/dB", "fit/s"]
    for name in ("method", *columns):
        table.add_column(name, justify="left" if name == "method" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.method,
            f"{row.error:.2f}",
            f"{row.noise:.1f}",
            f"{row.bias[0]:+.3f}",
            f"{row.calibrated[0]:+.3f}",
            f"{row.resolution[0]:.3f}",
            f"{row.resolution_of_largest[0]:.3f}",
            f"{row.within:.1%}",
            f"{row.within_of_all:.1%}",
            f"{row.peak_time:.1%}",
            f"{row.invented[0]:.2%}",
            f"{row.carriers:.1f}",
            f"{row.seconds:.0f}",
        )
    console.print(table)


def draw(path, recoveries, test):
    """Bias and resolution of the energy against SNR."""
    from sklearn_aera.inspection import ResolutionDisplay

    pulses = (test.y == 1) & (test.events[:, 1] >= 1)
    display = None
    for name in ("template fit", "posterior mean", "denoiser"):
        display = ResolutionDisplay.from_predictions(
            test.signals[pulses],
            np.asarray(recoveries[name](test.traces[pulses])),
            test.events[pulses, 1],
            name=name,
            axes=None if display is None else display.axes_,
        )
    display.figure_.savefig(path, dpi=150)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", type=float, nargs=2, default=(0.5, 5.0), metavar=("LOW", "HIGH"))
    parser.add_argument("--pulses", type=Path, help="a CoREAS file")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--figure", type=Path, help="draw the resolution against SNR here")
    options = parser.parse_args(arguments)
    size, console = QUICK if options.quick else FULL, Console(width=170)
    low, high = options.snr
    snr = low if low == high else (low, high)
    tables, recoveries, test = compare(size, snr, options.pulses, console)
    for title, rows in tables.items():
        show(title, rows, console)
    if options.json is not None:
        numbers = {title: [asdict(row) for row in rows] for title, rows in tables.items()}
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")
    if options.figure is not None:
        draw(options.figure, recoveries, test)


if __name__ == "__main__":
    main()
