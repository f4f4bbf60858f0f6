"""The event table: its columns and its checks."""

from collections.abc import Mapping

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_aera._validation import as_real_array, check_rows

EVENT_COLUMNS = ("event_id", "snr", "arrival_time", "spectral_slope", "polarity")
# Events that are simulated for several channels have one column more.
ALL_COLUMNS = (*EVENT_COLUMNS, "polarization")

# Event ids are stored as float64, which is exact for every integer below this.
MAX_EVENT_ID = 2**53
# Limits of pulses that float32 can hold.
MAX_SNR, MAX_SLOPE = 1e6, 100.0


def check_events(events):
    """Return an event table as a float64 array of shape (n_events, 5), or 6 with polarization.

    Columns of a data frame, dictionary or structured array are selected by name, in any order.
    Raises ValueError if a column is missing or has a value that is not allowed.
    """
    if hasattr(events, "collect"):  # a lazy frame
        events = events.collect()
    if hasattr(events, "columns"):
        names = list(events.columns)
    elif isinstance(events, Mapping):
        names = list(events)
    else:
        names = getattr(getattr(events, "dtype", None), "names", None)
    if names is not None:
        missing = [name for name in EVENT_COLUMNS if names.count(name) != 1]
        if missing:
            raise ValueError(
                f"events lacks the columns {missing}, or has them twice; an event table has "
                f"{list(EVENT_COLUMNS)}"
            )
        wanted = ALL_COLUMNS if names.count(ALL_COLUMNS[-1]) == 1 else EVENT_COLUMNS
        columns = [as_real_array(events[name], name) for name in wanted]
        check_consistent_length(*columns)
        events = np.column_stack(columns)
    events = check_rows(events, "events", np.float64, limited=False)
    if events.shape[1] not in (len(EVENT_COLUMNS), len(ALL_COLUMNS)):
        raise ValueError(
            f"events has {events.shape[1]} columns, but an event table has "
            f"{len(EVENT_COLUMNS)}: {', '.join(EVENT_COLUMNS)}, and, for several channels, "
            f"{ALL_COLUMNS[-1]}"
        )
    event_id, snr, _, slope, polarity = events.T[: len(EVENT_COLUMNS)]
    is_id = (event_id >= 0) & (event_id < MAX_EVENT_ID) & (event_id == np.floor(event_id))
    require(is_id, "event_id", event_id, "an integer from 0 to 2**53 - 1")
    require((snr >= 0) & (snr <= MAX_SNR), "snr", snr, "0 (noise alone) or positive, up to 10**6")
    require(np.abs(slope) <= MAX_SLOPE, "spectral_slope", slope, "from -100 to 100 per GHz")
    require(np.abs(polarity) == 1, "polarity", polarity, "-1 or 1")
    for angle in events.T[len(EVENT_COLUMNS) :]:
        require(np.abs(angle) <= 360, ALL_COLUMNS[-1], angle, "from -360 to 360 degrees")
    return events


def require(valid, column, values, allowed):
    """Raise ValueError for the first row of events whose value in a column is not valid."""
    if not valid.all():
        row = int(np.argmin(valid))
        raise ValueError(f"{column} must be {allowed}, got {values[row]} in row {row} of events")
