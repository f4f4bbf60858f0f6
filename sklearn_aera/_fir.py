"""Band-pass, unfolding and resampling by one filter of finite length, in pieces."""

from fractions import Fraction

import numpy as np
from scipy.signal import firwin, kaiser_beta, oaconvolve, upfirdn

from sklearn_aera._validation import check_real, check_sampling_rate

_ATTENUATION = 100.0  # dB
_MAX_FACTOR = 1000


def design(low, high, nyquist_zone, old_rate, new_rate, edge_width):
    """Design the filter from a Nyquist zone at one sampling rate to a band at another.

    Frequencies and rates are in MHz. Returns the coefficients at ``up`` times the old rate, and
    the integers ``up`` and ``down``, whose ratio is that of the rates.
    """
    limits = {"min_val": 0.0, "max_val": 1e6, "include_boundaries": "neither"}
    low, high = check_real(low, "low", **limits), check_real(high, "high", **limits)
    width = check_real(edge_width, "edge_width", **limits)
    if high <= low:
        raise ValueError(f"high must be above low={low} MHz, got {high} MHz")
    zone = ((nyquist_zone - 1) * old_rate / 2, nyquist_zone * old_rate / 2)
    if low - width / 2 < zone[0] or high + width / 2 > zone[1]:
        raise ValueError(
            f"low={low} and high={high} MHz must, with their edges of {width} MHz, be within the "
            f"recorded band, {zone[0]:g} to {zone[1]:g} MHz"
        )
    if new_rate is None:
        new_rate = nyquist_zone * old_rate
    if check_sampling_rate(new_rate) < 2 * high + width:
        raise ValueError(
            f"sampling_rate must be at least {2 * high + width:g} MHz for a band up to {high} MHz, "
            f"got {new_rate} MHz"
        )
    up, down = _ratio(new_rate / old_rate)
    factor = -(-nyquist_zone // up)  # The band must exist where the filter acts.
    rate = up * factor * old_rate
    n_taps = int(np.ceil((_ATTENUATION - 7.95) / (2.285 * 2 * np.pi * width / rate))) // 2 * 2 + 1
    window = ("kaiser", kaiser_beta(_ATTENUATION))
    taps = firwin(n_taps, [low, high], window=window, pass_zero=False, fs=rate)
    return taps * up * factor, up * factor, down * factor


def _ratio(ratio):
    fraction = Fraction(ratio).limit_denominator(_MAX_FACTOR)
    if not 0 < fraction.numerator <= _MAX_FACTOR or abs(float(fraction) / ratio - 1) > 1e-9:
        raise ValueError(
            f"sampling_rate must be a ratio of integers up to {_MAX_FACTOR} times the present "
            f"rate, got {ratio:g} times"
        )
    return fraction.numerator, fraction.denominator


class Filtered:
    """Samples of a source behind a filter: ``up`` and ``down`` change the sampling rate.

    The samples are those for which the filter needs no sample outside the source. ``delay`` is
    the place of the first one, in samples of the source.
    """

    def __init__(self, source, taps, up, down):
        self._source, self._taps, self._up, self._down = source, taps, up, down
        n_antennas, n_times = source.shape
        self._first = -(-(len(taps) - 1) // down)
        n_filtered = (n_times * up - 1) // down - self._first + 1
        if n_filtered < 1:
            raise ValueError(
                f"the recording must have at least {-(-len(taps) // up)} samples, as many as the "
                f"filter, got {n_times}: take a wider edge_width or a longer recording"
            )
        self.shape = (n_antennas, n_filtered)
        self.delay = (self._first * down - (len(taps) - 1) / 2) / up

    def read(self, rows, start, stop):
        """Return filtered samples, of shape (n_rows, stop - start), float32."""
        if stop <= start or len(rows) == 0:
            return np.zeros((len(rows), max(stop - start, 0)), np.float32)
        up, down, n_taps = self._up, self._down, len(self._taps)
        low, high = self._first + start, self._first + stop - 1
        begin = -(-(low * down - n_taps + 1) // up)
        # At multiples of ``down`` input and output samples coincide again.
        skipped = begin // down
        begin = skipped * down
        samples = np.asarray(self._source.read(rows, begin, high * down // up + 1), np.float64)
        wanted = slice(low - skipped * up, high - skipped * up + 1)
        if up == down == 1:
            return oaconvolve(samples, self._taps[None], axes=1)[:, wanted].astype(np.float32)
        return upfirdn(self._taps, samples, up, down, axis=1)[:, wanted].astype(np.float32)
