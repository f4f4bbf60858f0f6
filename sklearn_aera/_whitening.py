"""Whitening of traces: a stored matrix for short ones, a filter with corrections for long ones."""

from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.linalg import toeplitz
from scipy.ndimage import median_filter
from scipy.signal.windows import hann

from sklearn_aera._blas import one_thread
from sklearn_aera._public import public_in
from sklearn_aera._toeplitz import (
    DENSE_LENGTH,
    batches,
    even_spectrum,
    leading_eigenvectors,
    toeplitz_product,
)

# Width of the median of the spectrum, in steps of half the resolution of a trace. A carrier, seen
# through a Hann window, is narrower than half of it.
_MEDIAN_WIDTH = 33
# Round-off can make the smallest powers zero or negative.
_SMALLEST_POWER = 1e-12
# Numbers of directions that are corrected, and the relative power above which there must be more.
_FEWEST, _MOST, _WHITE_ENOUGH = 64, 512, 0.25


@public_in("sklearn_aera.preprocessing")
class WhiteningFilter(NamedTuple):
    """Whitening of long traces: a filter of zero phase, and corrections in a few directions.

    The gain of the filter is one over the root of the smoothed spectrum. Behind it, noise is white
    but for carriers and for both ends of the trace. A few directions contain these deviations,
    and are scaled to unit variance.

    Parameters
    ----------
    gain : ndarray of shape (n_frequencies,), float32
        Gain at the frequencies of a transform of at least twice the length of a trace.
    directions : ndarray of shape (n_samples, n_directions), float32
        Orthonormal directions.
    factors : ndarray of shape (n_directions,), float32
        What is added to each direction, relative to its content.
    """

    gain: np.ndarray
    directions: np.ndarray
    factors: np.ndarray


def fit_whitening(autocovariance):
    """Return what whitens traces: a matrix, or for long traces a `WhiteningFilter`.

    The autocovariance, (n_samples,), is given from lag 0 on. The matrix, (n_samples, n_samples),
    float32, is the symmetric inverse square root of the covariance. Of all whitening matrices it
    changes traces the least. It has zero phase: pulses keep their times.
    """
    if len(autocovariance) <= DENSE_LENGTH:
        return _inverse_root(autocovariance).astype(np.float32)
    return _fit_filter(autocovariance)


def whiten(traces, whitening, out=None):
    """Whiten traces, (n_traces, n_samples), with the result of `fit_whitening`: float32."""
    if isinstance(whitening, np.ndarray):
        return np.matmul(traces, whitening, out=out)
    gain, directions, factors = whitening
    white = np.empty(traces.shape, dtype=np.float32) if out is None else out
    for rows in batches(traces, 2 * traces.shape[1]):
        filtered = _filtered(traces[rows], gain)
        white[rows] = filtered + ((filtered @ directions) * factors) @ directions.T
    return white


@one_thread
def _inverse_root(autocovariance):
    eigenvalues, eigenvectors = np.linalg.eigh(toeplitz(autocovariance))
    eigenvalues = np.maximum(eigenvalues, _SMALLEST_POWER * eigenvalues[-1])
    return (eigenvectors / np.sqrt(eigenvalues)) @ eigenvectors.T


@one_thread
def _fit_filter(autocovariance):
    scale = np.sqrt(autocovariance[0])
    lags = autocovariance / scale**2
    gain = 1 / np.sqrt(_smooth_spectrum(lags))

    def deviation(X):
        """Covariance of filtered noise minus the unit matrix, times vectors."""
        return _filtered(toeplitz_product(lags, _filtered(X, gain)), gain) - X

    directions, power = _leading_directions(deviation, len(lags))
    factors = 1 / np.sqrt(np.maximum(1 + power, _SMALLEST_POWER)) - 1
    values = gain / scale, directions, factors
    return WhiteningFilter(*(value.astype(np.float32) for value in values))


def _filtered(X, gain):
    """Return traces times the Toeplitz matrix of a filter."""
    n_samples, n_fft = X.shape[1], 2 * (len(gain) - 1)
    return scipy.fft.irfft(gain * scipy.fft.rfft(X, n_fft), n_fft)[:, :n_samples]


def _smooth_spectrum(lags):
    """Return the spectrum of an autocovariance without its lines.

    It is the median over neighbouring frequencies of the mean periodogram with a Hann window,
    which keeps the power of a line close to it.
    """
    n_samples = len(lags)
    n_fft = 2 * scipy.fft.next_fast_len(n_samples, real=True)
    window = np.abs(scipy.fft.rfft(hann(n_samples, sym=False), n_fft)) ** 2
    window = scipy.fft.irfft(window, n_fft)[:n_samples]
    spectrum = even_spectrum(lags * window / window[0], n_fft)
    spectrum = median_filter(spectrum, _MEDIAN_WIDTH, mode="reflect")
    return np.maximum(spectrum, _SMALLEST_POWER * spectrum.max())


def _leading_directions(product, n_samples):
    """Return the leading eigenvectors, so many that the rest of the eigenvalues is negligible."""
    number = min(_FEWEST, n_samples)
    while True:
        directions, values = leading_eigenvectors(product, n_samples, number)
        if number >= min(_MOST, n_samples) or np.abs(values).min() < _WHITE_ENOUGH:
            return directions, values
        number = min(2 * number, n_samples)
