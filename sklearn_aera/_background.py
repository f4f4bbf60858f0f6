"""Background among unlabelled traces, and its comparison with the background of a model."""

from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.stats
from scipy.ndimage import binary_erosion
from scipy.signal import find_peaks, get_window
from sklearn.pipeline import Pipeline
from sklearn.utils import gen_batches

from sklearn_aera._blas import one_thread
from sklearn_aera._channels import by_channel, validate_traces
from sklearn_aera._covariance import stationary_autocovariance
from sklearn_aera._scaling import divide_by_peak, divide_by_std
from sklearn_aera._whitening import fit_whitening, whiten

_BATCH_SIZE = 1024
# Share of Gaussian noise traces with a larger peak than is usual, at most.
_UNUSUAL = 0.01
# Smallest share of traces that counts as background, and number below which it is larger, since
# the estimate from fewer traces is too noisy.
_LEAST_SHARE, _FEW = 0.25, 200
_MAX_ROUNDS = 10
# Iterations of a covariance which only tells pulses from noise.
_ROUGH = 5
# A trace counts with at most this multiple of the median power in a mean spectrum.
_MAX_POWER = 10.0
_FREQUENCIES_PER_BIN = 4
# Outside of the band, white noise added to the model has more than this share of its power.
_OUTSIDE = 0.1
# Smaller relative deviations of the power are not reported, however significant.
_NEGLIGIBLE = 0.2
# Maxima of a spectrum closer than this many bins are one line: a Hann window is that wide.
_LINE_WIDTH = 3
# Number of traces of a model that does not know it: its covariance counts as exact.
_MANY = 10**9


def background_among(X, regularization):
    """Estimate the background of unlabelled traces, of which some have pulses.

    All traces give a first covariance. Traces whose whitened peak is unusual for Gaussian noise are
    left out of the next estimate, until it leaves out the same ones; at most three quarters, and of
    few traces a half. The background may have any spectrum: it is white in every round.

    Returns the autocovariances from lag 0 on, (n_channels, n_samples), and a mask of the traces
    they are estimated from, (n_traces,).
    """
    usual = np.ones(len(X), dtype=bool)
    at_least = np.clip(_FEW / len(X), _LEAST_SHARE, 0.5)
    for _ in range(_MAX_ROUNDS):
        rough = _autocovariance(X[usual], regularization, n_iterations=_ROUGH)
        white = [_whitened(*pair) for pair in zip(by_channel(X), rough, strict=True)]
        peak = [np.abs(c).max(axis=1) / (_rms(c[usual]) or 1.0) for c in white]
        before, usual = usual, _is_usual(np.max(peak, axis=0), X.shape[-1], at_least)
        if (before == usual).all():
            break
    return _autocovariance(X[usual], regularization), usual


def background_step(model, X):
    """Return the step of a model with the background's autocovariance, and the traces it is given.

    None stands for a model that has no such step or is not fitted.
    """
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    for step in steps:
        if getattr(step, "whitener_", None) is not None:  # A denoiser, which divides traces first.
            X = divide_by_std(validate_traces(step, X, dtype=np.float32, reset=False))[0]
            step = step.whitener_
        if hasattr(step, "autocovariance_"):
            return step, X
        if hasattr(step, "transform"):
            X = step.transform(X)
    return None


class Spectrum(NamedTuple):
    """Spectrum of whitened background, which is one where it is that of the model.

    Parameters
    ----------
    frequency : ndarray of shape (n_frequencies,)
        As shares of the sampling rate.
    power : ndarray of shape (n_channels, n_frequencies)
        Power, in units of that of white noise of unit variance.
    in_band : ndarray of shape (n_channels, n_frequencies), bool
        Where the model has background. Elsewhere, whitened noise has less power.
    n_traces : int
        Number of traces in the mean.
    """

    frequency: np.ndarray
    power: np.ndarray
    in_band: np.ndarray
    n_traces: int


@one_thread
def whitened_spectrum(X, step):
    """Whiten traces with the autocovariance of a fitted estimator, and compute their `Spectrum`.

    Traces with a pulse, whose peak is large for the power of the trace, are left out of the mean,
    but at most three quarters of all. The traces are windowed, so that lines are narrow.
    """
    n_samples = X.shape[-1]
    channels = np.atleast_2d(step.autocovariance_)
    whitening = getattr(step, "whitening_", None)
    if whitening is None:
        whitening = [fit_whitening(channel) for channel in channels]
    white = [whiten(*pair) for pair in zip(by_channel(X), whitening, strict=True)]
    crest = np.max([_crest_factor(c) for c in white], axis=0)
    usual = _is_usual(crest, n_samples, _LEAST_SHARE)
    n_grid = _FREQUENCIES_PER_BIN * scipy.fft.next_fast_len(n_samples, real=True)
    window = get_window("hann", n_samples)
    window /= np.linalg.norm(window)
    power = [_mean_power(c[usual], window, n_grid) for c in white]
    in_band = [_in_band(a, step.regularization, window, n_grid) for a in channels]
    frequency = np.arange(n_grid // 2 + 1) / n_grid
    return Spectrum(frequency, np.stack(power), np.stack(in_band), int(usual.sum()))


def largest_usual_peak(n_samples):
    """Return the peak that 1 % of traces of white Gaussian noise exceed, in units of the RMS."""
    return scipy.stats.norm.isf(_UNUSUAL / (2 * n_samples))


def deviations(spectrum, n_background, false_alarm):
    """Find where the power of a spectrum is not one.

    The power of Gaussian noise at a frequency is exponentially distributed. The ratio of the means
    over two samples of n and m traces, here those of the spectrum and the ``n_background`` of the
    model (None if they are not known), therefore has an F distribution with 2 n and 2 m degrees of
    freedom, or n and m near zero and half the sampling rate, where the spectrum is real. Its
    quantiles are the limits, such that noise with the model's background is outside of them at any
    of the frequencies with the probability ``false_alarm`` at most.

    Returns the relative power at each frequency, of the channel that deviates most, and a mask of
    the deviations, both (n_frequencies,).
    """
    share = false_alarm / (2 * spectrum.power.size)
    parts = np.full(spectrum.power.shape[1], 2)
    ends = _LINE_WIDTH * _FREQUENCIES_PER_BIN
    parts[:ends] = parts[-ends:] = 1
    degrees = parts * spectrum.n_traces, parts * (n_background or _MANY)
    low, high = (f(share, *degrees) for f in (scipy.stats.f.ppf, scipy.stats.f.isf))
    above = spectrum.power > np.maximum(high, 1 + _NEGLIGIBLE)
    below = (spectrum.power < np.minimum(low, 1 - _NEGLIGIBLE)) & spectrum.in_band
    size = np.abs(np.log(np.maximum(spectrum.power, np.finfo(float).tiny)))
    channel = np.argmax(np.where(above | below, size, -1.0), axis=0)
    columns = np.arange(len(channel))
    return spectrum.power[channel, columns], (above | below)[channel, columns]


def strongest_lines(power, deviates):
    """Return the positions of the largest deviations of a spectrum, the largest first."""
    size = np.where(deviates, np.abs(np.log(np.maximum(power, np.finfo(float).tiny))), 0.0)
    distance = _LINE_WIDTH * _FREQUENCIES_PER_BIN
    lines, _ = find_peaks(np.pad(size, 1), height=np.finfo(float).tiny, distance=distance)
    return lines[np.argsort(-size[lines - 1], kind="stable")] - 1


def _autocovariance(X, *args, **options):
    return np.stack([stationary_autocovariance(c, *args, **options) for c in by_channel(X)])


def _is_usual(peak, n_samples, at_least):
    """Return which traces have a peak, in units of the RMS, that is not unusual for Gaussian noise.

    They are at least a given share of all, those with the smallest peaks.
    """
    return peak <= max(largest_usual_peak(n_samples), np.quantile(peak, at_least))


def _whitened(traces, autocovariance):
    return whiten(traces, fit_whitening(autocovariance))


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _crest_factor(traces):
    relative, _ = divide_by_peak(traces)
    rms = np.sqrt(np.mean(np.square(relative), axis=1))
    return np.divide(1, rms, out=np.zeros_like(rms), where=rms > 0)


def _mean_power(traces, window, n_grid):
    """Return the mean spectrum of traces, to which a loud trace contributes little more."""
    power = np.mean(np.square(traces, dtype=np.float64), axis=1)
    most = _MAX_POWER * np.median(power)
    weight = np.divide(most, power, out=np.ones_like(power), where=power > most)
    total = np.zeros(n_grid // 2 + 1)
    for rows in gen_batches(len(traces), _BATCH_SIZE):
        total += weight[rows] @ np.abs(scipy.fft.rfft(traces[rows] * window, n_grid)) ** 2
    return total / len(traces)


def _in_band(autocovariance, regularization, window, n_grid):
    """Return where white noise added to the model is a small share of its power.

    Within a line's width of the edges of the band, whitened power is not yet one.
    """
    overlap = scipy.fft.irfft(np.abs(scipy.fft.rfft(window, 2 * len(window))) ** 2)
    terms = autocovariance * overlap[: len(window)]
    terms[1:] *= 2
    white = autocovariance[0] * regularization / (1 + regularization)
    inside = white < _OUTSIDE * scipy.fft.rfft(terms, n_grid).real
    return binary_erosion(inside, iterations=_LINE_WIDTH * _FREQUENCIES_PER_BIN)
