"""The normaliser."""

import numpy as np
import pytest

from sklearn_aera.preprocessing import StdNormalizer

TRACES = np.random.default_rng(0).normal(3.0, 0.1, size=(20, 50)) * np.arange(1, 21)[:, None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_per_trace(dtype):
    traces = TRACES.astype(dtype)
    normalized = StdNormalizer().fit_transform(traces)
    assert normalized.dtype == dtype
    np.testing.assert_allclose(normalized.std(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(normalized, traces / traces.std(axis=1, keepdims=True), rtol=1e-4)


def test_per_dataset_uses_the_training_traces():
    normalizer = StdNormalizer(per="dataset").fit(TRACES)
    assert normalizer.scale_ == pytest.approx(TRACES.std())
    np.testing.assert_allclose(normalizer.transform(TRACES[:3] * 2), TRACES[:3] * 2 / TRACES.std())


def test_channels_keep_their_ratios():
    X = np.random.default_rng(1).normal(size=(20, 2, 50)) * np.array([[1.0], [3.0]])
    normalizer = StdNormalizer().fit(X)
    assert normalizer.trace_shape_ == (2, 50)
    assert normalizer.n_features_in_ == 100
    normalized = normalizer.transform(X)
    np.testing.assert_allclose(normalized, X / X.std(axis=(1, 2), keepdims=True))
    by_dataset = StdNormalizer(per="dataset").fit_transform(X)
    np.testing.assert_allclose(by_dataset, X / X.std())
    np.testing.assert_array_equal(normalizer.transform(np.ones((1, 2, 50))), 0.0)


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e-30, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_traces_become_zero(constant, dtype):
    traces = np.vstack([np.full(50, constant), TRACES[0]]).astype(dtype)
    normalized = StdNormalizer().fit_transform(traces)
    np.testing.assert_array_equal(normalized[0], 0.0)
    assert np.isfinite(normalized).all()
    everywhere = StdNormalizer(per="dataset").fit_transform(np.zeros((3, 5), dtype))
    np.testing.assert_array_equal(everywhere, 0.0)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_does_not_matter(scale):
    traces = TRACES.astype(np.float32)
    expected = StdNormalizer().fit_transform(traces)
    np.testing.assert_allclose(
        StdNormalizer().fit_transform(traces * np.float32(scale)), expected, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((2, 3), np.nan), "contains NaN"),
        (np.full((2, 3), np.inf), "contains infinity"),
        (np.ones(3), "Expected 2D array"),
        (np.ones((0, 3)), "Found array with 0 sample"),
        (
            np.ones((2, 9, 3)),
            r"\(n_traces, n_channels, n_samples\), got \(2, 9, 3\)",
        ),
    ],
)
def test_bad_traces(X, message):
    with pytest.raises(ValueError, match=message):
        StdNormalizer().fit(X)


def test_per_of_the_fit_counts():
    normalizer = StdNormalizer().fit(TRACES).set_params(per="dataset")
    np.testing.assert_array_equal(
        normalizer.transform(TRACES), StdNormalizer().fit_transform(TRACES)
    )
    assert normalizer.scale_ is None


def test_bad_calls():
    with pytest.raises(ValueError, match="per must be one of 'trace', 'dataset', got 'row'"):
        StdNormalizer(per="row").fit(TRACES)
    with pytest.raises(ValueError, match="X has 49 features, but StdNormalizer is expecting 50"):
        StdNormalizer().fit(TRACES).transform(TRACES[:, 1:])
    with pytest.raises(ValueError, match=r"must have traces of shape \(50,\), as in fit, got"):
        StdNormalizer().fit(TRACES).transform(TRACES[:, None])
