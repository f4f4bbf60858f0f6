"""From recordings to triggers: rates in Hz, and coincidences of several antennas."""

from sklearn_aera._public import publish
from sklearn_aera.trigger._stream import StreamTrigger

__all__ = ["StreamTrigger"]

publish(__name__, globals(), __all__)
