"""The training loop gives the results of Keras', in an order set by seed and epoch."""

import keras
import numpy as np
import pytest
from helpers import TINY, convolutional, denoiser, tiny

from sklearn_aera.neural_network._keras import model as keras_model_module
from sklearn_aera.neural_network._keras import pool


def losses_of(kind):
    if kind == "denoiser":
        return keras.losses.MeanSquaredError
    if kind == "several classes":
        return lambda **options: keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, **options
        )
    return lambda **options: keras.losses.BinaryCrossentropy(from_logits=True, **options)


@pytest.mark.parametrize(
    "kind", ["classifier", pytest.param("several classes", marks=pytest.mark.slow), "denoiser"]
)
def test_trains_as_keras_does(easy_traces, kind):
    """Full batches make the order of the traces irrelevant."""
    X, y = easy_traces
    y = {"classifier": y, "several classes": np.arange(len(y)) % 3, "denoiser": 0.3 * X}[kind]
    weight = np.linspace(0.1, 2, len(y)).astype(np.float32)
    options = {"batch_size": 1024, "epochs": 4, "learning_rate": 0.01, "weight_decay": 0.1}
    make = {"classifier": convolutional, "several classes": tiny, "denoiser": denoiser}[kind]
    network = TINY if kind == "denoiser" else {}
    found = make(**options, **network).fit(X, y, weight)

    with pool.lend(found.architecture_) as lent:
        model = pool.keras_model(found.architecture_, lent.initial_weights(found.seed_))
    optimizer = keras.optimizers.AdamW(learning_rate=0.01, weight_decay=0.1)
    loss = losses_of(kind)(reduction="mean_with_sample_weight")
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    data = found._check_data(X, y, reset=False)
    inputs, targets = found._network_arrays(data, vars(found))
    history = model.fit(
        inputs,
        targets.reshape(len(X), -1),
        sample_weight=weight,
        batch_size=1024,
        epochs=4,
        shuffle=False,
        verbose=0,
    ).history
    np.testing.assert_allclose(found.history_["loss"], history["loss"], rtol=1e-4)
    for ours, theirs in zip(found.weights_, model.get_weights(), strict=False):
        # Adam divides by the root of a mean square, so that round-off in small gradients grows.
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_steps_in_one_call_or_in_many(easy_traces, monkeypatch, steps_per_call):
    X, y = easy_traces
    options = {"batch_size": 32, "learning_rate_schedule": "cosine", "dropout": 0.2}
    expected = tiny(**options).fit(X, y)
    monkeypatch.setattr(keras_model_module, "_STEPS_PER_CALL", steps_per_call)
    found = tiny(**options).fit(X, y)
    assert found.history_ == expected.history_
    for a, b in zip(found.weights_, expected.weights_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_predictions_in_one_batch_or_in_many(easy_traces, monkeypatch):
    X, y = easy_traces
    model = tiny().fit(X, y, X_val=X, y_val=y)
    expected = model.decision_function(X)
    monkeypatch.setattr(keras_model_module, "_PREDICTION_BATCH", 33)
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-6)
    again = tiny().fit(X, y, X_val=X, y_val=y)
    np.testing.assert_allclose(again.history_["val_loss"], model.history_["val_loss"], rtol=1e-5)


def test_every_trace_is_seen_once_an_epoch(easy_traces, monkeypatch):
    """The order depends on the epoch and on the seed."""
    X, y = easy_traces
    orders, run_epoch = [], keras_model_module.TraceModel._run_epoch

    def watched(self, data, order, *arguments):
        orders.append(order)
        return run_epoch(self, data, order, *arguments)

    monkeypatch.setattr(keras_model_module.TraceModel, "_run_epoch", watched)
    for seed in (0, 0, 1):
        tiny(epochs=2, random_state=seed).fit(X, y)
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(len(X)))
    assert len({tuple(order) for order in orders}) == 4
    np.testing.assert_array_equal(orders[:2], orders[2:4])
