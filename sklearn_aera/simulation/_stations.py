"""Simulators of named stations."""

from sklearn.base import clone

from sklearn_aera._validation import check_choice
from sklearn_aera.simulation._bandpass import BandPass
from sklearn_aera.simulation._noise import AntennaNoise
from sklearn_aera.simulation._pulse import AnalyticPulse
from sklearn_aera.simulation._simulator import TraceSimulator

_TWO_ARMS = (0.0, 90.0)
_QUIET = {"carriers": (), "carrier_share": 0.0}
_BEACON = (58.887, 61.523, 68.555, 71.191)

# Sources of all numbers: the table in docs/stations.rst.
_STATIONS = {
    "aera": {
        "response": BandPass(30.1, 80.3),
        "sampling_rate": 180.0,
        "n_samples": 500,
        "arms": _TWO_ARMS,
        "n_bits": 12,
        "noise": AntennaNoise(carriers=_BEACON),
    },
    "augerprime": {
        "response": BandPass(30.0, 80.0),
        "sampling_rate": 250.0,
        "n_samples": 2048,
        "arms": _TWO_ARMS,
        "n_bits": 12,
        "noise": AntennaNoise(carriers=_BEACON),
    },
    "lopes": {
        "response": BandPass(43.0, 74.0),
        "sampling_rate": 160.0,
        "n_samples": 1024,
        "arms": None,
        "n_bits": 12,
        "noise": AntennaNoise(carriers=(48.24, 50.00, 62.20, 67.70), carrier_share=0.83),
    },
    "lofar": {
        "response": BandPass(30.0, 80.0),
        "sampling_rate": 200.0,
        "n_samples": 1024,
        "arms": _TWO_ARMS,
        "n_bits": 12,
        "noise": AntennaNoise(**_QUIET),
    },
    "grandproto300": {
        "response": BandPass(50.0, 200.0),
        "sampling_rate": 500.0,
        "n_samples": 1024,
        "arms": (0.0, 90.0, "vertical"),
        "n_bits": 14,
        "noise": AntennaNoise(**_QUIET),
        "pulse": AnalyticPulse(quadratic_frequency=125.0, elevation=(-30.0, 30.0)),
    },
    "icecube": {
        "response": BandPass(70.0, 350.0),
        "sampling_rate": 1000.0,
        "n_samples": 1024,
        "arms": _TWO_ARMS,
        "n_bits": None,
        "noise": AntennaNoise(**_QUIET),
    },
}
STATIONS = tuple(_STATIONS)


def make_station(name, *, random_state=None):
    """Make the simulator of a named station.

    Band, sampling rate, length of a trace, arms, resolution of the digitiser and carriers are
    those of the station as far as they are published or measured. The table in the user guide
    gives the source of each number, and says what is assumed. Other parameters of the simulator
    have their defaults, and ``set_params`` changes any of them.

    Parameters
    ----------
    name : {"aera", "augerprime", "lopes", "lofar", "grandproto300", "icecube"}
        AERA; the AugerPrime Radio Detector; LOPES, after its second Nyquist zone is unfolded;
        LOFAR's low-band antennas; GRANDProto300; the antennas of IceCube's surface array.
    random_state : int, RandomState instance or None, default=None
        Seed of the simulator.

    Returns
    -------
    TraceSimulator
        A new one, not fitted.

    Raises
    ------
    ValueError
        If there is no station of this name.

    See Also
    --------
    sklearn_aera.datasets.make_traces : Makes traces with a simulator.

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.simulation import make_station
    >>> station = make_station("grandproto300")
    >>> make_traces(4, simulator=station, random_state=0).traces.shape
    (4, 3, 1024)
    >>> one_arm = make_station("aera").set_params(arms=None)
    >>> make_traces(4, simulator=one_arm, random_state=0).traces.shape
    (4, 500)
    """
    check_choice(name, "name", STATIONS)
    parameters = {part: _copied(value) for part, value in _STATIONS[name].items()}
    return TraceSimulator(**parameters, random_state=random_state)


def _copied(value):
    return clone(value) if hasattr(value, "get_params") else value
