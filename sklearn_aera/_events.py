"""The event table: its columns and its checks."""

import numpy as np
from sklearn.utils import check_array

EVENT_COLUMNS = ("event_id", "snr", "arrival_time", "spectral_slope", "polarity")

# Event ids are stored as float64, which is exact for every integer below this.
MAX_EVENT_ID = 2**53


def check_events(events):
    """Return an event table as a float64 array of shape (n_events, 5).

    Columns of a data frame are selected by name, in any order. Raises ValueError if a column is
    missing or has a value that is not allowed.
    """
    if hasattr(events, "columns"):
        missing = [name for name in EVENT_COLUMNS if name not in events.columns]
        if missing:
            raise ValueError(
                f"events lacks the columns {missing}; an event table has {list(EVENT_COLUMNS)}"
            )
        events = events[list(EVENT_COLUMNS)]
    events = check_array(events, dtype=np.float64, input_name="events")
    if events.shape[1] != len(EVENT_COLUMNS):
        raise ValueError(
            f"events has {events.shape[1]} columns, but an event table has "
            f"{len(EVENT_COLUMNS)}: {', '.join(EVENT_COLUMNS)}"
        )
    event_id, snr, _, _, polarity = events.T
    _require(
        (event_id >= 0) & (event_id < MAX_EVENT_ID) & (event_id == np.floor(event_id)),
        "event_id",
        event_id,
        "an integer from 0 to 2**53 - 1",
    )
    _require(snr >= 0, "snr", snr, "0 (noise alone) or positive")
    _require(np.abs(polarity) == 1, "polarity", polarity, "-1 or 1")
    return events


def event_column(events, name):
    """Return the column of an event table (array or data frame) with one of `EVENT_COLUMNS`.

    Examples
    --------
    >>> from sklearn_aera._events import event_column
    >>> event_column([[0, 2.5, 1.0, -10.0, 1], [1, 0.0, 1.5, -5.0, -1]], "snr")
    array([2.5, 0. ])
    """
    if name not in EVENT_COLUMNS:
        raise ValueError(f"name must be one of {', '.join(EVENT_COLUMNS)}, got {name!r}")
    if hasattr(events, "columns"):
        return np.asarray(events[name])
    return np.asarray(events)[:, EVENT_COLUMNS.index(name)]


def _require(valid, column, values, allowed):
    if not valid.all():
        row = int(np.argmin(valid))
        raise ValueError(f"{column} must be {allowed}, got {values[row]!r} in row {row} of events")
