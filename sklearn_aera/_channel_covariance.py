"""Covariance of the noise of several channels."""

from typing import NamedTuple

import numpy as np
import scipy.fft
from scipy.linalg import eigh
from scipy.signal.windows import hann

from sklearn_aera._blas import one_thread
from sklearn_aera._channels import by_channel
from sklearn_aera._covariance import stationary_autocovariance
from sklearn_aera._public import public_in
from sklearn_aera._toeplitz import StationaryCovariance, batches


@public_in("sklearn_aera.preprocessing")
class ChannelCovariance(NamedTuple):
    """Covariance of several channels, as mixtures of uncorrelated stationary components.

    The channels x are mixtures of as many components ``y = M x``. A carrier that all channels
    receive is in one component alone, in the others it cancels.

    Parameters
    ----------
    unmixing : ndarray of shape (n_channels, n_channels), float64
        The matrix M.
    components : tuple of StationaryCovariance
        Covariance of each component.
    """

    unmixing: np.ndarray
    components: tuple

    @property
    def n_samples(self):
        """Number of samples of a channel."""
        return self.components[0].n_samples

    @property
    def autocovariance(self):
        """Autocovariance of each channel from lag 0 on, (n_channels, n_samples)."""
        lags = np.stack([component.autocovariance for component in self.components])
        return np.linalg.inv(self.unmixing) ** 2 @ lags

    def unmix(self, X):
        """Return the components of channels, (..., n_channels, n_samples)."""
        return self.unmixing @ X

    def solve(self, X):
        """Return ``C^-1 x`` for each event x, (..., n_channels, n_samples), float64."""
        mixed = self.unmix(X)
        solved = [part.solve(mixed[..., n, :]) for n, part in enumerate(self.components)]
        return self.unmixing.T @ np.stack(solved, axis=-2)


def fit_covariance(X, regularization):
    """Estimate the covariance of background, of one or several channels.

    Returns the `StationaryCovariance` or `ChannelCovariance` of channels of unit variance, and the
    autocovariance of the background from lag 0 on, (n_samples,) or (n_channels, n_samples).
    """
    if X.ndim == 2:
        lags = stationary_autocovariance(X, regularization)
        return StationaryCovariance.from_autocovariance(lags / lags[0]), lags
    unmixing = channel_unmixing(X, regularization)
    components = by_channel(unmixing.astype(X.dtype) @ X)
    lags = [stationary_autocovariance(part, regularization) for part in components]
    parts = tuple(StationaryCovariance.from_autocovariance(part) for part in lags)
    autocovariance = ChannelCovariance(unmixing, parts).autocovariance
    return ChannelCovariance(unmixing * np.sqrt(autocovariance[:, 0]), parts), autocovariance


def _channel_rms(X):
    """Return the RMS of each channel, (n_channels,), none of which may be zero."""
    largest = np.abs(X).max(axis=(0, 2)).astype(np.float64)
    if not largest.all():
        raise ValueError(
            "X must have background in each channel, got zeros throughout channel "
            f"{int(np.argmin(largest))}"
        )
    return largest * np.sqrt(np.mean(np.square(X / largest[:, None]), axis=(0, 2)))


@one_thread
def channel_unmixing(X, regularization):
    """Return the matrix that turns channels into uncorrelated components.

    It makes two covariances of the channels diagonal, the mean over all frequencies and that with
    the same power at each frequency. Where the noise is independent noise of one spectrum in each
    channel plus carriers of the same ratios between the channels, the components are then
    uncorrelated at all frequencies (Molgedey and Schuster 1994, DOI 10.1103/PhysRevLett.72.3634,
    with frequencies in place of lags).

    Takes traces of shape (n_traces, n_channels, n_samples); the result has the shape (n_channels,
    n_channels).
    """
    n_channels, n_samples = X.shape[1:]
    rms, window = _channel_rms(X), hann(n_samples + 2)[1:-1]
    spectra = np.zeros((n_samples // 2 + 1, n_channels, n_channels))
    for rows in batches(X, n_channels * n_samples):
        waves = scipy.fft.rfft(X[rows] / rms[:, None] * window)
        spectra += np.einsum("ejf,ekf->fjk", waves, waves.conj()).real
    power = np.trace(spectra, axis1=1, axis2=2)[:, None, None]
    white = regularization * np.eye(n_channels) / n_channels
    level = power.mean()
    mean = spectra.mean(axis=0) / level + white
    flat = np.mean(spectra / (power + regularization * level), axis=0) + white
    return eigh(mean, flat)[1].T / rms
