"""Checks of scikit-learn for every public estimator."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import (
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
    parametrize_with_checks,
)

from sklearn_aera.datasets import make_events
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    RecurrentDenoiser,
)
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer, WienerFilter
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    BandPass,
    MeasuredNoise,
    PulseLibrary,
    TraceSimulator,
)
from sklearn_aera.trigger import StreamTrigger

# Weights are equivalent to repeated traces only with full batches.
SMALL = {"epochs": 40, "batch_size": 1024, "learning_rate": 0.05}
RAW = {"cell": "simple_rnn", "hidden_size": 8, "bidirectional": False, "n_filters": 0}
RAW |= {"kernel_size": 1, "stride": 1}
CONVOLUTION = SMALL | {"n_filters": 32, "kernel_size": 3, "stride": 1, "pooling": "flatten"}
ESTIMATORS = [
    StdNormalizer(),
    StdNormalizer(per="dataset"),
    SpectralWhitener(),
    WienerFilter(),
    SNRCalculator(),
    MatchedFilter(),
    LikelihoodRatioClassifier(),
    RecurrentClassifier(**SMALL, **RAW),
]
# They share the training with the recurrent classifier.
OTHER_NETWORKS = [ConvolutionalClassifier(**CONVOLUTION), RecurrentDenoiser(**SMALL, **RAW)]
NETWORKS = (RecurrentClassifier, ConvolutionalClassifier, RecurrentDenoiser)
# Checks that require agreement to 1e-7, and the tolerance for networks, which compute in float32:
# the rounding of a product depends on the position of a trace in its batch, and training
# accumulates rounding errors.
ROUND_OFF = {
    "check_methods_sample_order_invariance": 1e-5,
    "check_methods_subset_invariance": 1e-5,
    "check_sample_weight_equivalence_on_dense_data": 1e-2,
}


NO_BACKGROUND = "has the labels 'one' and 'two', which do not say which of them is the background"
CLASSIFIERS = ("LikelihoodRatioClassifier", "RecurrentClassifier", "ConvolutionalClassifier")


def expected_failures(estimator):
    if type(estimator).__name__ in CLASSIFIERS:
        return {"check_classifiers_classes": NO_BACKGROUND}
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimators(estimator, check, monkeypatch):
    run(check, estimator, monkeypatch)


@pytest.mark.slow
@parametrize_with_checks(OTHER_NETWORKS, expected_failed_checks=expected_failures)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_other_networks(estimator, check, monkeypatch):
    run(check, estimator, monkeypatch)


def run(check, estimator, monkeypatch):
    """Run a check, with the tolerance of float32 if the check needs it."""
    tolerance = ROUND_OFF.get(check.func.__name__)
    if tolerance and isinstance(estimator, NETWORKS):

        def agree(x, y, err_msg="", **_):
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=err_msg)

        for name in ("assert_allclose", "assert_allclose_dense_sparse"):
            monkeypatch.setattr(estimator_checks, name, agree)
    check(estimator)


def _simulators():
    recordings = np.random.default_rng(0).normal(size=(3, 600))
    library = PulseLibrary(np.random.default_rng(1).normal(size=(2, 50)), 500.0)
    parts = [AnalyticPulse(), AntennaNoise(), BandPass(), library, MeasuredNoise(recordings)]
    parts.append(StreamTrigger(RecurrentClassifier()))
    return [TraceSimulator(), TraceSimulator(pulse=library, noise=AntennaNoise()), *parts]


CHECKS_WITHOUT_DATA = (
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_set_params,
    check_valid_tag_types,
)


@pytest.mark.parametrize("estimator", _simulators(), ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("check", CHECKS_WITHOUT_DATA, ids=lambda check: check.__name__)
def test_simulator_and_parts(estimator, check):
    """Checks that do not pass arbitrary arrays, for objects that take events or recordings."""
    check(type(estimator).__name__, estimator)


@pytest.mark.parametrize("part", [TraceSimulator, AnalyticPulse, AntennaNoise, BandPass])
def test_default_constructible(part):
    check_parameters_default_constructible(part.__name__, part())


def test_simulator_says_that_its_input_is_an_event_table():
    tags = get_tags(TraceSimulator())
    assert not tags.input_tags.two_d_array
    assert tags.requires_fit


@pytest.mark.parametrize("estimator", _simulators()[:2])
def test_simulator_survives_pickle_and_clone(estimator):
    events, _ = make_events(5, random_state=0)
    estimator = clone(estimator).set_params(random_state=4)
    traces = estimator.fit_transform(events)
    copy = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(copy.transform(events), traces)
    np.testing.assert_array_equal(clone(estimator).fit_transform(events), traces)
