"""Read event files of NuRadioReco."""

import numpy as np

# NuRadioReco's own units are V and GHz.
_MILLIVOLTS = 1e3
_MEGAHERTZ = 1e3


def read_nur(path):
    """Read all channels of all events in a ``.nur`` file of NuRadioReco (arXiv:1903.07023).

    Returns a dictionary of ``traces`` (n_traces, n_samples) in mV and ``channels`` (n_traces, 4),
    the numbers of run, event, station and channel, and the sampling rate in MHz. Raises
    ValueError if there are no traces, or they differ in length or sampling rate.
    """
    try:
        from NuRadioReco.modules.io.eventReader import eventReader
    except ImportError as error:
        raise ImportError(
            f"path: to read {path.name} install NuRadioMC (pip install 'sklearn-aera[NuRadioMC]')"
        ) from error
    reader = eventReader()
    reader.begin([str(path)])
    try:
        found = [row for event in reader.run() for row in _channels(event)]
    finally:
        reader.end()
    if not found:
        raise ValueError("it has no channel with a trace")
    numbers, traces, rates = zip(*found, strict=True)
    lengths = sorted({len(trace) for trace in traces})
    if len(lengths) > 1:
        raise ValueError(f"its traces have different lengths, {lengths}")
    if np.ptp(rates) > 1e-6 * rates[0]:
        raise ValueError(f"its traces have different sampling rates, {sorted(set(rates))} MHz")
    return {"traces": np.stack(traces), "channels": np.array(numbers)}, float(rates[0])


def _channels(event):
    """Yield numbers, trace in mV and sampling rate in MHz of each channel of an event."""
    for station in event.get_stations():
        for channel in station.iter_channels():
            trace = channel.get_trace()
            rate = channel.get_sampling_rate()
            if trace is None or rate is None:
                continue
            numbers = (event.get_run_number(), event.get_id(), station.get_id(), channel.get_id())
            yield numbers, np.asarray(trace * _MILLIVOLTS, dtype=np.float32), rate * _MEGAHERTZ
