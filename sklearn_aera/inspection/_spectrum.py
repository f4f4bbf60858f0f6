"""Display of the power spectral density of traces."""

import numpy as np
import scipy.signal

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import (
    as_dense_array,
    check_label,
    check_reals,
    check_rows,
    check_sampling_rate,
    equal_rates,
)
from sklearn_aera.inspection._style import COLORS, DATA_COLOR, axes_or_new, legend_above


@fill_docstring()
class SpectrumDisplay:
    """Power spectral density of traces, with the expectation of a noise model.

    Create it with `from_traces`.

    Parameters
    ----------
    frequency : ndarray of shape (n_frequencies,)
        In MHz.
    density : ndarray of shape (n_frequencies,) or (n_channels, n_frequencies)
        Mean density of the traces in mV² / MHz.
    expected : ndarray of shape (n_frequencies,), default=None
        Expected density of the model in mV² / MHz.
    carriers : sequence of float, default=()
        Frequencies to mark, in MHz.
    name : str, default="Measured"
        Name of the traces in the legend.

    %(drawn_on)s

    Examples
    --------
    >>> from sklearn_aera.datasets import make_events
    >>> from sklearn_aera.inspection import SpectrumDisplay
    >>> from sklearn_aera.simulation import TraceSimulator
    >>> events, y = make_events(50, signal_fraction=0.0, random_state=0)
    >>> simulator = TraceSimulator(random_state=0).fit(events)
    >>> display = SpectrumDisplay.from_traces(simulator.transform(events), model=simulator)
    >>> display.ax_.get_ylabel()
    'Power spectral density / (mV²/MHz)'
    """

    def __init__(self, frequency, density, *, expected=None, carriers=(), name="Measured"):
        self.frequency = frequency
        self.density = density
        self.expected = expected
        self.carriers = carriers
        self.name = name

    @classmethod
    def from_traces(
        cls, traces, *, model=None, carriers=None, sampling_rate=None, name="Measured", ax=None
    ):
        """Draw the mean spectrum of traces.

        Parameters
        ----------
        traces : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
            In mV.
        model : fitted TraceSimulator or array-like of shape (n_samples,), default=None
            Model of the noise: a simulator with antenna noise, or the autocovariance of the noise
            in mV², starting at lag 0, such as that of a fitted `LikelihoodRatioClassifier`.
        carriers : sequence of float, default=None
            Frequencies to mark, in MHz; None for the carriers of the simulator.
        sampling_rate : float, default=None
            In MHz; None for that of the simulator, or 180 without a simulator.
        name : str, default="Measured"
            Name of the traces in the legend.
        %(axes)s

        Returns
        -------
        SpectrumDisplay

        Raises
        ------
        ValueError
            If an array is not finite, the autocovariance has not one lag per sample, or
            ``sampling_rate`` differs from that of the simulator.
        TypeError
            If ``model`` is neither a fitted simulator nor an autocovariance, or the spectrum of
            the simulator's noise is not known.

        Notes
        -----
        The density is the mean of the periodograms with a Hann window. The expected density is the
        mean of the same estimate for the model, including the leakage of carriers.
        """
        check_label(name)
        traces = as_dense_array(traces, "traces")
        shape = np.shape(traces)
        if len(shape) == 3:
            traces = np.reshape(traces, (-1, shape[-1]))
        traces = check_rows(traces, "traces", np.float64)
        if carriers is not None:
            carriers = check_reals(carriers, "carriers", min_val=0.0, max_val=1e6).ravel()
        of_model = getattr(model, "sampling_rate", None)
        rate = (of_model or 180.0) if sampling_rate is None else sampling_rate
        rate = check_sampling_rate(rate)
        if of_model is not None and not equal_rates(rate, of_model):
            raise ValueError(
                f"sampling_rate must be that of the model, {of_model} MHz, or None, got {rate}"
            )
        n_samples = traces.shape[1]
        window = scipy.signal.get_window("hann", n_samples)
        frequency, densities = scipy.signal.periodogram(
            traces, rate, window=window, detrend=False, scaling="density"
        )
        expected = None
        if model is not None:
            autocovariance = _autocovariance(model, n_samples)
            expected = _expected_density(autocovariance, window, rate)
        if carriers is None:
            carriers = getattr(getattr(model, "noise_", None), "carriers", ())
        density = densities.reshape(*shape[:-1], -1).mean(axis=0)
        display = cls(frequency, density, expected=expected, carriers=carriers, name=name)
        return display.plot(ax)

    def plot(self, ax=None):
        """Draw the densities and mark the carriers.

        %(plot)s
        """
        self.ax_ = ax = axes_or_new(ax)
        self.figure_ = ax.figure
        channels = np.atleast_2d(self.density)
        # Black and the second colour are those of the model and of the carriers.
        colors = COLORS[:1] + COLORS[2:]
        for number, density in enumerate(channels):
            label = self.name if len(channels) == 1 else f"{self.name}, channel {number}"
            style = {"color": colors[number % len(colors)], "linewidth": 1.4, "label": label}
            ax.semilogy(self.frequency, density, **style)
        if self.expected is not None:
            style = {"color": "black", "linewidth": 0.8, "linestyle": (0, (4, 2))}
            ax.semilogy(self.frequency, self.expected, **style, label="Model")
        for number, carrier in enumerate(self.carriers):
            label = None if number else "Carriers"
            ax.axvline(carrier, color=COLORS[1], linewidth=0.8, alpha=0.7, zorder=0, label=label)
        top = self.density.max()
        ax.set(
            xlabel="Frequency / MHz",
            ylabel="Power spectral density / (mV²/MHz)",
            xlim=(0, self.frequency[-1]),
            ylim=(top * 1e-7, top * 3) if top > 0 else None,
        )
        ax.grid(alpha=0.3, color=DATA_COLOR)
        legend_above(ax)
        return self


def _autocovariance(model, n_samples):
    noise = getattr(model, "noise_", None)
    if noise is not None:
        if not hasattr(noise, "autocovariance"):
            raise TypeError(
                f"model: the spectrum of {type(noise).__name__} is not known, pass the "
                "autocovariance of its traces instead"
            )
        model = noise.autocovariance()
    elif hasattr(model, "get_params"):
        raise TypeError(
            f"model must be a fitted TraceSimulator or an autocovariance, got {model!r}"
        )
    values = check_reals(model, "model")
    if values.shape != (n_samples,):
        raise ValueError(
            f"model must have the {n_samples} lags of the traces, got shape {values.shape}"
        )
    return values


def _expected_density(autocovariance, window, rate):
    """Return the expected one-sided periodogram of a stationary process with a window."""
    n = len(window)
    overlap = np.correlate(window, window, "full")[n - 1 :]
    weighted = autocovariance * overlap
    # Transform over negative and positive lags, at the frequencies of the periodogram.
    both = np.concatenate([weighted, np.zeros(1), weighted[:0:-1]])
    density = np.fft.rfft(both).real[::2] / (rate * np.sum(window**2))
    density[1 : None if n % 2 else -1] *= 2
    return np.maximum(density, 0.0)
