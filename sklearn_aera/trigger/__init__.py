"""From recordings to triggers: rates in Hz, and coincidences of several antennas."""

from sklearn_aera._public import publish
from sklearn_aera.trigger._coincidences import accidental_rate, coincidences
from sklearn_aera.trigger._plane_wave import PlaneWave, fit_plane_wave
from sklearn_aera.trigger._stream import StreamTrigger

__all__ = ["PlaneWave", "StreamTrigger", "accidental_rate", "coincidences", "fit_plane_wave"]

publish(__name__, globals(), __all__)
