"""Detection metrics and their intervals."""

import numpy as np
import pytest
from scipy.stats import beta, norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score

from sklearn_aera.metrics import (
    binomial_interval,
    detection_efficiency,
    energy_ratio,
    operating_point,
    recovery_resolution,
    signal_to_noise_ratio,
    threshold_at_fpr,
    tpr_at_fpr,
)


def _gaussian_scores(n, separation, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return y, rng.normal(size=n) + separation * y


def test_signal_to_noise_ratio():
    noise = np.array([[1.0, -1.0], [2.0, 2.0]])
    signal = np.array([[0.0, -3.0, 1.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(signal_to_noise_ratio(signal, noise), [3.0, 0.5])
    assert signal_to_noise_ratio([1.0], [0.0]) == np.inf
    assert signal_to_noise_ratio([0.0], [0.0]) == 0.0


@pytest.mark.parametrize(("signal", "noise"), [([], [1.0]), ([np.nan], [1.0]), ([1.0], [np.inf])])
def test_signal_to_noise_ratio_refuses(signal, noise):
    with pytest.raises(ValueError, match=r"must have at least one sample|must be finite"):
        signal_to_noise_ratio(signal, noise)


def test_binomial_interval_is_clopper_and_pearson():
    value, low, high = binomial_interval(7, 20, confidence_level=0.9)
    assert value == 0.35
    assert low == pytest.approx(beta.ppf(0.05, 7, 14))
    assert high == pytest.approx(beta.ppf(0.95, 8, 13))
    assert binomial_interval(0, 5).low == 0.0
    assert binomial_interval(5, 5).high == 1.0


@pytest.mark.parametrize("max_fpr", [0.0, 0.002, 0.01, 0.07, 0.5])
def test_threshold_keeps_the_false_positive_rate(max_fpr):
    y, score = _gaussian_scores(2000, 1.0)
    threshold = threshold_at_fpr(y, score, max_fpr=max_fpr)
    noise = score[y == 0]
    assert (noise >= threshold).sum() == round(max_fpr * len(noise))
    # Any lower and one more noise trace would pass.
    assert (noise >= np.nextafter(threshold, -np.inf)).sum() > max_fpr * len(noise)


def test_threshold_with_ties():
    y, score = [0, 0, 0, 0, 1], [0.5, 0.5, 0.5, 0.1, 0.9]
    threshold = threshold_at_fpr(y, score, max_fpr=0.25)
    assert (np.array(score[:4]) >= threshold).sum() == 0


def test_tpr_of_gaussian_scores():
    n, separation = 200_000, 2.0
    y, score = _gaussian_scores(n, separation)
    expected = norm.sf(norm.isf(0.01) - separation)
    value, low, high = tpr_at_fpr(y, score, max_fpr=0.01, return_interval=True)
    assert value == tpr_at_fpr(y, score, max_fpr=0.01)
    # The threshold's own uncertainty adds to the binomial one.
    slope = norm.pdf(norm.isf(0.01) - separation) / norm.pdf(norm.isf(0.01))
    error = np.hypot((high - low) / 2, slope * np.sqrt(0.01 * 0.99 / (n / 2)))
    assert abs(value - expected) < 4 * error
    assert (high - low) / 2 == pytest.approx(np.sqrt(expected * (1 - expected) * 2 / n), rel=0.02)


def test_interval_covers():
    """Exact intervals of 68 % hold the truth at least that often."""
    covered = 0
    threshold, truth = 1.0, norm.sf(1.0 - 1.5)
    for seed in range(300):
        y, score = _gaussian_scores(100, 1.5, seed)
        _, low, high = tpr_at_fpr(y, score, threshold=threshold, return_interval=True)
        covered += low <= truth <= high
    assert covered / 300 > 0.6827 - 4 * np.sqrt(0.68 * 0.32 / 300)


def test_operating_point():
    y_val, score_val = _gaussian_scores(1000, 2.0, seed=1)
    y_test, score_test = _gaussian_scores(2000, 2.0, seed=2)
    point = operating_point(y_val, score_val, y_test, score_test, max_fpr=0.05)
    assert point.threshold == threshold_at_fpr(y_val, score_val, max_fpr=0.05)
    options = {"threshold": point.threshold, "return_interval": True}
    assert point.tpr == tpr_at_fpr(y_test, score_test, **options)
    n_false = int((score_test[y_test == 0] >= point.threshold).sum())
    assert point.fpr == binomial_interval(n_false, 1000)
    options = {"max_fpr": 0.05, "confidence_level": 0.99}
    wide = operating_point(y_val, score_val, y_test, score_test, **options)
    assert wide.threshold == point.threshold
    assert wide.fpr.low < point.fpr.low < point.fpr.high < wide.fpr.high


def test_operating_point_checks_both_samples():
    y, score = _gaussian_scores(10, 2.0)
    with pytest.raises(ValueError, match="y_test must have two classes"):
        operating_point(y, score, np.zeros(10), score)
    with pytest.raises(ValueError, match="score_val contains NaN"):
        operating_point(y, np.full(10, np.nan), y, score)
    with pytest.raises(ValueError, match=r"max_fpr == 1\.0, must be < 1"):
        operating_point(y, score, y, score, max_fpr=1.0)


def test_tpr_as_scorer():
    y, score = _gaussian_scores(400, 2.0)
    scorer = make_scorer(tpr_at_fpr, response_method="predict_proba", max_fpr=0.1)
    scores = cross_val_score(LogisticRegression(), score[:, None], y, scoring=scorer, cv=3)
    assert np.all(scores > 0.5)


def test_labels_may_be_strings():
    y, score = _gaussian_scores(400, 2.0)
    named = np.array(["noise", "pulse"])[y]
    assert tpr_at_fpr(named, score) == tpr_at_fpr(y, score)


def test_detection_efficiency():
    rng = np.random.default_rng(0)
    snr = np.where(np.arange(40_000) % 2, rng.uniform(0.5, 5, 40_000), 0.0)
    score = snr + rng.normal(size=40_000)
    result = detection_efficiency(snr > 0, score, snr, bins=[1, 2, 3, 4], max_fpr=0.01)
    centers = np.array([1.5, 2.5, 3.5])
    fine = centers[:, None] + np.linspace(-0.5, 0.5, 101)
    expected = norm.sf(norm.isf(0.01) - fine).mean(axis=1)
    assert np.all(np.abs(result.value - expected) < 5 * (result.high - result.low))
    assert result.n_events.sum() == np.sum((snr >= 1) & (snr <= 4))
    given = detection_efficiency(snr > 0, score, snr, bins=[1, 2, 3, 4], threshold=10.0)
    assert given.value.max() == 0.0


def test_detection_efficiency_of_an_empty_bin():
    y, score = _gaussian_scores(100, 2.0)
    result = detection_efficiency(y, score, np.where(y, 2.0, 0.0), bins=[1, 3, 5])
    assert np.isfinite(result.value[0])
    assert np.isnan(result.value[1])
    assert result.n_events[1] == 0


@pytest.mark.parametrize(
    ("y", "score", "arguments", "message"),
    [
        ([0, 0], [1, 2], {}, r"y_true must have two classes, noise and signal, got \[0\]"),
        ([0, 1, 2], [1, 2, 3], {}, "y_true must have two classes"),
        ([0, 1], [1, np.nan], {}, "y_score contains NaN"),
        ([0, 1], [1, 2, 3], {}, "inconsistent numbers of samples"),
        ([0, 1], [[1, 2], [3, 4]], {}, "y_score must be one-dimensional"),
        ([0, 1], [1, 2], {"max_fpr": 1.0}, "max_fpr == 1.0, must be < 1"),
        ([0, 1], [1, 2], {"max_fpr": -0.1}, "max_fpr == -0.1, must be >= 0"),
    ],
)
def test_bad_input(y, score, arguments, message):
    with pytest.raises(ValueError, match=message):
        tpr_at_fpr(y, score, **arguments)


def test_threshold_holds_in_the_precision_of_the_scores():
    y = np.array([0, 0, 0, 0, 1])
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.9], dtype=np.float32)
    threshold = threshold_at_fpr(y, score, max_fpr=0.25)
    # NumPy rounds a Python number to the array's precision.
    assert (score[:4] >= threshold).sum() == 1


def test_snr_has_one_dimension():
    with pytest.raises(ValueError, match=r"snr must be one-dimensional, got shape \(2, 2\)"):
        detection_efficiency([0, 1], [0.0, 1.0], [[0.0, 1.0], [2.0, 3.0]])


def test_threshold_is_a_number():
    with pytest.raises(ValueError, match="threshold must be finite, got nan"):
        tpr_at_fpr([0, 1], [0.0, 1.0], threshold=np.nan)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, np.nan], "contains NaN"),
        (["cosmic ray", "noise"], "must have labels that sort the background first"),
        (["left", "right"], "must say which label is the background"),
        ([1j, 0], "Complex data"),
    ],
)
def test_labels_that_are_refused(labels, message):
    score = np.arange(float(len(labels)))
    with pytest.raises(ValueError, match=message):
        tpr_at_fpr(labels, score)


@pytest.mark.parametrize("labels", [(False, True), (-1, 1), (1, 2), ("noise", "pulse")])
def test_the_smaller_label_is_noise(labels):
    y = np.array(labels)[[0, 0, 0, 1, 1]]
    assert tpr_at_fpr(y, [0.1, 0.2, 0.3, 0.25, 0.9], max_fpr=0.0) == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.5, 3), "n_successes must be an integer, got 1.5"),
        ((1, 3.0), "n_trials must be an integer"),
        ((4, 3), "n_successes == 4, must be <= 3"),
        ((0, 0), "n_trials == 0, must be >= 1"),
        ((1, 3, 1.0), "confidence_level == 1.0, must be < 1"),
    ],
)
def test_counts_are_integers(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        binomial_interval(*arguments)


@pytest.mark.parametrize("bins", ["auto", 0, 2.5, [1.0], [2.0, 1.0], [1.0, np.nan], None, 10**9])
def test_bins_that_are_refused(bins):
    with pytest.raises((TypeError, ValueError), match="bins"):
        detection_efficiency([0, 1, 1], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], bins=bins)
    with pytest.raises((TypeError, ValueError), match="bins"):
        recovery_resolution([0.0, 1.0], [1.0, 2.0], bins=bins)


@pytest.mark.parametrize("value", [1j, "loud", np.datetime64("2024-01-01"), {"a": 1}])
def test_values_that_are_no_samples(value):
    for function in (signal_to_noise_ratio, energy_ratio):
        with pytest.raises((TypeError, ValueError), match=r"noise|recovered"):
            function([[1.0, 2.0]], [[value, value]])
