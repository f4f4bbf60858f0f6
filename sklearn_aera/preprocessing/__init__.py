"""Transformers from traces to traces."""

from sklearn_aera._channel_covariance import ChannelCovariance
from sklearn_aera._public import publish
from sklearn_aera._toeplitz import StationaryCovariance
from sklearn_aera._whitening import WhiteningFilter
from sklearn_aera.preprocessing._normalizer import StdNormalizer
from sklearn_aera.preprocessing._whitener import SpectralWhitener
from sklearn_aera.preprocessing._wiener import WienerFilter

__all__ = [
    "ChannelCovariance",
    "SpectralWhitener",
    "StationaryCovariance",
    "StdNormalizer",
    "WhiteningFilter",
    "WienerFilter",
]

publish(__name__, globals(), __all__)
