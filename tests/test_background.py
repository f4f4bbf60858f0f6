"""Adaptation to another background, and the check whether it is needed."""

import warnings
from copy import copy

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera._background import background_among
from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import SpectrumDisplay, check_background
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

N_SAMPLES = 200
DEFAULT = AntennaNoise().carriers
OTHER = (36.3, 44.9, 63.1, 77.7)
RATE = {"sampling_rate": 180.0}


def make(n_traces, first_event_id, carriers=DEFAULT, signal_fraction=0.0, **noise):
    """Traces with pulses of SNR 0.5 to 5, as data sets with labels."""
    noise = AntennaNoise(carriers=carriers, **noise)
    options = {"signal_fraction": signal_fraction, "first_event_id": first_event_id}
    options["arrival_time"] = (0.1, 1.0)
    simulator = TraceSimulator(noise=noise, n_samples=N_SAMPLES)
    return make_traces(n_traces, simulator=simulator, random_state=0, **options)


@pytest.fixture(scope="module")
def whitener():
    return SpectralWhitener().fit(make(1000, 0).traces)


def frequencies(model, X, **options):
    """Result of the check without its warning."""
    with warnings.catch_warnings(action="ignore"):
        return check_background(model, X, **options)


# --- adaptation ------------------------------------------------------------------------------


def whitened_power(whitener, carriers):
    """Power of whitened noise of other events of the simulation."""
    white = whitener.transform(make(1000, 10**6, carriers).traces)
    return np.mean(white.astype(float) ** 2, axis=1)


@pytest.mark.parametrize("signal_fraction", [0.0, 0.5])
def test_pulses_among_the_traces_do_not_hurt(whitener, signal_fraction):
    """The covariance is as good as that of the background alone."""
    data = make(800, 2 * 10**6, OTHER, signal_fraction)
    adapted = copy(whitener).adapt(data.traces)
    alone = SpectralWhitener().fit(data.traces[data.y == 0])
    every = SpectralWhitener().fit(data.traces)
    power, reference, contaminated = (
        whitened_power(one, OTHER).mean() for one in (adapted, alone, every)
    )
    # Leaving out the largest of 1 % of the peaks, and keeping weak pulses.
    assert power == pytest.approx(reference, rel=0.02)
    if signal_fraction:
        assert contaminated < 0.9 * reference
        _, background = background_among(data.traces, 1e-4)
        assert background[data.y == 0].mean() > 0.97
        assert background[data.snr > 2].mean() < 0.05
        assert adapted.n_background_ == background.sum()


def test_most_of_many_traces_may_have_pulses(whitener):
    data = make(800, 2 * 10**6, OTHER, 0.7)
    adapted = copy(whitener).adapt(data.traces)
    alone = SpectralWhitener().fit(data.traces[data.y == 0])
    power, reference = (whitened_power(one, OTHER).mean() for one in (adapted, alone))
    assert power == pytest.approx(reference, rel=0.05)


def test_loud_traces_are_left_out(whitener):
    traces = make(200, 0).traces
    traces[::20] *= 10_000
    adapted = copy(whitener).adapt(traces)
    quiet = SpectralWhitener().fit(np.delete(traces, np.s_[::20], axis=0))
    ratio = adapted.autocovariance_[0, 0] / quiet.autocovariance_[0, 0]
    assert ratio == pytest.approx(1.0, rel=0.1)


def test_carrier_in_some_of_the_traces_is_learnt(whitener):
    """It is no pulse, which would be left out."""
    some = make(100, 3 * 10**6, (47.0, *DEFAULT)).traces
    traces = np.concatenate([make(300, 0).traces, some])
    adapted = copy(whitener).adapt(traces)
    before, after = (one.transform(some).std() for one in (whitener, adapted))
    white = whitener.transform(traces[:300]).std()
    assert before > 1.5 * white
    assert after < 1.1 * white


def test_adaptation_does_not_depend_on_unit_and_order(whitener):
    traces = make(200, 2 * 10**6, OTHER, 0.5).traces
    adapted = copy(whitener).adapt(traces).autocovariance_
    scaled = copy(whitener).adapt(1024 * traces[::-1]).autocovariance_
    np.testing.assert_allclose(scaled, 1024**2 * adapted, rtol=1e-3, atol=1e-3 * scaled.max())


def test_adaptation_of_channels(whitener):
    """A pulse in one channel removes the trace from all."""
    first, second = make(200, 0), make(200, 10**6, OTHER, 0.5)
    X = np.stack([first.traces, second.traces], axis=1)
    adapted = SpectralWhitener().fit(X).adapt(X)
    assert adapted.autocovariance_.shape == (2, N_SAMPLES)
    assert 90 < adapted.n_background_ < 140
    alone = SpectralWhitener().fit(second.traces[second.y == 0]).autocovariance_[0]
    assert adapted.autocovariance_[1, 0] == pytest.approx(alone[0], rel=0.1)


def test_few_traces_raise_a_warning(whitener):
    with pytest.warns(UserWarning, match=r"^\d\d of the 100 traces count as background"):
        copy(whitener).adapt(make(100, 0, OTHER, 0.5).traces)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_adaptation_to_silent_and_constant_traces(whitener, value):
    adapted = copy(whitener).adapt(np.full((200, N_SAMPLES), value))
    assert np.isfinite(adapted.transform(np.eye(N_SAMPLES))).all()


def test_failed_adaptation_changes_nothing(whitener):
    whitener, state = copy(whitener), dict(vars(whitener))
    with pytest.raises(ValueError, match="contains NaN"):
        whitener.adapt(np.full((3, N_SAMPLES), np.nan))
    with pytest.raises(ValueError, match="expecting 200 features"):
        whitener.adapt(np.ones((3, 100)))
    with pytest.raises(ValueError, match="must be >= 1e-09"):
        whitener.set_params(regularization=0.0).adapt(np.ones((3, N_SAMPLES)))
    whitener.set_params(regularization=1e-4)
    assert vars(whitener).keys() == state.keys()
    for name in ("autocovariance_", "whitening_", "n_background_"):
        assert vars(whitener)[name] is state[name]


def test_normalizer_adapts_its_scale():
    X = make(50, 0).traces
    for per, factor in (("dataset", 3.0), ("trace", None)):
        normalizer = StdNormalizer(per=per).fit(X)
        before = normalizer.scale_
        adapted = normalizer.adapt(3 * X).scale_
        assert adapted == (factor and pytest.approx(factor * before))


# --- check -----------------------------------------------------------------------------------


@pytest.mark.parametrize("signal_fraction", [0.0, 0.5])
@pytest.mark.parametrize("n_traces", [50, 1000])
def test_same_background_raises_no_warning(whitener, n_traces, signal_fraction):
    traces = make(n_traces, 4 * 10**6, signal_fraction=signal_fraction).traces
    assert check_background(whitener, traces).shape == (0,)


def test_false_alarms_are_as_rare_as_stated(whitener):
    """Of 80 samples with 20 % each: at most 16 on average, since frequencies are correlated."""
    traces = make(80 * 20, 5 * 10**6).traces.reshape(80, 20, -1)
    alarms = sum(len(frequencies(whitener, some, false_alarm=0.2)) > 0 for some in traces)
    assert 0 < alarms < 16 + 3 * np.sqrt(16 * 0.8)


def test_new_carrier_is_named(whitener):
    traces = make(300, 0, (47.0, *DEFAULT), 0.5).traces
    message = r"the ratio of their powers is \d\d+ at (46\.9|47\.0|47\.1) MHz\. Adapt the model"
    with pytest.warns(UserWarning, match=message):
        found = check_background(whitener, traces, **RATE)
    # The frequencies are a quarter of the inverse duration apart.
    np.testing.assert_allclose(found, [47.0], atol=180.0 / N_SAMPLES / 8 + 0.1)
    with pytest.warns(UserWarning, match=r"0\.26\d of the sampling rate"):
        share = check_background(whitener, traces)
    np.testing.assert_allclose(180.0 * share, found)


def test_several_carriers_are_named_first(whitener):
    with pytest.warns(UserWarning, match=r"and other than one at \d+ more frequencies"):
        found = check_background(whitener, make(300, 0, OTHER).traces, **RATE)
    np.testing.assert_allclose(np.sort(found[:4]), OTHER, atol=0.3)


def test_missing_carrier_leaves_less_power_than_expected(whitener):
    with pytest.warns(UserWarning, match=r"0\.\d+ at (71\.[0-5]|70\.9) MHz"):
        check_background(whitener, make(300, 0, DEFAULT[:3]).traces, **RATE)


@pytest.mark.parametrize("gain", [0.7, 1.4])
def test_other_gain_is_noticed(whitener, gain):
    assert len(frequencies(whitener, gain * make(300, 0).traces)) > 3


def test_a_loud_trace_is_no_other_background(whitener):
    traces = make(300, 4 * 10**6).traces
    traces[7] *= 1000
    assert len(check_background(whitener, traces)) == 0


def test_carrier_in_some_of_the_traces_is_noticed(whitener):
    traces = make(300, 4 * 10**6).traces
    traces[::5] = make(60, 0, (47.0, *DEFAULT)).traces
    assert frequencies(whitener, traces, **RATE)[0] == pytest.approx(47.0, abs=0.3)


def test_adapted_model_fits(whitener):
    adapted = copy(whitener).adapt(make(500, 0, OTHER, 0.5).traces)
    assert len(check_background(adapted, make(1000, 10**6, OTHER, 0.5).traces)) == 0


def test_check_of_other_models(whitener):
    data, other = make(400, 0, signal_fraction=0.5), make(200, 0, (47.0, *DEFAULT)).traces
    pipeline = make_pipeline(StdNormalizer(per="dataset"), SpectralWhitener())
    channels = np.stack([data.traces, data.traces], axis=1)
    changed = np.stack([data.traces[:200], other], axis=1)
    ratio = LikelihoodRatioClassifier(arrival_time=(0.1, 1.0)).fit(data.traces, data.y)
    for model, fitting, differing, rate in (
        (pipeline.fit(data.traces, data.y), data.traces, other, RATE),
        (SpectralWhitener().fit(channels, data.y), channels, changed, RATE),
        (ratio, data.traces, other, {}),
    ):
        assert len(check_background(model, fitting)) == 0
        found = frequencies(model, differing, **rate)
        np.testing.assert_allclose(found, [47.0], atol=0.3)


def test_spectrum_display_shows_what_was_found(whitener):
    """Above the expected spectrum of the whitener's model."""
    traces = make(200, 0, (47.0, *DEFAULT)).traces
    found = frequencies(whitener, traces, **RATE)
    display = SpectrumDisplay.from_traces(
        traces, model=whitener.autocovariance_[0], carriers=found, **RATE
    )
    line = display.frequency.searchsorted(47.0)
    assert display.density[line] > 10 * display.expected[line]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"false_alarm": 0.0}, ValueError, "false_alarm == 0.0, must be > 0"),
        ({"false_alarm": 1.5}, ValueError, "false_alarm == 1.5, must be < 1"),
        ({"sampling_rate": -1.0}, ValueError, "sampling_rate == -1.0, must be > 0"),
        ({"model": SpectralWhitener()}, NotFittedError, "is not fitted yet"),
        ({"model": StdNormalizer()}, NotFittedError, "is not fitted yet"),
        ({"model": LogisticRegression()}, TypeError, "a fitted estimator with the autocovariance"),
        ({"model": "whitener"}, TypeError, "or a pipeline with one, got 'whitener'"),
        ({"X": np.ones((3, 10))}, ValueError, "expecting 200 features"),
        ({"X": [[np.nan] * N_SAMPLES]}, ValueError, "X contains NaN"),
    ],
)
def test_bad_arguments(whitener, arguments, error, message):
    arguments = {"model": whitener, "X": np.ones((3, N_SAMPLES))} | arguments
    with pytest.raises(error, match=message):
        check_background(**arguments)


@pytest.mark.parametrize("n_traces", [10, 300])
def test_noise_without_a_band(n_traces):
    """It has power at zero and at half the sampling rate, where spectra vary more."""
    rng = np.random.default_rng(0)
    whitener = SpectralWhitener().fit(rng.normal(size=(100, 64)))
    for _ in range(20):
        assert len(check_background(whitener, rng.normal(size=(n_traces, 64)))) == 0
    shifted = rng.normal(size=(300, 64)) + 1.0
    assert frequencies(whitener, shifted)[0] == 0
