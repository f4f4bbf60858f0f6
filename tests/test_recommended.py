"""The recommended detector and denoiser."""

from copy import copy

import numpy as np
import pytest
from helpers import LOUD, QUIET
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import check_background
from sklearn_aera.neural_network import (
    Detector,
    RecurrentDenoiser,
    make_denoiser,
    make_detector,
)
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.simulation import AntennaNoise

SMALL = {"n_filters": 8, "kernel_size": 12, "stride": 6, "hidden_size": 4}


def small_detector(epochs, **parameters):
    detector = make_detector(epochs=epochs, random_state=0, **parameters)
    return detector.set_params(**{f"classify__{name}": value for name, value in SMALL.items()})


@pytest.fixture(scope="module")
def train():
    return make_traces(300, simulator=QUIET, random_state=1, **LOUD)


def test_make_detector(train):
    assert list(make_detector().named_steps) == ["normalize", "whiten", "classify"]
    detector = clone(small_detector(epochs=2)).fit(train.traces, train.y)
    assert detector.predict_proba(train.traces).shape == (300, 2)


def test_make_detector_with_channels(train):
    """The pulse is in the second channel alone."""
    noise = make_traces(300, simulator=QUIET, signal_fraction=0.0, random_state=2, **LOUD)
    X = np.stack([noise.traces, train.traces], axis=1)
    detector = small_detector(epochs=40, max_shift=0)
    detector.set_params(classify__batch_size=64, classify__learning_rate=0.01)
    detector.fit(X, train.y)
    assert roc_auc_score(train.y, detector.decision_function(X)) > 0.9
    with pytest.raises(ValueError, match=r"of shape \(2, 120\), as in fit, got .* \(1, 120\)"):
        detector.predict(X[:, :1])
    with pytest.raises(ValueError, match="seem to be exchanged"):
        detector.fit(X.transpose(0, 2, 1), train.y)


def test_lengths_follow_from_the_bandwidth():
    """The longest filter of the detector is 6.7 over the bandwidth, whatever the sampling rate."""
    aera = make_detector()[-1]
    assert (aera.kernel_size, aera.stride, aera.max_shift) == ((24, 8), (2, 4), 200)
    denoiser = make_denoiser()
    assert (denoiser.kernel_size, denoiser.stride, denoiser.max_shift) == (128, 4, 200)
    twice = make_detector(sampling_rate=360.0)[-1]
    assert (twice.kernel_size, twice.stride, twice.max_shift) == ((48, 8), (4, 4), 400)
    wide = make_detector(sampling_rate=1000.0, band=(70.0, 350.0))[-1]
    assert (wide.kernel_size, wide.stride) == ((24, 8), (2, 4))
    assert make_denoiser(sampling_rate=360.0, max_shift=7).get_params()["max_shift"] == 7
    narrow = make_detector(sampling_rate=80.0, band=(43.0, 74.0))[-1]
    assert (narrow.kernel_size, narrow.stride) == ((17, 8), (1, 4))


@pytest.mark.parametrize("make", [make_detector, make_denoiser])
@pytest.mark.parametrize("band", [(80.0, 30.0), (30.0, 30.0), (0.0, 100.0), (-5.0, 30.0), "wide"])
def test_bad_band(make, band):
    with pytest.raises(ValueError, match="band"):
        make(band=band)


def test_options_reach_the_steps(tmp_path):
    detector = make_detector(epochs=7, max_shift=3, random_state=4, memory=tmp_path, verbose=1)
    classifier = detector[-1]
    assert (classifier.epochs, classifier.max_shift, classifier.verbose) == (7, 3, 1)
    assert (classifier.random_state, detector.memory) == (4, tmp_path)
    denoiser = make_denoiser(epochs=7, max_shift=3, random_state=4, verbose=1)
    assert (denoiser.epochs, denoiser.max_shift, denoiser.verbose) == (7, 3, 1)
    assert denoiser.random_state == 4


@pytest.fixture(scope="module")
def fitted(train):
    return small_detector(epochs=2).fit(train.traces, train.y)


def other_background():
    """Labelled traces with a carrier that is not in the training traces."""
    simulator = clone(QUIET).set_params(noise=AntennaNoise(carriers=(47.0,), carrier_share=0.8))
    return make_traces(300, simulator=simulator, random_state=3, **LOUD)


def test_adapted_detector_follows_the_background(fitted):
    data = other_background()
    adapted = copy(fitted).adapt(data.traces)
    assert adapted["normalize"].scale_ == pytest.approx(data.traces.std())
    assert adapted["classify"] is fitted["classify"]
    noise = data.traces[data.y == 0]
    assert len(check_background(adapted, noise)) == 0
    with pytest.warns(UserWarning, match=r"the ratio of their powers is \d+ at 0\.26"):
        check_background(fitted, noise)
    # The gain of the antenna does not matter.
    louder = copy(fitted).adapt(8 * data.traces)
    scores = [one.decision_function(X) for one, X in ((adapted, noise), (louder, 8 * noise))]
    np.testing.assert_allclose(*scores, atol=1e-3)


def test_adapted_detector_is_changed_itself_and_can_be_stored(fitted, tmp_path):
    detector = copy(fitted)
    data = other_background()
    former = fitted.decision_function(data.traces)
    assert detector.adapt(data.traces) is detector
    scores = detector.decision_function(data.traces)
    assert np.abs(scores - former).max() > 0.1
    np.testing.assert_array_equal(fitted.decision_function(data.traces), former)
    save_model(detector, tmp_path / "adapted.skops")
    loaded = load_model(tmp_path / "adapted.skops")
    np.testing.assert_array_equal(loaded.decision_function(data.traces), scores)


def test_failed_adaptation_changes_nothing(fitted, train):
    steps, traces = list(fitted.steps), other_background().traces
    state = [dict(vars(step)) for _, step in steps]
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.adapt(np.full_like(traces, np.nan))
    with pytest.raises(ValueError, match="expecting 120 features"):
        fitted.adapt(traces[:, :60])
    fitted.set_params(whiten__regularization=0.0)
    with pytest.raises(ValueError, match="must be >= 1e-09"):
        fitted.adapt(traces)
    fitted.set_params(whiten__regularization=1e-4)
    assert fitted.steps == steps
    for (_, step), before in zip(steps, state, strict=True):
        assert all(vars(step)[name] is value for name, value in before.items() if name[-1] == "_")


def test_adaptation_needs_a_step_for_it(fitted, train):
    with pytest.raises(NotFittedError):
        make_detector().adapt(train.traces)
    with pytest.raises(ValueError, match="none of the steps nothing, classify can be"):
        Detector([("nothing", "passthrough"), fitted.steps[-1]]).adapt(train.traces)
    steps = [fitted.steps[0], ("nothing", "passthrough"), *fitted.steps[1:]]
    traces = other_background().traces
    scores = Detector(steps).adapt(traces).decision_function(traces)
    np.testing.assert_array_equal(copy(fitted).adapt(traces).decision_function(traces), scores)


@pytest.mark.parametrize("n_channels", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_make_denoiser(train, n_channels):
    X, signals = train.traces, train.signals
    if n_channels == 2:
        X, signals = (np.stack([part, part[::-1]], axis=1) for part in (X, signals))
    denoiser = clone(make_denoiser(epochs=40, max_shift=0, random_state=0))
    assert isinstance(denoiser, RecurrentDenoiser)
    denoiser.set_params(**SMALL, batch_size=64, learning_rate=0.01).fit(X, signals)
    assert denoiser.whitener_.autocovariance_.shape == (n_channels, 120)
    recovered = denoiser.predict(X)
    assert recovered.shape == X.shape
    assert np.sum((recovered - signals) ** 2) < 0.6 * np.sum(signals**2)
