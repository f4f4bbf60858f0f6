"""Rates in time: intervals, thresholds, tails and the strength of pulses that are found."""

import numpy as np
import pytest
from scipy.stats import chi2, genpareto

from sklearn_aera.metrics import (
    fit_tail,
    poisson_interval,
    snr_at_efficiency,
    threshold_at_rate,
    trigger_rate,
)

RNG = np.random.default_rng(0)
SCORE = RNG.exponential(size=20_000)


def test_poisson_interval_covers():
    """At least the stated share of counts, for any mean (Garwood's interval is conservative)."""
    for mean in (0.3, 3.0, 30.0):
        counts = RNG.poisson(mean, 2000)
        ends = np.array([poisson_interval(int(n))[1:] for n in counts])
        covered = np.mean((ends[:, 0] <= mean) & (mean <= ends[:, 1]))
        assert covered > 0.6827 - 4 * np.sqrt(0.22 / 2000)
    assert poisson_interval(0, 2.0) == (0.0, 0.0, pytest.approx(chi2.isf(0.15865, 2) / 4))
    assert poisson_interval(50, 0.5, 0.9).value == 100.0


def test_rate_at_its_threshold():
    for rate in (0.5, 10.0, 3333.3):
        threshold = threshold_at_rate(SCORE, 2.0, rate)
        found = trigger_rate(SCORE, 2.0, threshold)
        assert found.value <= rate < found.value + 0.5
        assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("rate", "message"),
    [(0.4, "at least one over the livetime, 0.5 Hz"), (10_000.0, "below that of all triggers")],
)
def test_rates_that_the_background_cannot_show(rate, message):
    with pytest.raises(ValueError, match=message):
        threshold_at_rate(SCORE, 2.0, rate)


def test_tail_extrapolates_within_its_interval():
    """Of 60 backgrounds, 68 % of the intervals hold the true threshold at 1 % of the lowest rate.

    The errors are those of large samples: 15 % are allowed, 4 standard deviations are 24 %.
    """
    n_covered = n_rate = 0
    for _ in range(60):
        score = genpareto.rvs(0.1, size=4000, random_state=RNG)
        tail = fit_tail(score, 1.0)
        truth = genpareto.isf(0.01 / 4000, 0.1)
        value, low, high = tail.threshold_at(0.01)
        assert low < value < high
        n_covered += low < truth < high
        _, low, high = tail.rate_at(truth)
        n_rate += low < 0.01 < high
    assert 0.44 < n_covered / 60 < 0.92
    assert 0.44 < n_rate / 60 < 0.92


def test_tail_agrees_with_counting():
    tail = fit_tail(SCORE, 2.0, n_exceedances=500)
    assert tail.rate == 250.0
    threshold = threshold_at_rate(SCORE, 2.0, 20.0)
    assert tail.threshold_at(20.0).value == pytest.approx(threshold, abs=0.3)
    assert tail.rate_at(threshold).value == pytest.approx(20.0, rel=0.3)
    # Both are the inverse of each other.
    assert tail.rate_at(tail.threshold_at(0.3).value).value == pytest.approx(0.3)


def test_tails_that_cannot_be_fitted():
    with pytest.raises(ValueError, match="at least 60 scores, got 59"):
        fit_tail(SCORE[:59], 1.0)
    with pytest.raises(ValueError, match="all the same"):
        fit_tail(np.ones(100), 1.0)
    with pytest.raises(ValueError, match="without an upper limit"):
        fit_tail(RNG.uniform(size=4000), 1.0)
    tail = fit_tail(SCORE, 1.0)
    with pytest.raises(ValueError, match="rate"):
        tail.threshold_at(1e9)
    with pytest.raises(ValueError, match="threshold"):
        tail.rate_at(0.0)
    # Above the highest possible score of a tail with an end.
    bounded = tail._replace(shape=-0.3, scale=1.0)
    value, low, high = bounded.rate_at(100.0)
    assert value == low == 0.0
    assert 0.0 <= high < tail.rate / 200


def test_snr_of_half_efficiency():
    snr = RNG.uniform(0.5, 5.0, 4000)
    score = 2 * snr + RNG.logistic(size=4000)
    value, low, high = snr_at_efficiency(score, snr, 5.0)
    # The slope is 2: the error is about 2 / (2 sqrt(n per unit of snr)) = 0.03.
    assert abs(value - 2.5) < 0.12
    assert 0.01 < high - value < 0.06
    assert low < value
    nine = snr_at_efficiency(score, snr, 5.0, efficiency=0.9).value
    assert nine == pytest.approx(2.5 + np.log(9) / 2, abs=0.15)
    score[snr > 4.9] = -np.inf  # Not passed by a first stage.
    assert snr_at_efficiency(score, snr, 5.0).value == pytest.approx(2.5, abs=0.2)
    with pytest.raises(ValueError, match="some of the pulses must be found"):
        snr_at_efficiency(score, snr, 100.0)
    with pytest.raises(ValueError, match="must grow with snr"):
        snr_at_efficiency(-snr, snr, -2.0)
