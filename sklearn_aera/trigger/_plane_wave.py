"""Plane waves through several antennas."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import norm
from scipy.optimize import least_squares

from sklearn_aera._validation import check_real, check_rows, check_vector

SPEED_OF_LIGHT = 299.792458  # m / us
_POSITIVE = {"min_val": 0.0, "include_boundaries": "neither"}


class PlaneWave(NamedTuple):
    """Direction of a plane wave, see `fit_plane_wave`.

    Parameters
    ----------
    zenith : float
        Angle from the vertical to the source, in degrees.
    azimuth : float
        Angle of the source from east through north, in degrees, from 0 to 360.
    zenith_error : float
        Standard error of the zenith angle, in degrees.
    azimuth_error : float
        Standard error of the azimuth angle, in degrees; 180 if the source is at the zenith.
    chi_square : float
        Sum of the squared residuals over the squared timing error.
    n_freedom : int
        Number of antennas minus three.
    time : float
        Time at which the wave passes the origin of the positions, in us.
    """

    zenith: float
    azimuth: float
    zenith_error: float
    azimuth_error: float
    chi_square: float
    n_freedom: int
    time: float


def fit_plane_wave(times, positions, *, timing_error=0.005):
    """Fit a plane wave to arrival times.

    ``t_i = t_0 - n . r_i / c`` with the unit vector n to the source and the positions r_i. The
    vector has two free components; the third follows, and is upward.

    Parameters
    ----------
    times : array-like of shape (n_antennas,)
        Arrival times in us.
    positions : array-like of shape (n_antennas, 3)
        In m (east, north, up).
    timing_error : float, default=0.005
        Standard error of a time in us (assumption: a part of a period).

    Returns
    -------
    PlaneWave
        Named tuple (zenith, azimuth, zenith_error, azimuth_error, chi_square, n_freedom, time).

    Raises
    ------
    ValueError
        If there are fewer than three antennas, or they are in one line.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.trigger import fit_plane_wave
    >>> positions = [[0, 0, 0], [100, 0, 0], [0, 100, 0], [100, 100, 5]]
    >>> source = np.array([0.0, np.sin(0.5), np.cos(0.5)])
    >>> wave = fit_plane_wave(7.0 - positions @ source / 299.792458, positions)
    >>> round(wave.zenith, 2), round(wave.azimuth, 2), round(wave.time, 3)
    (28.65, 90.0, 7.0)
    """
    times, positions = check_vector(times, "times"), check_rows(positions, "positions", np.float64)
    error = check_real(timing_error, "timing_error", **_POSITIVE)
    if positions.shape != (len(times), 3):
        raise ValueError(f"positions must have shape ({len(times)}, 3), got {positions.shape}")
    around = positions - positions.mean(axis=0)
    if len(times) < 3 or np.linalg.matrix_rank(around[:, :2], tol=1e-3) < 2:
        raise ValueError(
            f"positions must be of three antennas or more, not in one line, got {len(times)}"
        )
    mean = times.mean()

    def residuals(parameters):
        return (
            times - mean - parameters[0] + around @ _source(parameters) / SPEED_OF_LIGHT
        ) / error

    flat = np.column_stack([np.ones(len(times)), -around[:, :2] / SPEED_OF_LIGHT])
    start = np.linalg.lstsq(flat, times - mean, rcond=None)[0]
    start[1:] /= max(np.hypot(*start[1:]) / 0.99, 1.0)
    fit = least_squares(residuals, start, x_scale="jac")
    wave = _direction(fit.x[1:], np.linalg.pinv(fit.jac)[1:])
    origin = mean + fit.x[0] + positions.mean(axis=0) @ _source(fit.x) / SPEED_OF_LIGHT
    return PlaneWave(*wave, float(2 * fit.cost), len(times) - 3, float(origin))


def _source(parameters):
    """Return the unit vector to the source, which is upward or horizontal."""
    horizontal = parameters[1:] / max(np.hypot(*parameters[1:]), 1.0)
    return np.append(horizontal, np.sqrt(max(1 - horizontal @ horizontal, 0.0)))


def _direction(horizontal, spread):
    """Return zenith and azimuth angle and their errors, in degrees.

    The covariance of the horizontal components is ``spread @ spread.T``.
    """
    length = np.hypot(*horizontal)
    sine = min(length, 1.0)
    zenith, azimuth = np.arcsin(sine), np.arctan2(horizontal[1], horizontal[0])
    along = horizontal / length if length > 0 else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]])
    cosine = max(np.cos(zenith), 1e-3)
    zenith_error = norm(along @ spread) / cosine
    azimuth_error = norm(across @ spread) / length if length > 0 else np.inf
    zenith_error, azimuth_error = np.rad2deg([zenith_error, azimuth_error])
    angles = float(np.rad2deg(zenith)), float(np.rad2deg(azimuth) % 360)
    return *angles, min(float(zenith_error), 90.0), min(float(azimuth_error), 180.0)
