"""Check whether the background of traces is the one that a model was fitted to."""

import warnings

import numpy as np

from sklearn_aera._background import (
    background_step,
    deviations,
    strongest_lines,
    whitened_spectrum,
)
from sklearn_aera._channels import validate_traces
from sklearn_aera._validation import check_real, check_sampling_rate, shown

_MAX_NAMED = 5


def check_background(model, X, *, sampling_rate=None, false_alarm=1e-3):
    """Check whether the background of traces is the one that a model was fitted to.

    A detector takes a carrier that it does not know for a pulse. The traces are whitened as the
    model does it. If they are then not white, a warning names the frequencies: the model should
    be adapted (`adapt`) or fitted again.

    Parameters
    ----------
    model : fitted estimator or Pipeline
        With a `sklearn_aera.preprocessing.SpectralWhitener`, also as the ``whitener`` of a
        denoiser, or another estimator that has the autocovariance of the background, such as
        `sklearn_aera.likelihood.LikelihoodRatioClassifier`.
    X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
        Traces in front of the model. They need no labels: traces with a pulse are left out.
    sampling_rate : float, default=None
        In MHz; None for that of the model, if it is known.
    false_alarm : float, default=1e-3
        Largest probability of a warning if the background is the one of the model, stationary and
        Gaussian.

    Returns
    -------
    ndarray of shape (n_frequencies,)
        Frequencies at which the whitened background is not white, that of the largest deviation
        first: in MHz, or as shares of the sampling rate if it is not known. Empty if it is white.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or the model has no autocovariance.

    Warns
    -----
    UserWarning
        If the background is not white.

    Notes
    -----
    The mean power of n traces at each frequency is compared with that of the m traces that the
    model was fitted to. For Gaussian noise, their ratio has an F distribution with 2 n and 2 m
    degrees of freedom (n and m next to zero and half the sampling rate), from which
    ``false_alarm``, divided by the number of frequencies, gives the limits. Deviations below 20 %
    are not reported. Frequencies are 1/4 of the inverse of a trace's duration apart; neighbours
    within three inverse durations are reported as one.

    A trace counts as one with a pulse if its whitened peak is larger, in units of its own RMS,
    than 99 % of the peaks of white noise; at most three quarters of the traces are left out. A
    single loud trace changes little: the power of each counts up to 10 times the median.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.inspection import check_background
    >>> from sklearn_aera.preprocessing import SpectralWhitener
    >>> from sklearn_aera.simulation import AntennaNoise, TraceSimulator
    >>> data = make_traces(600, random_state=0)
    >>> whitener = SpectralWhitener().fit(data.traces[:300], data.y[:300])
    >>> check_background(whitener, data.traces[300:], sampling_rate=180.0)
    array([], dtype=float64)
    >>> noise = AntennaNoise(carriers=(47.0, *AntennaNoise().carriers))
    >>> other = make_traces(300, simulator=TraceSimulator(noise=noise), random_state=1)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     check_background(whitener, other.traces, sampling_rate=180.0).round()
    array([47.])
    """
    limits = {"min_val": 0.0, "max_val": 1.0, "include_boundaries": "neither"}
    false_alarm = check_real(false_alarm, "false_alarm", **limits)
    found = background_step(model, X)
    if found is None:
        raise TypeError(
            "model must be a fitted estimator with the autocovariance of the background, such as "
            f"SpectralWhitener, or a pipeline with one, got {shown(model)}"
        )
    step, X = found
    if sampling_rate is None:
        sampling_rate = getattr(model, "sampling_rate_", getattr(step, "sampling_rate", None))
    rate = None if sampling_rate is None else check_sampling_rate(sampling_rate)
    X = validate_traces(step, X, dtype=np.float32, reset=False)
    spectrum = whitened_spectrum(X, step)
    power, deviates = deviations(spectrum, getattr(step, "n_background_", None), false_alarm)
    lines = strongest_lines(power, deviates)
    frequency = spectrum.frequency[lines] * (rate or 1.0)
    if len(lines):
        warnings.warn(_text(frequency, power[lines], rate), stacklevel=2)
    return frequency


def _text(frequency, power, rate):
    unit = "{:.3f} of the sampling rate" if rate is None else "{:.1f} MHz"
    times = [f"{p:.2g}" if p < 10 else f"{p:,.0f}" for p in power]
    named = [f"{t} at {unit.format(f)}" for t, f in zip(times, frequency, strict=True)]
    others = len(named) - _MAX_NAMED
    more = f", and other than one at {others} more frequencies" if others > 0 else ""
    return (
        "the background of the traces is not the one that the model was fitted to: the ratio of "
        f"their powers is {', '.join(named[:_MAX_NAMED])}{more}. Adapt the model to these traces, "
        "or fit it again."
    )
