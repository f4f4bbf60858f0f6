"""Coincidences of several antennas, and how often they occur by chance."""

import numpy as np
from scipy.spatial.distance import pdist

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._validation import check_count, check_real, check_rows, shown
from sklearn_aera.metrics import poisson_interval
from sklearn_aera.trigger._plane_wave import SPEED_OF_LIGHT, fit_plane_wave

_POSITIVE = {"min_val": 0.0, "include_boundaries": "neither"}
_DIRECTION = ("zenith", "azimuth", "zenith_error", "azimuth_error", "chi_square", "n_freedom")
_SHARED = {
    "coincidence": """
triggers : ndarray
    Table of `StreamTrigger.find`, with the fields "time" in us, "antenna" and "score" at least.
window : float, default=None
    Longest time in us from the first to the last trigger of a coincidence. None needs
    ``positions``: the time in which light passes the two antennas that are furthest apart, and
    three times ``timing_error`` on each side.
min_antennas : int, default=3
    Number of antennas of a coincidence.""",
    "positions": """
positions : array-like of shape (n_antennas, 3), default=None
    Of all antennas, in m (east, north, up).
timing_error : float, default=0.005
    Standard error of a time in us (assumption: a part of a period).""",
}


@fill_docstring(**_SHARED)
def coincidences(triggers, window=None, min_antennas=3, *, positions=None, timing_error=0.005):
    """Find the times at which several antennas triggered.

    A coincidence begins with a trigger that is followed, within the window, by triggers of enough
    other antennas. Of several triggers of an antenna the one with the highest score belongs to it.

    Parameters
    ----------
    %(coincidence)s
    %(positions)s

    Returns
    -------
    ndarray of shape (n_coincidences,)
        Table in the order of time, with the fields "time" of the first trigger in us,
        "n_antennas", "score", the sum of the scores, and "triggers", the row in ``triggers`` of
        each antenna, -1 for an antenna without a trigger. With positions also those of
        `fit_plane_wave`: "zenith", "azimuth", "zenith_error", "azimuth_error", "chi_square" and
        "n_freedom"; NaN where the antennas are fewer than three or in one line.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not valid, or the window is not known.

    See Also
    --------
    accidental_rate : How often such coincidences occur by chance.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.trigger import coincidences
    >>> triggers = np.array(
    ...     [(1.0, 0, 5.0), (1.2, 1, 7.0), (9.0, 0, 6.0)],
    ...     dtype=[("time", float), ("antenna", int), ("score", float)],
    ... )
    >>> found = coincidences(triggers, window=0.5, min_antennas=2)
    >>> found["time"], found["n_antennas"], found["triggers"]
    (array([1.]), array([2]), array([[0, 1]]))
    """
    time, antenna, score = _columns(triggers)
    positions = _check_positions(positions, antenna)
    window = _window(window, positions, timing_error)
    check_count(min_antennas, "min_antennas", min_val=2)
    n_antennas = int(antenna.max(initial=-1)) + 1 if positions is None else len(positions)
    rows = _members(time, antenna, score, n_antennas, window, min_antennas)
    fields = [("time", "f8"), ("n_antennas", "i8"), ("score", "f8")]
    fields += [("triggers", "i8", (n_antennas,))]
    fields += [] if positions is None else [(name, "f8") for name in _DIRECTION]
    found = np.zeros(len(rows), fields)
    for one, members in zip(found, rows, strict=True):
        used = members[members >= 0]
        one["time"], one["score"] = time[used].min(), score[used].sum()
        one["n_antennas"], one["triggers"] = len(used), members
        if positions is not None:
            at = time[used], positions[antenna[used]]
            for name, value in _wave(*at, timing_error).items():
                one[name] = value
    return found


@fill_docstring(**_SHARED)
def accidental_rate(
    triggers, livetime, window=None, min_antennas=3, *, positions=None, timing_error=0.005,
    n_slides=100,
):  # fmt: skip
    """Rate of coincidences by chance, from time slides.

    The times of the antennas are shifted against each other, cyclically and by more than the
    window, and coincidences are counted: none of these can come from a common source. Each slide
    adds one livetime.

    Parameters
    ----------
    triggers : ndarray
        Table of `StreamTrigger.find`, with the fields "time" in us, "antenna" and "score" at
        least.
    livetime : float
        Duration of the recording in seconds.
    window : float, default=None
        As in `coincidences`.
    min_antennas : int, default=3
        Number of antennas of a coincidence.
    %(positions)s
    n_slides : int, default=100
        Number of slides.

    Returns
    -------
    Interval
        Named tuple (value, low, high) in Hz; times 86 400 it is the number a day. The interval is
        the 68 % Poisson interval for ``n_slides * livetime`` seconds.

    Raises
    ------
    ValueError, TypeError
        If a parameter is not valid, the times do not fit into the livetime, or the recording is too
        short for so many slides.

    References
    ----------
    Time slides are the method of gravitational-wave searches: Was et al. 2010,
    DOI 10.1088/0264-9381/27/1/015005

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.trigger import accidental_rate
    >>> rng = np.random.default_rng(0)
    >>> dtype = [("time", float), ("antenna", int), ("score", float)]
    >>> triggers = np.zeros(4000, dtype)
    >>> triggers["time"] = rng.uniform(0, 1e6, 4000)
    >>> triggers["antenna"] = np.arange(4000) % 2
    >>> low, high = accidental_rate(triggers, 1.0, window=1.0, min_antennas=2)[1:]
    >>> low < 2 * 2000 * 2000 * 1e-6 < high
    True
    """
    time, antenna, score = _columns(triggers)
    positions = _check_positions(positions, antenna)
    window = _window(window, positions, timing_error)
    duration = check_real(livetime, "livetime", **_POSITIVE) * 1e6
    check_count(min_antennas, "min_antennas", min_val=2)
    n_slides = check_count(n_slides, "n_slides", max_val=10**6)
    n_antennas = int(antenna.max(initial=1)) + 1
    step = duration / (n_slides * n_antennas + 1)
    if step < 2 * window:
        n_possible = max(int((duration / (2 * window) - 1) / n_antennas), 0)
        raise ValueError(
            f"n_slides must be at most {n_possible} for {livetime:g} s, got {n_slides}"
        )
    time = time - time.min(initial=np.inf)
    if time.max(initial=0.0) > duration * (1 + 1e-6):
        raise ValueError(
            f"livetime must hold all triggers, {time.max() * 1e-6:g} s, got {livetime}"
        )
    n_found = 0
    for slide in range(1, n_slides + 1):
        shifted = (time + antenna * slide * step) % duration
        n_found += len(_members(shifted, antenna, score, n_antennas, window, min_antennas))
    return poisson_interval(n_found, n_slides * livetime)


def _members(time, antenna, score, n_antennas, window, min_antennas):
    """Return the row of each antenna in each coincidence, (n_coincidences, n_antennas)."""
    order = np.argsort(time, kind="stable")
    behind = np.searchsorted(time[order], time[order] + window, side="right")
    found, end = [], 0
    for first in np.flatnonzero(behind - np.arange(len(order)) >= min_antennas):
        if first < end:
            continue
        rows = order[first : behind[first]]
        rows = rows[np.argsort(score[rows], kind="stable")]
        members = np.full(n_antennas, -1)
        members[antenna[rows]] = rows  # The last one, with the highest score, stays.
        if (members >= 0).sum() >= min_antennas:
            found.append(members)
            end = behind[first]
    return np.array(found, dtype=int).reshape(len(found), n_antennas)


def _wave(times, positions, timing_error):
    try:
        wave = fit_plane_wave(times, positions, timing_error=timing_error)
    except ValueError:
        return dict.fromkeys(_DIRECTION, np.nan)
    return {name: getattr(wave, name) for name in _DIRECTION}


def _columns(triggers):
    """Return time, antenna and score of a table of triggers."""
    names = ("time", "antenna", "score")
    missing = [name for name in names if name not in (getattr(triggers.dtype, "names", ()) or ())]
    if missing:
        raise ValueError(f"triggers must have the fields {names}, got {shown(triggers.dtype)}")
    time, score = (triggers[name].astype(float) for name in ("time", "score"))
    if not np.isfinite(time).all() or (triggers["antenna"] < 0).any():
        raise ValueError("triggers must have finite times, and antennas from 0 on")
    return time, triggers["antenna"].astype(int), score


def _check_positions(positions, antenna):
    if positions is None:
        return None
    positions = check_rows(positions, "positions", np.float64)
    if positions.shape[1] != 3 or len(positions) <= antenna.max(initial=1):
        raise ValueError(f"positions must have shape (n_antennas, 3), got {positions.shape}")
    return positions


def _window(window, positions, timing_error):
    error = check_real(timing_error, "timing_error", **_POSITIVE)
    if window is not None:
        return check_real(window, "window", min_val=0.0)
    if positions is None:
        raise ValueError("window must be given in us where there are no positions")
    return float(pdist(positions).max()) / SPEED_OF_LIGHT + 6 * error
