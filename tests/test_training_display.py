"""The display of a training."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import texts_overlap, tiny
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import TrainingDisplay
from sklearn_aera.neural_network import RecurrentDenoiser
from sklearn_aera.preprocessing import StdNormalizer


def test_training_display():
    data = make_traces(80, snr=5.0, random_state=0)
    pipeline = make_pipeline(StdNormalizer(), tiny(early_stopping=True))
    display = TrainingDisplay.from_estimator(pipeline.fit(data.traces, data.y))
    history = pipeline[-1].history_
    loss, accuracy = display.axes_
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history["loss"])
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), history["val_loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), history["val_accuracy"])
    best = int(np.argmin(history["val_loss"]))
    assert loss.lines[2].get_xdata() == [best + 1]
    assert accuracy.lines[2].get_ydata() == [history["val_accuracy"][best]]
    assert not texts_overlap(display.figure_)


def test_training_display_of_a_denoiser():
    data = make_traces(40, snr=5.0, random_state=0)
    denoiser = RecurrentDenoiser(hidden_size=2, n_filters=2, stride=20, epochs=2, random_state=0)
    display = TrainingDisplay.from_estimator(denoiser.fit(data.traces, data.signals))
    (ax,) = display.axes_
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), denoiser.history_["loss"])
    assert ax.get_xlabel() == "Epoch"


def test_training_display_refuses():
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(tiny())
    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match=r"must have a network.* got LogisticRegression"):
        TrainingDisplay.from_estimator(fitted)
    with pytest.raises(ValueError, match="axes must be 2"):
        TrainingDisplay({"loss": [1.0], "accuracy": [0.5]}).plot([plt.figure().gca()])


def test_training_display_of_validation_in_some_epochs():
    history = {"loss": [0.5, 0.4, 0.3], "val_loss": [np.nan, 0.6, np.nan]}
    (ax,) = TrainingDisplay(history).plot().axes_
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), history["val_loss"])
    assert ax.lines[2].get_xdata() == [2]
