"""Whitening of stationary noise."""

import warnings

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from sklearn_aera._background import background_among
from sklearn_aera._base import Estimator, one_task
from sklearn_aera._carriers import carrier_reflection, reflect
from sklearn_aera._channels import by_channel, validate_traces
from sklearn_aera._covariance import stationary_autocovariance
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._labels import background_rows
from sklearn_aera._validation import check_regularization
from sklearn_aera._whitening import fit_whitening, whiten

# With fewer traces, a detector behind the adapted whitener calls more than twice as much noise a
# pulse as one that is fitted to many.
_FEW = 100


@fill_docstring()
class SpectralWhitener(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Whiten noise: suppress carriers and flatten the spectrum within the band.

    The covariance of the background, which is assumed to be stationary, is estimated by maximum
    likelihood. Traces are multiplied by its symmetric inverse square root, which has zero phase.
    For traces of more than 1 024 samples, it is a filter of zero phase, with corrections for
    carriers and the ends of the trace.

    What carriers are left with is moved to the lowest frequencies, below the band: there it
    disturbs no pulse, and tells a classifier how strong the carriers of a trace are, which the
    signal-to-noise ratio refers to.

    Parameters
    ----------
    %(regularization)s
        The amplitude gain outside the band is at most one over its square root. From 1e-5 to 1e-3,
        the area under the ROC curve of the likelihood ratio is the same to 0.0001
        (``examples/benchmarks/covariance.py``).

    Attributes
    ----------
    autocovariance_ : ndarray of shape (n_channels, n_samples)
        Autocovariance of the background from lag 0 on, in the squared unit of the traces.
    whitening_ : ndarray of shape (n_channels, n_samples, n_samples), float32, or list
        Symmetric whitening matrices. For more than 1 024 samples, a list of `WhiteningFilter`
        objects, one per channel.
    reflections_ : list of ndarray of shape (n_samples, n_directions), float32
        For each channel, orthonormal vectors whose sign is changed in whitened traces. This
        exchanges up to 16 directions that have more than 2 %% of the power of the background each,
        and ten times the mean, and as many cosines of lowest frequency, and keeps noise white.
    n_background_ : int
        Number of traces that the covariance was estimated from.
    %(trace_shape)s

    Notes
    -----
    Each channel is whitened with its own covariance; correlations between channels remain.

    Whitened noise has unit variance per independent value within the band. Behind a band-pass,
    its standard deviation is the square root of the share of frequencies in the band. The mean is
    not subtracted: a constant offset counts as noise at frequency zero.

    The time of a fit is nearly proportional to the number of values in the traces
    (``examples/benchmarks/length.py``).

    References
    ----------
    Burg, Luenberger and Wenger 1982, DOI 10.1109/PROC.1982.12427

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
        """Estimate the covariance of the background.

        %(X_channels)s
        %(y_background)s

        %(fitted)s
        """
        regularization = check_regularization(self.regularization)
        X = validate_traces(self, X)
        background = background_rows(X, y)
        channels = [stationary_autocovariance(c, regularization) for c in by_channel(background)]
        self._use(np.stack(channels), len(background))
        return self

    def adapt(self, X):
        """Estimate the covariance again, from unlabelled traces with another background.

        Half of the traces may have pulses, and of many traces up to three quarters: those with an
        unusual peak after whitening are left out. A warning says if fewer than 100 remain, from
        which the estimate is noisy. An error leaves the whitener as it was.

        Like `fit`, this changes the whitener itself. To keep the whitener as it is, adapt a copy,
        ``copy.copy(whitener).adapt(X)``.

        %(X_channels)s

        %(fitted)s

        See Also
        --------
        sklearn_aera.inspection.check_background : Says whether the background has changed.

        Examples
        --------
        >>> from sklearn_aera.datasets import make_traces
        >>> from sklearn_aera.preprocessing import SpectralWhitener
        >>> from sklearn_aera.simulation import AntennaNoise, TraceSimulator
        >>> data = make_traces(200, random_state=0)
        >>> other = TraceSimulator(noise=AntennaNoise(carriers=(36.3, 44.9)))
        >>> traces = make_traces(200, simulator=other, random_state=0).traces
        >>> whitener = SpectralWhitener().fit(data.traces, data.y)
        >>> before = whitener.transform(traces).std()
        >>> after = whitener.adapt(traces).transform(traces).std()
        >>> bool(before > 2), bool(after < 1.2)
        (True, True)
        """
        X = validate_traces(self, X, reset=False)
        regularization = check_regularization(self.regularization)
        autocovariance, background = background_among(X, regularization)
        n_background = int(background.sum())
        if n_background < _FEW:
            warnings.warn(
                f"{n_background} of the {len(X)} traces count as background without a pulse; "
                f"from fewer than {_FEW} the estimate is noisy, and more noise looks like pulses",
                stacklevel=2,
            )
        self._use(autocovariance, n_background)
        return self

    def transform(self, X):
        """Whiten traces.

        %(X_channels)s

        Returns
        -------
        ndarray of the shape of X, float32
        """
        X = validate_traces(self, X, dtype=np.float32, reset=False)
        white = np.empty(X.shape, dtype=np.float32)
        fitted = zip(self.whitening_, self.reflections_, strict=True)
        channels = zip(by_channel(X), by_channel(white), fitted, strict=True)
        for traces, whitened, (whitening, vectors) in channels:
            whiten(traces, whitening, out=whitened)
            reflect(whitened, vectors)
        return white

    def _use(self, autocovariance, n_background):
        whitening = [fit_whitening(channel) for channel in autocovariance]
        is_short = isinstance(whitening[0], np.ndarray)
        self.whitening_ = np.stack(whitening) if is_short else whitening
        pairs = zip(autocovariance, whitening, strict=True)
        self.reflections_ = [carrier_reflection(*pair) for pair in pairs]
        self.autocovariance_, self.n_background_ = autocovariance, n_background

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
