"""Learning rates during a training."""

import numpy as np
import pytest

from sklearn_aera.neural_network._schedule import learning_rates


def test_constant():
    np.testing.assert_array_equal(learning_rates("constant", 0.5, 4), np.full(4, 0.5, np.float32))


def test_cosine():
    rates = learning_rates("cosine", 2.0, 1000)
    top = rates.argmax()
    assert top == pytest.approx(100, abs=1)
    assert rates[top] == pytest.approx(2.0, rel=1e-4)
    assert np.all(np.diff(rates[:top]) > 0)
    assert np.all(np.diff(rates[top + 1 :]) < 0)
    assert rates[550] == pytest.approx(1.0, rel=0.01)
    assert 0 < rates[-1] < 1e-4


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_epochs_are_parts_of_one_schedule(schedule):
    whole = learning_rates(schedule, 0.3, 60)
    epochs = [learning_rates(schedule, 0.3, 12, epoch=e, n_epochs=5) for e in range(5)]
    np.testing.assert_allclose(np.concatenate(epochs), whole, rtol=1e-5)


def test_epochs_of_different_length_take_equal_shares_of_the_schedule():
    """Each step has the rate at its place in its epoch, whatever the number of steps."""
    fine = learning_rates("cosine", 1.0, 5 * 60).reshape(5, 60)
    for epoch, n_steps in enumerate((4, 12, 60, 1, 20)):
        rates = learning_rates("cosine", 1.0, n_steps, epoch=epoch, n_epochs=5)
        centres = ((np.arange(n_steps) + 0.5) / n_steps * 60 - 0.5) + 60 * epoch
        np.testing.assert_allclose(
            rates, np.interp(centres, np.arange(300), fine.ravel()), atol=1e-3
        )
