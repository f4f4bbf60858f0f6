"""Models that are loaded from files equal those that were saved."""

import importlib
import pickle
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from helpers import TINY, convolutional, denoiser, recurrent, tiny
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import sklearn_aera
from sklearn_aera.datasets import make_events, make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import tpr_at_fpr
from sklearn_aera.neural_network import make_detector
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer, WienerFilter
from sklearn_aera.simulation import (
    AntennaNoise,
    BandPass,
    MeasuredNoise,
    PulseLibrary,
    TraceSimulator,
)

SUFFIXES = (".skops", ".joblib")
N_SAMPLES = 120
EVENTS = {"snr": 6.0, "arrival_time": (0.1, 0.5), "random_state": 3}


def _pipeline(*first):
    whitening = [("normalize", StdNormalizer()), ("whiten", SpectralWhitener())]
    return Pipeline([*first, *whitening, ("classify", tiny(epochs=2))])


def _simulator():
    time = np.arange(-0.05, 0.05, 0.001)  # us
    library = PulseLibrary([-time * np.exp(-((time / 0.005) ** 2))], sampling_rate=1000.0)
    noise, response = AntennaNoise(carrier_share=0.2), BandPass(low=35.0)
    return TraceSimulator(library, noise, response, n_samples=N_SAMPLES, random_state=0)


def _search(**options):
    grid = {"classify__hidden_size": [6, (3, 3)], "classify__epochs": [1]}
    return GridSearchCV(_pipeline(), grid, cv=2, **options)


MODELS = {
    "normalizer": StdNormalizer(per="dataset"),
    "pipeline": _pipeline(),
    "detector": make_detector(epochs=1, max_shift=0, random_state=0).set_params(
        **{f"classify__{name}": value for name, value in TINY.items()}
    ),
    "convolution": convolutional(epochs=1),
    "denoiser": denoiser(whitener=SpectralWhitener(), epochs=1),
    "wiener filter": WienerFilter(),
    "snr": make_pipeline(SNRCalculator(), LogisticRegression()),
    "matched filter": MatchedFilter(),
    "likelihood ratio": LikelihoodRatioClassifier(),
    "search": _search(),
    "search by TPR": _search(
        scoring={"AUC": "roc_auc", "TPR": make_scorer(tpr_at_fpr, max_fpr=0.1)}, refit="TPR"
    ),
    "simulation": _pipeline(("simulate", _simulator())),
    "measured noise": TraceSimulator(
        noise=MeasuredNoise(np.random.default_rng(0).normal(size=(3, 600))),
        n_samples=N_SAMPLES,
        random_state=0,
    ),
}
OF_EVENTS = ("simulation", "measured noise")


def _result(model, X):
    for method in ("decision_function", "transform", "predict"):
        if hasattr(model, method):
            return getattr(model, method)(X)
    raise AssertionError(f"{model!r} gives nothing to compare")


@pytest.fixture(scope="module")
def traces():
    data = make_traces(120, simulator=TraceSimulator(n_samples=N_SAMPLES), **EVENTS)
    return data.traces, data.y


@pytest.fixture(scope="module")
def models(traces):
    events = make_events(120, **EVENTS)
    return {
        name: clone(model).fit(*(events if name in OF_EVENTS else traces))
        for name, model in MODELS.items()
    }


@pytest.fixture(scope="module")
def inputs(traces):
    events, _ = make_events(120, **EVENTS)
    return {name: events if name in OF_EVENTS else traces[0] for name in MODELS}


@pytest.fixture
def fitted(traces):
    return recurrent(epochs=2).fit(*traces)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", MODELS)
def test_loaded_is_saved(models, inputs, tmp_path, name, suffix):
    model, path = models[name], tmp_path / f"model{suffix}"
    save_model(model, path)
    again = load_model(path, allow_pickle=suffix == ".joblib")
    assert type(again) is type(model)
    assert again.get_params().keys() == model.get_params().keys()
    np.testing.assert_array_equal(_result(again, inputs[name]), _result(model, inputs[name]))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


# What functions and methods return, and no model holds.
RESULTS = ("Interval", "PlaneWave", "PulseParameters", "RateTail", "Recording")


def _public_classes():
    """Full names of the public classes of the package that models may hold."""
    for package in (f"sklearn_aera.{name}" for name in sklearn_aera.__all__ if name[0] != "_"):
        module = importlib.import_module(package)
        for name in module.__all__:
            # Displays are drawn, and models in .onnx files have these.
            in_no_model = name.endswith("Display") or name.startswith("Onnx")
            in_no_model |= name in RESULTS or name == "StreamTrigger"  # test_stream_trigger.py
            if isinstance(getattr(module, name), type) and not in_no_model:
                yield f"{package}.{name}"


def test_files_name_public_classes(models, tmp_path):
    """Every public class is in one of the files, and nothing private, so that files can move."""
    stored = set()
    rng = np.random.default_rng(0)
    long = SpectralWhitener().fit(rng.normal(size=(3, 1100)))
    of_channels = MatchedFilter(n_polarizations=1).fit(rng.normal(size=(9, 2, 80)))
    for number, model in enumerate([*models.values(), long, of_channels]):
        save_model(model, tmp_path / f"{number}.skops")
        with zipfile.ZipFile(tmp_path / f"{number}.skops") as file:
            schema = file.read("schema.json").decode()
        pairs = re.findall(r'"__class__": "(\w+)",\s*"__module__": "(sklearn_aera[\w.]*)"', schema)
        assert len(pairs) == len(re.findall(r'"__module__": "sklearn_aera', schema))
        stored |= {f"{module}.{name}" for name, module in pairs}
        assert re.findall(rb"sklearn_aera[\w.]*\._\w+", pickle.dumps(model)) == []
    assert stored == {*_public_classes(), "sklearn_aera.metrics.tpr_at_fpr"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_records_keep_their_types(models, tmp_path, suffix):
    """Named tuples and frozen data classes, which a format could turn into plain tuples."""
    limit, search = models["likelihood ratio"], models["search"]
    for model in (limit, search):
        save_model(model, tmp_path / f"{type(model).__name__}{suffix}")
    again = load_model(tmp_path / f"LikelihoodRatioClassifier{suffix}", allow_pickle=True)
    assert type(again.bank_) is type(limit.bank_)
    assert type(again.pulse_prior_) is type(limit.pulse_prior_)
    again = load_model(tmp_path / f"GridSearchCV{suffix}", allow_pickle=True)
    assert again.best_estimator_[-1].architecture_ == search.best_estimator_[-1].architecture_
    assert hash(again.best_estimator_[-1].architecture_) == hash(
        search.best_estimator_[-1].architecture_
    )
    assert again.best_estimator_[-1].history_ == search.best_estimator_[-1].history_
    assert again.cv_results_["params"] == search.cv_results_["params"]
    np.testing.assert_array_equal(
        again.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_in_a_fresh_process(models, inputs, tmp_path):
    """Files need neither Keras to be read nor the process that wrote them to be used."""
    for number, (name, model) in enumerate(models.items()):
        save_model(model, tmp_path / f"{number}{SUFFIXES[number % 2]}")
        np.save(tmp_path / f"{number}.npy", inputs[name][:6])
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from sklearn_aera.persistence import load_model\n"
        "folder = Path(sys.argv[1])\n"
        "paths = sorted(p for p in folder.iterdir() if p.suffix in ('.skops', '.joblib'))\n"
        "models = {p.stem: load_model(p, allow_pickle=True) for p in paths}\n"
        "assert 'tensorflow' not in sys.modules\n"
        "for stem, model in models.items():\n"
        "    X = np.load(folder / f'{stem}.npy')\n"
        "    names = ('decision_function', 'transform', 'predict')\n"
        "    methods = (getattr(model, name, None) for name in names)\n"
        "    np.save(folder / f'result-{stem}.npy', next(filter(None, methods))(X))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    for number, (name, model) in enumerate(models.items()):
        there = np.load(tmp_path / f"result-{number}.npy")
        here = _result(model, inputs[name][:6])
        np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("suffix", "overhead"), [(".skops", 16_000), (".joblib", 5000)])
def test_files_are_small(traces, tmp_path, suffix, overhead):
    """A file is little more than its arrays, and a third of it without the optimiser's."""
    model = recurrent(hidden_size=48, n_filters=32).fit(*traces)
    save_model(model, tmp_path / f"whole{suffix}")
    size = (tmp_path / f"whole{suffix}").stat().st_size
    stored = sum(w.nbytes for w in model.weights_ + model.optimizer_state_)
    assert size < stored + overhead
    save_model(model.discard_optimizer_state(), tmp_path / f"third{suffix}")
    third = (tmp_path / f"third{suffix}").stat().st_size
    assert third < sum(w.nbytes for w in model.weights_) + overhead
    assert 0.25 * size < third < 0.4 * size


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_training_goes_on_from_a_file(traces, fitted, tmp_path, suffix):
    X, y = traces
    save_model(fitted, tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}", allow_pickle=True)
    expected = fitted.partial_fit(X, y).decision_function(X)
    np.testing.assert_array_equal(again.partial_fit(X, y).decision_function(X), expected)
    assert again.n_iter_ == fitted.n_iter_ == 3


@pytest.mark.parametrize("go_on", ["partial_fit", "warm_start"])
def test_training_goes_on_without_the_optimizer_state(traces, fitted, tmp_path, go_on):
    X, y = traces
    before = fitted.decision_function(X)
    save_model(fitted.discard_optimizer_state(), tmp_path / "model.skops")
    again = load_model(tmp_path / "model.skops")
    assert again.optimizer_state_ is None
    np.testing.assert_array_equal(again.decision_function(X), before)
    if go_on == "partial_fit":
        again.partial_fit(X, y)
    else:
        again.set_params(warm_start=True).fit(X, y)
    assert again.n_iter_ == len(again.history_["loss"]) > 2
    assert again.history_["loss"][-1] < fitted.history_["loss"][0]
    assert again.optimizer_state_ is not None


def test_callbacks_stay_out_of_the_file(traces, tmp_path):
    """Those of the pipeline and those of a step alone; the model at hand keeps them."""
    bar, monitor = ProgressBar(), ScoringMonitor(scoring="accuracy")
    pipeline = _pipeline().set_params(classify__epochs=1).fit(*traces)
    pipeline.set_callbacks(bar)
    pipeline[-1].set_callbacks(monitor)
    for suffix in SUFFIXES:
        save_model(pipeline, tmp_path / f"model{suffix}")
        again = load_model(tmp_path / f"model{suffix}", allow_pickle=True)
        for estimator in (again, again[-1]):
            assert not hasattr(estimator, "_skl_callbacks")
    assert pipeline._skl_callbacks == [bar]
    assert pipeline[-1]._skl_callbacks == [monitor]
