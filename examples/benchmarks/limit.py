"""Is the likelihood ratio the limit of detection, and what decides where the limit is?

Run as::

    python examples/benchmarks/limit.py [--only TABLE ...] [--quick] [--json FILE]

Errors are one standard deviation. Differences of areas under the ROC curve and of log losses are
those on the same test events, with the error of the difference. Thresholds are those at which
0.2 % of the test noise is above. The tables:

- cells: accuracy and efficiency of the likelihood ratio of a pulse of matched signal-to-noise
  ratio d in one of 150 independent cells, with unknown phase; no trace is simulated.
- carriers: the likelihood ratio with the true covariance at SNR 2, by the share of the noise power
  in carriers; d of the whitened pulses, and the accuracy in cells with five quantiles of that d.
  "Flat" noise has no galactic colour either.
- bank: the gain of the likelihood ratio at SNR 0.5 to 5 with twice as many templates, and with the
  amplitude of the pulse that follows exactly from the trace and the template.
- gaussian: in exactly Gaussian noise at SNR 1.5, how far the areas of detectors are below that of
  the likelihood ratio with the true covariance. Carriers have Rayleigh amplitudes, and a share at
  which detection is about as hard as by default; the detector is `make_detector` on endless data
  (10 epochs of 10 000 events).
"""

from dataclasses import dataclass

import numpy as np
from errors import accuracy, area, efficiency, log_losses, mean
from known_covariance import (
    FIRST_TEST_ID,
    inverse_root,
    make,
    make_background,
    ratio_given,
    true_covariance,
)
from report import Report, make_parser
from scipy.special import i0e, logsumexp
from traces import FIRST_ENDLESS_ID, SEED

from sklearn_aera._templates import matched_filter, white_batches
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.likelihood._prior import snr_nodes
from sklearn_aera.neural_network import make_detector
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

SNR, LOW_SNR = 2.0, 1.5
N_CELLS = 150
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
MATCHED_SNRS = (2.0, 3.0, 3.5, 4.0, 4.7, 5.0, 5.5, 6.0, 6.5, 7.0)
SHARES = (0.0, 0.5, 0.72, 0.8, 0.9)
GAUSSIAN = AntennaNoise(carrier_share=0.94, carrier_amplitude="rayleigh")


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_cell_events: int
    n_few: int
    n_background: int
    n_test: int
    n_fine: int
    n_exact: int
    n_epoch: int
    epochs: int


FULL = Size(200_000, 2000, 20_000, 40_000, 20_000, 10_000, 10_000, 10)
QUICK = Size(2000, 300, 100, 400, 100, 100, 200, 1)


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
        yield {"d": d, "accuracy": accuracy(y, ratio), "TPR at 0.2%": efficiency(y, ratio)}


# Share of the carriers


def measure_carriers(size):
    noises = {"flat": AntennaNoise(carrier_share=0.0, electronics_temperature=1e9)}
    noises |= {f"{share:.0%}": AntennaNoise(carrier_share=share) for share in SHARES}
    cell_y, cells = draw_cells(size.n_cell_events // 4)
    for name, noise in noises.items():
        truth = true_covariance(noise)
        test = make(size.n_test, FIRST_TEST_ID, noise, snr=SNR)
        ratio = ratio_given(truth, make_background(size.n_few, noise), test.traces, SNR)
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


# Fineness of the bank


def measure_bank(size):
    coarse = {"times_per_sample": 2, "n_slopes": 2, "n_phases": 2, "n_snr": 5}  # the default
    train, test = make(size.n_few), make(size.n_fine, FIRST_TEST_ID)

    def fitted(**finer):
        limit = LikelihoodRatioClassifier(priors=[0.5, 0.5], **finer)
        return limit.fit(train.traces, train.y)

    limit = fitted(**coarse)
    reference = limit.decision_function(test.traces)
    yield _gain("as by default", test.y, reference, reference)
    for changed in (*((name,) for name in coarse), tuple(coarse)):
        finer = fitted(**coarse | {name: 2 * coarse[name] for name in changed})
        name = f"twice {changed[0]}" if len(changed) == 1 else "twice all four"
        yield _gain(name, test.y, finer.decision_function(test.traces), reference)
    # In noise of known scale, so that only the amplitudes differ.
    limit.degrees_of_freedom_ = 1e6
    y, traces = test.y[: size.n_exact], test.traces[: size.n_exact]
    exact = exact_ratio(limit, traces)
    yield _gain("exact amplitude", y, exact, limit.decision_function(traces))


def _gain(name, y, ratio, reference):
    return {
        "bank": name,
        "AUC": area(y, ratio),
        "gain in AUC": area(y, reference, ratio),
        "log loss": mean(log_losses(y, ratio)),
        "gain in log loss": mean(log_losses(y, reference) - log_losses(y, ratio)),
    }


def exact_ratio(limit, traces):
    """The log likelihood ratio without the approximation of `PulsePrior.amplitude`.

    A trace of unit RMS is x = n + snr rms(n) p. With c the mean of x p and m that of p^2, the
    amplitude a = snr rms(n) solves a^2 = snr^2 (1 - 2 a c + a^2 m), and the density of x is that
    of n over the determinant 1 + snr^2 (c - a m) / a of the map from n to x.
    """
    found = np.empty(len(traces))
    for rows, white, rms, _ in white_batches(traces, limit.bank_, limit.scale_):
        found[rows] = _exact_ratio_of_batch(limit, traces[rows], white, rms)
    return found


def _exact_ratio_of_batch(limit, traces, white, rms):
    bank = limit.bank_
    unit = traces / np.sqrt(np.mean(traces**2, axis=1, keepdims=True))
    products = bank.products(white), bank.products(unit) / traces.shape[1]
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


# Gaussian noise


def measure_gaussian(size):
    test = make(size.n_test, FIRST_TEST_ID, GAUSSIAN, snr=LOW_SNR)
    train = make(size.n_background, 0, GAUSSIAN, snr=LOW_SNR)
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
            "AUC below limit": behind,
            "in standard errors": behind.value / behind.error if behind.error else 0.0,
            "TPR at 0.2%": efficiency(test.y, score),
        }


def train_endless(size, train):
    detector = make_detector(epochs=size.epochs, max_shift=0, random_state=SEED)
    options = {"preprocessing": detector[:-1].fit(train.traces, train.y)}
    options |= {"snr": LOW_SNR, "first_event_id": FIRST_ENDLESS_ID}
    simulator = TraceSimulator(noise=GAUSSIAN, random_state=SEED)
    detector[-1].fit_simulated(simulator, size.n_epoch, **options)
    return detector


TABLES = {
    "cells": ("Independent cells", measure_cells),
    "carriers": (f"Share of the carriers, SNR {SNR:g}", measure_carriers),
    "bank": ("Fineness of the bank, SNR 0.5 to 5", measure_bank),
    "gaussian": (f"Gaussian noise, SNR {LOW_SNR:g}", measure_gaussian),
}


def main(arguments=None):
    options = make_parser(__doc__, tuple(TABLES)).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("limit", options)
    for name, (title, measure) in TABLES.items():
        report.measure(name, title, lambda measure=measure: measure(size))
    report.finish()


if __name__ == "__main__":
    main()
