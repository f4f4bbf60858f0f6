"""Classifiers that learn from true signals: the arrival cells, the loss, checks and routing."""

import numpy as np
import pytest
from helpers import LOUD, QUIET, convolutional, recurrent
from scipy.special import logsumexp
from sklearn import config_context
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import make_detector
from sklearn_aera.preprocessing import StdNormalizer

CELLS = {"pooling": "log_sum_exp"}


@pytest.fixture(scope="module")
def data():
    """Traces and signals in one unit, the standard deviation of all traces."""
    found = make_traces(300, simulator=QUIET, random_state=1, **LOUD)
    normalizer = StdNormalizer(per="dataset").fit(found.traces)
    found.signals = normalizer.transform(found.signals)
    found.traces = normalizer.transform(found.traces)
    return found


def small_detector(**parameters):
    small = {"n_filters": 8, "kernel_size": 12, "stride": 6, "hidden_size": 4}
    small |= {"cell": "gru", "batch_size": 64} | parameters
    return make_detector(epochs=3, max_shift=0, random_state=0).set_params(
        **{f"classify__{name}": value for name, value in small.items()}
    )


def cells_of(model, X):
    """Logits of all arrival cells, (n_traces, n_steps, stride, sign), and the logit."""
    from sklearn_aera.neural_network._keras.build import build_network

    network = build_network(model.architecture_, seed=0, training=True)
    network.set_weights(model.weights_)
    outputs = network(X).numpy()
    return outputs[:, 1:].reshape(len(X), -1, model.architecture_.stride, 2), outputs[:, 0]


@pytest.mark.parametrize("make", [recurrent, convolutional])
def test_the_logit_sums_over_the_arrival_cells(data, make):
    model = make(**CELLS, stride=6).fit(data.traces, data.y, signals=data.signals)
    cells, logit = cells_of(model, data.traces)
    assert cells.shape == (300, 20, 6, 2)
    np.testing.assert_allclose(logsumexp(cells, axis=(1, 2, 3)), logit, atol=1e-4)
    np.testing.assert_allclose(model.decision_function(data.traces), logit, atol=1e-4)
    np.testing.assert_allclose(model.model_(data.traces)[:, 0], logit, atol=1e-4)


def test_the_loss_is_that_of_label_and_arrival(data):
    """The last training loss, with a learning rate so small that nothing changes any more."""
    first = recurrent(**CELLS, epochs=2).fit(data.traces, data.y, signals=data.signals)
    still = recurrent(**CELLS, epochs=1, warm_start=True, learning_rate=1e-12)
    vars(still).update({name: v for name, v in vars(first).items() if name.endswith("_")})
    still.fit(data.traces, data.y, signals=1e-3 * data.signals)  # The unit does not matter.
    cells, logit = cells_of(first, data.traces)
    sample = np.stack([data.signals, -data.signals], axis=2).reshape(300, 20, 6, 2)
    peak = np.maximum(sample, 0) ** 8
    share = peak / peak.sum(axis=(1, 2, 3), keepdims=True).clip(1e-30)
    arrival = -np.sum(share * (cells - logit[:, None, None, None]), axis=(1, 2, 3))
    expected = log_loss(data.y, first.predict_proba(data.traces)) + arrival.mean()
    assert still.history_["loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_arrival_times_are_learned_from_signals_alone(data):
    """With signals the cell of the largest logit is at the pulse; from labels it need not be."""
    model = recurrent(**CELLS, epochs=15).fit(data.traces, data.y, signals=data.signals)
    cells, _ = cells_of(model, data.traces[data.y == 1])
    found = logsumexp(cells, axis=(2, 3)).argmax(axis=1)
    true = np.abs(data.signals[data.y == 1]).argmax(axis=1) // 6
    assert np.mean(np.abs(found - true) <= 1) > 0.9
    assert model.score(data.traces, data.y) > 0.95


def test_without_signals_the_loss_is_that_of_the_label(data):
    model = recurrent(**CELLS, epochs=1).fit(data.traces, data.y, X_val=data.traces, y_val=data.y)
    expected = log_loss(data.y, model.predict_proba(data.traces))
    assert model.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)
    three = recurrent(**CELLS, epochs=1).fit(data.traces, np.arange(300) % 3)
    assert three.predict_proba(data.traces).shape == (300, 3)


def test_weights_and_splits_take_signals_along(data):
    weight = np.arange(300) % 3
    options = CELLS | {"batch_size": 1024, "epochs": 4}
    weighted = recurrent(**options).fit(
        data.traces, data.y, sample_weight=weight, signals=data.signals
    )
    repeated = [np.repeat(part, weight, axis=0) for part in (data.traces, data.y, data.signals)]
    copies = recurrent(**options).fit(*repeated[:2], signals=repeated[2])
    np.testing.assert_allclose(
        weighted.decision_function(data.traces), copies.decision_function(data.traces), atol=2e-3
    )
    stopped = recurrent(**CELLS, early_stopping=True, mix_signals=True, flip_polarity=True)
    stopped.fit(data.traces, data.y, signals=data.signals)
    assert np.isfinite(stopped.history_["val_loss"]).all()


def test_simulated_epochs_have_signals(data):
    model = recurrent(**CELLS, epochs=1).fit_simulated(QUIET, 100, **LOUD)
    epoch = make_traces(100, simulator=QUIET, random_state=0, **LOUD)
    by_hand = recurrent(**CELLS, epochs=1).fit(epoch.traces, epoch.y, signals=epoch.signals)
    for a, b in zip(model.weights_, by_hand.weights_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    without = recurrent(**CELLS, epochs=1).fit(epoch.traces, epoch.y)
    assert np.abs(without.weights_[0] - model.weights_[0]).max() > 1e-5
    options = {"mix_signals": True, "max_shift": 5}
    same = recurrent(**CELLS, epochs=1, **options).fit_simulated(QUIET, 100, **LOUD)
    for a, b in zip(model.weights_, same.weights_, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="endless data are neither mixed nor shifted")


def test_the_detector_transforms_signals_as_traces(data):
    detector = small_detector().fit(data.traces, data.y, signals=data.signals)
    steps = detector[:-1]
    by_hand = small_detector()[-1].fit(
        steps.transform(data.traces), data.y, signals=steps.transform(data.signals)
    )
    for a, b in zip(detector[-1].weights_, by_hand.weights_, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    labels = small_detector().fit(data.traces, data.y)
    assert np.abs(labels[-1].weights_[0] - by_hand.weights_[0]).max() > 1e-5


@pytest.mark.parametrize("routing", [False, True])
def test_signals_in_searches(data, routing):
    grid = {"classify__bidirectional": [False, True]}
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(small_detector(cell="simple_rnn"), grid, cv=2)
        search.fit(data.traces, data.y, signals=data.signals)
        scores = cross_val_score(
            search.best_estimator_, data.traces, data.y, cv=2, params={"signals": data.signals}
        )
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, y: s[:, :-1], "signals must have the shape of X, .300, 120., got .300, 119."),
        (lambda s, y: s[:-1], "signals must have the shape of X"),
        (lambda s, y: np.where(y[:, None] == 1, s, np.nan), "signals contains NaN"),
        (lambda s, y: s + 1.0, "signals must be zero for traces of noise alone, .* not zero"),
        (lambda s, y: 0 * s, "not zero for traces with a pulse: they are zero in row .* 1,"),
    ],
)
def test_bad_signals(data, change, message):
    model = recurrent(**CELLS)
    with pytest.raises(ValueError, match=message):
        model.fit(data.traces, data.y, signals=change(data.signals, data.y))
    assert not hasattr(model, "weights_")


def test_signals_need_two_classes_and_the_pooling(data):
    with pytest.raises(ValueError, match="signals can be used with pooling='log_sum_exp' only"):
        recurrent().fit(data.traces, data.y, signals=data.signals)
    with pytest.raises(ValueError, match="signals can be used with two classes only, y has 3"):
        recurrent(**CELLS).fit(data.traces, np.arange(300) % 3, signals=data.signals)
