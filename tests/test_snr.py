"""The SNR of measured traces."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator


def _trace_with_peak(position=300, height=8.0):
    trace = np.tile([1.0, -1.0], 250)
    trace[position] = height
    return trace[None]


def test_peak_over_rms_outside_its_surroundings():
    assert SNRCalculator().fit_transform(_trace_with_peak())[0, 0] == pytest.approx(8.0)
    # Samples beside the peak belong to the signal: they do not raise the noise.
    trace = _trace_with_peak()
    trace[0, 283:318] = 7.0
    trace[0, 300] = 8.0
    assert SNRCalculator(exclusion=0.1).fit_transform(trace)[0, 0] == pytest.approx(8.0)
    assert SNRCalculator(exclusion=0.02).fit_transform(trace)[0, 0] < 6.0


def test_windows_in_microseconds():
    traces = np.vstack([_trace_with_peak(300), _trace_with_peak(100)])
    inside = SNRCalculator(signal_window=(1.5, 2.0)).fit_transform(traces)[:, 0]
    np.testing.assert_allclose(inside, [8.0, 1 / np.sqrt((499 - 36 + 64) / 464)], rtol=0.05)
    fixed = SNRCalculator(noise_window=(0.0, 0.5)).fit_transform(traces)[:, 0]
    np.testing.assert_allclose(fixed, 8.0)


def test_short_and_silent_traces():
    assert SNRCalculator().fit_transform([[3.0, 4.0]])[0, 0] == pytest.approx(4 / np.sqrt(12.5))
    silent = np.zeros((2, 500))
    silent[1, 250] = 1.0
    ratio = SNRCalculator().fit_transform(silent)[:, 0]
    assert ratio[0] == 0.0
    assert np.isfinite(ratio[1])
    assert ratio[1] > 1e30


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_does_not_matter(scale):
    trace = _trace_with_peak().astype(np.float32) * np.float32(scale)
    assert SNRCalculator().fit_transform(trace)[0, 0] == pytest.approx(8.0, rel=1e-5)


def test_classical_threshold():
    data = make_traces(600, snr=6.0, random_state=0)
    model = make_pipeline(SNRCalculator(), LogisticRegression()).fit(data.traces, data.y)
    test = make_traces(600, snr=6.0, first_event_id=1000, random_state=0)
    assert roc_auc_score(test.y, model.predict_proba(test.traces)[:, 1]) > 0.98


def test_set_output():
    frame = SNRCalculator().set_output(transform="pandas").fit_transform(_trace_with_peak())
    assert list(frame.columns) == ["snr"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"signal_window": (3.0, 4.0)},
            "signal_window must contain at least one of the 500",
        ),
        ({"noise_window": (0.001, 0.002)}, "noise_window must contain at least one of the 500"),
        ({"noise_window": (2, 1)}, "noise_window must be finite and increasing"),
        ({"noise_window": (0, 1e308)}, "noise_window must be at most 1e"),
        ({"sampling_rate": 1e300}, "sampling_rate == 1e.300, must be <= 1000000.0"),
        ({"exclusion": -1}, "exclusion == -1, must be >= 0"),
        ({"sampling_rate": 0}, "sampling_rate == 0, must be > 0"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        SNRCalculator(**parameters).fit(_trace_with_peak())


def test_strongest_of_several_channels():
    traces = np.random.default_rng(0).normal(size=(9, 3, 500))
    one = SNRCalculator().fit(traces[:, 0])
    expected = np.max([one.transform(traces[:, n]) for n in range(3)], axis=0)
    np.testing.assert_allclose(SNRCalculator().fit_transform(traces), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"traces of shape \(500,\), as in fit, got.*\(3, 500"):
        one.transform(traces)


@pytest.mark.parametrize("extractor", [SNRCalculator(), MatchedFilter()])
def test_names_given_are_those_of_the_fit(extractor):
    frame = pd.DataFrame(make_traces(20, random_state=0).traces[:, :60])
    frame.columns = [f"sample{number}" for number in range(60)]
    extractor = clone(extractor).fit(frame)
    names = extractor.get_feature_names_out(frame.columns)
    assert names.tolist() == extractor.get_feature_names_out().tolist()
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        extractor.get_feature_names_out(frame.columns[::-1])
    with pytest.raises(ValueError, match=r"length equal to number of features \(60\), got 2"):
        clone(extractor).fit(frame.to_numpy()).get_feature_names_out(["a", "b"])
