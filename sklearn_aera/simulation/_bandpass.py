"""Frequency response of a station."""

import numpy as np
from scipy.signal import butter, freqs_zpk

from sklearn_aera._base import Documented
from sklearn_aera._validation import check_count, check_real, check_reals

# Within these limits, in MHz, a Butterworth filter of order 20 is finite.
_LIMITS = {"min_val": 1e-6, "max_val": 1e6}


class BandPass(Documented):
    """Zero-phase band-pass of a radio station.

    The default is a brick wall with edges in the shape of half a cosine. The textbook data have
    a band of 30.1-80.3 MHz, edges narrower than 0.5 MHz and zero phase (measured on one
    digitised pulse). With ``order`` it is the amplitude response of a Butterworth filter.

    Parameters
    ----------
    low, high : float, default=30.1 and 80.3
        Frequencies of the edges in MHz. The gain there is 1/2 for the brick wall and 1/sqrt(2)
        for the Butterworth filter.
    edge_width : float, default=0.5
        Width in MHz of an edge of the brick wall, from gain 1 to 0. Not used with ``order``.
    order : int or None, default=None
        Order of the Butterworth band-pass, as in `scipy.signal.butter`, up to 20; None for the
        brick wall.

    Examples
    --------
    >>> from sklearn_aera.simulation import BandPass
    >>> BandPass().gain([20.0, 30.1, 55.0, 80.3])
    array([0. , 0.5, 1. , 0.5])
    >>> BandPass(order=4).gain([30.1, 55.0]).round(3)
    array([0.707, 1.   ])
    """

    def __init__(self, low=30.1, high=80.3, edge_width=0.5, order=None):
        self.low = low
        self.high = high
        self.edge_width = edge_width
        self.order = order

    def gain(self, frequencies):
        """Return the amplitude response.

        Parameters
        ----------
        frequencies : array-like of float
            In MHz.

        Returns
        -------
        ndarray of the same shape
            Between 0 and 1.

        Raises
        ------
        ValueError, TypeError
            If the edges are not 0 < ``low`` < ``high``, or another parameter is out of range.
        """
        low = check_real(self.low, "low", **_LIMITS)
        high = check_real(self.high, "high", **_LIMITS)
        if high <= low:
            raise ValueError(f"high must be above low={low} MHz, got {high} MHz")
        frequencies = check_reals(frequencies, "frequencies", min_val=0.0, max_val=1e6)
        if self.order is not None:
            order = check_count(self.order, "order", max_val=20)
            filter_ = butter(order, [low, high], btype="bandpass", analog=True, output="zpk")
            gain = np.abs(freqs_zpk(*filter_, worN=frequencies.ravel())[1])
            return gain.reshape(frequencies.shape)
        width = check_real(self.edge_width, "edge_width", min_val=0.0, max_val=high - low)
        rise = _half_cosine(frequencies - low, width)
        return rise * _half_cosine(high - frequencies, width)


@np.errstate(over="ignore")
def _half_cosine(distance, width):
    """Rise from 0 at -width/2 to 1 at width/2 along half a cosine."""
    if width == 0:
        return np.heaviside(distance, 0.5)
    return 0.5 * (1 + np.sin(np.pi * np.clip(distance / width, -0.5, 0.5)))
