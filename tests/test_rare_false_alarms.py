"""The benchmark of rare false alarms: rates and intervals, and scores that stay in files."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter


@pytest.fixture
def rare(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "examples" / "benchmarks")
    import rare

    return rare


def test_rate_of_known_distributions(rare):
    """Over 200 samples the interval contains the true rate in about 68 %."""
    rng = np.random.default_rng(0)
    max_fpr, n_noise, n_pulses = 1e-3, 20_000, 2000
    true_rate = norm.sf(norm.isf(max_fpr) - 3)
    n_inside, widths = 0, []
    for _ in range(200):
        noise, pulses = rng.normal(size=n_noise), rng.normal(3, size=n_pulses)
        value, low, high = rare.rate_with_interval(noise, pulses, max_fpr)
        threshold = np.sort(noise)[-1 - int(max_fpr * n_noise)]
        assert value == np.mean(pulses > threshold)
        assert low < value < high
        widths.append((high - low) / np.sqrt(value * (1 - value) / n_pulses))
        n_inside += low < true_rate < high
    # The binomial interval alone is two standard deviations: the threshold is uncertain, too.
    assert np.median(widths) > 4
    assert abs(n_inside / 200 - 0.683) < 3 * np.sqrt(0.683 * 0.317 / 200)


def test_too_little_noise_is_refused(rare):
    with pytest.raises(ValueError, match="1000 noise events are too few"):
        rare.rate_with_interval(np.zeros(1000), np.zeros(10), 1e-4)


def test_scores_stay_in_files(rare, tmp_path):
    """Pieces are those of one data set, and a file that is there is not made again."""
    train = make_traces(300, random_state=0)
    model = MatchedFilter().fit(train.traces, train.y)
    size = rare.Size(n_train=0, n_test=0, n_noise=90, n_file=45, n_piece=20)
    paths = [tmp_path / f"scores_{number}.npy" for number in range(2)]
    for number, path in enumerate(paths):
        assert rare.score_noise(path, model, number, size) > 0
    found = np.concatenate([np.load(path) for path in paths])
    options = {"first_event_id": rare.FIRST_NOISE_ID, "random_state": rare.SEED}
    noise = make_traces(90, signal_fraction=0.0, **options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, model.transform(noise.traces)[:, 0], rtol=1e-5)
    assert rare.score_noise(paths[0], None, 0, size) == 0.0
    assert sorted(tmp_path.iterdir()) == paths
