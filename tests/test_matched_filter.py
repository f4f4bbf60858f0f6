"""The matched filter's features."""

import numpy as np
import pytest
from helpers import event_column
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.preprocessing import StdNormalizer


@pytest.fixture(scope="module")
def loud():
    return make_traces(600, snr=5.0, random_state=3)


@pytest.fixture(scope="module")
def features(loud):
    return MatchedFilter().fit(loud.traces, loud.y).transform(loud.traces)


def test_time_and_polarity_of_pulses(loud, features):
    pulses = loud.y == 1
    assert pulses.sum() > 250
    difference = features[pulses, 1] - loud.arrival_time[pulses]
    # One sample: delay and phase, which is not known to 30 degrees (1.7 ns), can be exchanged.
    assert np.abs(difference).max() < 2 / 180.0
    assert np.abs(np.median(difference)) < 0.5 / 180.0
    polarity = event_column(loud.events, "polarity")
    assert np.mean((features[:, 2] == polarity)[pulses]) > 0.97


def test_statistic_is_in_units_of_the_noise(loud, features):
    """At a fixed time the statistic of noise is standard normal; of pulses, around d."""
    one_cell = MatchedFilter(arrival_time=(1.4, 1.4), spectral_slope=-10.0, n_phases=1)
    background = loud.traces[loud.y == 0]
    matched, time, polarity = one_cell.fit(background).transform(background).T
    assert np.all(np.abs(time - 1.4) < 1e-9)
    signed = matched * polarity
    n = len(signed)
    # The square of a normal variable has the variance 2.
    assert np.mean(signed**2) == pytest.approx(1.0, abs=5 * np.sqrt(2 / n))
    inside = np.mean(matched < 1)
    probability = norm.cdf(1) - norm.cdf(-1)
    assert inside == pytest.approx(probability, abs=5 * np.sqrt(probability / 4 / n) + 0.01)
    d = np.median(features[loud.y == 1, 0])
    assert 14 < d < 20  # 6.7 at SNR 2 (physics), at SNR 5 about 16.8
    assert features[loud.y == 0, 0].max() < 6.5


def test_better_than_the_classical_threshold():
    train, test = (
        make_traces(1500, snr=2.0, first_event_id=first, random_state=0) for first in (0, 1500)
    )
    scores = {}
    for extractor in (MatchedFilter(), SNRCalculator()):
        model = make_pipeline(StdNormalizer(), extractor, LogisticRegression())
        scores[type(extractor)] = model.fit(train.traces, train.y).score(test.traces, test.y)
    assert scores[MatchedFilter] > 0.95
    assert scores[SNRCalculator] < 0.8


def test_names_and_degenerate_input(loud):
    matched_filter = MatchedFilter().fit(loud.traces[:100], loud.y[:100])
    names = ["matched_snr", "arrival_time", "polarity"]
    assert matched_filter.get_feature_names_out().tolist() == names
    frame = matched_filter.set_output(transform="pandas").transform(loud.traces[:2])
    assert list(frame.columns) == names
    matched_filter.set_output(transform="default")
    silent = matched_filter.transform(np.zeros((1, 500)))
    assert silent[0, 0] == 0
    assert np.isfinite(matched_filter.transform(loud.traces[:3] * 1e30)).all()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"arrival_time": (2, 1)}, ValueError, "arrival_time must be finite and increasing"),
        ({"spectral_slope": "flat"}, ValueError, "spectral_slope must be a number or a pair"),
        ({"sampling_rate": -1}, ValueError, "sampling_rate == -1, must be > 0"),
        ({"spectral_slope": (-500, 0)}, ValueError, "spectral_slope must be at least -100.0"),
        ({"times_per_sample": 2**31 - 1}, ValueError, "times_per_sample == 2147483647, must be <="),
        ({"regularization": 2}, ValueError, "regularization == 2, must be <= 1"),
        ({"n_phases": 0}, ValueError, "n_phases == 0, must be >= 1"),
        (
            {"pulse": 3},
            TypeError,
            "pulse must be None or have a method 'shapes', as Anal",
        ),
    ],
)
def test_bad_parameters(loud, parameters, error, message):
    with pytest.raises(error, match=message):
        MatchedFilter(**parameters).fit(loud.traces[:10])


def test_background_of_any_labels(loud):
    X, y = loud.traces[:100], loud.y[:100]
    expected = MatchedFilter().fit(X, y).autocovariance_
    for labels in (2 * y - 1, y + 1, np.array(["Background", "air shower"])[y]):
        np.testing.assert_array_equal(MatchedFilter().fit(X, labels).autocovariance_, expected)
    with pytest.raises(ValueError, match="must say which label is the background"):
        MatchedFilter().fit(X, np.array(["off", "on"])[y])
