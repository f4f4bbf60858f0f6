"""Model files: what is loaded is what was saved, or an error says why not."""

import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_aera import _base
from sklearn_aera.datasets import make_events, make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import tpr_at_fpr
from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    RecurrentDenoiser,
)
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import (
    AntennaNoise,
    BandPass,
    MeasuredNoise,
    PulseLibrary,
    TraceSimulator,
)

DATA = Path(__file__).parent / "data"
SUFFIXES = (".skops", ".joblib")
N_SAMPLES = 120
EVENTS = {"snr": 6.0, "arrival_time": (0.1, 0.5), "random_state": 3}


def small(**parameters):
    network = {"hidden_size": 6, "n_filters": 8, "kernel_size": 12, "stride": 12}
    training = {"epochs": 2, "batch_size": 64, "random_state": 0}
    return RecurrentClassifier(**(network | training | parameters))


def _pipeline(*first):
    steps = [("normalize", StdNormalizer()), ("whiten", SpectralWhitener()), ("classify", small())]
    return Pipeline([*first, *steps])


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
    "convolution": ConvolutionalClassifier(epochs=1, random_state=0),
    "denoiser": RecurrentDenoiser(whitener=SpectralWhitener(), epochs=1, random_state=0),
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
    return small().fit(*traces)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", MODELS)
def test_loaded_is_saved(models, inputs, tmp_path, name, suffix):
    model, path = models[name], tmp_path / f"model{suffix}"
    save_model(path, model)
    again = load_model(path, allow_pickle=suffix == ".joblib")
    assert type(again) is type(model)
    assert again.get_params().keys() == model.get_params().keys()
    np.testing.assert_array_equal(_result(again, inputs[name]), _result(model, inputs[name]))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_records_keep_their_types(models, tmp_path, suffix):
    """Named tuples and frozen data classes, which a format could turn into plain tuples."""
    limit, search = models["likelihood ratio"], models["search"]
    for model in (limit, search):
        save_model(tmp_path / f"{type(model).__name__}{suffix}", model)
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
        save_model(tmp_path / f"{number}{SUFFIXES[number % 2]}", model)
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
    model = small(hidden_size=48, n_filters=32).fit(*traces)
    save_model(tmp_path / f"whole{suffix}", model)
    size = (tmp_path / f"whole{suffix}").stat().st_size
    stored = sum(w.nbytes for w in model.weights_ + model.optimizer_state_)
    assert size < stored + overhead
    save_model(tmp_path / f"third{suffix}", model.discard_optimizer_state())
    third = (tmp_path / f"third{suffix}").stat().st_size
    assert third < sum(w.nbytes for w in model.weights_) + overhead
    assert 0.25 * size < third < 0.4 * size


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_training_goes_on_from_a_file(traces, fitted, tmp_path, suffix):
    X, y = traces
    save_model(tmp_path / f"model{suffix}", fitted)
    again = load_model(tmp_path / f"model{suffix}", allow_pickle=True)
    expected = fitted.partial_fit(X, y).decision_function(X)
    np.testing.assert_array_equal(again.partial_fit(X, y).decision_function(X), expected)
    assert again.n_iter_ == fitted.n_iter_ == 3


@pytest.mark.parametrize("go_on", ["partial_fit", "warm_start"])
def test_training_goes_on_without_the_optimizer_state(traces, fitted, tmp_path, go_on):
    X, y = traces
    before = fitted.decision_function(X)
    save_model(tmp_path / "model.skops", fitted.discard_optimizer_state())
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
        save_model(tmp_path / f"model{suffix}", pipeline)
        again = load_model(tmp_path / f"model{suffix}", allow_pickle=True)
        for estimator in (again, again[-1]):
            assert not hasattr(estimator, "_skl_callbacks")
    assert pipeline._skl_callbacks == [bar]
    assert pipeline[-1]._skl_callbacks == [monitor]


# --- files of other versions -----------------------------------------------------------------


STORED = sorted(path for path in DATA.glob("detector-*") if path.suffix in SUFFIXES)


def test_there_are_stored_models():
    assert {path.suffix for path in STORED} == set(SUFFIXES)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_stored_models_still_work(path):
    """Made by `data/make_stored_model.py` when that version was the latest."""
    detector = load_model(path, allow_pickle=True)
    with np.load(path.with_suffix(".npz")) as expected:
        traces, y = expected["traces"], expected["y"]
        np.testing.assert_allclose(
            detector.decision_function(traces), expected["decision_function"], atol=1e-4
        )
    before = detector[-1].n_iter_
    detector[-1].partial_fit(detector[:-1].transform(traces), y)
    assert detector[-1].n_iter_ == before + 1


REFUSED = (
    "this StdNormalizer was stored by sklearn-aera .* in format 1, and sklearn-aera .* reads "
    "format 2 alone: load it with that version, or fit it again"
)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_format_is_refused(models, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(path, models["normalizer"])
    monkeypatch.setattr(_base, "STATE_FORMAT", 2)
    with pytest.raises(ValueError, match=f"{path}.*{REFUSED}"):
        load_model(path, allow_pickle=True)


def test_another_format_is_refused_by_pickle(models, monkeypatch):
    stored = pickle.dumps(models["normalizer"])
    monkeypatch.setattr(_base, "STATE_FORMAT", 2)
    with pytest.raises(ValueError, match=REFUSED):
        pickle.loads(stored)


# --- bad files and faults --------------------------------------------------------------------


def test_pickles_are_loaded_only_when_allowed(models, tmp_path):
    path = tmp_path / "model.joblib"
    save_model(path, models["normalizer"])
    with pytest.raises(ValueError, match=rf"loading {path} runs code.*allow_pickle=True does so"):
        load_model(path)


def _shout(X):
    return X * 10


def test_untrusted_types_are_named(traces, tmp_path):
    X, _ = traces
    path = tmp_path / "model.skops"
    model = make_pipeline(FunctionTransformer(_shout), StdNormalizer()).fit(X)
    save_model(path, model)
    name = f"{_shout.__module__}._shout"
    with pytest.raises(ValueError, match=rf"{path} refers to types .* not trusted: {name}; if you"):
        load_model(path)
    again = load_model(path, trusted=[name])
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


def _forged(path, **call):
    """A model file that calls a function instead of restoring an object."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        arguments = json.loads(_schema(call.pop("arguments")))
        schema = {**call, "__loader__": "ConstructorFromReduceNode", "content": arguments}
        schema |= {key: arguments[key] for key in ("protocol", "_skops_version")}
        file.writestr("schema.json", json.dumps(schema))
    path.write_bytes(buffer.getvalue())


def _schema(value):
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(value))) as file:
        return file.read("schema.json")


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("sklearn_aera.datasets._files", "_write_npy"),
        ("sklearn_aera.datasets", "save_traces"),
        ("sklearn_aera._files", "Path"),
        ("sklearn_aera.metrics", "no_such_name"),
        ("sklearn_aera.no_such_module", "no_such_name"),
        ("sklearn_aera_evil", "run"),
        ("os", "system"),
    ],
)
def test_forged_files_call_nothing(tmp_path, module, function):
    """Our package's name in front makes nothing trusted: only what holds data is."""
    victim = tmp_path / "victim.npy"
    arguments = (str(victim), {"traces": [[1.0, 2.0]]}, 180.0)
    _forged(tmp_path / "m.skops", __module__=module, __class__=function, arguments=arguments)
    with pytest.raises(ValueError, match=f"types that are not trusted: {module}.{function}"):
        load_model(tmp_path / "m.skops")
    assert not victim.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files(models, tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(path, models["pipeline"])
    content = path.read_bytes()
    other = tmp_path / f"other{SUFFIXES[suffix == '.skops']}"
    save_model(other, models["normalizer"])
    middle = len(content) // 2
    damaged = {
        "truncated": content[:middle],
        "overwritten": content[:middle] + bytes(200) + content[middle + 200 :],
        "empty": b"",
        "foreign": b"something else altogether",
        "of the other format": other.read_bytes(),
    }
    for name, damage in damaged.items():
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=f"{path} cannot be loaded as a model"):
            load_model(path, allow_pickle=True)
        assert path.read_bytes() == damage, name


def test_files_without_a_model(tmp_path):
    joblib.dump({"weights": [1, 2]}, tmp_path / "model.joblib")
    with pytest.raises(ValueError, match=r"model\.joblib holds no model, but .* 'dict'"):
        load_model(tmp_path / "model.joblib", allow_pickle=True)
    skops.io.dump([1, 2], tmp_path / "model.skops")
    with pytest.raises(ValueError, match=r"model\.skops holds no model, but .* 'list'"):
        load_model(tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "archive.skops", "w") as file:
        file.writestr("letter.txt", "no model")
    with pytest.raises(ValueError, match=r"archive\.skops cannot be loaded as a model"):
        load_model(tmp_path / "archive.skops")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_existing_files_stay(models, inputs, tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(path, models["normalizer"])
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=f"{path} exists; overwrite=True replaces it"):
        save_model(path, models["pipeline"])
    assert path.read_bytes() == before
    save_model(path, models["pipeline"], overwrite=True)
    assert isinstance(load_model(path, allow_pickle=True), Pipeline)


@pytest.mark.parametrize(("suffix", "module"), [(".skops", skops.io), (".joblib", joblib)])
def test_interrupted_write_leaves_the_old_file(models, tmp_path, monkeypatch, suffix, module):
    path = tmp_path / f"model{suffix}"
    save_model(path, models["normalizer"])
    before = path.read_bytes()

    def interrupted(model, file, **options):
        file.write_bytes(b"half a fi")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "dump", interrupted)
    for target in (path, tmp_path / f"new{suffix}"):
        with pytest.raises(KeyboardInterrupt):
            save_model(target, models["pipeline"], overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_arguments(models, tmp_path):
    message = r"ending of path 'model\.pkl' must be one of '\.skops', '\.joblib'"
    with pytest.raises(ValueError, match=message):
        save_model(tmp_path / "model.pkl", models["normalizer"])
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "model.pkl")
    for nowhere in (tmp_path / "nowhere.skops", tmp_path / "nowhere.joblib"):
        with pytest.raises(FileNotFoundError, match=f"there is no file {nowhere}"):
            load_model(nowhere)
    for wrong in (StdNormalizer, {"a": 1}, None):
        with pytest.raises(TypeError, match="model must be an estimator, got"):
            save_model(tmp_path / "model.skops", wrong)
    assert list(tmp_path.iterdir()) == []
