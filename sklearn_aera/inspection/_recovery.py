"""Show a recovered signal, and how well signals are recovered."""

import numpy as np

from sklearn_aera._validation import check_real
from sklearn_aera.inspection._style import (
    DATA_COLOR,
    RECOVERED_COLOR,
    TRUTH_COLOR,
    axes_or_column,
    draw_bins,
    legend_above,
)
from sklearn_aera.inspection._trace import _check_series
from sklearn_aera.metrics import energy_ratio, recovery_resolution

# Amplitudes further below the largest than that are not shown: they are leakage.
_SPECTRUM_RANGE = 3e-4


class RecoveryDisplay:
    """A measured trace, the signal recovered from it and the true one, with their spectra.

    Make it with `from_predictions`.

    Parameters
    ----------
    trace, recovered : ndarray of shape (n_samples,)
        In mV.
    signal : ndarray of shape (n_samples,), default=None
        True signal in mV, where it is known.
    sampling_rate : float, default=180.0
        In MHz.
    name : str, default="Recovered"
        Name of the recovered signal in the legend.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Of the traces and of the amplitude spectra.
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
        """Show one trace and what was recovered from it.

        Parameters
        ----------
        trace, recovered : array-like of shape (n_samples,)
            In mV.
        signal : array-like of shape (n_samples,), default=None
            True signal in mV.
        sampling_rate : float, default=180.0
            In MHz.
        name : str, default="Recovered"
        axes : sequence of two matplotlib Axes, default=None
            None for a new figure.

        Returns
        -------
        RecoveryDisplay

        Raises
        ------
        ValueError
            If the arrays are not one-dimensional, finite and of one length.
        """
        series = {"trace": trace, "recovered": recovered, "signal": signal}
        series = {n: _check_series(v, n) for n, v in series.items() if v is not None}
        for n, values in series.items():
            if len(values) != len(series["trace"]):
                raise ValueError(
                    f"{n} must have the {len(series['trace'])} samples of trace, got {len(values)}"
                )
        check_real(sampling_rate, "sampling_rate", min_val=0.0, include_boundaries="neither")
        return cls(**series, sampling_rate=sampling_rate, name=name).plot(axes)

    def plot(self, axes=None):
        """Draw the display.

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, default=None
            None for a new figure.

        Returns
        -------
        RecoveryDisplay
        """
        self.axes_ = axes_or_column(axes, 2, height=4.8)
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


class ResolutionDisplay:
    """Bias and resolution of the recovered energy against the signal-to-noise ratio.

    Make it with `from_predictions` or `from_estimator`; call again with the same ``axes`` to
    compare methods.

    Parameters
    ----------
    curve : ResolutionCurve
        Outcome of `sklearn_aera.metrics.recovery_resolution`, as shares of one.
    quantity : str, default="energy"
        What has the bias and resolution, for the axis labels.
    name : str, default=None
        Name of the method in the legend.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Of the bias and of the resolution.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.inspection import ResolutionDisplay
    >>> data = make_traces(500, signal_fraction=1.0, random_state=0)
    >>> display = ResolutionDisplay.from_predictions(
    ...     data.signals, data.traces, data.events[:, 1], name="measured"
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
        """Show how well the energy of given signals is recovered.

        Parameters
        ----------
        true_signals, recovered : array-like of shape (n_events, n_samples)
            In one unit; events with a pulse only.
        snr : array-like of shape (n_events,)
            True signal-to-noise ratio.
        sampling_rate, window
            See `sklearn_aera.metrics.energy_ratio`.
        bins : int or array-like, default=9
            See `sklearn_aera.metrics.recovery_resolution`.
        name : str, default=None
        axes : sequence of two matplotlib Axes, default=None

        Returns
        -------
        ResolutionDisplay
        """
        ratio = energy_ratio(true_signals, recovered, sampling_rate=sampling_rate, window=window)
        return cls(recovery_resolution(ratio - 1, snr, bins=bins), name=name).plot(axes)

    @classmethod
    def from_estimator(
        cls, estimator, X, true_signals, snr, *, sampling_rate=180.0, window=None, bins=9,
        name=None, axes=None,
    ):  # fmt: skip
        """Show how well a fitted estimator recovers the energy of signals.

        Parameters
        ----------
        estimator : estimator with ``predict``, or else ``transform``, from traces to signals
        X : array-like
            What the estimator takes.
        true_signals, snr, sampling_rate, window, bins, name, axes
            See `from_predictions`; the name's default is that of the class.

        Returns
        -------
        ResolutionDisplay
        """
        recover = getattr(estimator, "predict", None) or estimator.transform
        return cls.from_predictions(
            true_signals,
            recover(X),
            snr,
            sampling_rate=sampling_rate,
            window=window,
            bins=bins,
            name=type(estimator).__name__ if name is None else name,
            axes=axes,
        )

    def plot(self, axes=None):
        """Draw the display, with the intervals as error bars and the bins' widths.

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, default=None
            None for a new figure.

        Returns
        -------
        ResolutionDisplay
        """
        self.axes_ = axes_or_column(axes, 2, height=4.8, sharex=True)
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
        # The upper end goes on following what is drawn.
        resolution.set_ylim(bottom=0, auto=None)
        if self.name is not None:
            legend_above(bias, 2)
