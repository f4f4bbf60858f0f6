"""Display of a trace."""

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import as_dense_array, check_sampling_rate
from sklearn_aera.inspection._style import (
    DATA_COLOR,
    RECOVERED_COLOR,
    TRUTH_COLOR,
    axes_or_grid,
    axes_or_new,
    check_series,
    legend_above,
)

_SERIES = """
trace : array-like of shape (n_samples,) or (n_channels, n_samples)
    In mV.
signal : array-like of the shape of trace, default=None
    True pulse in mV; not drawn if it is zero throughout.
recovered : array-like of the shape of trace, default=None
    Recovered pulse in mV."""


@fill_docstring(series=_SERIES)
class TraceDisplay:
    """A trace as a function of time, with the true and the recovered pulse if they are known.

    Channels are drawn one above the other. Create it with `from_trace`.

    Parameters
    ----------
    time : ndarray of shape (n_samples,)
        In us.
    %(series)s

    %(drawn_on)s

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.inspection import TraceDisplay
    >>> data = make_traces(1, signal_fraction=1.0, snr=3.0, random_state=0)
    >>> display = TraceDisplay.from_trace(data.traces[0], signal=data.signals[0])
    >>> display.ax_.get_xlabel()
    'Time / µs'
    """

    def __init__(self, time, trace, *, signal=None, recovered=None):
        self.time = time
        self.trace = trace
        self.signal = signal
        self.recovered = recovered

    @classmethod
    def from_trace(cls, trace, *, signal=None, recovered=None, sampling_rate=180.0, ax=None):
        """Draw one trace, of several channels one above the other.

        Parameters
        ----------
        %(series)s
        %(sampling_rate)s
        ax : matplotlib axes or list of these, default=None
            Where to draw, one for each channel; None for a new figure. For several channels,
            ``ax_`` is an array of axes.

        Returns
        -------
        TraceDisplay

        %(same_length)s
        """
        trace = as_dense_array(trace, "trace")
        series = {"trace": trace, "signal": signal, "recovered": recovered}
        series = _check_channels(series) if np.ndim(trace) == 2 else check_series(**series)
        rate = check_sampling_rate(sampling_rate)
        return cls(np.arange(series["trace"].shape[-1]) / rate, **series).plot(ax)

    def plot(self, ax=None):
        """Draw the trace and the pulses.

        %(plot)s
        """
        n_channels = None if np.ndim(self.trace) == 1 else len(self.trace)
        if n_channels is None:
            self.ax_ = axes_or_new(ax)
        else:
            size = (4.5, 1.2 + 1.5 * n_channels)
            self.ax_ = axes_or_grid(ax, n_channels, 1, size=size, sharex=True, name="ax")
        axes = np.ravel(self.ax_)
        self.figure_ = axes[0].figure
        for channel, ax in enumerate(axes):
            self._draw(ax, ... if n_channels is None else channel)
            ax.set(ylabel="Amplitude / mV", xlim=(self.time[0], self.time[-1]))
            if n_channels is not None:
                ax.set_ylabel(f"Channel {channel} / mV")
        axes[-1].set_xlabel("Time / µs")
        if len(axes[0].lines) > 1:
            legend_above(axes[0])
        return self

    def _draw(self, ax, channel):
        ax.plot(self.time, self.trace[channel], color=DATA_COLOR, linewidth=0.7, label="Trace")
        if self.signal is not None and np.any(self.signal):
            style = {"color": TRUTH_COLOR, "linewidth": 1.6, "label": "True pulse"}
            ax.plot(self.time, self.signal[channel], **style)
        if self.recovered is not None:
            style = {"color": RECOVERED_COLOR, "linewidth": 0.9, "label": "Recovered"}
            ax.plot(self.time, self.recovered[channel], **style)


def _check_channels(series):
    """Return series of several channels as arrays of one shape, without those that are None."""
    series = {name: values for name, values in series.items() if values is not None}
    shape = series["trace"].shape
    for name, values in series.items():
        if np.shape(values) != shape:
            raise ValueError(f"{name} must have the shape {shape} of trace, got {np.shape(values)}")
    channels = [
        check_series(**{name: values[channel] for name, values in series.items()})
        for channel in range(shape[0])
    ]
    return {name: np.stack([one[name] for one in channels]) for name in series}
