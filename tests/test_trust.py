"""Files load without running code: types that are trusted, and those that are not."""

import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn import model_selection
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score, get_scorer, get_scorer_names, make_scorer
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_aera import metrics
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.persistence._trust import is_trusted
from sklearn_aera.preprocessing import StdNormalizer

TRACES = np.random.default_rng(0).normal(size=(50, 40))


def test_metrics_are_trusted_by_their_public_names():
    assert all(is_trusted(f"sklearn_aera.metrics.{name}") for name in metrics.__all__)


def test_pickles_are_loaded_only_when_allowed(tmp_path):
    path = tmp_path / "model.joblib"
    save_model(StdNormalizer().fit(TRACES), path)
    with pytest.raises(ValueError, match=rf"loading {path} runs code.*allow_pickle=True allows it"):
        load_model(path)


def _shout(X):
    return X * 10


def test_untrusted_types_are_named(tmp_path):
    path = tmp_path / "model.skops"
    model = make_pipeline(FunctionTransformer(_shout), StdNormalizer()).fit(TRACES)
    save_model(model, path)
    name = f"{_shout.__module__}._shout"
    with pytest.raises(ValueError, match=rf"{path} refers to types .* not trusted: {name}; if you"):
        load_model(path)
    again = load_model(path, trusted=[name])
    np.testing.assert_array_equal(again.transform(TRACES), model.transform(TRACES))


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
        ("sklearn_aera.datasets", "save_traces"),
        ("sklearn_aera.inspection", "TraceDisplay"),
        ("sklearn_aera.metrics", "no_such_name"),
        ("sklearn_aera.no_such_module", "no_such_name"),
        ("sklearn_aera_evil", "run"),
        ("os", "system"),
    ],
)
def test_forged_files_call_nothing(tmp_path, module, function):
    """Of this package only classes that hold data, and metrics, are trusted."""
    victim = tmp_path / "victim.npy"
    arguments = (str(victim), {"traces": [[1.0, 2.0]]}, 180.0)
    _forged(tmp_path / "m.skops", __module__=module, __class__=function, arguments=arguments)
    with pytest.raises(ValueError, match=f"types that are not trusted: {module}.{function}"):
        load_model(tmp_path / "m.skops")
    assert not victim.exists()


@pytest.mark.parametrize("trusted", [f"{__name__}._shout", f"{__name__}._shout_louder"])
def test_names_are_compared_whole(tmp_path, trusted):
    path = tmp_path / "model.skops"
    save_model(FunctionTransformer(_shout).fit(TRACES), path)
    if trusted.endswith("louder"):
        with pytest.raises(ValueError, match="types that are not trusted"):
            load_model(path, trusted=trusted)
    else:
        assert load_model(path, trusted=trusted).func is _shout


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("sklearn_aera.metrics", "binomial_interval"),
        ("sklearn.metrics._ranking", "roc_auc_score"),
        (__name__, "_shout"),
    ],
)
def test_trusted_functions_are_not_called(tmp_path, module, function):
    name = f"{module}.{function}"
    path = tmp_path / "model.skops"
    _forged(path, __module__=module, __class__=function, arguments=(3, 4))
    with pytest.raises(ValueError, match=f"loading {path} would call {name}"):
        load_model(path, trusted=[f"{__name__}._shout"])


def test_declared_sizes_are_limited(tmp_path):
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", bytes(200_000_000))
    with pytest.raises(ValueError, match=f"{path} cannot be loaded .* declares 200,000,000 bytes"):
        load_model(path)


LINEAR = LogisticRegression()
SPLITTERS = [
    getattr(model_selection, name)
    for name in model_selection.__all__
    if name.endswith(("Fold", "Split", "Out"))
]
MODELS = {
    "calibrated": CalibratedClassifierCV(LINEAR, cv=2),
    "isotonic": CalibratedClassifierCV(LINEAR, method="isotonic", cv=2),
    "voting": VotingClassifier([("linear", LINEAR)], voting="soft"),
    "stacking": StackingClassifier([("linear", LINEAR)], cv=2),
    "forest": RandomForestClassifier(3, random_state=0),
    "trees": ExtraTreesClassifier(3, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "bagging": BaggingClassifier(LINEAR, 3, random_state=0),
    "threshold": TunedThresholdClassifierCV(LINEAR, cv=2),
}


@pytest.mark.parametrize("name", MODELS)
def test_ensembles_are_trusted(tmp_path, name):
    model = MODELS[name].fit(TRACES, np.arange(50) % 2)
    save_model(model, tmp_path / "model.skops")
    again = load_model(tmp_path / "model.skops")
    np.testing.assert_array_equal(again.predict(TRACES), model.predict(TRACES))


@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda splitter: splitter.__name__)
def test_splitters_are_trusted(tmp_path, splitter):
    options = {"LeavePOut": {"p": 1}, "LeavePGroupsOut": {"n_groups": 1}}
    options |= {"PredefinedSplit": {"test_fold": [0, 1]}}
    cv = splitter(**options.get(splitter.__name__, {}))
    save_model(GridSearchCV(LINEAR, {"C": [1.0]}, cv=cv), tmp_path / "model.skops")
    assert type(load_model(tmp_path / "model.skops").cv) is splitter


def test_scorers_are_trusted(tmp_path):
    scorers = {name: get_scorer(name) for name in get_scorer_names()}
    scorers |= {"F2": make_scorer(fbeta_score, beta=2)}
    search = GridSearchCV(LINEAR, {"C": [1.0]}, scoring=scorers, refit="F2")
    save_model(search, tmp_path / "model.skops")
    assert load_model(tmp_path / "model.skops").scoring.keys() == scorers.keys()


@pytest.mark.parametrize(
    ("module", "function"),
    [("sklearn_aera.datasets._formats", "_write_npy"), ("sklearn_aera._files", "Path")],
)
def test_private_functions_are_not_called(tmp_path, module, function):
    victim = tmp_path / "victim.npy"
    arguments = (str(victim), {"traces": [[1.0, 2.0]]}, 180.0)
    _forged(tmp_path / "m.skops", __module__=module, __class__=function, arguments=arguments)
    with pytest.raises(ValueError, match=f"it refers to {module}.{function}"):
        load_model(tmp_path / "m.skops")
    assert not victim.exists()
