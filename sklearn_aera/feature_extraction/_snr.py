"""Signal-to-noise ratio of measured traces."""

import numpy as np
from sklearn.base import TransformerMixin

from sklearn_aera._base import Estimator, FeatureNamesMixin, one_task
from sklearn_aera._channels import by_channel, validate_traces
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._scaling import divide_by_peak
from sklearn_aera._validation import check_real, window_samples
from sklearn_aera.metrics import signal_to_noise_ratio


@fill_docstring()
class SNRCalculator(FeatureNamesMixin, TransformerMixin, Estimator):
    """Compute the signal-to-noise ratio of each trace, from the measured trace alone.

    The ratio is the largest absolute value in the signal window over the RMS of the noise
    window. Of several channels, the largest ratio counts. ``make_pipeline(SNRCalculator(),
    LogisticRegression())`` is the classical threshold.

    Parameters
    ----------
    signal_window : (float, float) or None, default=None
        Window in which the peak is searched, in us from the first sample; None for the whole
        trace.
    noise_window : (float, float) or None, default=None
        Window in which the noise is measured, in us from the first sample; None for the whole
        trace without the samples around the peak.
    exclusion : float, default=0.1
        With ``noise_window=None``, samples within this many us of the peak do not count as noise.
        If less than two samples would remain, all samples count.
    %(sampling_rate)s

    Attributes
    ----------
    %(trace_shape)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.feature_extraction import SNRCalculator
    >>> traces = np.random.default_rng(0).normal(size=(2, 500))
    >>> traces[1, 250] = 30.0
    >>> SNRCalculator().fit_transform(traces).round(1)
    array([[ 3.9],
           [32.3]])
    >>> SNRCalculator().fit(traces).get_feature_names_out()
    array(['snr'], dtype=object)
    """

    _feature_names = ("snr",)

    def __init__(self, signal_window=None, noise_window=None, exclusion=0.1, sampling_rate=180.0):
        self.signal_window = signal_window
        self.noise_window = noise_window
        self.exclusion = exclusion
        self.sampling_rate = sampling_rate

    @one_task
    def fit(self, X, y=None):
        """Check the parameters and the traces.

        %(X_channels)s
        y : ignored

        %(fitted)s
        """
        validate_traces(self, X)
        check_real(self.exclusion, "exclusion", min_val=0.0)
        self._samples("signal_window")
        self._samples("noise_window")
        return self

    def transform(self, X):
        """Compute the ratios.

        %(X_channels)s

        Returns
        -------
        ndarray of shape (n_traces, 1), float64
            0 for a trace of zeros.
        """
        X = validate_traces(self, X, reset=False)
        return np.max([self._ratios(channel) for channel in by_channel(X)], axis=0)[:, None]

    def _ratios(self, X):
        """Compute the ratios of traces of one channel, (n_traces,)."""
        signal = X[:, self._samples("signal_window")]
        if self.noise_window is not None:
            ratio = signal_to_noise_ratio(signal, X[:, self._samples("noise_window")])
        else:
            ratio = self._ratio_outside_peak(X)
        # Where the noise is exactly zero, the ratio is the largest float32.
        return np.minimum(ratio, np.finfo(np.float32).max)

    @np.errstate(divide="ignore", over="ignore")
    def _ratio_outside_peak(self, X):
        signal = self._samples("signal_window")
        position = signal.start + np.abs(X[:, signal]).argmax(axis=1)
        distance = np.abs(np.arange(X.shape[1]) - position[:, None]) / float(self.sampling_rate)
        is_noise = distance > float(self.exclusion)
        is_noise[is_noise.sum(axis=1) < 2] = True
        relative, peak = divide_by_peak(X, samples=signal, dtype=np.float64)
        power = np.mean(np.square(relative), axis=1, where=is_noise)
        return np.where(peak[:, 0] > 0, 1 / np.sqrt(power), 0.0)

    def _samples(self, name):
        """Return the slice of the samples in a window."""
        return window_samples(getattr(self, name), name, self.sampling_rate, self.trace_shape_[-1])
