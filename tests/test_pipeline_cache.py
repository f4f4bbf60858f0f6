"""Cached steps of pipelines are fitted once, in any process, with the same results."""

import os
import subprocess
import sys
from functools import wraps

import joblib
import numpy as np
import pytest
from helpers import LOUD, TINY, convolutional, denoiser, tiny
from sklearn.base import TransformerMixin, clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.pipeline import make_pipeline

from sklearn_aera import feature_extraction, preprocessing, simulation
from sklearn_aera.datasets import make_events
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.neural_network import RecurrentDenoiser
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer, WienerFilter
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    BandPass,
    MeasuredNoise,
    PulseLibrary,
    TraceSimulator,
)

TRANSFORMERS = [
    cls
    for package in (simulation, preprocessing, feature_extraction)
    for cls in (getattr(package, name) for name in package.__all__)
    if isinstance(cls, type) and issubclass(cls, TransformerMixin)
]
pytestmark = pytest.mark.usefixtures("own_workers")

COARSE = {"times_per_sample": 1, "n_slopes": 1}
N_SAMPLES = 120


def simulator():
    parts = AnalyticPulse(phase_jitter=20.0), AntennaNoise(carrier_share=0.1), BandPass(low=35.0)
    return TraceSimulator(*parts, n_samples=N_SAMPLES, random_state=0)


def simulator_of_records():
    """Simulator whose parts hold arrays: a pulse library and recorded noise."""
    time = np.arange(-0.05, 0.05, 0.001)  # us
    pulses = PulseLibrary([-time * np.exp(-((time / 0.005) ** 2))], sampling_rate=1000.0)
    noise = MeasuredNoise(np.random.default_rng(0).normal(size=(3, 600)))
    return TraceSimulator(pulses, noise, n_samples=N_SAMPLES, n_bits=12, random_state=0)


def chains():
    """Pipelines that contain every transformer and every kind of last step."""
    normal, white = StdNormalizer(), SpectralWhitener(regularization=1e-3)
    return {
        "likelihood": make_pipeline(simulator(), LikelihoodRatioClassifier(**COARSE)),
        "SNR": make_pipeline(simulator_of_records(), SNRCalculator(), LogisticRegression()),
        "filter": make_pipeline(simulator(), normal, MatchedFilter(**COARSE), LogisticRegression()),
        "Wiener": make_pipeline(simulator(), WienerFilter(), SNRCalculator(), LogisticRegression()),
        "recurrent": make_pipeline(simulator(), normal, white, tiny(epochs=1)),
        "convolution": make_pipeline(simulator(), normal, convolutional(epochs=1)),
        "denoiser": make_pipeline(simulator(), white, denoiser(epochs=1, **TINY)),
    }


def data_of(name):
    """Events and the target of a pipeline."""
    events, y = make_events(200, random_state=3, **LOUD)
    return events, simulator().fit(events).simulate(events)[1] if name == "denoiser" else y


def result(chain, events):
    method = "predict" if isinstance(chain[-1], RecurrentDenoiser) else "predict_proba"
    return getattr(chain, method)(events)


def forbid_fits(replace):
    """Make the fit of every transformer fail."""

    def fail(self, X, y=None):
        raise AssertionError(f"{type(self).__name__} was fitted again")

    for cls in TRANSFORMERS:
        replace(cls, "fit", fail)


def n_stored(folder):
    return len(list(folder.rglob("output.pkl")))


def test_no_transformer_is_left_out():
    found = {type(step) for chain in chains().values() for step in chain[:-1]}
    assert found == set(TRANSFORMERS)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("name", chains())
def test_the_second_fit_takes_the_cached_steps(tmp_path, monkeypatch, name, mmap_mode):
    """So does another pipeline with the same parameters."""
    chain, (X, y) = chains()[name], data_of(name)
    expected = result(clone(chain).fit(X, y), X)
    chain.set_params(memory=joblib.Memory(tmp_path, mmap_mode=mmap_mode, verbose=0))
    first = clone(chain).fit(X, y)
    np.testing.assert_array_equal(result(first, X), expected)
    assert n_stored(tmp_path) == len(chain) - 1
    with monkeypatch.context() as patch:
        forbid_fits(patch.setattr)
        again = chain.fit(X, y)
        first.fit(X, y)
    assert n_stored(tmp_path) == len(chain) - 1
    np.testing.assert_array_equal(result(again, X), expected)
    np.testing.assert_array_equal(result(first, X), expected)


def test_other_parameters_and_other_data_are_fitted(tmp_path, monkeypatch):
    """A change of any parameter or of the data is noticed."""
    X, y = data_of("likelihood")
    chain = chains()["likelihood"].set_params(memory=str(tmp_path)).fit(X, y)
    forbid_fits(monkeypatch.setattr)
    changes = {
        "n_samples": 100,
        "random_state": 1,
        "n_bits": 12,
        "noise__carrier_share": 0.2,
        "noise": None,
        "pulse__phase_jitter": 10.0,
        "response__low": 40.0,
    }
    for parameter, value in changes.items():
        changed = clone(chain).set_params(**{f"tracesimulator__{parameter}": value})
        with pytest.raises(AssertionError, match="TraceSimulator was fitted again"):
            changed.fit(X, y)
    with pytest.raises(AssertionError, match="TraceSimulator was fitted again"):
        clone(chain).fit(X[:-1], y[:-1])
    clone(chain).fit(X, y)


# --- other processes -------------------------------------------------------------------------

CLASSICAL = [name for name in chains() if name in ("likelihood", "SNR", "filter", "Wiener")]


def fit_all(folder, results):
    """Fit the pipelines with a cache and store their predictions; run in a new process."""
    for name in CLASSICAL:
        X, y = data_of(name)
        chain = chains()[name].set_params(memory=folder).fit(X, y)
        np.save(os.path.join(results, f"{name}.npy"), result(chain, X))
    print(*(joblib.hash(step) for chain in chains().values() for step in chain))


def test_another_process_takes_the_cached_steps(tmp_path):
    """The second process cannot fit a step, and has other hashes of strings."""
    folders = [tmp_path / name for name in ("cache", "first", "second")]
    for folder in folders:
        folder.mkdir()
    cache, first, second = map(str, folders)
    program = "import sys, test_pipeline_cache as t; "
    fits = "t.fit_all(*sys.argv[1:])"
    printed = run(program + fits, cache, first, seed="1")
    n_results = n_stored(folders[0])
    assert n_results
    assert run(program + "t.forbid_fits(setattr); " + fits, cache, second, seed="7") == printed
    assert n_stored(folders[0]) == n_results
    for name in CLASSICAL:
        results = (np.load(folder / f"{name}.npy") for folder in folders[1:])
        np.testing.assert_allclose(*results, rtol=1e-6)


def run(code, *arguments, seed):
    """Run code in a new Python with a seed for the hashes of strings; return its output."""
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- searches --------------------------------------------------------------------------------


@pytest.fixture
def n_calls(monkeypatch):
    """Number of fits of the simulator and of calls of its transform, in this process."""
    counts = {"fit": 0, "transform": 0}

    def count(method):
        def counted(self, *args):
            counts[method.__name__] += 1
            return method(self, *args)

        return wraps(method)(counted)

    for name in counts:
        monkeypatch.setattr(TraceSimulator, name, count(getattr(TraceSimulator, name)))
    return counts


@pytest.mark.slow
def test_a_search_simulates_training_events_once_per_setting(tmp_path, n_calls):
    """The validation events are simulated for each candidate.

    Pipelines of scikit-learn cache fits, but not the transformation of other data.
    """
    grid = {
        "tracesimulator__noise__carrier_share": [0.1, 0.5],
        "likelihoodratioclassifier__snr": [4.0, 8.0, (1.0, 10.0)],
    }
    chain, data = chains()["likelihood"], data_of("likelihood")
    n_folds, n_candidates = 2, len(ParameterGrid(grid))
    options = {"cv": n_folds, "scoring": "roc_auc"}
    plain = GridSearchCV(chain, grid, **options).fit(*data)
    assert n_calls["fit"] == n_folds * n_candidates + 1
    n_calls.update(fit=0, transform=0)
    chain.set_params(memory=str(tmp_path))
    cached = GridSearchCV(chain, grid, **options).fit(*data)
    n_fits = n_folds * 2 + 1  # two settings of the simulator, and the best one on all events
    assert n_calls == {"fit": n_fits, "transform": n_fits + n_folds * n_candidates}
    watched = GridSearchCV(chain, grid, **options).set_callbacks(ProgressBar()).fit(*data)
    in_parallel = GridSearchCV(chain, grid, n_jobs=2, **options).fit(*data)
    assert n_calls["fit"] == n_fits  # the last fit too was cached
    assert n_stored(tmp_path) == n_fits
    for search in (cached, watched, in_parallel):
        assert search.best_params_ == plain.best_params_
        for fold in range(n_folds):
            name = f"split{fold}_test_score"
            np.testing.assert_array_equal(search.cv_results_[name], plain.cv_results_[name])
