"""The likelihood ratio: against direct sums, the physics of the limit, and calibration."""

import pickle

import numpy as np
import pytest
from helpers import event_column
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss, roc_auc_score

from sklearn_aera._templates import arrival_times, build_bank, phase_nodes
from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.likelihood._marginal import fit_noise_scale, log_likelihood_ratio
from sklearn_aera.likelihood._prior import snr_nodes
from sklearn_aera.preprocessing import StationaryCovariance, StdNormalizer
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    BandPass,
    FrequencyGrid,
    PulseLibrary,
    TraceSimulator,
)

N_TRAIN, N_TEST = 2000, 4000


def _accuracy_error(accuracy, n):
    return np.sqrt(accuracy * (1 - accuracy) / n)


def _data(n_events, first_event_id=0, noise=None, **parameters):
    simulator = TraceSimulator(noise=noise)
    parameters = {"simulator": simulator, "random_state": 8, **parameters}
    return make_traces(n_events, first_event_id=first_event_id, **parameters)


@pytest.fixture(scope="module")
def at_snr_2():
    return _data(N_TRAIN, snr=2.0), _data(N_TEST, N_TRAIN, snr=2.0)


@pytest.fixture(scope="module")
def short():
    """Short traces, quick to fit: (X, y)."""
    simulator = TraceSimulator(n_samples=80)
    data = make_traces(200, simulator=simulator, arrival_time=(0.1, 0.3), random_state=0)
    return data.traces, data.y


@pytest.mark.parametrize("degrees_of_freedom", [1e6, 60.0])
def test_agrees_with_the_direct_sum(degrees_of_freedom):
    """White noise, float64, every term with its own logarithm."""
    rng = np.random.default_rng(0)
    grid = FrequencyGrid.from_response(BandPass(), 180.0, 64)
    times = arrival_times(None, grid, 1)
    shapes = AnalyticPulse().prepare(grid).shapes((-30.0, 0.0), 2)
    bank = build_bank(*shapes, grid, times, _white(64), n_phases=3, times_per_sample=1)
    pulses = _unit_pulses(bank)
    X = rng.normal(size=(50, 64))
    X[:25] += 3 * pulses[rng.integers(len(pulses), size=25)]
    n_cells = len(bank.times)
    snr = np.array([1.0, 3.0])
    ratio = log_likelihood_ratio(
        X, bank, np.outer(snr, np.ones(n_cells)), [0.25, 0.75], 1.0, degrees_of_freedom
    )
    rms = np.sqrt(np.mean(X**2, axis=1, keepdims=True))
    power = np.sum(X**2, axis=1, keepdims=True)
    terms = []
    for amplitude, weight in zip(snr, [0.25, 0.75], strict=True):
        for sign in (1, -1):
            a = sign * amplitude * rms
            gaussian = a * (X @ pulses.T) - a**2 * np.sum(pulses**2, axis=1) / 2
            both = degrees_of_freedom + power
            exponent = -(degrees_of_freedom + 64) / 2
            terms.append(exponent * np.log1p(-2 * gaussian / both) + np.log(weight))
    expected = logsumexp(np.concatenate(terms, axis=1), axis=1) - np.log(2 * len(pulses))
    # The tangent in place of the logarithm: h'' / 2 times the spread of the terms squared.
    tolerance = 0.002 if degrees_of_freedom > 1e5 else 0.3
    np.testing.assert_allclose(ratio, expected, atol=tolerance)


def _white(n_samples):
    """The covariance of white noise."""
    return StationaryCovariance.from_autocovariance(np.eye(n_samples)[0])


def _unit_pulses(bank):
    """The pulses of a bank, one per cell and phase."""
    in_phase, quadrature = (part.T for part in bank.quadratures(slice(None)))
    pulses = [cosine * in_phase + sine * quadrature for cosine, sine in bank.weights]
    return np.concatenate(pulses, axis=1).T.astype(float)


def test_templates_are_the_simulated_pulses_of_unit_peak():
    simulator = TraceSimulator(pulse=AnalyticPulse(phase_jitter=0.0))
    signal = make_traces(
        1, simulator=simulator, signal_fraction=1.0, arrival_time=1.3, spectral_slope=-12.0,
        random_state=0,
    )  # fmt: skip
    grid = FrequencyGrid.from_response(BandPass(), 180.0, 500)
    shapes = simulator.pulse.prepare(grid).shapes(-12.0, 3)
    bank = build_bank(*shapes, grid, np.array([1.3]), _white(500), n_phases=1, times_per_sample=2)
    polarity = event_column(signal.events, "polarity")[0]
    expected = signal.signals[0] * polarity / np.abs(signal.signals[0]).max()
    np.testing.assert_allclose(_unit_pulses(bank)[0], expected, atol=1e-5)
    assert bank.mean_square[0] == pytest.approx(np.mean(expected**2), rel=1e-4)
    assert bank.energy[0, 0] == pytest.approx(np.sum(expected**2), rel=1e-4)


def test_phase_nodes_are_quantiles_of_a_sum_of_uniforms():
    nodes = phase_nodes(30.0, 0.005, 50.0, n_phases=9)
    rng = np.random.default_rng(1)
    n = 200_000
    delay = np.pi * 50.0 * 0.005
    draws = rng.uniform(-1, 1, n) * np.deg2rad(30.0) + rng.uniform(-1, 1, n) * delay
    below = np.mean(draws[:, None] < nodes, axis=0)
    np.testing.assert_allclose(below, (np.arange(9) + 0.5) / 9, atol=5 * 0.5 / np.sqrt(n))
    np.testing.assert_array_equal(phase_nodes(0.0, 0.0, 50.0, 2), 0.0)
    # Without a delay, the midpoints of three equal parts of +-30 degrees.
    only_jitter = np.rad2deg(phase_nodes(30.0, 0.0, 50.0, n_phases=3))
    np.testing.assert_allclose(only_jitter, [-20, 0, 20], atol=1e-12)


@pytest.mark.parametrize("normalized", [False, True])
def test_limit_of_the_default_simulator(at_snr_2, normalized):
    """Accuracy 0.990 and area 0.9993 with the true covariance (prototype, 8 000 traces)."""
    train, test = at_snr_2
    X_train, X_test = train.traces, test.traces
    if normalized:
        X_train, X_test = (StdNormalizer().fit_transform(X) for X in (X_train, X_test))
    limit = LikelihoodRatioClassifier(snr=2.0).fit(X_train, train.y)
    score = limit.decision_function(X_test)
    assert limit.score(X_test, test.y) > 0.990 - 4 * _accuracy_error(0.99, N_TEST)
    assert roc_auc_score(test.y, score) > 0.9993 - 4 * 0.0003
    # Normalised traces differ in the scale of what is left behind the carriers.
    assert (limit.degrees_of_freedom_ < 200) == normalized


@pytest.mark.parametrize(("d", "accuracy"), [(3.5, 0.71), (5.0, 0.91)])
def test_limit_in_flat_noise(d, accuracy):
    """The table of ideal detection: accuracy against the matched signal-to-noise ratio d.

    It is for unknown phase and about 150 independent arrival times; here the phase is known to
    30 degrees but for the sign, and steep spectra have fewer times: together within 0.03.
    """
    noise = AntennaNoise(carrier_share=0.0, electronics_temperature=1e9)
    events = {"noise": noise, "spectral_slope": -20.0}
    train = _data(600, snr=2.0, **events)
    limit = LikelihoodRatioClassifier(snr=2.0, spectral_slope=-20.0).fit(train.traces, train.y)
    # A pulse of unit SNR has the RMS of the noise, 0.1 mV, as its peak.
    snr = d / (0.1 / limit.scale_ * np.sqrt(np.mean(limit.bank_.energy)))
    assert 2.2 < snr * 3.5 / d < 2.7
    limit.set_params(snr=float(snr)).fit(train.traces, train.y)
    test = _data(N_TEST, 1000, snr=float(snr), **events)
    measured = limit.score(test.traces, test.y)
    assert measured == pytest.approx(accuracy, abs=4 * _accuracy_error(accuracy, N_TEST) + 0.03)


@pytest.mark.parametrize("signal_fraction", [0.5, 0.2])
def test_posterior_is_calibrated(signal_fraction):
    train, test = (
        _data(n, first, signal_fraction=signal_fraction)
        for n, first in ((N_TRAIN, 0), (N_TEST, N_TRAIN))
    )
    limit = LikelihoodRatioClassifier().fit(train.traces, train.y)
    probability = limit.predict_proba(test.traces)[:, 1]
    observed, predicted = calibration_curve(test.y, probability, n_bins=8, strategy="quantile")
    error = np.sqrt(np.maximum(predicted * (1 - predicted), 0.001) / (N_TEST / 8))
    assert np.all(np.abs(observed - predicted) < 4 * error)
    # Odds that are off by a factor of two, either way, are worse.
    odds = limit.decision_function(test.traces)
    for shift in (-np.log(2), np.log(2)):
        shifted = 1 / (1 + np.exp(-np.clip(odds + shift, -500, 500)))
        assert log_loss(test.y, shifted) > log_loss(test.y, probability)


def test_pulses_of_a_library():
    t = np.arange(-0.05, 0.05, 0.001)
    waveforms = [-t * np.exp(-((t / width) ** 2)) for width in (0.003, 0.008)]
    simulator = TraceSimulator(pulse=PulseLibrary(waveforms, 1000.0))
    train, test = (
        make_traces(1000, simulator=simulator, snr=2.0, first_event_id=first, random_state=1)
        for first in (0, 1000)
    )
    limit = LikelihoodRatioClassifier(simulator.pulse, snr=2.0).fit(train.traces, train.y)
    accuracy = limit.score(test.traces, test.y)
    # Two shapes and one phase are known here: as easy as the default, at least.
    assert accuracy > 0.99 - 4 * _accuracy_error(0.99, 1000)


def test_degrees_of_freedom_of_the_noise():
    rng = np.random.default_rng(0)
    power = 3.0 * rng.chisquare(100, 50_000) / (rng.chisquare(60, 50_000) / 60)
    scale, degrees_of_freedom = fit_noise_scale(power, 100)
    assert scale == pytest.approx(3.0, rel=0.01)
    assert degrees_of_freedom == pytest.approx(60.0, rel=0.05)
    assert fit_noise_scale(np.full(5, 200.0), 100) == (2.0, 1e6)
    assert fit_noise_scale(np.zeros(5), 100) == (1.0, 1e6)


def test_nodes_of_the_signal_to_noise_ratio():
    nodes, weights = snr_nodes((1.0, 4.0), 2)
    np.testing.assert_allclose(nodes, [np.sqrt(2), np.sqrt(8)])
    np.testing.assert_allclose(weights, [1 / 3, 2 / 3])
    np.testing.assert_array_equal(snr_nodes((2.0, 2.0), 5), [[2.0], [1.0]])


def test_score_of_a_trace_stands_alone(short):
    X, y = short
    limit = LikelihoodRatioClassifier().fit(X, y)
    score = limit.decision_function(X)
    alone = np.concatenate([limit.decision_function(row[None]) for row in X])
    np.testing.assert_allclose(alone, score, rtol=1e-5, atol=1e-5)
    again = clone(limit).fit(X, y)
    np.testing.assert_array_equal(again.decision_function(X), score)


def test_unit_of_the_traces_does_not_matter(short):
    X, y = short
    score = LikelihoodRatioClassifier().fit(X, y).decision_function(X)
    scaled = (X * np.float32(1e-20)).astype(np.float32)
    again = LikelihoodRatioClassifier().fit(scaled, y).decision_function(scaled)
    np.testing.assert_allclose(again, score, rtol=1e-3, atol=1e-3)


def test_silent_and_loud_traces(short):
    X, y = short
    limit = LikelihoodRatioClassifier(priors=[0.9, 0.1]).fit(X, y)
    # A trace that is zero tells nothing: what remains is the prior.
    np.testing.assert_allclose(limit.predict_proba(np.zeros((1, 80))), [[0.9, 0.1]], atol=1e-6)
    for factor in (1e10, 1e30):
        assert np.isfinite(limit.decision_function(X * factor)).all()


def test_labels_and_priors(short):
    X, y = short
    words = np.where(y == 1, "pulse", "noise")
    limit = LikelihoodRatioClassifier().fit(X, words)
    assert limit.classes_.tolist() == ["noise", "pulse"]
    np.testing.assert_allclose(limit.priors_, [np.mean(y == 0), np.mean(y == 1)])
    other = LikelihoodRatioClassifier(priors=[0.75, 0.25]).fit(X, words)
    shift = other.decision_function(X) - limit.decision_function(X)
    np.testing.assert_allclose(shift, np.log(1 / 3) - np.log(np.mean(y) / np.mean(y == 0)))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"snr": 0.0}, ValueError, "snr must be at least 1e-06, got 0.0"),
        ({"snr": (3, 1)}, ValueError, "snr must be finite and increasing"),
        ({"snr_reference": "peak"}, ValueError, "snr_reference must be one of 'noise', 'trace'"),
        ({"priors": [0.5, 0.6]}, ValueError, "priors must be two probabilities above 0 that sum"),
        ({"priors": 0.5}, ValueError, "priors must be two probabilities"),
        ({"arrival_time": (0.1, 9.0)}, ValueError, "arrival_time must be at most 0.444444, got"),
        ({"pulse": "pulse"}, TypeError, "pulse must be None or have a method 'shapes'"),
        ({"spectral_slope": (0, -30)}, ValueError, "spectral_slope must be finite and increasing"),
        ({"response": 3}, TypeError, "response must be None or have a method 'gain'"),
        ({"regularization": 0}, ValueError, "regularization == 0, must be >= 1e-09"),
        ({"times_per_sample": 0}, ValueError, "times_per_sample == 0, must be >= 1"),
        ({"n_slopes": 1.5}, TypeError, "n_slopes must be an integer, got 1.5"),
        ({"n_phases": 0}, ValueError, "n_phases == 0, must be >= 1"),
        (
            {"n_snr": 10**30},
            ValueError,
            "n_snr == 1000000000000000000000000000000, must be <= 1000",
        ),
        ({"priors": ["a", "b"]}, ValueError, "priors must contain real numbers"),
        ({"snr": 1e300}, ValueError, r"snr must be at most 1e\+06, got 1e\+300"),
        ({"n_snr": True}, TypeError, "n_snr must be an integer, got True"),
        ({"sampling_rate": 0}, ValueError, "sampling_rate == 0, must be > 0"),
    ],
)
def test_bad_parameters(short, parameters, error, message):
    with pytest.raises(error, match=message):
        LikelihoodRatioClassifier(**parameters).fit(*short)


def test_bad_traces(short):
    X, y = short
    with pytest.raises(
        ValueError, match=r"y must have two classes, noise and pulse, got 1 class.es.: \[0\.0\]"
    ):
        LikelihoodRatioClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match=r"two classes, noise and pulse, got 3 .*: \[0, 1, 2\]"):
        LikelihoodRatioClassifier().fit(X, np.arange(len(X)) % 3)
    for labels, message in (
        (np.array(["cosmic ray", "noise"])[y], "must have labels that sort the background first"),
        (y - 1, r"must have labels that sort the background first, got \[-1, 0\]: use 0 for"),
        (np.array(["a", "b"])[y], "must say which label is the background, got .*: use 0 for"),
    ):
        with pytest.raises(ValueError, match=message):
            LikelihoodRatioClassifier().fit(X, labels)
    with pytest.raises(ValueError, match="contains NaN"):
        LikelihoodRatioClassifier().fit(np.full_like(X, np.nan), y)
    with pytest.raises(ValueError, match="expecting 80 features"):
        LikelihoodRatioClassifier().fit(X, y).predict(X[:, :70])
    with pytest.raises(ValueError, match="a minimum of 2 is required"):
        LikelihoodRatioClassifier().fit(X[:, :1], y)
    limit = LikelihoodRatioClassifier().fit(X, y)
    for method in (limit.decision_function, limit.predict, limit.posterior_mean):
        with pytest.raises(ValueError, match=r"traces of shape \(80,\), as in fit, got.*\(1, 80\)"):
            method(X[:, None])


@pytest.mark.parametrize(
    ("low", "high", "sampling_rate", "n_slopes"),
    [(30.1, 80.3, 180.0, 2), (43.0, 74.0, 160.0, 2), (50.0, 200.0, 500.0, 6), (70, 350, 1000, 11)],
)
def test_wider_bands_have_more_slopes(low, high, sampling_rate, n_slopes):
    noise = np.random.default_rng(0).normal(size=(60, 128))
    band = {"response": BandPass(low, high), "sampling_rate": sampling_rate}
    assert len(MatchedFilter(**band).fit(noise).bank_.spectra) == n_slopes
    steep = MatchedFilter(**band, spectral_slope=(-60.0, 0.0)).fit(noise)
    assert len(steep.bank_.spectra) == pytest.approx(2 * n_slopes, abs=2)
    assert len(MatchedFilter(**band, spectral_slope=-3.0).fit(noise).bank_.spectra) == 1
    assert len(MatchedFilter(**band, n_slopes=3).fit(noise).bank_.spectra) == 3


def test_more_slopes_than_the_default_gain_nothing_in_a_wide_band():
    """Two do not suffice there."""
    simulator = TraceSimulator(
        noise=AntennaNoise(carrier_share=0.0),
        response=BandPass(70.0, 350.0),
        sampling_rate=1000.0,
        n_samples=256,
        random_state=0,
    )
    known = {"snr": 4.0, "arrival_time": (0.1, 0.15)}
    train, test = (
        make_traces(2000, simulator=simulator, **known, first_event_id=first, random_state=0)
        for first in (0, 10**6)
    )

    def area(**slopes):
        limit = LikelihoodRatioClassifier(
            response=simulator.response, sampling_rate=1000.0, **known, **slopes
        )
        limit.fit(train.traces, train.y)
        return roc_auc_score(test.y, limit.decision_function(test.traces))

    found, coarse, fine = area(), area(n_slopes=2), area(n_slopes=22)
    # Areas near one have an error of about 1/1000 with 1000 events of each kind.
    assert found == pytest.approx(fine, abs=1e-3)
    assert coarse < found - 3e-3


def test_custom_pulse_and_response(short):
    """Any object with the methods of the default will do."""

    class Impulse(AnalyticPulse):
        def shapes(self, spectral_slope, n_slopes):
            return np.ones((1, len(self.frequencies_)), dtype=np.complex64), 0.0

    X, y = short
    flat = LikelihoodRatioClassifier(AnalyticPulse(phase_jitter=0.0), spectral_slope=0.0).fit(X, y)
    custom = LikelihoodRatioClassifier(Impulse()).fit(X, y)
    np.testing.assert_allclose(custom.decision_function(X), flat.decision_function(X), rtol=1e-4)


def test_stored_state_names_public_packages(short):
    limit = LikelihoodRatioClassifier().fit(*short)
    stored = pickle.dumps(limit).decode("latin1")
    assert "sklearn_aera.feature_extraction" in stored
    assert "sklearn_aera.likelihood" in stored
    assert "sklearn_aera._" not in stored
    assert "._ratio" not in stored
    assert "._prior" not in stored
