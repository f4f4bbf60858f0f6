"""Validation data, passed to fit directly or by scikit-learn's metadata routing."""

import numpy as np
import pytest
from helpers import LOUD, simulating_pipeline, tiny
from sklearn import config_context
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from sklearn_aera.datasets import make_events


def tiny_pipeline(**parameters):
    return simulating_pipeline(tiny(**parameters))


@pytest.fixture(scope="module")
def events():
    return make_events(200, random_state=3, **LOUD)


@pytest.fixture
def halves(easy_traces):
    """Training and validation data of different length."""
    X, y = easy_traces
    return (X[:250], y[:250]), (X[250:], y[250:])


def test_validation_data_are_scored(halves):
    (X, y), (X_val, y_val) = halves
    model = tiny().fit(X, y, X_val=X_val, y_val=y_val)
    assert {len(values) for values in model.history_.values()} == {3}
    loss = log_loss(y_val, model.predict_proba(X_val))
    assert model.history_["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
    accuracy = model.score(X_val, y_val)
    assert model.history_["val_accuracy"][-1] == pytest.approx(accuracy, abs=1e-6)


def test_validation_data_train_nothing(halves):
    (X, y), (X_val, y_val) = halves
    model = tiny(dropout=0.2).fit(X, y, X_val=X_val, y_val=y_val)
    alone = tiny(dropout=0.2).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), alone.decision_function(X))
    assert "val_loss" not in alone.history_
    assert model.history_["loss"] == alone.history_["loss"]


def test_early_stopping_looks_at_the_given_data(halves):
    (X, y), (X_val, y_val) = halves
    options = {"epochs": 40, "early_stopping": True, "n_iter_no_change": 2, "learning_rate": 0.03}
    # The validation labels are swapped, so that the validation loss rises during training.
    wrong = tiny(**options).fit(X, y, X_val=X_val, y_val=1 - y_val)
    best = int(np.argmin(wrong.history_["val_loss"]))
    assert wrong.n_iter_ == best + 3 < 40
    expected = tiny(learning_rate=0.03, epochs=best + 1).fit(X, y)
    np.testing.assert_allclose(wrong.decision_function(X), expected.decision_function(X), atol=1e-5)


def test_validation_data_without_one_of_the_classes(halves):
    """Validation data may lack a class, but must not have an additional one."""
    (X, y), (X_val, y_val) = halves
    model = tiny(epochs=1).fit(X, y, X_val=X_val[y_val == 1], y_val=y_val[y_val == 1])
    assert np.isfinite(model.history_["val_loss"]).all()
    with pytest.raises(ValueError, match=r"y_val has labels that are not among the classes: \[5\]"):
        tiny().fit(X, y, X_val=X_val, y_val=np.where(y_val == 1, 5, 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: {"X_val": X}, "X_val was given without y_val"),
        (lambda X, y: {"y_val": y}, "y_val was given without X_val"),
        (lambda X, y: {"X_val": X[:, 1:], "y_val": y}, "X has 119 features, but Recurrent"),
        (lambda X, y: {"X_val": X[1:], "y_val": y}, "inconsistent numbers of samples"),
        (lambda X, y: {"X_val": X * np.nan, "y_val": y}, "contains NaN"),
        (lambda X, y: {"X_val": X[:0], "y_val": y[:0]}, "0 sample"),
    ],
)
def test_bad_validation_data(halves, change, message):
    (X, y), (X_val, y_val) = halves
    model = tiny()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **change(X_val, y_val))
    assert not hasattr(model, "weights_")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_data_through_a_pipeline(events, early_stopping):
    """Routed validation data are transformed by the fitted steps before the network."""
    options = {"early_stopping": early_stopping, "n_iter_no_change": 1, "epochs": 4}
    validation, y_val = make_events(100, first_event_id=500, random_state=3, **LOUD)
    with config_context(enable_metadata_routing=True):
        pipeline = tiny_pipeline(**options)
        pipeline.set_params(transform_input=["X_val"])
        pipeline[-1].set_fit_request(X_val=True, y_val=True)
        pipeline.fit(*events, X_val=validation, y_val=y_val)
    before = tiny_pipeline()[:-1]
    X = before.fit_transform(*events)
    by_hand = tiny(**options).fit(X, events[1], X_val=before.transform(validation), y_val=y_val)
    assert pipeline[-1].history_ == by_hand.history_
    assert "val_loss" in by_hand.history_
    np.testing.assert_array_equal(
        pipeline.decision_function(validation),
        by_hand.decision_function(before.transform(validation)),
    )


def test_validation_data_through_a_search(events):
    validation, y_val = make_events(100, first_event_id=500, random_state=3, **LOUD)
    with config_context(enable_metadata_routing=True):
        pipeline = tiny_pipeline(epochs=2).set_params(transform_input=["X_val"])
        pipeline[-1].set_fit_request(X_val=True, y_val=True)
        search = GridSearchCV(pipeline, {"classify__hidden_size": [2, 3]}, cv=2)
        search.fit(*events, X_val=validation, y_val=y_val)
    best = search.best_estimator_[-1]
    assert len(best.history_["val_loss"]) == 2
    loss = log_loss(y_val, search.predict_proba(validation))
    assert best.history_["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
