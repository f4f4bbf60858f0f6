"""The event table: what a row is, and how a table is checked."""

import numpy as np
from sklearn.utils import check_array

EVENT_COLUMNS = ("event_id", "snr", "arrival_time", "spectral_slope", "polarity")

# Event ids travel as float64: every integer below this is exact.
MAX_EVENT_ID = 2**53


def check_events(events):
    """Return an event table as a float64 array of shape (n_events, 5), or say what is wrong.

    A data frame is read by its column names, so their order does not matter.
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


def _require(valid, column, values, allowed):
    if not valid.all():
        row = int(np.argmin(valid))
        raise ValueError(f"{column} must be {allowed}, got {values[row]!r} in row {row} of events")
