"""The posterior mean of the signal: against direct sums, and as the best of all estimates."""

import numpy as np
import pytest
from scipy.special import logsumexp

from sklearn_aera._templates import arrival_times, build_bank
from sklearn_aera.datasets import make_traces
from sklearn_aera.likelihood import LikelihoodRatioClassifier, PulsePrior
from sklearn_aera.likelihood._recovery import posterior_mean, template_fit
from sklearn_aera.metrics import normalized_mean_squared_error, pulse_peak, trace_energy
from sklearn_aera.preprocessing import StationaryCovariance, StdNormalizer, WienerFilter
from sklearn_aera.simulation import AnalyticPulse, BandPass, FrequencyGrid, TraceSimulator

N_TRAIN, N_TEST = 1500, 1200


def _data(n_events, first_event_id=0, **parameters):
    return make_traces(n_events, first_event_id=first_event_id, random_state=4, **parameters)


@pytest.fixture(scope="module")
def with_std():
    """Training and test events at SNR 2, posterior means and deviations of the latter."""
    train, test = _data(N_TRAIN, snr=2.0), _data(N_TEST, N_TRAIN, snr=2.0)
    limit = LikelihoodRatioClassifier(snr=2.0, times_per_sample=4, n_slopes=4, n_phases=4)
    limit.fit(train.traces, train.y)
    return train, test, *limit.posterior_mean(test.traces, return_std=True)


@pytest.fixture(scope="module")
def at_snr_2(with_std):
    """Training and test events, and what a fine bank recovers from the latter."""
    return with_std[:3]


@pytest.fixture(scope="module")
def short():
    """Short traces, quick to fit."""
    simulator = TraceSimulator(n_samples=80)
    return make_traces(300, simulator=simulator, arrival_time=(0.1, 0.3), random_state=0)


@pytest.mark.parametrize("snr", [(0.5, 5.0), (2.0, 2.0)])
@pytest.mark.parametrize("reference", ["noise", "trace"])
@pytest.mark.parametrize("degrees_of_freedom", [1e6, 60.0])
def test_agrees_with_the_direct_sum(snr, reference, degrees_of_freedom):
    """White noise, float64, every template at 400 amplitudes, each with its own logarithm."""
    rng = np.random.default_rng(0)
    bank, pulses = _white_bank()
    X = rng.normal(size=(40, 64))
    X[:20] += rng.uniform(0.5, 6, (20, 1)) * pulses[rng.integers(len(pulses), size=20)]
    prior = PulsePrior.from_range(snr, reference, bank.mean_square, [0.7, 0.3])
    noise = 1.0, degrees_of_freedom
    found = posterior_mean(X, bank, prior, *noise, return_std=True)
    np.testing.assert_array_equal(posterior_mean(X, bank, prior, *noise), found[0])
    nodes = snr[0] + (snr[1] - snr[0]) * (np.arange(400) + 0.5) / 400
    amplitudes = np.tile(_relative_amplitudes(nodes, bank.mean_square, reference), 3)
    directly = [_direct_sum(x, bank, pulses, amplitudes, degrees_of_freedom) for x in X]
    expected, deviation = zip(*directly, strict=True)
    # The tangent in place of the logarithm, as in the likelihood ratio, is felt where noise and
    # pulse are about as likely.
    tolerance = 0.02 if degrees_of_freedom > 1e5 else 0.15
    np.testing.assert_allclose(found[0], expected, atol=tolerance)
    np.testing.assert_allclose(found[1], deviation, atol=tolerance)
    assert np.abs(expected).max() > 3
    assert np.max(deviation) > 0.3


def _relative_amplitudes(snr, mean_square, reference):
    """Peak over the RMS of the trace, whose power is that of noise and pulse."""
    if reference == "trace":
        return np.tile(snr[:, None], len(mean_square))
    return snr[:, None] / np.sqrt(1 + snr[:, None] ** 2 * mean_square)


def _white_bank():
    """A bank for white noise, and its pulses of unit peak, one per cell and phase."""
    grid = FrequencyGrid.from_response(BandPass(), 180.0, 64)
    times = arrival_times(None, grid, 1)
    shapes = AnalyticPulse().prepare(grid).shapes((-30.0, 0.0), 2)
    white = StationaryCovariance.from_autocovariance(np.eye(64)[0])
    bank = build_bank(*shapes, grid, times, white, n_phases=3, times_per_sample=1)
    in_phase, quadrature = (part.T for part in bank.quadratures(slice(None)))
    pulses = [cosine * in_phase + sine * quadrature for cosine, sine in bank.weights]
    return bank, np.concatenate(pulses, axis=1).T.astype(float)


def _direct_sum(x, bank, pulses, amplitudes, degrees_of_freedom):
    rms, power = np.sqrt(np.mean(x**2)), np.sum(x**2)
    a = rms * np.stack([amplitudes, -amplitudes])
    gaussian = a * (pulses @ x) - a**2 * np.sum(pulses**2, axis=1) / 2
    exponent = -(degrees_of_freedom + 64) / 2
    terms = exponent * np.log1p(-2 * gaussian / (degrees_of_freedom + power))
    terms += np.log(0.3 / terms.size)
    weights = np.exp(terms - np.logaddexp(np.log(0.7), logsumexp(terms)))
    mean, power = (np.sum(weights * a**n, axis=(0, 1)) @ pulses**n for n in (1, 2))
    return mean, np.sqrt(power - mean**2)


def test_loud_pulses_of_a_quiet_station():
    """The noise is known to be far below what float32 resolves beside the pulse."""
    bank, pulses = _white_bank()
    prior = PulsePrior.from_range((0.5, 20.0), "trace", bank.mean_square, [0.5, 0.5])
    X = 1e5 * pulses
    found = posterior_mean(X, bank, prior, 1.0, 1e6)
    error = np.sum((found - X) ** 2, axis=1) / np.sum(X**2, axis=1)
    assert error.max() < 1e-4


def test_template_fit_is_the_largest_of_all():
    bank, pulses = _white_bank()
    X = np.random.default_rng(1).normal(size=(50, 64))
    energy = np.sum(pulses**2, axis=1)
    amplitude = X @ pulses.T / energy
    best = np.argmax(amplitude**2 * energy, axis=1)
    expected = amplitude[np.arange(50), best][:, None] * pulses[best]
    np.testing.assert_allclose(template_fit(X, bank, 1.0), expected, atol=1e-4)


def test_template_fit_gives_a_pulse_of_the_bank_back(short):
    """Through whitening and back: what the bank's basis leaves out does not matter."""
    pulse = AnalyticPulse(phase_jitter=0.0)
    limit = LikelihoodRatioClassifier(pulse, spectral_slope=-5.0, n_phases=1)
    limit.fit(short.traces, short.y)
    simulator = TraceSimulator(pulse, n_samples=80)
    for time in limit.bank_.times[[0, 31, -1]]:
        signal = make_traces(
            1, simulator=simulator, signal_fraction=1.0, arrival_time=float(time),
            spectral_slope=-5.0, random_state=0,
        ).signals  # fmt: skip
        found = limit.template_fit(signal)
        assert found.dtype == np.float32
        assert normalized_mean_squared_error(signal, found) < 1e-4


def test_posterior_mean_has_the_lowest_error(at_snr_2):
    """At SNR 2: 0.042, template fit 0.066, Wiener filter 0.80 (measured, 4 000 traces)."""
    train, test, recovered = at_snr_2
    pulse = test.y == 1

    def error(found):
        return normalized_mean_squared_error(test.signals[pulse], found[pulse])

    coarse = LikelihoodRatioClassifier(snr=2.0).fit(train.traces, train.y)
    fitted = coarse.template_fit(test.traces)
    linear = WienerFilter().fit(train.traces, train.y).transform(test.traces)
    best = error(recovered)
    # Squared errors of single traces scatter by 1.2 times their mean (measured).
    assert best == pytest.approx(0.042, rel=4 * 1.2 / np.sqrt(pulse.sum()))
    assert best < 0.8 * error(coarse.posterior_mean(test.traces))
    assert error(coarse.posterior_mean(test.traces)) < 0.8 * error(fitted)
    assert error(fitted) < 0.2 * error(linear)
    late = pulse_peak(recovered[pulse]).time - pulse_peak(test.signals[pulse]).time
    assert np.mean(np.abs(late) < 1.5 / 180) > 0.97


def test_posterior_mean_is_calibrated(at_snr_2):
    """The truth regressed on its posterior mean has the slope 1, over noise and pulses."""
    _, test, recovered = at_snr_2
    recovered = recovered.astype(float)
    numerator = np.sum(recovered * test.signals, axis=1)
    denominator = np.sum(recovered**2, axis=1)
    slope = numerator.sum() / denominator.sum()
    error = np.sqrt(np.sum((numerator - slope * denominator) ** 2)) / denominator.sum()
    assert error < 0.006
    assert abs(slope - 1) < 4 * error


def test_standard_deviation_is_that_of_the_error(with_std):
    """The squared error is the variance, on average over noise and pulses."""
    _, test, recovered, std = with_std
    assert std.dtype == np.float32
    assert std.shape == recovered.shape
    error = np.sum((recovered - test.signals) ** 2, axis=1, dtype=float)
    variance = np.sum(std**2, axis=1, dtype=float)
    ratio = error.sum() / variance.sum()
    uncertainty = np.sqrt(np.sum((error - ratio * variance) ** 2)) / variance.sum()
    assert uncertainty < 0.1
    assert abs(ratio - 1) < 3 * uncertainty


def test_standard_deviation_covers_the_truth(with_std):
    """At the peak of clear pulses, where the posterior distribution is nearly normal."""
    _, test, recovered, std = with_std
    peak = np.abs(recovered).argmax(axis=1)
    rows = np.arange(len(peak)), peak
    clear = np.abs(recovered[rows]) > 4 * std[rows]
    error, std = (x[rows][clear] for x in (recovered - test.signals, std))
    assert clear.sum() > 400
    share = np.mean(np.abs(error) < std)
    assert abs(share - 0.683) < 3 * np.sqrt(0.683 * 0.317 / clear.sum())


def test_nothing_is_invented(at_snr_2):
    """Where there is no pulse the posterior mean is little, the template fit is not."""
    train, test, recovered = at_snr_2
    noise = test.y == 0
    energy = trace_energy(test.signals[~noise]).mean()
    assert trace_energy(recovered[noise]).mean() < 0.02 * energy
    limit = LikelihoodRatioClassifier(snr=2.0).fit(train.traces, train.y)
    assert trace_energy(limit.template_fit(test.traces[noise])).mean() > 0.1 * energy


def test_range_of_ratios_and_normalized_traces():
    """Default bank: 0.063 (measured) of the pulses' energy."""
    train, test = _data(N_TRAIN), _data(N_TEST, N_TRAIN)
    for scale in (lambda traces: 1.0, lambda traces: traces.std(axis=1, keepdims=True)):
        limit = LikelihoodRatioClassifier().fit(train.traces / scale(train.traces), train.y)
        recovered = limit.posterior_mean(test.traces / scale(test.traces))
        truth = test.signals / scale(test.traces)
        assert normalized_mean_squared_error(truth, recovered) < 0.085
    normalized = StdNormalizer().fit_transform(test.traces)
    np.testing.assert_allclose(limit.posterior_mean(normalized), recovered, atol=1e-3)


def test_prior_odds_weigh_pulse_against_noise(short):
    """Two priors differ by the ratio of the posterior probabilities, in every sample."""
    few, many = (
        LikelihoodRatioClassifier(priors=priors, n_snr=40).fit(short.traces, short.y)
        for priors in ([0.9, 0.1], [0.2, 0.8])
    )
    less, more = few.posterior_mean(short.traces), many.posterior_mean(short.traces)
    ratio = few.predict_proba(short.traces)[:, 1] / many.predict_proba(short.traces)[:, 1]
    largest = np.abs(more).max(axis=1)
    np.testing.assert_allclose(np.abs(less).max(axis=1) / largest, ratio, rtol=0.05)
    np.testing.assert_allclose(less, ratio[:, None] * more, atol=0.05 * largest.max())


def test_trace_stands_alone_and_unit_does_not_matter(short):
    X, y = short.traces, short.y
    limit = LikelihoodRatioClassifier().fit(X, y)
    scaled = LikelihoodRatioClassifier().fit(X * np.float32(1e-20), y)
    for method in ("posterior_mean", "template_fit"):
        signals = getattr(limit, method)(X)
        assert signals.dtype == np.float32
        alone = np.concatenate([getattr(limit, method)(row[None]) for row in X[:20]])
        np.testing.assert_allclose(alone, signals[:20], atol=1e-6)
        again = getattr(scaled, method)(X * np.float32(1e-20)) * np.float32(1e20)
        # A few templates are equally good to float32 round-off.
        assert np.mean(np.abs(again - signals) > 1e-3) < 0.01


def test_silent_and_loud_traces(short):
    X, y = short.traces, short.y
    limit = LikelihoodRatioClassifier().fit(X, y)
    for method in (limit.posterior_mean, limit.template_fit):
        np.testing.assert_array_equal(method(np.zeros((2, 80))), 0.0)
        for factor in (1e4, 1e10, 1e30):
            assert np.isfinite(method(short.signals * factor)).all()
            assert np.isfinite(method(X * factor)).all()


def test_prior_of_the_amplitude():
    mean_square = np.array([0.01, 0.02], dtype=np.float32)
    prior = PulsePrior.from_range((0.5, 5.0), "noise", mean_square, [0.75, 0.25])
    snr = np.linspace(0.5, 5.0, 7)[:, None]
    amplitude = prior.amplitude(snr)
    np.testing.assert_allclose(amplitude, _relative_amplitudes(snr[:, 0], mean_square, "noise"))
    np.testing.assert_allclose(prior.snr_of(amplitude), np.tile(snr, 2), rtol=1e-6)
    assert prior.log_odds == pytest.approx(-np.log(3))
    assert np.all(prior.clip(np.full(2, 99.0)) < 5.0)
    referred = PulsePrior.from_range((0.5, 5.0), "trace", mean_square, [0.5, 0.5])
    np.testing.assert_array_equal(referred.clip(np.full(2, 99.0)), 5.0)


def test_bad_traces(short):
    limit = LikelihoodRatioClassifier().fit(short.traces, short.y)
    for method in (limit.posterior_mean, limit.template_fit):
        with pytest.raises(ValueError, match="expecting 80 features"):
            method(short.traces[:, :70])
        with pytest.raises(ValueError, match="contains NaN"):
            method(np.full((1, 80), np.nan))
