"""Classical detectors and filters on traces of several channels."""

import numpy as np
import pytest
from scipy.linalg import toeplitz
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import pulse_parameters
from sklearn_aera.persistence import export_onnx, load_model, save_model
from sklearn_aera.preprocessing import ChannelCovariance, WienerFilter
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    PulseLibrary,
    TraceSimulator,
    make_station,
)

N, ARMS = 150, (0, 90)
SIMULATOR = TraceSimulator(arms=ARMS, n_samples=N)
SMALL = {"n_slopes": 1, "n_phases": 1, "n_polarizations": 4}


@pytest.fixture(scope="module")
def data():
    return make_traces(800, simulator=SIMULATOR, snr=2.0, random_state=0)


@pytest.fixture(scope="module")
def test_data():
    options = {"simulator": SIMULATOR, "snr": 2.0, "random_state": 0}
    return make_traces(800, first_event_id=10**6, **options)


@pytest.fixture(scope="module")
def limit(data):
    return LikelihoodRatioClassifier(snr=2.0).fit(data.traces, data.y)


def log_loss(y, log_odds):
    return np.mean(np.logaddexp(0, np.where(y == 1, -log_odds, log_odds)))


def dense(covariance):
    """Covariance matrix of the channels, one after the other."""
    blocks = [toeplitz(part.autocovariance) for part in covariance.components]
    mixing, n = np.linalg.inv(covariance.unmixing), blocks[0].shape[0]
    parts = np.einsum("ij,kj,jab->iakb", mixing, mixing, blocks)
    return parts.reshape(len(mixing) * n, len(mixing) * n)


def test_covariance(limit, data):
    covariance, X = limit.bank_.covariance, data.traces[:5].astype(float)
    assert isinstance(covariance, ChannelCovariance)
    matrix = dense(covariance)
    expected = np.linalg.solve(matrix, X.reshape(5, -1).T).T.reshape(X.shape)
    np.testing.assert_allclose(covariance.solve(X), expected, rtol=1e-6, atol=1e-8 * expected.std())
    np.testing.assert_allclose(covariance.autocovariance[1], matrix[N:, N], rtol=1e-9, atol=1e-12)
    # Channels are divided by their standard deviation, which the simulator gives.
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    np.testing.assert_allclose(np.sqrt(limit.autocovariance_[:, 0]), 0.1, rtol=0.05)


def test_carriers_cancel_in_a_component(limit):
    """Of two channels with the same carriers, the difference has none, and the sum has all."""
    unmixing = limit.bank_.covariance.unmixing
    ratio = np.sort(unmixing[:, 0] / unmixing[:, 1])
    np.testing.assert_allclose(ratio, [-1, 1], atol=0.05)
    power = [
        part.autocovariance[0] / np.sum(row**2)
        for part, row in zip(limit.bank_.covariance.components, unmixing, strict=True)
    ]
    # Per channel of unit variance, the mean has 1.9 times the power, the difference 0.1 of it.
    np.testing.assert_allclose(np.sort(power), [0.1, 1.9], rtol=0.1)


def test_energy_of_templates(limit):
    bank = limit.bank_
    cells = slice(None, None, 37)
    pair = bank.quadratures(cells)
    inverse = np.linalg.inv(dense(bank.covariance))
    for weights, energy in zip(bank.weights, bank.energy, strict=True):
        weights = weights[:, cells, None]
        channels = [weights[2 * k] * pair[0] + weights[2 * k + 1] * pair[1] for k in range(2)]
        pulses = np.concatenate(channels, axis=1).astype(float)
        expected = np.einsum("ci,ci->c", pulses @ inverse, pulses)
        np.testing.assert_allclose(energy[cells], expected, rtol=1e-3)


def test_ratio_is_that_of_the_block_covariance(data, test_data):
    """The ratio with the true covariance of all channels, without any of the fast methods."""
    limit = LikelihoodRatioClassifier(snr=2.0, priors=[0.5, 0.5]).fit(data.traces, data.y)
    bank, grid = limit.bank_, limit.bank_.grid
    noise = AntennaNoise().prepare(grid)
    both = noise.autocovariance()
    common = noise.carrier_power_ @ noise.carrier_waves_[:4].astype(float)
    matrix = np.block([[toeplitz(both), toeplitz(common)], [toeplitz(common), toeplitz(both)]])
    inverse = np.linalg.inv(matrix + 1e-6 * both[0] * np.eye(2 * N))
    angles = np.deg2rad(11.25 + 22.5 * np.arange(8))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vectors /= np.abs(vectors).max(axis=1, keepdims=True)
    pair, X = bank.quadratures(slice(None)), test_data.traces[:200].astype(float)
    rms = np.sqrt(np.mean(X**2, axis=(1, 2)))[:, None]
    terms = []
    white = X.reshape(len(X), -1) @ inverse
    for phase in _phases(bank):
        waveform = phase[0][:, None] * pair[0] + phase[1][:, None] * pair[1]
        waveform /= np.abs(waveform).max(axis=1, keepdims=True)
        for vector in vectors:
            pulses = np.concatenate([v * waveform for v in vector], axis=1)
            energy = np.einsum("ci,ci->c", pulses @ inverse, pulses)
            square = np.mean(pulses**2, axis=1)
            amplitude = rms * 2.0 / np.sqrt(1 + 4 * square)
            for sign in (1, -1):
                terms.append(sign * amplitude * (white @ pulses.T) - amplitude**2 * energy / 2)
    expected = logsumexp(np.stack(terms), axis=(0, 2)) - np.log(len(terms) * len(bank.times))
    found = limit.decision_function(test_data.traces[:200])
    assert np.corrcoef(found, expected)[0, 1] > 0.99
    y = test_data.y[:200]
    assert log_loss(y, found) == pytest.approx(log_loss(y, expected), abs=0.02)


def _phases(bank):
    """Directions of cosine and sine of the phases in the bank, of the strongest channel."""
    pairs = bank.weights.reshape(len(bank.weights), 2, 2, -1)
    pairs = pairs[:, 0] / np.linalg.norm(pairs[:, 0], axis=1, keepdims=True)
    keys = {tuple(np.round(p[:, 0] * np.sign(p[0, 0]), 4)): p for p in pairs}
    return [p.astype(float) for p in keys.values()]


def test_second_channel_helps(data, test_data, limit):
    one = LikelihoodRatioClassifier(snr=2.0).fit(data.traces[:, 0], data.y)
    loss = log_loss(test_data.y, one.decision_function(test_data.traces[:, 0]))
    assert log_loss(test_data.y, limit.decision_function(test_data.traces)) < loss - 0.05


def test_common_carriers_are_known_better_than_from_each_channel(data, test_data, limit):
    """Without the covariance between the channels, the likelihood is lower."""
    channels = [
        LikelihoodRatioClassifier(snr=2.0)
        .fit(data.traces[:, c], data.y)
        .decision_function(test_data.traces[:, c])
        for c in range(2)
    ]
    stacked = LogisticRegression().fit(np.stack(channels, axis=1), test_data.y)
    loss = log_loss(test_data.y, stacked.decision_function(np.stack(channels, axis=1)))
    assert log_loss(test_data.y, limit.decision_function(test_data.traces)) < loss


@pytest.mark.parametrize("estimator", [LikelihoodRatioClassifier(**SMALL), MatchedFilter(**SMALL)])
def test_order_of_channels_and_unit(data, estimator):
    X, y, method = data.traces[:200], data.y[:200], "fit_transform"
    if isinstance(estimator, LikelihoodRatioClassifier):
        method = "decision_function"

    def result(traces, arms):
        estimator.set_params(arms=arms)
        if method == "fit_transform":
            return estimator.fit_transform(traces, y)[:, 0]
        return estimator.fit(traces, y).decision_function(traces)

    expected = result(X, ARMS)
    np.testing.assert_allclose(result(X[:, ::-1], ARMS[::-1]), expected, atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(result(100 * X, ARMS), expected, atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(result(X, None), expected)


def test_channel_with_more_noise(data):
    """Pulses are as strong in it as in others: it has the smaller signal-to-noise ratio."""
    noise = data.traces[data.y == 0]
    bank = MatchedFilter(n_slopes=1, n_phases=1, n_polarizations=2).fit(noise * [[1], [4]]).bank_
    # At 45 and 135 degrees, both arms receive the same part of the field.
    amplitude = bank.weights[:, ::2, 50]
    ratio = np.abs(amplitude[:, 1] / amplitude[:, 0])
    np.testing.assert_allclose(ratio, np.std(noise[:, 0]) / np.std(noise[:, 1]) / 4, rtol=0.01)


def test_channel_axis_of_one_channel(data):
    X, y = data.traces[:200, 0], data.y[:200]
    flat, axis = (LikelihoodRatioClassifier(snr=2.0).fit(x, y) for x in (X, X[:, None]))
    expected = flat.decision_function(X)
    np.testing.assert_allclose(axis.decision_function(X[:, None]), expected, atol=1e-3)
    assert axis.posterior_mean(X[:9, None]).shape == (9, 1, N)
    matched = [MatchedFilter().fit_transform(x, y) for x in (X, X[:, None])]
    np.testing.assert_allclose(*matched, rtol=1e-4)


def test_matched_filter(data, test_data):
    features = MatchedFilter().fit(data.traces, data.y).transform(test_data.traces)
    loud = (test_data.y == 1) & (features[:, 0] > 6)
    assert loud.sum() > 100
    error = features[loud, 1] - test_data.arrival_time[loud]
    assert np.median(np.abs(error)) < 0.01
    # Polarizations near 0 and 180 degrees are alike but for the polarity.
    known = loud & (np.abs(test_data.events[:, 5] - 90) < 60)
    # A few pulses are found half an oscillation too early or late, with the other polarity.
    assert np.mean(features[known, 2] == test_data.events[known, 4]) > 0.98
    # A template of one time, shape and polarization is a standard normal variable in noise.
    one = {"arrival_time": (0.4, 0.4), "n_slopes": 1, "n_phases": 1, "n_polarizations": 1}
    single = MatchedFilter(**one).fit(data.traces, data.y)
    strength = single.transform(test_data.traces[test_data.y == 0])[:, 0]
    n = len(strength)
    assert np.mean(strength**2) == pytest.approx(1.0, abs=5 * np.sqrt(2 / n))


def test_recovery(data, test_data):
    X, signals, pulse = (a[:200] for a in (test_data.traces, test_data.signals, test_data.y == 1))
    power = np.sum(signals**2)
    fine = {"times_per_sample": 4, "n_slopes": 4, "n_phases": 4, "n_polarizations": 12}
    limit = LikelihoodRatioClassifier(snr=2.0, **fine).fit(data.traces, data.y)
    mean, std = limit.posterior_mean(X, return_std=True)
    fitted = limit.template_fit(X)
    for found in (mean, std, fitted):
        assert found.shape == X.shape
        assert found.dtype == np.float32
    error = np.sum((mean - signals) ** 2)
    assert error < 0.1 * power
    assert error < np.sum((fitted - signals)[pulse] ** 2) < 0.2 * power
    # Squared errors are those that the standard deviations expect, as with one channel.
    assert error == pytest.approx(np.sum(std**2, dtype=float), rel=0.3)


def test_parameters_of_pulses():
    """Intervals contain 68 % of the pulses that are found, and are shorter than those of an arm."""
    options = {"simulator": SIMULATOR, "random_state": 4}
    train = make_traces(800, **options)
    test = make_traces(260, signal_fraction=1.0, first_event_id=10**6, **options)
    fine = {"times_per_sample": 4, "n_slopes": 4, "n_phases": 2, "n_polarizations": 32}
    limit = LikelihoodRatioClassifier(**fine).fit(train.traces, train.y)
    found = limit.decision_function(test.traces) > 5
    intervals = limit.predict_pulses(test.traces[found])
    truth = pulse_parameters(test.signals[found])
    # The channel with the larger pulse has its amplitude and time, and both its energy.
    by_arm = [pulse_parameters(test.signals[found][:, arm]) for arm in range(2)]
    np.testing.assert_allclose(truth.energy, by_arm[0].energy + by_arm[1].energy)
    np.testing.assert_allclose(truth.amplitude, np.maximum(*(arm.amplitude for arm in by_arm)))
    n = np.sum(found)
    assert n > 150
    for expected, (value, low, high) in zip(truth, intervals, strict=True):
        inside = np.mean((low < expected) & (expected < high))
        # The coarse bank costs 4 %.
        assert abs(inside - 0.66) < 0.02 + 3 * np.sqrt(0.68 * 0.32 / n)
        assert abs(np.mean(expected > value) - 0.5) < 3 * np.sqrt(0.25 / n)
    single = LikelihoodRatioClassifier(**fine | {"n_polarizations": 8}).fit(
        train.traces[:, 0], train.y
    )
    strong = by_arm[0].amplitude > 0.9 * truth.amplitude
    one = single.predict_pulses(test.traces[found, 0][strong]).time
    width = np.median((intervals.time.high - intervals.time.low)[strong])
    assert width < np.median(one.high - one.low)


def test_wiener_filter(data, test_data, monkeypatch):
    X, signals = test_data.traces, test_data.signals
    wiener = WienerFilter().fit(data.traces, data.y)
    found = wiener.transform(X)
    alone = [WienerFilter().fit(data.traces[:, c], data.y).transform(X[:, c]) for c in range(2)]
    assert np.sum((found - signals) ** 2) < np.sum((np.stack(alone, axis=1) - signals) ** 2)
    assert wiener.autocovariance_.shape == wiener.signal_autocovariance_.shape == (2, N)
    np.testing.assert_allclose(wiener.autocovariance_[:, 0], 0.01, rtol=0.1)
    # Longer traces are filtered by transforms instead of matrices.
    monkeypatch.setattr("sklearn_aera.preprocessing._wiener.DENSE_LENGTH", 10)
    longer = WienerFilter().fit(data.traces, data.y)
    assert longer.filter_ == (None, None)
    np.testing.assert_allclose(longer.transform(X), found, atol=1e-5)


def test_three_arms():
    """A vertical arm sees pulses above the horizon; three arms with one that is not needed."""
    station = make_station("grandproto300").set_params(n_samples=120)
    rate = {"sampling_rate": 500.0, "response": station.response, "pulse": station.pulse}
    data = make_traces(300, simulator=station, snr=5.0, random_state=0)
    limit = LikelihoodRatioClassifier(**rate, **SMALL, snr=5.0).fit(data.traces, data.y)
    assert limit.bank_.weights.shape[:2] == (12, 6)
    assert limit.score(data.traces, data.y) > 0.9
    flat = LikelihoodRatioClassifier(**rate | {"pulse": AnalyticPulse()}, **SMALL, snr=5.0)
    flat.fit(data.traces, data.y)
    assert flat.bank_.weights.shape[:2] == (4, 6)
    assert not flat.bank_.weights[:, 4:].any()


def test_stored(tmp_path, data):
    X, y = data.traces[:200], data.y[:200]
    for model, method in (
        (LikelihoodRatioClassifier(**SMALL, arms=ARMS), "decision_function"),
        (MatchedFilter(**SMALL), "transform"),
        (WienerFilter(), "transform"),
    ):
        model.fit(X, y)
        path = tmp_path / f"{type(model).__name__}.skops"
        save_model(model, path)
        again = load_model(path)
        np.testing.assert_array_equal(getattr(again, method)(X), getattr(model, method)(X))


def test_export_of_a_matched_filter_is_for_one_channel(tmp_path, data):
    model = make_pipeline(MatchedFilter(**SMALL), LogisticRegression())
    model.fit(data.traces[:200], data.y[:200])
    with pytest.raises(ValueError, match=r"exported for one channel, got .*\(2, 150\)"):
        export_onnx(model, tmp_path / "model.onnx")


@pytest.mark.parametrize("estimator", [LikelihoodRatioClassifier(), MatchedFilter()])
@pytest.mark.parametrize(
    ("change", "arms", "message"),
    [
        (lambda X: X, (0, 90, 45), "arms must have one arm for each channel, got 3 for 2 channels"),
        (lambda X: X, 90, "arms must be a sequence"),
        (lambda X: X[:, 0], ARMS, r"arms must be None for traces of one channel.*got \(0, 90\)"),
        (lambda X: np.repeat(X, 2, axis=1), None, "arms must be given for more than 3 .* got 4"),
        (lambda X: X.swapaxes(1, 2), None, "more channels than samples"),
        (lambda X: X * [[1.0], [0.0]], None, "background in each channel, got zeros .* channel 1"),
    ],
)
def test_bad_channels(data, estimator, change, arms, message):
    estimator.set_params(arms=arms)
    with pytest.raises(ValueError, match=message):
        estimator.fit(change(data.traces[:50]), data.y[:50])


def test_bad_channels_after_the_fit(data, limit):
    matched, wiener = MatchedFilter(**SMALL), WienerFilter()
    for fitted, method in (
        (limit, limit.decision_function),
        (matched.fit(data.traces[:50]), matched.transform),
        (wiener.fit(data.traces[:50], data.y[:50]), wiener.transform),
    ):
        for X in (data.traces[:5, 0], data.traces[:5, :1], data.traces[:5, :, :-1]):
            with pytest.raises(ValueError, match=r"traces of shape \(2, 150\), as in fit, got"):
                method(X)
        assert fitted.trace_shape_ == (2, 150)
    with pytest.raises(ValueError, match="arms must receive the pulses, got"):
        MatchedFilter(arms=("vertical", "vertical")).fit(data.traces[:50])
    with pytest.raises(ValueError, match="n_polarizations == 0"):
        MatchedFilter(n_polarizations=0).fit(data.traces[:50])


def test_library_with_three_components(data):
    library = PulseLibrary(np.ones((1, 3, 200)) * np.arange(200) ** 2, sampling_rate=1000.0)
    with pytest.raises(ValueError, match="pulse must have one waveform for all channels"):
        MatchedFilter(pulse=library).fit(data.traces[:50])


def test_traces_of_zeros(data, limit):
    zeros = np.zeros((2, 2, N))
    assert np.isfinite(limit.decision_function(zeros)).all()
    assert not limit.posterior_mean(zeros).any()
    assert MatchedFilter(**SMALL).fit(data.traces[:50]).transform(zeros)[0, 0] == 0
