"""Covariance of a stationary signal: products with it and its inverse by FFT."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from scipy.linalg import solve_toeplitz
from scipy.sparse.linalg import LinearOperator, cg

from sklearn_aera._blas import one_thread
from sklearn_aera._public import public_in

# Up to this length, products with a stored matrix are faster than transforms, and the recursion of
# Levinson and Durbin, of quadratic cost, is faster than the iteration.
DENSE_LENGTH = 1024
_MAX_ITERATIONS, _ACCURACY = 100, 1e-10
# Values in a batch of traces. Their transforms then stay in the cache.
_BATCH_VALUES = 2**17
# Iterations of a subspace of eigenvectors.
_N_ITERATIONS = 8


@public_in("sklearn_aera.preprocessing")
@dataclass(frozen=True, eq=False)
class StationaryCovariance:
    """Covariance matrix C of a stationary signal, which is a positive definite Toeplitz matrix.

    Two vectors stand for the matrix and its inverse. Products with either take a few fast Fourier
    transforms (FFTs) of each trace. For traces of up to 1024 samples, the inverse is computed and
    kept in memory when it is first needed; pickles do not contain it.

    Parameters
    ----------
    autocovariance : ndarray of shape (n_samples,), float64
        First column of C: the autocovariance from lag 0 on.
    inverse_column : ndarray of shape (n_samples,), float64
        First column of the inverse of C.

    References
    ----------
    Gohberg and Semencul, "On the inversion of finite Toeplitz matrices and their continuous
    analogs", Mat. Issled. 7 (1972) 201
    """

    autocovariance: np.ndarray
    inverse_column: np.ndarray

    @classmethod
    def from_autocovariance(cls, autocovariance, similar=None):
        """Compute the first column of the inverse.

        ``similar`` is a similar covariance: its inverse is the preconditioner of an iteration,
        which is faster than the direct solution for long traces.
        """
        autocovariance = np.asarray(autocovariance, dtype=np.float64)
        covariance = cls(autocovariance, np.zeros_like(autocovariance))
        first = np.eye(1, len(autocovariance))[0]
        if similar is not None and len(first) > DENSE_LENGTH:
            shape = 2 * first.shape
            options = {"rtol": _ACCURACY, "maxiter": _MAX_ITERATIONS}
            options["M"] = LinearOperator(shape, similar.solve, dtype=np.float64)
            matrix = LinearOperator(shape, covariance.multiply, dtype=np.float64)
            column, failed = cg(matrix, first, similar.inverse_column, **options)
            if not failed:
                return cls(autocovariance, column)
        return cls(autocovariance, solve_toeplitz(autocovariance, first))

    @property
    def n_samples(self):
        """Number of samples of a trace."""
        return len(self.autocovariance)

    @property
    def n_fft(self):
        """Length of the transforms: no product of a trace reaches its end from the other side."""
        return scipy.fft.next_fast_len(2 * self.n_samples, real=True)

    def multiply(self, X):
        """Return ``C x`` for each trace x, (..., n_samples), float64."""
        return toeplitz_product(self.autocovariance, X)

    def solve(self, X):
        """Return ``C^-1 x`` for each trace x, (..., n_samples), float64.

        With the first column a of the inverse, and L(a) the lower triangular Toeplitz matrix with
        this first column, ``C^-1 = (L(a) L(a)' - L(b) L(b)') / a_0``, where b is a in reversed
        order, delayed by one sample (Gohberg and Semencul 1972).
        """
        if self.n_samples <= DENSE_LENGTH:
            return mirror_product(X, *self._inverse_parts)
        return self._solve_by_transforms(X)

    @cached_property
    def _inverse_parts(self):
        half = np.eye((self.n_samples + 1) // 2, self.n_samples)
        return mirror_parts(self._solve_by_transforms(half))

    def _solve_by_transforms(self, X):
        n, n_fft, first = self.n_samples, self.n_fft, self.inverse_column
        delayed = np.concatenate([[0.0], first[:0:-1]])
        spectrum, terms = scipy.fft.rfft(X, n_fft), []
        for column, sign in ((first, 1), (delayed, -1)):
            kernel = scipy.fft.rfft(column, n_fft)
            half = scipy.fft.irfft(kernel.conj() * spectrum, n_fft)[..., :n]
            terms.append(scipy.fft.rfft(half, n_fft))
            terms[-1] *= sign / first[0] * kernel
        terms[0] += terms[1]
        return scipy.fft.irfft(terms[0], n_fft, overwrite_x=True)[..., :n]

    def inverse_diagonals(self):
        """Return the sum of each diagonal of the inverse, from the main one on, (n_samples,).

        The sum at lag k is that of ``(n - k - 2 j) a_j a_(j + k) / a_0`` over j, which follows
        from the formula of `solve`.
        """
        n, first = self.n_samples, self.inverse_column
        lag, spectrum = np.arange(n), scipy.fft.rfft(first, self.n_fft)
        weighted = scipy.fft.rfft(lag * first, self.n_fft)
        plain = scipy.fft.irfft(np.abs(spectrum) ** 2, self.n_fft)[:n]
        moment = scipy.fft.irfft(weighted.conj() * spectrum, self.n_fft)[:n]
        return ((n - lag) * plain - 2 * moment) / first[0]

    def __getstate__(self):
        return {"autocovariance": self.autocovariance, "inverse_column": self.inverse_column}


def mirror_parts(rows):
    """Return both matrices of `mirror_product`, each (half, half).

    ``rows`` is the first half of the rows of a symmetric matrix that does not change when both
    axes are reversed, (half, n_samples), with the row in the middle if ``n_samples`` is odd.
    """
    half, n_samples = rows.shape
    direct, reverse = rows[:, :half], rows[:, : -half - 1 : -1].copy()
    if n_samples % 2:  # The sample in the middle is in both halves of a trace, and counts once.
        reverse[-1] = 0.0
    return (direct + reverse) / 2, (direct - reverse) / 2


@one_thread
def mirror_product(X, even, odd):
    """Multiply traces, (..., n_samples), by the matrix that `mirror_parts` has split.

    Sum and difference of a trace and of the reversed trace are multiplied by a matrix each, of
    half the size: half the numbers and half the time.
    """
    half, n_samples = len(even), X.shape[-1]
    first, last = X[..., :half], X[..., : -half - 1 : -1]
    even, odd = (first + last) @ even, (first - last) @ odd
    product = np.empty((*X.shape[:-1], n_samples), dtype=even.dtype)
    np.subtract(even, odd, out=product[..., : -half - 1 : -1])
    np.add(even, odd, out=product[..., :half])
    return product


def even_spectrum(values, n_fft):
    """Return the real spectrum of an even function that is given from zero on."""
    return 2 * scipy.fft.rfft(values, n_fft).real - values[0]


def toeplitz_product(lags, X):
    """Multiply traces, (..., n_samples), by the Toeplitz matrix of an autocovariance."""
    n_samples = len(lags)
    n_fft = scipy.fft.next_fast_len(2 * n_samples, real=True)
    product = scipy.fft.irfft(even_spectrum(lags, n_fft) * scipy.fft.rfft(X, n_fft), n_fft)
    return product[..., :n_samples]


def leading_eigenvectors(product, n_samples, number):
    """Return leading eigenvectors of a symmetric matrix, as columns, and their eigenvalues.

    ``product`` multiplies vectors, (n, n_samples), by the matrix. The eigenvalues of largest
    absolute value are exact where those that are left out are much smaller. The iteration of a
    subspace starts with random vectors, always the same.
    """
    basis = np.random.RandomState(0).standard_normal((n_samples, number))
    for _ in range(_N_ITERATIONS):
        basis = np.linalg.qr(product(basis.T).T)[0]
    values, vectors = np.linalg.eigh(product(basis.T) @ basis)
    return basis @ vectors, values


def batches(X, values_per_trace):
    """Yield slices of the traces X, so many that the values of a batch stay in the cache."""
    size = max(8, _BATCH_VALUES // values_per_trace)
    for start in range(0, len(X), size):
        yield slice(start, min(start + size, len(X)))
