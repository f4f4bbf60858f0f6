"""The covariance of stationary noise, by maximum likelihood, and the matrix that whitens it."""

import numpy as np
import scipy.fft
from scipy.linalg import cho_factor, cho_solve, toeplitz
from sklearn.utils import check_array, check_consistent_length
from threadpoolctl import threadpool_limits

from sklearn_aera._validation import check_real

# Frequencies per sample of a trace: a carrier between two of them must still be a line. With 16
# whitened carriers keep 10 % too much power, with 64 none, and 256 change nothing: measured with
# 20 000 traces by examples/benchmarks/limit.py.
_FREQUENCIES_PER_SAMPLE = 64
# Of 10, 30 and 100, the divergence from the true covariance is lowest with 30, for 200 traces as
# for 20 000: 10 leave 8 % too much power at the carriers, 100 follow the noise of the data. The
# area under the ROC curve is the same to 0.0001 with all three (examples/benchmarks/limit.py).
_N_ITERATIONS = 30
_CHUNK_SIZE = 4096


# Matrices of this size gain nothing from a second thread, and where another process has its core
# they wait for it, ten times as long.
one_thread = threadpool_limits.wrap(limits=1, user_api="blas")


@one_thread
def stationary_autocovariance(traces, regularization=1e-4):
    """Maximum-likelihood autocovariance of zero-mean stationary Gaussian noise.

    The noise is a sum of oscillations with powers S on a grid of frequencies much finer than
    one over the trace's length, so that its covariance C is a positive Toeplitz matrix, plus a
    white floor. The powers climb the likelihood by ``S <- S (f' C^-1 R C^-1 f) / (f' C^-1 f)``,
    f an oscillation cut to the trace's length and R the sample covariance, which is at rest
    where the gradient is zero. Averaging products at each lag instead is either biased, which
    widens carriers, or unbiased and far from positive with few traces.

    Parameters
    ----------
    traces : ndarray of shape (n_traces, n_samples)
    regularization : float, default=1e-4
        Power of the white floor relative to that of the traces. It keeps frequencies without
        power, as those out of the band, from being blown up.

    Returns
    -------
    ndarray of shape (n_samples,), float64
        Lag 0 first, floor included. White noise of unit variance for traces that are zero.

    References
    ----------
    Likelihood of Toeplitz covariances: Burg, Luenberger and Wenger 1982,
    DOI 10.1109/PROC.1982.12427; Miller and Snyder 1987, DOI 10.1109/PROC.1987.13825

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera._covariance import stationary_autocovariance
    >>> noise = np.random.default_rng(0).normal(size=(2000, 16))
    >>> sums = noise[:, 1:] + noise[:, :-1]
    >>> stationary_autocovariance(sums)[:3].round(1) + 0.0
    array([2., 1., 0.])
    """
    sample, power = _sample_covariance(traces)
    n_samples = len(sample)
    floor = np.zeros(n_samples)
    if power == 0:
        floor[0] = 1.0
        return floor
    floor[0] = regularization
    n_grid = _FREQUENCIES_PER_SAMPLE * scipy.fft.next_fast_len(n_samples, real=True)
    spectrum = _quadratic_forms(sample, n_grid) / n_samples
    spectrum = np.maximum(spectrum, 1e-9 * spectrum.max())
    for _ in range(_N_ITERATIONS):
        autocovariance = scipy.fft.irfft(spectrum, n_grid)[:n_samples] + floor
        inverse = cho_solve(cho_factor(toeplitz(autocovariance)), np.eye(n_samples))
        gain = _quadratic_forms(inverse @ sample @ inverse, n_grid)
        spectrum *= np.maximum(gain, 0) / _quadratic_forms(inverse, n_grid)
    return power * (scipy.fft.irfft(spectrum, n_grid)[:n_samples] + floor)


@one_thread
def whitening_matrix(autocovariance):
    """Symmetric inverse square root of a Toeplitz covariance.

    Of all matrices that whiten, it changes traces least: it has zero phase, so that a pulse
    stays where it is in time.

    Parameters
    ----------
    autocovariance : ndarray of shape (n_samples,)
        Lag 0 first; positive definite.

    Returns
    -------
    ndarray of shape (n_samples, n_samples), float64
    """
    eigenvalues, eigenvectors = np.linalg.eigh(toeplitz(autocovariance))
    # Round-off may leave the smallest at or below zero.
    eigenvalues = np.maximum(eigenvalues, 1e-12 * eigenvalues[-1])
    return (eigenvectors / np.sqrt(eigenvalues)) @ eigenvectors.T


def check_regularization(value):
    """Return ``value``, a share of the noise power, or say what is wrong."""
    return check_real(value, "regularization", min_val=0.0, max_val=1.0, include_boundaries="right")


def background_rows(X, y):
    """The rows whose label, or whole true signal, is 0; all rows if there is none or no ``y``."""
    if y is None:
        return X
    y = check_array(y, ensure_2d=False, allow_nd=True, dtype=None, input_name="y")
    check_consistent_length(X, y)
    is_background = np.all(y.reshape(len(y), -1) == 0, axis=1)
    return X[is_background] if is_background.any() else X


def _sample_covariance(traces):
    """Mean of x x', the same forwards and backwards in time, over its power; and that power."""
    n_traces, n_samples = traces.shape
    largest = float(np.abs(traces).max())
    sample = np.zeros((n_samples, n_samples))
    if largest == 0:
        return sample, 0.0
    for start in range(0, n_traces, _CHUNK_SIZE):
        chunk = traces[start : start + _CHUNK_SIZE] / np.float64(largest)
        sample += chunk.T @ chunk
    sample = (sample + sample[::-1, ::-1]) / (2 * n_traces)
    power = np.trace(sample) / n_samples
    return sample / power, power * largest**2


def _quadratic_forms(matrix, n_grid):
    """f' A f for every frequency of the grid, from the sums along A's diagonals."""
    n_samples = len(matrix)
    lag = np.abs(np.subtract.outer(np.arange(n_samples), np.arange(n_samples)))
    sums = np.bincount(lag.ravel(), matrix.ravel(), n_samples)
    # The real part of a one-sided transform: each pair of lags counts once in `sums`.
    return scipy.fft.rfft(sums, n_grid).real
