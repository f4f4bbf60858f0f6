"""Draw event tables."""

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import ALL_COLUMNS, MAX_EVENT_ID, MAX_SLOPE, MAX_SNR
from sklearn_aera._random import draw_seed
from sklearn_aera._streams import event_table_draws
from sklearn_aera._validation import check_choice, check_count, check_interval, check_real

SNR_OPTIONS = """
signal_fraction : float, default=0.5
    Probability that an event has a pulse.
snr : float or (float, float), default=(0.5, 5.0)
    Signal-to-noise ratio of events with a pulse: one number, or a range with a uniform
    distribution. Events without a pulse have ``snr`` 0. In several channels it is the ratio in
    the channel where it is largest."""
ARRIVAL_TIME = """
arrival_time : float or (float, float), default=(0.25, 2.5)
    Time of the peak of the pulse's envelope in us from the first sample, uniform in the range.
    The default keeps pulses away from the edges of a trace of 500 samples at 180 MHz."""
POLARIZATION = """
polarization : float or (float, float), default=None
    Azimuth of the electric field of the pulse in degrees, uniform in the range, for simulators
    with several channels. None leaves this column out."""
SLOPE_OPTIONS = """
spectral_slope : float or (float, float), default=(-30.0, 0.0)
    Slope of the pulse's amplitude spectrum per GHz, uniform in the range; see
    `sklearn_aera.simulation.amplitude_spectrum`.
first_event_id : int, default=0
    Number of the first event. Events with different numbers are independent.
"""


@fill_docstring(
    snr_options=SNR_OPTIONS,
    arrival_time=ARRIVAL_TIME,
    slope_options=SLOPE_OPTIONS,
    polarization=POLARIZATION,
)
def make_events(
    n_events=100, *, signal_fraction=0.5, snr=(0.5, 5.0), arrival_time=(0.25, 2.5),
    spectral_slope=(-30.0, 0.0), polarization=None, first_event_id=0, random_state=None,
    as_frame=False,
):  # fmt: skip
    """Draw a table of events, one event per row.

    A row depends only on ``random_state`` and on its event_id. A table can therefore be made in
    pieces, each with the ``first_event_id`` that follows the previous piece.

    Parameters
    ----------
    n_events : int, default=100
        Number of events.
    %(snr_options)s
    %(arrival_time)s
    %(slope_options)s
    %(polarization)s
    random_state : int, RandomState instance or None, default=None
        Seed of the random numbers.
    as_frame : bool, default=False
        Return a pandas DataFrame and Series instead of arrays.

    Returns
    -------
    events : ndarray of shape (n_events, 5), float64, or DataFrame
        The columns are `EVENT_COLUMNS`: event_id, snr, arrival_time, spectral_slope, polarity.
        With ``polarization`` there is a sixth column of this name.
    y : ndarray of shape (n_events,), int64, or Series
        1 for events with a pulse, 0 for the others.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_events
    >>> events, y = make_events(1000, random_state=0, as_frame=True)
    >>> events.loc[7].round(2).to_dict()
    {'event_id': 7.0, 'snr': 2.53, 'arrival_time': 1.48, 'spectral_slope': -0.61, 'polarity': 1.0}
    >>> again, _ = make_events(10, first_event_id=990, random_state=0)
    >>> bool((again == events[990:]).all(axis=None))
    True
    """
    check_choice(as_frame, "as_frame", (True, False))
    n_events = check_count(n_events, "n_events")
    first_event_id = check_count(
        first_event_id, "first_event_id", min_val=0, max_val=MAX_EVENT_ID - n_events
    )
    fraction = check_real(signal_fraction, "signal_fraction", min_val=0.0, max_val=1.0)
    low, high = check_interval(snr, "snr", min_val=0.0, max_val=MAX_SNR)
    if low == 0:
        raise ValueError(f"snr must be above 0 for events with a pulse, got {snr!r}")
    arrival = check_interval(arrival_time, "arrival_time", min_val=0.0)
    slope = check_interval(spectral_slope, "spectral_slope", min_val=-MAX_SLOPE, max_val=MAX_SLOPE)

    draws = event_table_draws(draw_seed(random_state), first_event_id, n_events, 6).T
    y = (draws[0] < fraction).astype(np.int64)
    columns = [
        first_event_id + np.arange(n_events, dtype=float),
        np.where(y == 1, low + (high - low) * draws[1], 0.0),
        arrival[0] + (arrival[1] - arrival[0]) * draws[2],
        slope[0] + (slope[1] - slope[0]) * draws[3],
        np.where(draws[4] < 0.5, -1.0, 1.0),
    ]
    if polarization is not None:
        low, high = check_interval(polarization, "polarization", min_val=-360.0, max_val=360.0)
        columns.append(low + (high - low) * draws[5])
    events = np.column_stack(columns)
    return _as_frame(events, y) if as_frame else (events, y)


def _as_frame(events, y):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("as_frame=True needs pandas: pip install pandas") from error
    columns = list(ALL_COLUMNS[: events.shape[1]])
    return pd.DataFrame(events, columns=columns), pd.Series(y, name="y")
