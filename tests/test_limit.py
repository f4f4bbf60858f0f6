"""No detector beats the likelihood ratio where its model of the noise is exact."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

N_TRAIN, N_TEST = 6000, 6000
SNR = 2.0
ARRIVAL = (0.15, 0.75)


def _data(n_events, first_event_id, carrier_share=0.8):
    # Carriers of Rayleigh amplitude and random phase make the noise exactly Gaussian.
    noise = AntennaNoise(carrier_share=carrier_share, carrier_amplitude="rayleigh")
    simulator = TraceSimulator(noise=noise, n_samples=160)
    return make_traces(
        n_events, simulator=simulator, snr=SNR, arrival_time=ARRIVAL,
        first_event_id=first_event_id, random_state=4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def train():
    return _data(N_TRAIN, 0)


@pytest.fixture(scope="module")
def fresh():
    return _data(N_TEST, N_TRAIN)


def _likelihood_ratio(train, test):
    limit = LikelihoodRatioClassifier(snr=SNR, arrival_time=ARRIVAL).fit(train.traces, train.y)
    return limit.decision_function(test.traces)


@pytest.fixture(scope="module")
def best(train, fresh):
    return _likelihood_ratio(train, fresh)


def _errors_above(y, score, reference):
    """Area under the ROC curve minus that of a reference, in standard errors of the difference.

    DeLong, DeLong and Clarke-Pearson 1988, DOI 10.2307/2531595.
    """
    difference, variance = 0.0, 0.0
    for label in (0, 1):
        of_class, others = y == label, y != label
        parts = [
            np.searchsorted(np.sort(s[others]), s[of_class]) / np.sum(others)
            for s in (score, reference)
        ]
        gain = parts[0] - parts[1]
        variance += gain.var(ddof=1) / len(gain)
        difference = gain.mean()
    return difference / np.sqrt(variance)


def test_error_of_the_difference_is_that_of_repetitions():
    rng = np.random.default_rng(0)
    n_repetitions, n_events = 400, 300
    y = np.arange(n_events) % 2
    found = []
    for _ in range(n_repetitions):
        common = y + rng.normal(size=n_events)
        scores = [common + rng.normal(size=n_events) for _ in range(2)]
        found.append(_errors_above(y, *scores))
        areas = [roc_auc_score(y, score) for score in scores]
        assert np.sign(found[-1]) == np.sign(areas[0] - areas[1]) or areas[0] == areas[1]
    # Equally good scores: the difference in its errors has zero mean and unit variance.
    assert abs(np.mean(found)) < 4 / np.sqrt(n_repetitions)
    assert np.var(found) == pytest.approx(1.0, abs=4 * np.sqrt(2 / n_repetitions))


@pytest.mark.parametrize("features", [SNRCalculator(), MatchedFilter(arrival_time=ARRIVAL)])
def test_features_do_not_beat_the_likelihood_ratio(train, fresh, best, features):
    score = features.fit(train.traces, train.y).transform(fresh.traces)[:, 0]
    assert _errors_above(fresh.y, score, best) < 3


def test_network_does_not_beat_the_likelihood_ratio(train, fresh, best):
    network = RecurrentClassifier(
        hidden_size=8,
        n_filters=32,
        learning_rate=5e-3,
        flip_polarity=True,
        epochs=6,
        random_state=0,
    )
    detector = make_pipeline(StdNormalizer(), SpectralWhitener(), network)
    score = detector.fit(train.traces, train.y).decision_function(fresh.traces)
    # It has learned something, so that there is something to compare.
    assert roc_auc_score(fresh.y, score) > 0.85
    assert _errors_above(fresh.y, score, best) < 3


def test_a_wrong_covariance_is_beaten(train, fresh, best):
    """A likelihood ratio that knows nothing of the carriers: what the other tests would find."""
    wrong = _likelihood_ratio(_data(N_TRAIN, 0, carrier_share=0.0), fresh)
    assert _errors_above(fresh.y, wrong, best) < -10
    matched = MatchedFilter(arrival_time=ARRIVAL).fit(train.traces, train.y)
    score = matched.transform(fresh.traces)[:, 0]
    assert _errors_above(fresh.y, score, wrong) > 10
