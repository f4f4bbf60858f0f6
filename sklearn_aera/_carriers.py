"""Move carriers in whitened traces to the lowest frequencies, which pulses do not have.

The signal-to-noise ratio of a pulse refers to the noise before whitening, and most power of that is
in carriers, which are of different strength in each trace. Whitened, they are lost among the noise:
each has the power of one or two independent values, at frequencies where pulses are too. Below the
band there is nothing else, and a network can read there how strong the carriers of a trace are.
"""

import numpy as np
import scipy.fft
from scipy.linalg import qr

from sklearn_aera._blas import one_thread
from sklearn_aera._toeplitz import leading_eigenvectors, toeplitz_product
from sklearn_aera._whitening import whiten

# A direction is taken for a carrier's if it has more than this share of the power of the
# background, and more than so many times the mean share.
_STRONG, _TIMES_MEAN = 0.02, 10
# The cosines of lowest frequency: so many, but at most a given share of the number of samples.
_MOST, _SAMPLES_PER_COSINE = 16, 32
# Vectors for the search of strong directions, which need some more than there are.
_N_VECTORS = 32
_SAME = 1e-6


def low_frequencies(n_samples):
    """Return the cosines of lowest frequency, orthonormal, as columns: (n_samples, n_cosines).

    There are 16, and fewer in traces of less than 512 samples: one for each 32 samples.
    """
    number = min(_MOST, n_samples // _SAMPLES_PER_COSINE)
    return scipy.fft.idct(np.eye(n_samples, number), axis=0, norm="ortho")


@one_thread
def carrier_reflection(autocovariance, whitening):
    """Return the reflection that moves the carriers in whitened traces to the lowest frequencies.

    The directions with the largest power before whitening change places with cosines of low
    frequency. A reflection keeps noise white.

    Parameters
    ----------
    autocovariance : ndarray of shape (n_samples,)
        Autocovariance of the background from lag 0 on.
    whitening : ndarray of shape (n_samples, n_samples) or WhiteningFilter
        What whitens this background.

    Returns
    -------
    ndarray of shape (n_samples, n_directions), float32
        Orthonormal vectors, which change their sign in the reflection.
    """
    cosines = low_frequencies(len(autocovariance))
    strong = _strong_directions(autocovariance, cosines.shape[1])
    strong = qr(whiten(strong.T.astype(np.float32), whitening).T, mode="economic")[0]
    cosines = cosines[:, : strong.shape[1]]
    # In the basis that is closest to the cosines, the differences are orthogonal to the sums.
    left, _, right = np.linalg.svd(strong.T @ cosines)
    difference = strong @ (left @ right) - cosines
    vectors, lengths, _ = np.linalg.svd(difference, full_matrices=False)
    return vectors[:, lengths > _SAME].astype(np.float32)


def reflect(traces, vectors):
    """Reflect traces, (n_traces, n_samples), in place: change the sign of orthonormal vectors."""
    if vectors.shape[1]:
        traces -= (traces @ (2 * vectors)) @ vectors.T


def _strong_directions(autocovariance, most):
    """Return directions of large power, the largest first, as columns: at most a given number."""
    n_samples = len(autocovariance)
    lags = autocovariance / (n_samples * autocovariance[0])
    directions, share = leading_eigenvectors(
        lambda X: toeplitz_product(lags, X), n_samples, min(_N_VECTORS, n_samples)
    )
    strong = share > max(_STRONG, _TIMES_MEAN / n_samples)
    return directions[:, strong][:, ::-1][:, :most]
