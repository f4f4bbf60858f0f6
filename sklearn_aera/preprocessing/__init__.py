"""Transformers from traces to traces."""

from sklearn_aera.preprocessing._normalizer import StdNormalizer

__all__ = ["StdNormalizer"]
