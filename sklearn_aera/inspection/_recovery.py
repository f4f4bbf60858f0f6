"""Displays of a recovered signal and of the resolution of the recovery."""

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import (
    check_label,
    check_sampling_rate,
)
from sklearn_aera.inspection._style import (
    DATA_COLOR,
    RECOVERED_COLOR,
    TRUTH_COLOR,
    axes_or_grid,
    check_series,
    draw_bins,
    legend_above,
)
from sklearn_aera.metrics import energy_ratio, recovery_resolution

# Range of the spectra below their maximum. Smaller amplitudes are spectral leakage.
_SPECTRUM_RANGE = 3e-4
_SIZE = (4.5, 4.8)

_AXES = """
axes : sequence of two matplotlib Axes, default=None
    Axes to draw on; None for a new figure."""
_SERIES = """
trace, recovered : array-like of shape (n_samples,)
    Measured trace and recovered signal in mV.
signal : array-like of shape (n_samples,), default=None
    True signal in mV, if it is known."""
_NAME = """
name : str, default="Recovered"
    Name of the recovered signal in the legend."""
_OPTIONS = """
snr : array-like of shape (n_events,)
    True signal-to-noise ratio.
%(sampling_rate)s
%(window)s
%(bins)s
%(axes)s"""


@fill_docstring(series=_SERIES, name=_NAME, axes=_AXES)
class RecoveryDisplay:
    """A measured trace, the recovered and the true signal, with their spectra.

    Create it with `from_predictions`.

    Parameters
    ----------
    %(series)s
    %(sampling_rate)s
    %(name)s

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes of the traces and of the amplitude spectra.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.inspection import RecoveryDisplay
    >>> data = make_traces(1, signal_fraction=1.0, snr=3.0, random_state=0)
    >>> display = RecoveryDisplay.from_predictions(
    ...     data.traces[0], data.signals[0], signal=data.signals[0]
    ... )
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['Time / µs', 'Frequency / MHz']
    """

    def __init__(self, trace, recovered, *, signal=None, sampling_rate=180.0, name="Recovered"):
        self.trace = trace
        self.recovered = recovered
        self.signal = signal
        self.sampling_rate = sampling_rate
        self.name = name

    @classmethod
    def from_predictions(
        cls, trace, recovered, *, signal=None, sampling_rate=180.0, name="Recovered", axes=None
    ):
        """Draw one trace and the signal recovered from it.

        Parameters
        ----------
        %(series)s
        %(sampling_rate)s
        %(name)s
        %(axes)s

        Returns
        -------
        RecoveryDisplay

        %(same_length)s
        """
        check_label(name)
        series = check_series(trace=trace, recovered=recovered, signal=signal)
        check_sampling_rate(sampling_rate)
        return cls(**series, sampling_rate=sampling_rate, name=name).plot(axes)

    def plot(self, axes=None):
        """Draw the traces and their amplitude spectra.

        %(plot)s
        """
        self.axes_ = axes_or_grid(axes, 2, 1, size=_SIZE)
        self.figure_ = self.axes_[0].figure
        series = [
            (self.trace, "Measured", {"color": DATA_COLOR, "linewidth": 0.6}),
            (self.signal, "True", {"color": TRUTH_COLOR, "linewidth": 2.0}),
            (self.recovered, self.name, {"color": RECOVERED_COLOR, "linewidth": 0.9}),
        ]
        series = [one for one in series if one[0] is not None]
        time = np.arange(len(self.trace)) / self.sampling_rate
        frequency = np.fft.rfftfreq(len(time), 1 / self.sampling_rate)
        spectra = [np.abs(np.fft.rfft(samples)) / self.sampling_rate for samples, _, _ in series]
        self._label(time[-1], frequency[-1], np.max(spectra) or 1.0)
        for (samples, label, style), spectrum in zip(series, spectra, strict=True):
            self.axes_[0].plot(time, samples, label=label, **style)
            self.axes_[1].plot(frequency, spectrum, **style)
        legend_above(self.axes_[0])
        return self

    def _label(self, duration, highest_frequency, largest):
        self.axes_[0].set(xlabel="Time / µs", ylabel="Amplitude / mV", xlim=(0, duration))
        self.axes_[1].set(
            xlabel="Frequency / MHz",
            ylabel="Spectral amplitude\n/ (mV/MHz)",
            yscale="log",
            xlim=(0, highest_frequency),
            ylim=(_SPECTRUM_RANGE * largest, 2 * largest),
        )


@fill_docstring(options=_OPTIONS, axes=_AXES)
class ResolutionDisplay:
    """Bias and resolution of the recovered energy as functions of the signal-to-noise ratio.

    Create it with `from_predictions` or `from_estimator`. Further calls with the same ``axes``
    compare methods.

    Parameters
    ----------
    curve : ResolutionCurve
        Result of `sklearn_aera.metrics.recovery_resolution` for relative errors.
    quantity : str, default="energy"
        Name of the recovered quantity, for the axis labels.
    name : str, default=None
        Name of the method in the legend.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes of the bias and of the resolution.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.inspection import ResolutionDisplay
    >>> data = make_traces(500, signal_fraction=1.0, random_state=0)
    >>> display = ResolutionDisplay.from_predictions(
    ...     data.signals, data.traces, data.snr, name="measured"
    ... )
    >>> display.axes_[1].get_ylabel()
    'Resolution of energy / %'
    """

    def __init__(self, curve, *, quantity="energy", name=None):
        self.curve = curve
        self.quantity = quantity
        self.name = name

    @classmethod
    def from_predictions(
        cls, true_signals, recovered, snr, *, sampling_rate=180.0, window=None, bins=9, name=None,
        axes=None,
    ):  # fmt: skip
        """Draw bias and resolution of the energy of recovered signals.

        Parameters
        ----------
        true_signals, recovered : array-like of shape (n_events, n_samples)
            True and recovered signals of events with a pulse, both in the same unit.
        %(options)s

        Returns
        -------
        ResolutionDisplay
        """
        check_label(name)
        ratio = energy_ratio(true_signals, recovered, sampling_rate=sampling_rate, window=window)
        return cls(recovery_resolution(ratio - 1, snr, bins=bins), name=name).plot(axes)

    @classmethod
    def from_estimator(
        cls, estimator, X, true_signals, snr, *, sampling_rate=180.0, window=None, bins=9,
        name=None, axes=None,
    ):  # fmt: skip
        """Draw bias and resolution of the energy that a fitted estimator recovers.

        Parameters
        ----------
        estimator : estimator with ``predict`` or ``transform``
            Fitted estimator that turns traces into signals. If it has both methods, ``predict``
            is used.
        X : array-like
            Input of the estimator, for events with a pulse.
        true_signals : array-like of shape (n_events, n_samples)
            True signals, in the unit of the recovered ones.
        %(options)s

        Returns
        -------
        ResolutionDisplay
        """
        recover = getattr(estimator, "predict", None) or estimator.transform
        name = type(estimator).__name__ if name is None else name
        options = {"sampling_rate": sampling_rate, "window": window, "bins": bins, "name": name}
        return cls.from_predictions(true_signals, recover(X), snr, **options, axes=axes)

    def plot(self, axes=None):
        """Draw bias and resolution with their intervals as error bars.

        %(plot)s
        """
        self.axes_ = axes_or_grid(axes, 2, 1, size=_SIZE, sharex=True)
        self.figure_ = self.axes_[0].figure
        edges = self.curve.snr_edges
        if not self.axes_[0].containers:
            self.axes_[0].axhline(0, color="black", linewidth=0.6)
        for ax, interval in zip(self.axes_, (self.curve.bias, self.curve.resolution), strict=True):
            draw_bins(ax, edges, *(100 * np.asarray(part) for part in interval), self.name)
            ax.grid(alpha=0.3)
        self._label()
        return self

    def _label(self):
        bias, resolution = self.axes_
        bias.set_ylabel(f"Bias of {self.quantity} / %")
        resolution.set(xlabel="Signal-to-noise ratio", ylabel=f"Resolution of {self.quantity} / %")
        # The upper limit keeps following the data.
        resolution.set_ylim(bottom=0, auto=None)
        if self.name is not None:
            legend_above(bias, 2)
