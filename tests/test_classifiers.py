"""Classifiers with a network: training, labels, weights and invalid input."""

import warnings
from itertools import product

import keras
import numpy as np
import pytest
from helpers import convolutional, recurrent, tiny
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from sklearn_aera.neural_network._architecture import CELLS, RECURRENT_POOLINGS


@pytest.fixture(scope="module")
def fitted(easy_traces):
    return recurrent(epochs=8).fit(*easy_traces)


def test_learns(easy_traces, fitted):
    X, y = easy_traces
    assert roc_auc_score(y, fitted.decision_function(X)) > 0.95
    assert fitted.score(X, y) > 0.9
    losses = fitted.history_["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert fitted.n_iter_ == len(losses) == 8
    assert all(type(value) is float for values in fitted.history_.values() for value in values)


def test_probabilities_and_logits_agree(easy_traces, fitted):
    X, _ = easy_traces
    logits, proba = fitted.decision_function(X), fitted.predict_proba(X)
    np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-6)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[(logits > 0).astype(int)])


def test_scores_do_not_saturate(easy_traces, fitted):
    """Probabilities of loud pulses differ, as very low false-positive rates need."""
    loud = clone(fitted)
    vars(loud).update(vars(fitted))
    loud.weights_ = [*fitted.weights_[:-2], fitted.weights_[-2] * 20, fitted.weights_[-1]]
    X, _ = easy_traces
    logits, proba = loud.decision_function(X), loud.predict_proba(X)[:, 1]
    high = (logits > 17) & (logits < 28)
    assert high.sum() > 5
    assert len(np.unique(proba[high])) == len(np.unique(logits[high]))


def test_partial_fit_needs_classes(easy_traces):
    X, y = easy_traces
    with pytest.raises(ValueError, match="classes must be given at the first call"):
        recurrent().partial_fit(X, y)
    model = recurrent().partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
    assert model.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"labels that are not among the classes: \[5\]"):
        model.partial_fit(X, np.where(y == 1, 5, 0))
    with pytest.raises(ValueError, match=r"classes must stay \[0, 1\], got \[0, 2\]"):
        model.partial_fit(X, y, classes=[0, 2])


def test_string_labels_and_several_classes(easy_traces):
    X, y = easy_traces
    names = np.array(["noise", "pulse"])[y]
    model = recurrent().fit(X, names)
    np.testing.assert_array_equal(
        model.decision_function(X), recurrent().fit(X, y).decision_function(X)
    )
    assert set(model.predict(X)) <= {"noise", "pulse"}
    three = np.where(y == 1, np.where(X.max(axis=1) > np.median(X.max(axis=1)), "c", "b"), "a")
    model = recurrent(epochs=2).fit(X, three)
    assert model.predict_proba(X).shape == model.decision_function(X).shape == (len(X), 3)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("labels", [("cosmic ray", "noise"), ("a", "b"), (-1, 0)])
def test_pulses_must_be_the_second_class(easy_traces, labels):
    X, y = easy_traces
    classes, named = np.unique(labels), np.array(labels)[y]
    for train in (
        lambda: tiny().fit(X, named),
        lambda: tiny().partial_fit(X, named, classes=classes),
    ):
        with pytest.raises(ValueError, match="use 0 for the background and 1 for"):
            train()


def test_data_frames_as_output_of_transformers_change_nothing(easy_traces):
    X, y = easy_traces
    with config_context(transform_output="pandas"):
        assert tiny(epochs=1).fit(X, y).predict(X).shape == y.shape


def test_float64_and_lists_give_the_same(easy_traces):
    X, y = easy_traces
    expected = recurrent(epochs=1).fit(X, y).decision_function(X)
    model = recurrent(epochs=1).fit(X.astype(np.float64), y.tolist())
    np.testing.assert_array_equal(model.decision_function(X.tolist()), expected)


def test_weights_mean_copies(easy_traces):
    """With full batches, a weight of 3 equals three copies and one of 0 equals none."""
    X, y = easy_traces
    X, y = X[:90], y[:90]
    weight = np.arange(90) % 4
    whole = recurrent(batch_size=1024, epochs=5)
    weighted = clone(whole).fit(X, y, sample_weight=weight)
    repeated = clone(whole).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    # Adam divides by the root of a mean square, so that round-off in small gradients grows.
    np.testing.assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), atol=2e-4
    )
    plain = clone(whole).fit(X, y)
    assert np.abs(weighted.decision_function(X) - plain.decision_function(X)).max() > 5e-3


def test_class_weight(easy_traces):
    X, y = easy_traces
    by_class = recurrent().fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    same = recurrent(class_weight={0: 1, 1: 5}).fit(X, y)
    np.testing.assert_array_equal(same.decision_function(X), by_class.decision_function(X))
    assert same.predict_proba(X)[:, 1].mean() > recurrent().fit(X, y).predict_proba(X)[:, 1].mean()
    counts = np.bincount(y)
    balanced = recurrent(class_weight="balanced").fit(X, y)
    by_hand = recurrent().fit(X, y, sample_weight=(len(y) / (2 * counts))[y])
    np.testing.assert_array_equal(balanced.decision_function(X), by_hand.decision_function(X))


def test_model_is_a_keras_model(easy_traces, fitted):
    X, _ = easy_traces
    model = fitted.model_
    assert isinstance(model, keras.Model)
    logits = model.predict_on_batch(X)[:, 0]
    np.testing.assert_allclose(logits, fitted.decision_function(X), atol=1e-5)


CELLS_AND_POOLINGS = [("simple_rnn", "mean"), ("lstm", "last"), ("gru", "flatten")]


@pytest.mark.parametrize(
    ("cell", "pooling"),
    [
        pytest.param(*pair, marks=() if pair in CELLS_AND_POOLINGS else pytest.mark.slow)
        for pair in product(CELLS, RECURRENT_POOLINGS)
    ],
)
def test_every_cell_and_pooling(easy_traces, cell, pooling):
    """The compiled network has the outputs of Keras' own layers."""
    X, y = easy_traces
    model = recurrent(cell=cell, pooling=pooling, stride=24, epochs=1).fit(X[:64], y[:64])
    expected = model.model_.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"cell": "rnn"}, ValueError, "cell must be one of 'simple_rnn', 'lstm', 'gru', got 'rnn'"),
        (
            {"pooling": "sum"},
            ValueError,
            "pooling must be one of .*'max', 'mean', 'last'",
        ),
        ({"hidden_size": 0}, ValueError, "hidden_size == 0, must be >= 1"),
        ({"hidden_size": (8, 0)}, ValueError, "hidden_size == 0, must be >= 1"),
        ({"hidden_size": ()}, TypeError, r"hidden_size must be an integer or a tuple .* got \(\)"),
        ({"hidden_size": 2.5}, TypeError, "hidden_size must be an integer or a tuple"),
        ({"bidirectional": "yes"}, ValueError, "bidirectional must be one of True, False"),
        ({"n_filters": -1}, ValueError, "n_filters == -1, must be >= 0"),
        ({"kernel_size": 0}, ValueError, "kernel_size == 0, must be >= 1"),
        ({"stride": 1.5}, TypeError, "stride must be an integer.*, got 1.5"),
        ({"class_weight": "even"}, ValueError, "class_weight"),
    ],
)
def test_bad_parameters(easy_traces, parameters, error, message):
    model = recurrent(**parameters)
    with pytest.raises(error, match=message):
        model.fit(*easy_traces)
    assert not hasattr(model, "weights_")


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (np.full((4, 6), np.nan), [0, 1, 0, 1], ValueError, "contains NaN"),
        (np.full((4, 6), 1e300), [0, 1, 0, 1], ValueError, "infinity or a value too large"),
        (np.ones((4, 6)), [1, 1, 1, 1], ValueError, "y has only 1 class, 1: at least 2"),
        (np.ones((4, 6)), [0, 1, 0], ValueError, "inconsistent numbers of samples"),
        (np.ones((0, 6)), [], ValueError, "0 sample"),
        (np.ones(6), [0, 1], ValueError, "Expected 2D array"),
        (np.ones((4, 6)), [0.1, 0.2, 0.3, 0.4], ValueError, "Unknown label type"),
        (csr_array(np.ones((4, 6))), [0, 1, 0, 1], TypeError, "Sparse data was passed"),
    ],
)
def test_bad_data(X, y, error, message):
    model = recurrent()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's own on the cast of 1e300
        with pytest.raises(error, match=message):
            model.fit(X, y)
    assert not hasattr(model, "weights_")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(400), "sample_weight must not be zero for all traces"),
        (-np.ones(400), "sample_weight must be 0 or positive, got -1.0"),
        (np.full(400, np.nan), "sample_weight contains NaN"),
        (np.ones(3), "inconsistent numbers of samples"),
        (np.ones((400, 1)), "sample_weight must be one-dimensional"),
    ],
)
def test_bad_sample_weights(easy_traces, weight, message):
    with pytest.raises(ValueError, match=message):
        recurrent().fit(*easy_traces, sample_weight=weight)


def test_bad_predictions(easy_traces, fitted):
    X, _ = easy_traces
    with pytest.raises(NotFittedError, match="RecurrentClassifier instance is not fitted"):
        recurrent().predict(X)
    with pytest.raises(ValueError, match="X has 119 features, but RecurrentClassifier"):
        fitted.predict(X[:, 1:])
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.predict_proba(np.full((2, 120), np.nan))


def test_classes_of_no_weight_are_no_classes(easy_traces):
    X, y = easy_traces
    three = np.where(np.arange(len(y)) % 4 == 0, 2, y)
    kept = three > 0
    without = recurrent(class_weight={0: 0, 1: 1, 2: 3}).fit(X, three)
    alone = recurrent(class_weight={1: 1, 2: 3}).fit(X[kept], three[kept])
    assert without.classes_.tolist() == [1, 2]
    np.testing.assert_array_equal(without.decision_function(X), alone.decision_function(X))
    with pytest.raises(ValueError, match="y has only 1 class of weight above 0, 1: at least 2"):
        recurrent(class_weight={0: 0, 1: 1}).fit(X, y)
    with pytest.raises(ValueError, match="sample_weight and class_weight leave no trace"):
        recurrent(class_weight={0: 0, 1: 1}).fit(X, y, sample_weight=(y == 0).astype(float))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ({0: 1, 1: -1}, ValueError, "class_weight == -1, must be >= 0"),
        ({0: 1, 1: np.nan}, ValueError, "class_weight must be finite, got nan"),
        ({0: np.inf, 1: 1}, ValueError, "class_weight must be finite, got inf"),
        ({0: "a", 1: 1}, TypeError, "class_weight must be a real number, got 'a'"),
        ("uniform", ValueError, "class_weight must be a dictionary, 'balanced' or None, got"),
        ([1, 2], ValueError, "class_weight must be a dictionary, 'balanced' or None, got"),
    ],
)
def test_bad_weights_of_classes(easy_traces, weights, error, message):
    with pytest.raises(error, match=message):
        tiny(class_weight=weights).fit(*easy_traces)


def test_weights_of_balance_need_all_data(easy_traces):
    X, y = easy_traces
    with pytest.raises(ValueError, match="class_weight='balanced' cannot be used with partial_fit"):
        recurrent(class_weight="balanced").partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize(
    "cell", ["simple_rnn", *(pytest.param(c, marks=pytest.mark.slow) for c in ("lstm", "gru"))]
)
def test_sequence_of_one_step(easy_traces, cell):
    """One frame is the whole trace; TensorFlow does not know the length of its gradient."""
    X, y = easy_traces
    model = tiny(cell=cell, kernel_size=120, epochs=1).fit(X, y)
    expected = model.model_.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-5)


# --- the convolutional classifier ------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["max_logit", "log_sum_exp", "max", "mean", "flatten"])
def test_convolutional_classifier_learns(easy_traces, pooling):
    X, y = easy_traces
    model = convolutional(pooling=pooling, epochs=25).fit(X, y)
    assert roc_auc_score(y, model.decision_function(X)) > 0.9


def test_convolutional_classifier_computes_a_bank_of_filters(easy_traces):
    X, y = easy_traces
    model = convolutional(kernel_size=4, stride=2).fit(X, y)
    filters, bias, kernel, offset = (w.astype(float) for w in model.weights_)
    padded = np.pad(X.astype(float), ((0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 4, axis=1)[:, ::2]
    logits = np.maximum(windows @ filters[:, 0] + bias, 0) @ kernel + offset
    np.testing.assert_allclose(model.decision_function(X), logits[:, :, 0].max(axis=1), atol=1e-5)


def test_several_layers(easy_traces):
    X, y = easy_traces
    model = convolutional(n_filters=(6, 4), kernel_size=(8, 3), stride=(4, 1), epochs=1).fit(X, y)
    assert [w.shape for w in model.weights_[:4:2]] == [(8, 1, 6), (3, 6, 4)]
    three = convolutional(n_filters=(6, 4), epochs=1).fit(X, np.arange(len(y)) % 3)
    assert three.predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"pooling": "last"},
            ValueError,
            "pooling must be one of 'max_logit', 'log_sum_exp', 'max'",
        ),
        ({"n_filters": 0}, ValueError, "n_filters == 0, must be >= 1"),
        ({"n_filters": ()}, TypeError, "n_filters must be an integer or a tuple of integers"),
        ({"n_filters": (4, 4), "stride": (1, 2, 3)}, ValueError, "stride must be one number or"),
    ],
)
def test_bad_convolutional_parameters(easy_traces, parameters, error, message):
    with pytest.raises(error, match=message):
        convolutional(**parameters).fit(*easy_traces)
