"""Base of the estimators with a network: fitted state, training in parts, failures."""

import pickle

import numpy as np
import pytest
from helpers import convolutional, recurrent, tiny
from sklearn.metrics import roc_auc_score

from sklearn_aera.neural_network._keras.model import TraceModel


@pytest.fixture(scope="module")
def fitted(easy_traces):
    return recurrent(epochs=8).fit(*easy_traces)


def test_fitted_state_is_plain_data(fitted):
    state = vars(fitted)
    assert all(type(w) is np.ndarray for w in fitted.weights_ + fitted.optimizer_state_)
    modules = {type(value).__module__.split(".")[0] for value in state.values()}
    assert modules <= {"builtins", "numpy", "sklearn_aera"}
    n_weights = sum(w.nbytes for w in fitted.weights_ + fitted.optimizer_state_)
    assert len(pickle.dumps(fitted)) < n_weights + 5000


def test_repeated_fit_is_identical(easy_traces):
    X, y = easy_traces
    first, second = (recurrent(dropout=0.2).fit(X, y).decision_function(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = recurrent(dropout=0.2, random_state=1).fit(X, y).decision_function(X)
    assert np.abs(first - other).max() > 1e-3


def test_two_estimators_of_one_architecture_do_not_meet(easy_traces):
    """They share a compiled graph, but training one does not change the other."""
    X, y = easy_traces
    alone = recurrent().fit(X, y)
    expected = alone.decision_function(X)
    a, b = recurrent(), recurrent(random_state=9, learning_rate=0.1)
    a.partial_fit(X, y, classes=[0, 1])
    b.partial_fit(X, 1 - y, classes=[0, 1])
    copy = pickle.loads(pickle.dumps(a))
    for estimator in (a, b, a, b):
        estimator.partial_fit(X, y if estimator is a else 1 - y)
        b.predict(X)
    copy.partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(a.decision_function(X), expected)
    np.testing.assert_array_equal(copy.decision_function(X), expected)


def test_partial_fit_is_fit_one_epoch_at_a_time(easy_traces):
    X, y = easy_traces
    whole = recurrent(epochs=3).fit(X, y)
    steps = recurrent()
    for _ in range(3):
        steps.partial_fit(X, y, classes=[0, 1])
    np.testing.assert_array_equal(steps.decision_function(X), whole.decision_function(X))
    assert steps.history_ == whole.history_
    assert steps.n_iter_ == 3


def test_warm_start_goes_on(easy_traces):
    X, y = easy_traces
    whole = recurrent(epochs=4).fit(X, y)
    halves = recurrent(epochs=2, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(halves.decision_function(X), whole.decision_function(X))
    cold = recurrent(epochs=2).fit(X, y).fit(X, y)
    assert cold.n_iter_ == 2
    halves.set_params(hidden_size=7)
    with pytest.raises(ValueError, match="parameters of the network have changed"):
        halves.fit(X, y)
    halves.set_params(hidden_size=6)
    with pytest.raises(ValueError, match=r"y has the classes \[0, 2\], but with warm_start=True"):
        halves.fit(X, 2 * y)


def test_input_is_not_changed(easy_traces):
    X, y = easy_traces
    before = X.copy()
    recurrent(epochs=1).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


def test_early_stopping(easy_traces):
    X, y = easy_traces
    model = recurrent(epochs=60, early_stopping=True, n_iter_no_change=3, learning_rate=0.03).fit(
        X, y
    )
    losses = np.array(model.history_["val_loss"])
    assert model.n_iter_ == len(losses) < 60
    best = losses.argmin()
    assert best >= len(losses) - 1 - 2 * 3
    # The weights are those of the best epoch.
    stopped_there = recurrent(
        epochs=int(best) + 1, early_stopping=True, n_iter_no_change=60, learning_rate=0.03
    ).fit(X, y)
    np.testing.assert_allclose(
        model.decision_function(X), stopped_there.decision_function(X), atol=1e-5
    )


def test_early_stopping_of_too_few_traces(easy_traces):
    X, _ = easy_traces
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of 4 traces leaves too few"):
        recurrent(early_stopping=True).fit(X[:4], [0, 1, 0, 1])


def test_verbose_prints_and_silence_does_not(easy_traces, capfd):
    X, y = easy_traces
    recurrent(epochs=2).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")
    recurrent(epochs=2, verbose=1).fit(X, y)
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2: accuracy ")


def test_failed_fit_leaves_the_estimator_as_it_was(easy_traces, monkeypatch):
    X, y = easy_traces
    model = recurrent().fit(X, y)
    before = model.decision_function(X)

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TraceModel, "_run_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, 1 - y)
        fresh = recurrent()
        with pytest.raises(KeyboardInterrupt):
            fresh.fit(X, y)
    assert not hasattr(fresh, "weights_")
    np.testing.assert_array_equal(model.decision_function(X), before)


def test_history_of_training_that_goes_on_without_validation(easy_traces):
    X, y = easy_traces
    model = recurrent(epochs=2).fit(X, y, X_val=X[:20], y_val=y[:20])
    before = model.history_["val_loss"]
    model.partial_fit(X, y)
    np.testing.assert_array_equal(model.history_["val_loss"], [*before, np.nan])
    assert len(model.history_["loss"]) == 3
    model = recurrent(epochs=1).fit(X, y).set_params(warm_start=True)
    model.fit(X, y, X_val=X[:20], y_val=y[:20])
    assert np.isnan(model.history_["val_loss"]).tolist() == [True, False]


def test_augmented_and_scheduled_fits_repeat(easy_traces):
    options = {
        "flip_polarity": True,
        "max_shift": 30,
        "learning_rate_schedule": "cosine",
        "weight_decay": 0.1,
    }
    first, second = (recurrent(**options).fit(*easy_traces).weights_ for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    plain = recurrent().fit(*easy_traces)
    for name, value in options.items():
        changed = recurrent(**{name: value}).fit(*easy_traces)
        assert np.abs(changed.weights_[0] - plain.weights_[0]).max() > 1e-4, name


def test_weight_decay_shrinks_the_weights(easy_traces):
    norms = [
        np.linalg.norm(recurrent(weight_decay=decay, epochs=8).fit(*easy_traces).weights_[0])
        for decay in (0.0, 1.0, 10.0)
    ]
    assert norms[0] > norms[1] > norms[2]


def test_flips_make_the_network_indifferent_to_polarity(easy_traces):
    """After training on one polarity, the other is found only with flips."""
    X, y = easy_traces
    upright = X * np.sign(X[np.arange(len(X)), np.abs(X).argmax(axis=1)])[:, None]
    found = [
        roc_auc_score(
            y, recurrent(flip_polarity=flip, epochs=8).fit(upright, y).decision_function(-upright)
        )
        for flip in (False, True)
    ]
    assert found[1] > 0.95
    assert found[1] > found[0]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"dropout": 1.0}, ValueError, "dropout == 1.0, must be < 1"),
        ({"learning_rate": 0}, ValueError, "learning_rate == 0, must be > 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite, got nan"),
        (
            {"learning_rate_schedule": "steps"},
            ValueError,
            "learning_rate_schedule must be one of 'constant', 'cosine', got 'steps'",
        ),
        ({"weight_decay": -1}, ValueError, "weight_decay == -1, must be >= 0"),
        ({"flip_polarity": 2}, ValueError, "flip_polarity must be one of True, False, got 2"),
        ({"max_shift": -1}, ValueError, "max_shift == -1, must be >= 0"),
        ({"batch_size": 0}, ValueError, "batch_size == 0, must be >= 1"),
        ({"epochs": 0}, ValueError, "epochs == 0, must be >= 1"),
        ({"epochs": True}, TypeError, "epochs must be an integer, got True"),
        ({"early_stopping": "auto"}, ValueError, "early_stopping must be one of True, False"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction == 1.0, must be < 1"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change == 0, must be >= 1"),
        ({"tol": -1}, ValueError, "tol == -1, must be >= 0"),
        ({"warm_start": "no"}, ValueError, "warm_start must be one of True, False, got 'no'"),
        ({"random_state": "now"}, ValueError, "random_state must be None, an integer"),
    ],
)
def test_bad_training_parameters(easy_traces, parameters, error, message):
    for model in (tiny(**parameters), convolutional(**parameters)):
        with pytest.raises(error, match=message):
            model.fit(*easy_traces)
        assert not hasattr(model, "weights_")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("validation_data", "X_val and y_val"),
        ("callbacks", "set_callbacks"),
        ("epochs", "the parameter epochs"),
    ],
)
def test_arguments_of_keras_are_answered(easy_traces, name, instead):
    with pytest.raises(TypeError, match=f"{name} is an argument of Keras' fit; .* use {instead}"):
        tiny().fit(*easy_traces, **{name: 3})


def test_diverged_training_is_an_error(easy_traces):
    X, y = easy_traces
    model = convolutional().fit(X, y)
    before = model.decision_function(X)
    with pytest.raises(ValueError, match="the training diverged: the loss of epoch 1 is nan"):
        model.fit(X * np.float32(1e37), y)
    np.testing.assert_array_equal(model.decision_function(X), before)


def test_outputs_that_are_not_finite_are_an_error(easy_traces):
    X, y = easy_traces
    model = convolutional().fit(X, y)
    model.weights_ = [model.weights_[0] * np.float32(1e10), *model.weights_[1:]]
    assert np.isfinite(model.predict_proba(X)).all()
    loud = X.copy()
    loud[7] *= 1e30
    with pytest.raises(ValueError, match="X: the network's output for trace 7 is not finite"):
        model.predict_proba(loud)


def test_training_without_the_optimizer_state(easy_traces):
    """Without it, training continues with a fresh optimiser."""
    X, y = easy_traces
    whole, model = (tiny(warm_start=True).fit(X, y) for _ in range(2))
    expected, size = model.decision_function(X), len(pickle.dumps(model))
    assert model.discard_optimizer_state() is model
    assert len(pickle.dumps(model)) < size - sum(w.nbytes for w in model.weights_)
    np.testing.assert_array_equal(model.decision_function(X), expected)
    model.fit(X, y)
    assert model.n_iter_ == 6
    assert np.abs(model.weights_[0] - whole.fit(X, y).weights_[0]).max() > 1e-6
