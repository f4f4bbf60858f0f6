"""Parameter descriptions that several docstrings share."""

import re
from textwrap import dedent, indent

_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)

# Parameters and attributes of the simulator and of the estimators for traces.
PARAMETERS = {
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
times_per_sample, n_slopes, n_phases : int, default=2
    Number of arrival times per sample, of spectral slopes and of phases of the templates.""",
    "trace_shape": """
trace_shape_ : tuple of int
    (n_samples,) or (n_channels, n_samples).
n_features_in_ : int
    Number of values in a trace, over all channels.""",
    "one_channel": """
trace_shape_ : tuple of int
    (n_samples,): traces have one channel.
n_features_in_ : int
    Number of samples of a trace.""",
}


def fill_docstring(**texts):
    """Decorate a class or function: replace each line ``%(name)s`` of its docstring by a text.

    Examples
    --------
    >>> from sklearn_aera._docstrings import fill_docstring
    >>> @fill_docstring(rate="sampling_rate : float\\n    In MHz.")
    ... def duration(sampling_rate):
    ...     '''Length of a trace.
    ...
    ...     %(rate)s
    ...     '''
    >>> duration.__doc__.splitlines()[2:4]
    ['    sampling_rate : float', '        In MHz.']
    """

    def fill(documented):
        if documented.__doc__ is not None:  # None with python -OO
            documented.__doc__ = _PLACE.sub(
                lambda place: indent(dedent(texts[place[2]]).strip("\n"), place[1]),
                documented.__doc__,
            )
        return documented

    return fill
