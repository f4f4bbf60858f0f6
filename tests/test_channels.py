"""Traces of several channels: their shape, their layout, and what is refused."""

import numpy as np
import pytest

from sklearn_aera.preprocessing import SpectralWhitener


def test_layout_in_memory_does_not_matter():
    X = np.random.default_rng(0).normal(size=(20, 2, 30)).astype(np.float32)
    whitener = SpectralWhitener().fit(X)
    white = whitener.transform(X)
    for same in (np.asfortranarray(X), X.transpose(2, 1, 0).copy().transpose(2, 1, 0), X.tolist()):
        np.testing.assert_allclose(whitener.transform(same), white, atol=1e-6)


def test_channels_that_do_not_fit():
    X = np.random.default_rng(0).normal(size=(5, 2, 9))
    whitener = SpectralWhitener().fit(X)
    message = r"X must have traces of shape \(2, 9\), as in fit, got traces of shape "
    with pytest.raises(ValueError, match=message + r"\(3, 9\)"):
        whitener.transform(np.ones((5, 3, 9)))
    with pytest.raises(ValueError, match=message + r"\(18,\)"):
        whitener.transform(X.reshape(5, 18))
    with pytest.raises(ValueError, match=r"traces of shape \(9,\), as in fit, got traces of shape"):
        SpectralWhitener().fit(X[:, 0]).transform(X)
    with pytest.raises(ValueError, match=r"got \(5, 9, 2\) with more channels than samples: the"):
        SpectralWhitener().fit(X.transpose(0, 2, 1))
    with pytest.raises(ValueError, match="contains NaN"):
        SpectralWhitener().fit(np.full((5, 2, 9), np.nan))
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        SpectralWhitener().fit(np.ones((0, 2, 9)))
    with pytest.raises(ValueError, match="Found array with dim 4"):
        SpectralWhitener().fit(np.ones((5, 1, 2, 9)))
