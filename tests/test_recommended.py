"""The recommended detector and denoiser."""

import numpy as np
import pytest
from helpers import LOUD, QUIET
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import RecurrentDenoiser, make_denoiser, make_detector

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


def test_options_reach_the_steps(tmp_path):
    detector = make_detector(epochs=7, max_shift=3, random_state=4, memory=tmp_path, verbose=1)
    classifier = detector[-1]
    assert (classifier.epochs, classifier.max_shift, classifier.verbose) == (7, 3, 1)
    assert (classifier.random_state, detector.memory) == (4, tmp_path)
    denoiser = make_denoiser(epochs=7, max_shift=3, random_state=4, verbose=1)
    assert (denoiser.epochs, denoiser.max_shift, denoiser.verbose) == (7, 3, 1)
    assert denoiser.random_state == 4


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
