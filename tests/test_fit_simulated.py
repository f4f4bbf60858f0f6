"""Training on endless data: from a simulator's options, or from any function of an epoch."""

import numpy as np
import pytest
from helpers import LOUD, QUIET, TINY, denoiser, recurrent, tiny
from sklearn.metrics import roc_auc_score
from sklearn.utils import Bunch

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network._keras import pool
from sklearn_aera.neural_network._schedule import learning_rates
from sklearn_aera.preprocessing import StdNormalizer

DATA = {"simulator": QUIET, "random_state": 0, **LOUD}


def same_weights(a, b):
    for x, y in zip(a.weights_, b.weights_, strict=True):
        np.testing.assert_array_equal(x, y)


# --- from a simulator ------------------------------------------------------------------------


@pytest.mark.parametrize("make", [recurrent, denoiser])
def test_the_events_are_those_of_their_ids(make):
    """Training on simulated epochs equals training on the same traces made beforehand."""
    endless = make().fit_simulated(QUIET, 100, first_event_id=500, **LOUD)
    by_hand = make()
    for epoch in range(3):
        data = make_traces(100, first_event_id=500 + 100 * epoch, **DATA)
        if make is denoiser:
            by_hand.partial_fit(data.traces, data.signals)
        else:
            by_hand.partial_fit(data.traces, data.y, classes=[0, 1])
    for a, b in zip(endless.weights_, by_hand.weights_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert endless.n_iter_ == 3
    assert endless.history_.keys() == by_hand.history_.keys()
    if make is denoiser:
        assert endless.scale_ == by_hand.scale_


def test_learns_with_preprocessing():
    normalizer = StdNormalizer().fit(np.eye(120))
    model = recurrent(epochs=10, learning_rate_schedule="cosine")
    model.fit_simulated(QUIET, 300, preprocessing=normalizer, **LOUD)
    test = make_traces(500, simulator=QUIET, first_event_id=10**6, random_state=0, **LOUD)
    assert roc_auc_score(test.y, model.decision_function(normalizer.transform(test.traces))) > 0.95


@pytest.mark.parametrize(
    ("parameters", "arguments", "error", "message"),
    [
        ({"early_stopping": True}, {}, ValueError, "early_stopping cannot be used with simulated"),
        ({"class_weight": "balanced"}, {}, ValueError, "class_weight cannot be used with simulat"),
        ({}, {"n_events": 0}, ValueError, "n_events == 0, must be >= 1"),
        ({}, {"snr": -1}, ValueError, "snr must be at least"),
        ({}, {"signal_fraction": 0.0}, ValueError, "signal_fraction must be above 0 and below 1"),
        ({}, {"loudness": 3}, TypeError, "loudness"),
        ({}, {"simulator": "a station"}, TypeError, "a station"),
    ],
)
def test_bad_options(parameters, arguments, error, message):
    options = {"simulator": QUIET, "n_events": 20} | LOUD | arguments
    model = tiny(**parameters)
    with pytest.raises(error, match=message):
        model.fit_simulated(**options)
    assert not hasattr(model, "weights_")


@pytest.fixture
def trained_on(monkeypatch):
    """Targets, learning rates and number of each epoch of training."""
    epochs, fit = [], pool.CompiledNetwork.fit

    def watched(self, weights, optimizer_state, X, targets, **options):
        rates = np.concatenate(options["learning_rates"])
        epochs.append((targets, rates, options["initial_epoch"]))
        return fit(self, weights, optimizer_state, X, targets, **options)

    monkeypatch.setattr(pool.CompiledNetwork, "fit", watched)
    return epochs


def test_epochs_of_one_class_keep_their_labels(trained_on):
    # In some epochs, all of the 4 events have pulses.
    tiny(epochs=12, random_state=3).fit_simulated(QUIET, 4, **LOUD)
    assert len(trained_on) == 12
    assert any(y.min() == y.max() for y, *_ in trained_on)
    for epoch, (y, *_) in enumerate(trained_on):
        events = {"first_event_id": 4 * epoch, "random_state": 3}
        np.testing.assert_array_equal(y, make_traces(4, **DATA | events).y)


# --- from a function -------------------------------------------------------------------------


def noise_and_pulses(epoch, n_traces=100, kind=Bunch):
    """Traces of noise, half of them with a pulse; different in each epoch."""
    rng = np.random.default_rng(epoch)
    y = rng.permutation(np.arange(n_traces) % 2)
    signals = np.zeros((n_traces, 60), np.float32)
    signals[y == 1, 20:23] = 5.0
    return kind(traces=signals + rng.normal(size=signals.shape), y=y, signals=signals)


def tiny_denoiser():
    return denoiser(**TINY)


@pytest.mark.parametrize("kind", [Bunch, dict])
@pytest.mark.parametrize("make", [tiny, tiny_denoiser])
def test_function_of_the_epoch(make, kind):
    """The function is called once per epoch, in order."""
    called = []

    def simulate(epoch):
        called.append(epoch)
        return noise_and_pulses(epoch, kind=kind)

    endless = make().fit_simulated(simulate)
    assert called == [0, 1, 2]
    by_hand = make()
    for epoch in range(3):
        data = noise_and_pulses(epoch)
        if make is tiny_denoiser:
            by_hand.partial_fit(data.traces, data.signals)
        else:
            by_hand.partial_fit(data.traces, data.y, classes=[0, 1])
    same_weights(endless, by_hand)
    assert endless.n_iter_ == 3


def test_function_with_preprocessing_and_channels():
    """Traces from the function are transformed, and may have several channels."""

    def simulate(epoch):
        data = noise_and_pulses(epoch)
        return {"traces": np.stack([data.traces, 3 * data.traces], axis=1), "y": data.y}

    normalizer = StdNormalizer().fit(simulate(0)["traces"])
    endless = tiny(epochs=2).fit_simulated(simulate, preprocessing=normalizer)
    assert endless.trace_shape_ == (2, 60)
    by_hand = tiny()
    for epoch in range(2):
        data = simulate(epoch)
        by_hand.partial_fit(normalizer.transform(data["traces"]), data["y"], classes=[0, 1])
    same_weights(endless, by_hand)


def test_epochs_of_different_length_follow_the_schedule(trained_on):
    """Each epoch takes an equal share of the cosine, in as many steps as its traces need."""
    lengths = [64, 640, 1, 300, 130]

    def simulate(epoch):
        return noise_and_pulses(epoch, n_traces=lengths[epoch])

    tiny(epochs=5, learning_rate_schedule="cosine").fit_simulated(simulate)
    for epoch, (targets, rates, number) in enumerate(trained_on):
        assert (len(targets), number) == (lengths[epoch], epoch)
        n_steps = -(-lengths[epoch] // 64)
        expected = learning_rates("cosine", 0.01, n_steps, epoch=epoch, n_epochs=5)
        np.testing.assert_array_equal(rates, expected)
    # The first step, in the middle of the first of five epochs, has the highest rate.
    assert np.all(np.diff(np.concatenate([rates for _, rates, _ in trained_on])) < 0)


def failing(epoch):
    if epoch == 1:
        raise RuntimeError("no data")
    return noise_and_pulses(epoch)


def other_length(epoch):
    data = noise_and_pulses(epoch)
    return {"traces": data.traces[:, : 60 - epoch], "y": data.y, "signals": data.signals}


@pytest.mark.parametrize(
    ("simulate", "arguments", "error", "message"),
    [
        (lambda epoch: None, {}, TypeError, "must return a data set .* got NoneType of .* epoch 0"),
        (lambda epoch: noise_and_pulses(epoch).traces, {}, TypeError, "got ndarray of"),
        (lambda epoch: {"y": [0, 1]}, {}, TypeError, r"of \['y'\] for epoch 0"),
        (lambda epoch: {"traces": np.eye(4)}, {}, TypeError, "with 'traces' and 'y'"),
        (lambda epoch: {"traces": np.eye(4), "y": [2, 1, 2, 1]}, {}, ValueError, "among the class"),
        (noise_and_pulses, {"snr": 3.0, "signal_fraction": 0.2}, TypeError, "snr, signal_fraction"),
        (failing, {}, RuntimeError, "no data"),
        (other_length, {}, ValueError, "X has 59 features"),
    ],
)
def test_functions_that_are_refused(simulate, arguments, error, message):
    model = tiny()
    with pytest.raises(error, match=message):
        model.fit_simulated(simulate, **arguments)
    assert not hasattr(model, "weights_")


def test_function_without_signals_for_a_denoiser():
    with pytest.raises(TypeError, match="with 'traces' and 'signals'"):
        tiny_denoiser().fit_simulated(lambda epoch: {"traces": np.eye(4), "y": [0, 1, 0, 1]})


def test_a_failed_epoch_leaves_a_fitted_estimator_as_it_was():
    model = tiny().fit_simulated(noise_and_pulses)
    X = noise_and_pulses(7).traces
    before = model.decision_function(X)
    with pytest.raises(RuntimeError, match="no data"):
        model.fit_simulated(failing)
    np.testing.assert_array_equal(model.decision_function(X), before)
