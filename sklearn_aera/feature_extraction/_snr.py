"""Signal-to-noise ratio of measured traces."""

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._validation import check_input_features, check_interval, check_real
from sklearn_aera.metrics import signal_to_noise_ratio


class SNRCalculator(TransformerMixin, Estimator):
    """Signal-to-noise ratio of each trace, from the measured trace alone.

    The largest absolute value in the signal window over the RMS of the noise region. With
    ``make_pipeline(SNRCalculator(), LogisticRegression())`` it is the classical threshold.

    Parameters
    ----------
    signal_window : (float, float) or None, default=None
        Where the peak is searched, in us from the first sample; None for the whole trace.
    noise_window : (float, float) or None, default=None
        Where the noise is measured, in us; None for the whole trace but the peak's surroundings.
    exclusion : float, default=0.1
        With ``noise_window=None``, samples within this many us of the peak are left out of the
        noise. If fewer than two would remain, the whole trace counts.
    sampling_rate : float, default=180.0
        In MHz.

    Attributes
    ----------
    n_features_in_ : int
        Number of samples of a trace.

    See Also
    --------
    sklearn_aera.metrics.signal_to_noise_ratio : The ratio of a known signal and noise.

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

    def __init__(self, signal_window=None, noise_window=None, exclusion=0.1, sampling_rate=180.0):
        self.signal_window = signal_window
        self.noise_window = noise_window
        self.exclusion = exclusion
        self.sampling_rate = sampling_rate

    @one_task
    def fit(self, X, y=None):
        """Check the parameters and the traces.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a window has no sample of the trace, or another parameter is out of its range.
        """
        X = validate_data(self, X, dtype=(np.float64, np.float32))
        check_real(self.sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither")
        check_real(self.exclusion, "exclusion", min_val=0.0)
        self._samples("signal_window")
        self._samples("noise_window")
        return self

    def transform(self, X):
        """Calculate the ratios.

        Parameters
        ----------
        X : array-like of shape (n_traces, n_samples)

        Returns
        -------
        ndarray of shape (n_traces, 1), float64
            0 for a trace that is zero throughout.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        signal = X[:, self._samples("signal_window")]
        if self.noise_window is not None:
            ratio = signal_to_noise_ratio(signal, X[:, self._samples("noise_window")])
        else:
            ratio = self._ratio_outside_peak(X, signal)
        # Noise that is exactly zero beside a peak: as large as a float32 can say.
        return np.minimum(ratio, np.finfo(np.float32).max)[:, None]

    def get_feature_names_out(self, input_features=None):
        """Names of the output columns: ``["snr"]``.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the names seen in `fit`, not used otherwise.
        """
        check_is_fitted(self, "n_features_in_")
        check_input_features(self, input_features)
        return np.array(["snr"], dtype=object)

    def _ratio_outside_peak(self, X, signal):
        amplitude = np.abs(signal)
        first = self._samples("signal_window").start
        peak = first + amplitude.argmax(axis=1)
        distance = np.abs(np.arange(X.shape[1]) - peak[:, None]) / self.sampling_rate
        is_noise = distance > self.exclusion
        is_noise[is_noise.sum(axis=1) < 2] = True
        # Scaled by the peak, so that squares stay within the range of the floats.
        largest = amplitude.max(axis=1, keepdims=True).astype(np.float64)
        relative = np.divide(X, largest, out=np.zeros(X.shape), where=largest > 0)
        power = np.mean(np.square(relative), axis=1, where=is_noise)
        with np.errstate(divide="ignore"):
            return np.where(largest[:, 0] > 0, 1 / np.sqrt(power), 0.0)

    def _samples(self, name):
        """The slice of samples inside a window given in us."""
        window = getattr(self, name)
        if window is None:
            return slice(0, self.n_features_in_)
        start, stop = check_interval(window, name, min_val=0.0)
        samples = slice(
            int(np.ceil(start * self.sampling_rate)), int(np.ceil(stop * self.sampling_rate))
        )
        if samples.start >= min(samples.stop, self.n_features_in_):
            raise ValueError(
                f"{name} must hold at least one of the {self.n_features_in_} samples, which end "
                f"at {self.n_features_in_ / self.sampling_rate:.3f} us, got {window!r}"
            )
        return samples

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags
