"""Estimates of the covariance of the noise: how far the likelihood ratio is below its limit.

Run as::

    python examples/benchmarks/covariance.py [--only TABLE ...] [--quick] [--json FILE]

The likelihood ratio at SNR 1.5 with an estimated covariance is compared with the one with the true
covariance, on the same test events; errors are one standard deviation. Thresholds are those at
which 0.2 % of the test noise is above. Divergence is the Kullback-Leibler divergence of one trace
in nats, from the true covariance (with the same ridge) to the estimated one. Carriers and band
describe noise whitened with the estimate: its power at the carriers (mean, in units of the median
in the band), and the RMS deviation from that median throughout the band. Both follow from the true
covariance and have no error of a test sample. The tables:

- estimates: several estimates, with the same ridge as ours, by number of background traces.
- constants: our estimate with one constant changed at a time.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from errors import area, efficiency
from known_covariance import (
    FIRST_TEST_ID,
    RIDGE,
    inverse_root,
    make,
    make_background,
    ratio_given,
    true_covariance,
)
from report import Report, make_parser
from scipy.linalg import toeplitz
from scipy.signal import welch
from sklearn.covariance import ledoit_wolf, oas

from sklearn_aera._covariance import stationary_autocovariance
from sklearn_aera.simulation import AntennaNoise

SNR = 1.5


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_background: tuple[int, ...]
    n_test: int


FULL, QUICK = Size((200, 2000, 20_000), 40_000), Size((100,), 400)


# Estimates


def ours(traces, regularization=RIDGE, **constants):
    return toeplitz(stationary_autocovariance(traces, regularization, **constants))


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


def with_ridge(covariance):
    """Add the ridge; directions of negative power, as of unbiased averages, get the ridge alone."""
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    eigenvalues = np.maximum(eigenvalues, 0) + RIDGE * eigenvalues.mean()
    return (eigenvectors * eigenvalues) @ eigenvectors.T


def centered(estimate):
    """An estimate of scikit-learn's, of noise with no mean."""
    return lambda traces: with_ridge(estimate(traces.astype(float), assume_centered=True)[0])


ESTIMATES = {
    "maximum likelihood": ours,
    "biased average": lambda traces: with_ridge(averaged_products(traces, biased=True)),
    "unbiased average": lambda traces: with_ridge(averaged_products(traces, biased=False)),
    "Welch": lambda traces: with_ridge(welch_covariance(traces)),
    "Ledoit and Wolf": centered(ledoit_wolf),
    "OAS": centered(oas),
}
CHANGES = {
    "none": {},
    "16 frequencies": {"frequencies_per_sample": 16},
    "256 frequencies": {"frequencies_per_sample": 256},
    "10 iterations": {"n_iterations": 10},
    "100 iterations": {"n_iterations": 100},
    "regularization 1e-5": {"regularization": 1e-5},
    "regularization 1e-3": {"regularization": 1e-3},
}


# Comparison


def divergence(truth, covariance):
    """Kullback-Leibler divergence of centred Gaussian distributions, in nats."""
    relative = np.linalg.solve(covariance, truth)
    return float(np.trace(relative) - len(relative) - np.linalg.slogdet(relative)[1]) / 2


class Judge:
    """Comparison of estimates of the covariance of the default noise with the true one."""

    def __init__(self, size):
        self.background = make_background(size.n_background[-1])
        self.test = make(size.n_test, FIRST_TEST_ID, snr=SNR)
        self.truth = true_covariance()

    @cached_property
    def reference(self):
        """Log likelihood ratios with the true covariance."""
        return self._ratio(self.truth, self.background)

    def row(self, name, n_traces, estimate, ridge=RIDGE):
        """Row of a table: an estimate from some of the background traces."""
        traces = self.background[:n_traces]
        covariance = estimate(traces)
        y, ratio = self.test.y, self._ratio(covariance, traces)
        carriers, band = self._whiteness(covariance)
        return {
            "estimate": name,
            "traces": n_traces,
            "AUC below limit": area(y, ratio, self.reference),
            "TPR at 0.2%": efficiency(y, ratio),
            "divergence": divergence(true_covariance(ridge=ridge), covariance),
            "carriers": carriers,
            "band": band,
        }

    def _ratio(self, covariance, background):
        return ratio_given(covariance, background, self.test.traces, SNR)

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


def main(arguments=None):
    options = make_parser(__doc__, ("estimates", "constants")).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report, judge = Report("covariance", options), Judge(size)
    title = f"Estimates of the covariance, SNR {SNR:g}"
    report.measure("estimates", title, lambda: measure_estimates(size, judge))
    title = f"Constants of our estimate, SNR {SNR:g}"
    report.measure("constants", title, lambda: measure_constants(size, judge))
    report.finish()


if __name__ == "__main__":
    main()
