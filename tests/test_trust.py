"""Files load without running code: types that are trusted, and those that are not."""

import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
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
        ("sklearn_aera.metrics", "Interval"),
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
