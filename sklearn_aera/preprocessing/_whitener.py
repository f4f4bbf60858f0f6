"""Make noise white."""

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._channels import validate_traces
from sklearn_aera._covariance import (
    background_rows,
    check_regularization,
    stationary_autocovariance,
    whitening_matrix,
)


class SpectralWhitener(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Flatten the spectrum of the noise: carriers are removed, the band becomes white.

    The covariance of the background, taken as stationary, is estimated by maximum likelihood;
    traces are multiplied by its symmetric inverse square root, which has zero phase.

    Parameters
    ----------
    regularization : float, default=1e-4
        White noise added to the model of the background, relative to its power. Frequencies
        out of the band, where nothing but leakage is, are amplified at most by one over its
        square root. From 1e-5 to 1e-3 the area under the ROC curve of the likelihood ratio is the
        same to 0.0001 (``examples/benchmarks/limit.py``).

    Attributes
    ----------
    autocovariance_ : ndarray of shape (n_channels, n_samples)
        Of the background, lag 0 first, in the square of the traces' unit.
    whitening_ : ndarray of shape (n_channels, n_samples, n_samples), float32
        The symmetric matrices that traces are multiplied by.
    n_features_in_ : int
        Number of samples of a trace.

    See Also
    --------
    sklearn_aera.preprocessing.StdNormalizer : May stand before it.

    Notes
    -----
    Whitened noise has unit variance per independent value of the band: with a band-pass its
    standard deviation is the square root of the share of the frequencies that pass. The mean is
    not subtracted: a constant offset counts as noise of frequency zero.

    Fitting multiplies matrices of the trace's length: about half a second for 500 samples.

    References
    ----------
    `sklearn_aera._covariance.stationary_autocovariance`: Burg, Luenberger and
    Wenger 1982, DOI 10.1109/PROC.1982.12427

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.preprocessing import SpectralWhitener
    >>> data = make_traces(200, random_state=0)
    >>> whitener = SpectralWhitener().fit(data.traces, data.y)
    >>> background = whitener.transform(data.traces[data.y == 0])
    >>> background.shape, round(float(background.std()), 1)
    ((105, 500), 0.8)
    """

    def __init__(self, regularization=1e-4):
        self.regularization = regularization

    @one_task
    def fit(self, X, y=None):
        """Learn the covariance of the background.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples) or (n_traces, n_samples, n_channels)
            The latter may also be flattened to two dimensions.
        y : array-like of shape (n_traces,) or (n_traces, n_samples), default=None
            Labels or true signals. The background are the traces whose label, or whole signal, is
            0; all traces if there is none such or y is None.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``regularization`` is not between 0 and 1 or the traces are not finite.
        """
        regularization = check_regularization(self.regularization)
        X = validate_traces(self, X, dtype=(np.float64, np.float32))
        background = background_rows(X, y)
        autocovariances = [
            stationary_autocovariance(channel, regularization)
            for channel in _by_channel(background)
        ]
        self.autocovariance_ = np.stack(autocovariances)
        whitening = np.stack([whitening_matrix(c) for c in autocovariances])
        self.whitening_ = whitening.astype(np.float32)
        return self

    def transform(self, X):
        """Whiten traces.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of the same shape, float32
        """
        check_is_fitted(self)
        X = validate_traces(self, X, dtype=np.float32, reset=False)
        white = np.empty(X.shape, dtype=np.float32)
        channels = zip(_by_channel(X), _by_channel(white), self.whitening_, strict=True)
        for traces, whitened, matrix in channels:
            np.matmul(traces, matrix, out=whitened)
        return white

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.requires_fit = True
        return tags


def _by_channel(X):
    """View of traces with the channel first, (n_channels, n_traces, n_samples)."""
    return X.reshape(len(X), -1, X.shape[-1]).swapaxes(0, 1)
