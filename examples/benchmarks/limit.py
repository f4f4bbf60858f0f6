"""Sanity of the physical limit: is the likelihood ratio as good as it is said to be?

Run as::

    python examples/benchmarks/limit.py [--quick] [--json FILE]

Errors are one standard deviation. Differences of areas under the ROC curve and of log losses are
those on the same test events, with the error of the difference. Thresholds are those at which
0.2 % of the test noise is above. The tables:

- Independent cells: accuracy and efficiency of the likelihood ratio of a pulse of matched
  signal-to-noise ratio d in one of 150 cells, with unknown phase; no trace is simulated.
- Share of the carriers: the likelihood ratio with the true covariance at SNR 2; d of the whitened
  pulses, and the accuracy in cells with five quantiles of that d. "Flat" has no galactic colour
  either.
- Estimates of the covariance: how far the likelihood ratio at SNR 1.5 falls behind the one with
  the true covariance. Divergence is the Kullback-Leibler divergence of one trace in nats, from the
  true covariance (with the same ridge) to the estimated one; carriers and band are the power of
  noise whitened with the estimate, at the carriers (mean, in units of the band's median) and its
  deviation from that median throughout the band (RMS). Both follow from the true covariance and
  have no error of a test sample. All estimates get the ridge that ours has.
- Constants of our estimate: the same, with one constant changed at a time.
- Fineness of the bank: what the likelihood ratio at SNR 0.5 to 5 gains with twice as many
  templates, and with the pulse's amplitude as it follows from the trace and the template.
- Nobody beats the limit: in exactly Gaussian noise at SNR 1.5, areas behind that of the likelihood
  ratio with the true covariance. Carriers have Rayleigh amplitudes, and a share at which detection
  is about as hard as by default; the detector is `make_detector` on endless data (10 epochs of
  10 000 events).
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.linalg import toeplitz
from scipy.signal import welch
from scipy.special import i0e, logsumexp
from sklearn.covariance import ledoit_wolf, oas

from sklearn_aera._templates import (
    arrival_times,
    build_bank,
    make_band,
    matched_filter,
    pulse_shapes,
    white_coefficients,
)
from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.likelihood._marginal import (
    fit_noise_scale,
    log_likelihood_ratio,
    relative_amplitudes,
    snr_nodes,
)
from sklearn_aera.metrics import tpr_at_fpr
from sklearn_aera.neural_network import make_detector
from sklearn_aera.preprocessing import _covariance
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

SEED = 0
FPR = 2e-3
SNR, LOW_SNR = 2.0, 1.5
RIDGE = 1e-4
N_CELLS = 150
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
MATCHED_SNRS = (2.0, 3.0, 3.5, 4.0, 4.7, 5.0, 5.5, 6.0, 6.5, 7.0)
SHARES = (0.0, 0.5, 0.72, 0.8, 0.9)
GAUSSIAN = AntennaNoise(carrier_share=0.94, carrier_amplitude="rayleigh")
FIRST_TEST, FIRST_ENDLESS = 10**8, 10**12


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_cell_events: int
    n_background: tuple
    n_test: int
    n_fine: int
    n_exact: int
    n_epoch: int
    epochs: int


FULL = Size(200_000, (200, 2000, 20_000), 40_000, 20_000, 10_000, 10_000, 10)
QUICK = Size(2000, (100,), 400, 100, 100, 200, 1)


class Measured(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float

    def __str__(self):
        if self.error == 0:
            return f"{self.value:g}"
        digits = max(1 - math.floor(math.log10(self.error)), 0)
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f}"


def mean(values):
    return Measured(float(np.mean(values)), float(np.std(values) / np.sqrt(len(values))))


def accuracy(y, log_ratio):
    return mean((log_ratio > 0) == y)


def area(y, score, reference=None):
    """Area under the ROC curve, or how far it is below that of a reference on the same events.

    DeLong, DeLong and Clarke-Pearson 1988, DOI 10.2307/2531595.
    """
    parts = _placements(y, score)
    if reference is not None:
        parts = [r - p for r, p in zip(_placements(y, reference), parts, strict=True)]
    variance = sum(np.var(part, ddof=1) / len(part) for part in parts)
    return Measured(float(np.mean(parts[0])), float(np.sqrt(variance)))


def _placements(y, score):
    """Share of the other class that each signal, and each noise, is on the right side of."""
    noise, signal = score[y == 0], score[y == 1]
    return (
        np.searchsorted(np.sort(noise), signal) / len(noise),
        1 - np.searchsorted(np.sort(signal), noise, side="right") / len(signal),
    )


def efficiency(y, score):
    """True-positive rate; its error has a binomial part and one that is the threshold's."""
    shift = math.sqrt(FPR * (1 - FPR) / np.sum(y == 0))
    rates = (max(FPR - shift, 0), FPR, FPR + shift)
    low, value, high = (tpr_at_fpr(y, score, max_fpr=rate) for rate in rates)
    variance = value * (1 - value) / np.sum(y == 1) + ((high - low) / 2) ** 2
    return Measured(value, math.sqrt(variance))


def log_losses(y, log_ratio):
    """Log loss of each event, at equal prior probabilities."""
    return np.logaddexp(0, np.where(y == 1, -log_ratio, log_ratio))


def make(n, first=0, noise=None, **events):
    simulator = TraceSimulator(noise=noise)
    options = {"simulator": simulator, "first_event_id": first, "random_state": SEED}
    return make_traces(n, **options, **events)


def make_background(n, noise=None):
    return make(n, noise=noise, signal_fraction=0.0).traces


# Independent cells


def draw_cells(n_events):
    """Labels, and complex normal cells with real and imaginary parts of unit variance."""
    rng = np.random.default_rng(SEED)
    normal = rng.standard_normal((n_events, 2 * N_CELLS), dtype=np.float32)
    return np.arange(n_events) % 2, normal.view(np.complex64)


def cell_ratio(y, cells, d):
    """Logarithm of the mean over cells and d of exp(-d^2/2) I0(d |z|).

    Where y is 1 a pulse is in the first cell, of one of the values of d in turn.
    """
    d = np.atleast_1d(d)
    modulus = np.abs(cells)
    modulus[:, 0] = np.abs(cells[:, 0] + d[np.arange(len(y)) // 2 % len(d)] * y)
    largest = modulus.max(axis=1, keepdims=True)
    terms = []
    for one in d:
        exponent = np.float32(one) * modulus
        mean_of_cells = np.mean(np.exp(exponent - one * largest) * i0e(exponent), axis=1)
        terms.append(np.log(mean_of_cells) + one * largest[:, 0] - one**2 / 2)
    return logsumexp(terms, axis=0) - np.log(len(d))


def measure_cells(size):
    y, cells = draw_cells(size.n_cell_events)
    for d in MATCHED_SNRS:
        ratio = cell_ratio(y, cells, d)
        yield {
            "d": d,
            "accuracy": accuracy(y, ratio),
            "TPR at 0.2%": efficiency(y, ratio),
        }


# The likelihood ratio with a covariance that is given


def true_covariance(noise=None, ridge=RIDGE):
    """Of traces in mV, with the white floor that keeps frequencies out of the band finite."""
    noise = AntennaNoise() if noise is None else noise
    autocovariance = noise.prepare(make_band(None, 180.0, 500)).autocovariance()
    autocovariance[0] *= 1 + ridge
    return toeplitz(autocovariance)


def inverse_root(covariance):
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    return (eigenvectors / np.sqrt(eigenvalues)) @ eigenvectors.T


def ratio_given(covariance, background, traces, snr):
    """What `LikelihoodRatioClassifier` computes, but for where the covariance is from."""
    limit = LikelihoodRatioClassifier(snr=snr)
    n_samples = len(covariance)
    band = make_band(None, limit.sampling_rate, n_samples)
    times = arrival_times(None, band, limit.times_per_sample)
    spectra, jitter = pulse_shapes(None, band, limit.spectral_slope, limit.n_slopes)
    scale = math.sqrt(np.trace(covariance) / n_samples)
    whitening = inverse_root(covariance / scale**2)
    bank = build_bank(spectra, jitter, band, times, whitening, limit.n_phases)
    coefficients, rms = white_coefficients(background, bank, scale)
    power = rms**2 * np.square(coefficients, dtype=np.float64).sum(axis=1)
    variance, degrees_of_freedom = fit_noise_scale(power, coefficients.shape[1])
    nodes, weights = snr_nodes((snr, snr), 1)
    amplitudes = relative_amplitudes(nodes, bank.mean_square, limit.snr_reference)
    scale *= math.sqrt(variance)
    return log_likelihood_ratio(traces, bank, amplitudes, weights, scale, degrees_of_freedom)


def measure_shares(size):
    noises = {"flat": AntennaNoise(carrier_share=0.0, electronics_temperature=1e9)}
    noises |= {f"{share:.0%}": AntennaNoise(carrier_share=share) for share in SHARES}
    cell_y, cells = draw_cells(size.n_cell_events // 4)
    for name, noise in noises.items():
        truth = true_covariance(noise)
        test = make(size.n_test, FIRST_TEST, noise, snr=SNR)
        ratio = ratio_given(truth, make_background(2000, noise), test.traces, SNR)
        d = np.linalg.norm(test.signals[test.y == 1] @ inverse_root(truth), axis=1)
        yield {
            "carriers": name,
            "mean d": float(d.mean()),
            "spread of d": float(d.std()),
            "in cells": accuracy(cell_y, cell_ratio(cell_y, cells, np.quantile(d, QUANTILES))),
            "accuracy": accuracy(test.y, ratio),
            "AUC": area(test.y, ratio),
            "TPR at 0.2%": efficiency(test.y, ratio),
        }


# Estimates of the covariance


def averaged_products(traces, *, biased):
    """Covariance from the mean of the products at each lag, divided by n or by their number."""
    n_samples = traces.shape[1]
    power = np.mean(np.abs(np.fft.rfft(traces, 2 * n_samples)) ** 2, axis=0)
    number = n_samples if biased else n_samples - np.arange(n_samples)
    return toeplitz(np.fft.irfft(power)[:n_samples] / number)


def welch_covariance(traces):
    n_samples = traces.shape[1]
    options = {"nperseg": n_samples, "nfft": 2 * n_samples, "detrend": False}
    _, spectrum = welch(traces.astype(float), **options)
    # One-sided: the transform back to lags counts every frequency but the ends twice.
    spectrum = np.mean(spectrum, axis=0)
    spectrum[1:-1] /= 2
    return toeplitz(np.fft.irfft(spectrum)[:n_samples])


def ours(traces, regularization=RIDGE, **constants):
    with patch.dict(vars(_covariance), constants):
        return toeplitz(_covariance.stationary_autocovariance(traces, regularization))


def with_ridge(covariance):
    """Directions of negative power, which unbiased averages have, are set to the ridge too."""
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    eigenvalues = np.maximum(eigenvalues, 0) + RIDGE * eigenvalues.mean()
    return (eigenvectors * eigenvalues) @ eigenvectors.T


def centered(estimate):
    """An estimate of scikit-learn's, of noise with no mean."""
    return lambda traces: with_ridge(estimate(traces.astype(float), assume_centered=True)[0])


ESTIMATES = {
    "maximum likelihood (ours)": ours,
    "biased average": lambda traces: with_ridge(averaged_products(traces, biased=True)),
    "unbiased average": lambda traces: with_ridge(averaged_products(traces, biased=False)),
    "Welch": lambda traces: with_ridge(welch_covariance(traces)),
    "Ledoit and Wolf": centered(ledoit_wolf),
    "OAS": centered(oas),
}
CHANGES = {
    "none": {},
    "16 frequencies": {"_FREQUENCIES_PER_SAMPLE": 16},
    "256 frequencies": {"_FREQUENCIES_PER_SAMPLE": 256},
    "10 iterations": {"_N_ITERATIONS": 10},
    "100 iterations": {"_N_ITERATIONS": 100},
    "regularization 1e-5": {"regularization": 1e-5},
    "regularization 1e-3": {"regularization": 1e-3},
}


def _divergence(truth, covariance):
    relative = np.linalg.solve(covariance, truth)
    return float(np.trace(relative) - len(relative) - np.linalg.slogdet(relative)[1]) / 2


class CovarianceJudge:
    """Compares estimates of the covariance of the default noise with the true one."""

    def __init__(self, size):
        self.background = make_background(size.n_background[-1])
        self.test = make(size.n_test, FIRST_TEST, snr=LOW_SNR)
        self.truth = true_covariance()
        self.reference = self._ratio(self.truth, self.background)

    def row(self, name, n_traces, estimate, ridge=RIDGE):
        traces = self.background[:n_traces]
        covariance = estimate(traces)
        y, ratio = self.test.y, self._ratio(covariance, traces)
        carriers, band = self._whiteness(covariance)
        return {
            "estimate": name,
            "traces": n_traces,
            "AUC behind": area(y, ratio, self.reference),
            "TPR at 0.2%": efficiency(y, ratio),
            "divergence": _divergence(true_covariance(ridge=ridge), covariance),
            "carriers": carriers,
            "band": band,
        }

    def _ratio(self, covariance, background):
        return ratio_given(covariance, background, self.test.traces, LOW_SNR)

    def _whiteness(self, covariance):
        """Power of whitened noise over its median: at the carriers, and its RMS in the band."""
        whitening = inverse_root(covariance)
        white = whitening @ self.truth @ whitening

        def power(frequencies):
            waves = np.exp(2j * np.pi * np.outer(frequencies, np.arange(len(white)) / 180.0))
            return np.einsum("fi,fi->f", waves.conj(), waves @ white).real / len(white)

        in_band = power(np.arange(32.0, 78.5, 0.1))
        middle = np.median(in_band)
        spread = np.sqrt(np.mean((in_band / middle - 1) ** 2))
        return float(power(AntennaNoise().carriers).mean() / middle), float(spread)


def measure_estimates(size, judge):
    yield judge.row("true covariance", size.n_background[-1], lambda traces: judge.truth)
    for n_traces in size.n_background:
        for name, estimate in ESTIMATES.items():
            yield judge.row(name, n_traces, estimate)


def measure_constants(size, judge):
    for n_traces in sorted({size.n_background[0], size.n_background[-1]}):
        for name, change in CHANGES.items():
            estimate = partial(ours, **change)
            row = judge.row(name, n_traces, estimate, change.get("regularization", RIDGE))
            yield {"change": row.pop("estimate"), **row}


# Fineness of the bank


def measure_fineness(size):
    names = ("times_per_sample", "n_slopes", "n_phases", "n_snr")
    train = make(2000)
    test = make(size.n_fine, FIRST_TEST)
    limit = LikelihoodRatioClassifier(priors=[0.5, 0.5]).fit(train.traces, train.y)
    reference = limit.decision_function(test.traces)
    yield _gain("as by default", test.y, reference, reference)
    for changed in (*((name,) for name in names), names):
        finer = {name: 2 * getattr(limit, name) for name in changed}
        other = LikelihoodRatioClassifier(priors=[0.5, 0.5], **finer).fit(train.traces, train.y)
        name = f"twice {changed[0]}" if len(changed) == 1 else "twice all four"
        yield _gain(name, test.y, other.decision_function(test.traces), reference)
    y, traces = test.y[: size.n_exact], test.traces[: size.n_exact]
    # In noise of known scale, so that the amplitude is all that differs.
    limit.degrees_of_freedom_ = 1e6
    plain = plain_templates(limit, traces.shape[1])
    chunks = (traces[start : start + 64] for start in range(0, len(traces), 64))
    exact = np.concatenate([exact_ratio(limit, plain, chunk) for chunk in chunks])
    yield _gain("exact amplitude", y, exact, limit.decision_function(traces))


def _gain(name, y, ratio, reference):
    return {
        "bank": name,
        "AUC": area(y, ratio),
        "gain in AUC": area(y, reference, ratio),
        "log loss": mean(log_losses(y, ratio)),
        "gain in log loss": mean(log_losses(y, reference) - log_losses(y, ratio)),
    }


def exact_ratio(limit, plain, traces):
    """The log likelihood ratio without the approximation of `relative_amplitudes`.

    A trace of unit RMS is x = n + snr rms(n) p. With c the mean of x p and m that of p^2, the
    amplitude a = snr rms(n) solves a^2 = snr^2 (1 - 2 a c + a^2 m), and the density of x is that
    of n over the determinant 1 + snr^2 (c - a m) / a of the map from n to x.
    """
    bank = limit.bank_
    coefficients, rms = white_coefficients(traces, bank, limit.scale_)
    unit = traces / np.sqrt(np.mean(traces**2, axis=1, keepdims=True))
    products = coefficients @ bank.templates, unit @ plain / len(plain)
    square = np.float32(rms[:, None] ** 2)
    terms = []
    for pair, energy in zip(bank.weights, bank.energy, strict=True):
        z, c = (matched_filter(product, pair) for product in products)
        for sign in (1, -1):
            for snr in snr_nodes(limit.snr, limit.n_snr)[0]:
                linear, quadratic = sign * snr**2 * c, 1 - snr**2 * bank.mean_square
                a = (np.sqrt(linear**2 + quadratic * snr**2) - linear) / quadratic
                determinant = 1 + (linear - snr**2 * a * bank.mean_square) / a
                gaussian = square * (sign * a * z - a**2 * energy / 2)
                terms.append(gaussian - np.log(np.abs(determinant)))
    weights = np.tile(limit.snr_weights_, len(terms) // len(limit.snr_weights_))
    sums = logsumexp(np.stack(terms), axis=2) + np.log(weights)[:, None]
    return logsumexp(sums, axis=0) - np.log(2 * bank.energy.size)


def plain_templates(limit, n_samples):
    """In-phase templates and quadratures of a bank as they are before whitening."""
    band = make_band(None, limit.sampling_rate, n_samples)
    times = arrival_times(None, band, limit.times_per_sample)
    spectra, jitter = pulse_shapes(None, band, limit.spectral_slope, limit.n_slopes)
    plain = build_bank(spectra, jitter, band, times, np.eye(n_samples), limit.n_phases)
    return plain.projection @ plain.templates


# Nobody beats the limit


def measure_gaussian(size):
    test = make(size.n_test, FIRST_TEST, GAUSSIAN, snr=LOW_SNR)
    train = make(size.n_background[-1], 0, GAUSSIAN, snr=LOW_SNR)
    truth = true_covariance(GAUSSIAN)
    reference = ratio_given(truth, train.traces[train.y == 0], test.traces, LOW_SNR)
    scores = {"likelihood ratio, true covariance": reference}
    limit = LikelihoodRatioClassifier(snr=LOW_SNR).fit(train.traces, train.y)
    scores["likelihood ratio"] = limit.decision_function(test.traces)
    for name, features in {"matched filter": MatchedFilter(), "SNR": SNRCalculator()}.items():
        scores[name] = features.fit(train.traces, train.y).transform(test.traces)[:, 0]
    scores["detector"] = train_endless(size, train).decision_function(test.traces)
    for name, score in scores.items():
        behind = area(test.y, score, reference)
        yield {
            "detector": name,
            "AUC": area(test.y, score),
            "AUC behind": behind,
            "in errors": behind.value / behind.error if behind.error else 0.0,
            "TPR at 0.2%": efficiency(test.y, score),
        }


def train_endless(size, train):
    detector = make_detector(epochs=size.epochs, max_shift=0, random_state=SEED)
    preprocessing = detector[:-1].fit(train.traces, train.y)
    events = {"snr": LOW_SNR, "first_event_id": FIRST_ENDLESS}
    simulator = TraceSimulator(noise=GAUSSIAN, random_state=SEED)
    detector[-1].fit_simulated(simulator, size.n_epoch, preprocessing=preprocessing, **events)
    return detector


def show(title, rows, console):
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(rows[0]):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        cells = (f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row.values())
        table.add_row(*cells)
    console.print(table)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--json", type=Path, help="also write the numbers here, with their errors")
    options = parser.parse_args(arguments)
    size, console = QUICK if options.quick else FULL, Console(width=120)
    judge = CovarianceJudge(size)
    sections = {
        "Independent cells": lambda: measure_cells(size),
        f"Share of the carriers, SNR {SNR:g}": lambda: measure_shares(size),
        f"Estimates of the covariance, SNR {LOW_SNR:g}": lambda: measure_estimates(size, judge),
        f"Constants of our estimate, SNR {LOW_SNR:g}": lambda: measure_constants(size, judge),
        "Fineness of the bank, SNR 0.5 to 5": lambda: measure_fineness(size),
        f"Nobody beats the limit: Gaussian noise, SNR {LOW_SNR:g}": lambda: measure_gaussian(size),
    }
    found = {}
    for title, measure in sections.items():
        started = time.perf_counter()
        found[title] = list(measure())
        show(f"{title} ({time.perf_counter() - started:.0f} s)", found[title], console)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
