"""Sections and parameters that docstrings of the simulator and of estimators share."""

import re
from inspect import isclass, isfunction
from textwrap import dedent, indent

_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)

PARAMETERS = {
    "X": """
Parameters
----------
X : array-like of shape (n_traces, n_samples)""",
    "X_channels": """
Parameters
----------
X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)""",
    "event_table": """
Parameters
----------
X : array-like, DataFrame or dict of shape (n_events, 5)
    Event table with the columns `sklearn_aera.datasets.EVENT_COLUMNS`, and, for several channels,
    the column "polarization".""",
    "y_background": """
y : array-like of shape (n_traces,) or of the shape of X, default=None
    Labels or true signals, which say which traces are background. The label of the background is
    0 or False; without such a label, it is the smaller of two numbers, or the text "noise" or
    "background". The true signals of the background are zero. Without y, or without background
    traces in it, all traces are taken as background. Traces of background with more than 100
    times their median power are left out, with a warning.""",
    "signals": """
Returns
-------
ndarray of shape (n_traces, n_samples), float32
    In the unit of the traces.""",
    "fitted": """
Returns
-------
self

Raises
------
ValueError, TypeError
    If a parameter or a value in the data is not valid.""",
    "overwrite": """
overwrite : bool, default=False
    Whether to replace an existing file.

Raises
------
FileExistsError
    If the file exists and ``overwrite`` is False.""",
    "in_mV": """
Returns
-------
ndarray of shape (n_events, n_samples) or (n_events, n_channels, n_samples), float32
    In mV.""",
    "prepared": """
Parameters
----------
grid : FrequencyGrid

Returns
-------
self

Raises
------
ValueError, TypeError
    If a parameter is not valid, in itself or for the grid.""",
    "spectra": """
Parameters
----------
slope : ndarray of shape (n_pulses,)
    Spectral slope per GHz. A library does not use it.
uniform : ndarray of shape (n_pulses, n_uniform)
    Uniform random numbers on [0, 1).

Returns
-------
ndarray of shape (n_pulses, n_bins), complex64
    Spectra of pulses whose envelope peaks at time zero, at arbitrary scale: the simulator scales
    pulses to the signal-to-noise ratio.""",
    "pulse": """
pulse : AnalyticPulse or PulseLibrary, default=None
    Shape of the pulses; None for ``AnalyticPulse()``.""",
    "response": """
response : BandPass, default=None
    Frequency response of the station; None for ``BandPass()``.""",
    "sampling_rate": """
sampling_rate : float, default=180.0
    Sampling rate of the traces in MHz.""",
    "snr_reference": """
snr_reference : {"noise", "trace"}, default="noise"
    Denominator of the signal-to-noise ratio. The ratio is max|signal| over the RMS, across all
    samples of the trace, of the noise alone (the lecture's definition) or of the measured trace,
    signal included (the textbook's).""",
    "arrival_time": """
arrival_time : (float, float) or None, default=None
    Range of arrival times in us. None leaves out the first 9 % and the last 10 % of the trace:
    0.25 to 2.5 us for 500 samples at 180 MHz.""",
    "spectral_slope": """
spectral_slope : float or (float, float), default=(-30.0, 0.0)
    Range of spectral slopes per GHz. Not used with a `PulseLibrary`.""",
    "regularization": """
regularization : float, default=1e-4
    Power of white noise added to the model of the background, relative to the background's power.
    It limits the gain at frequencies outside the band.""",
    "bank": """
times_per_sample, n_phases : int, default=2
    Number of arrival times per sample and of phases of the templates.
n_slopes : int or None, default=None
    Number of spectral slopes of the templates. None for as many as the bandwidth needs: 2 for 50
    MHz or less, 6 for 150 MHz, 11 for 280 MHz with the default range of slopes.""",
    "polarizations": """
arms : sequence of float or "vertical", default=None
    Arms of the antenna, one for each channel, as of
    `TraceSimulator <sklearn_aera.simulation.TraceSimulator>`. None for one channel, and for two or
    three orthogonal ones, ``(0, 90, "vertical")``. The azimuth of the electric field is unknown and
    uniform. The channels must have the same gain, since the amplitudes of a pulse in them follow
    from it.
n_polarizations : int, default=8
    Number of azimuths of the templates, used with several channels.""",
    "signals_channels": """
Returns
-------
ndarray of the shape of X, float32
    In the unit of the traces.""",
    "window": """
window : (float, float) or None, default=None
    Part of the trace in which the energy is summed, in us from the first sample; None for the
    whole trace.""",
    "scores": """
y_true : array-like of shape (n_traces,)
    Labels of two classes, 0 for noise and 1 for pulses. With other numbers, the smaller is the
    label of noise; with texts, "noise" or "background", which must be the first in alphabetical
    order.
y_score : array-like of shape (n_traces,)
    Scores of the detector, higher for traces more likely to hold a signal.""",
    "threshold": """
max_fpr : float, default=0.01
    False-positive rate at which the threshold is chosen on this sample. Not used with
    ``threshold``.
threshold : float, default=None
    Threshold chosen beforehand, for example by `threshold_at_fpr` on validation data.""",
    "confidence_level": """
confidence_level : float, default=0.6827
    Probability content of the intervals; the default is that of one standard deviation.""",
    "interval": """
%(confidence_level)s

Returns
-------
Interval
    Named tuple (value, low, high).""",
    "axes": """
ax : matplotlib Axes, default=None
    Axes to draw on; None for a new figure.""",
    "drawn_on": """
Attributes
----------
ax_ : matplotlib Axes
figure_ : matplotlib Figure""",
    "plot": """
Parameters
----------
%(axes)s

Returns
-------
self : object
    The display.""",
    "same_length": """
Raises
------
ValueError
    If the arrays are not one-dimensional, finite and of the same length.""",
    "bins": """
bins : int or array-like, default=9
    Number of equal bins over the range of the signals' ``snr``, or the edges of the bins.
name : str, default=None
    Name in the legend; with an estimator None stands for the name of its class.""",
    "background_scores": """
y_score : array-like of shape (n_triggers,)
    Scores of the triggers in the background, one for each trigger and not one for each window:
    windows that overlap trigger together. `StreamTrigger <sklearn_aera.trigger.StreamTrigger>`
    keeps such scores in ``background_scores_``.
livetime : float
    Time in which they occurred, in seconds.""",
    "trace_shape": """
trace_shape_ : tuple of int
    (n_samples,) or, with several channels, (n_channels, n_samples).
n_features_in_ : int
    Number of values in a trace, over all channels.""",
}


def fill_docstring(**texts):
    """Decorate a function, or a class and its methods: fill in its docstring.

    Each line ``%(name)s`` is replaced by the text of that name, with the indentation of the line.
    The texts are those given here and those of `PARAMETERS`, and may have such lines themselves.
    """
    texts = PARAMETERS | texts

    def text(place):
        filled = _PLACE.sub(text, dedent(texts[place[2]]).strip("\n"))
        return indent(filled, place[1])

    def fill(documented):
        methods = vars(documented).values() if isclass(documented) else ()
        functions = (getattr(method, "__func__", method) for method in methods)
        for item in (documented, *filter(isfunction, functions)):
            if item.__doc__ is not None:
                item.__doc__ = _PLACE.sub(text, item.__doc__)
        return documented

    return fill
