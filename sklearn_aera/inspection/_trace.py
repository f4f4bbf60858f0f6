"""Display of a trace."""

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import as_dense_array, check_sampling_rate
from sklearn_aera.inspection._style import (
    DATA_COLOR,
    RECOVERED_COLOR,
    TRUTH_COLOR,
    axes_or_new,
    check_series,
    legend_above,
)

_SERIES = """
trace : array-like of shape (n_samples,)
    In mV.
signal : array-like of shape (n_samples,), default=None
    True pulse in mV; not drawn if it is zero throughout.
recovered : array-like of shape (n_samples,), default=None
    Recovered pulse in mV."""


@fill_docstring(series=_SERIES)
class TraceDisplay:
    """A trace as a function of time, with the true and the recovered pulse if they are known.

    Create it with `from_trace`.

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
        """Draw one trace.

        Parameters
        ----------
        %(series)s
        %(sampling_rate)s
        %(axes)s

        Returns
        -------
        TraceDisplay

        %(same_length)s
        """
        trace = as_dense_array(trace, "trace")
        if np.ndim(trace) == 2:
            raise ValueError(
                f"TraceDisplay is for one channel, got a trace of shape {np.shape(trace)}: select "
                "one channel, as in trace[0]"
            )
        series = check_series(trace=trace, signal=signal, recovered=recovered)
        rate = check_sampling_rate(sampling_rate)
        return cls(np.arange(len(series["trace"])) / rate, **series).plot(ax)

    def plot(self, ax=None):
        """Draw the trace and the pulses.

        %(plot)s
        """
        self.ax_ = ax = axes_or_new(ax)
        self.figure_ = ax.figure
        ax.plot(self.time, self.trace, color=DATA_COLOR, linewidth=0.7, label="Trace")
        if self.signal is not None and np.any(self.signal):
            ax.plot(self.time, self.signal, color=TRUTH_COLOR, linewidth=1.6, label="True pulse")
        if self.recovered is not None:
            style = {"color": RECOVERED_COLOR, "linewidth": 0.9, "label": "Recovered"}
            ax.plot(self.time, self.recovered, **style)
        ax.set(xlabel="Time / µs", ylabel="Amplitude / mV", xlim=(self.time[0], self.time[-1]))
        if len(ax.lines) > 1:
            legend_above(ax)
        return self
