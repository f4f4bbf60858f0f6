"""Model files that are damaged, foreign, in the way or interrupted."""

import os
import zipfile

import joblib
import numpy as np
import pytest
import skops.io
from scipy.stats import randint, uniform
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

SUFFIXES = (".skops", ".joblib")
TRACES = np.random.default_rng(0).normal(size=(50, 40))
NORMALIZER = StdNormalizer().fit(TRACES)
PIPELINE = make_pipeline(StdNormalizer(), SpectralWhitener()).fit(TRACES)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(PIPELINE, path)
    content = path.read_bytes()
    other = tmp_path / f"other{SUFFIXES[suffix == '.skops']}"
    save_model(NORMALIZER, other)
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


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damage_anywhere(tmp_path, suffix):
    """A flipped bit is found, or changes numbers or texts only; the error names the file."""
    path, rng = tmp_path / f"model{suffix}", np.random.default_rng(0)
    save_model(PIPELINE, path)
    content = bytearray(path.read_bytes())
    n_found = 0
    for place in rng.choice(len(content), 150, replace=False):
        damaged = content.copy()
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        error = None
        try:
            load_model(path, allow_pickle=True)
        except ValueError as raised:
            error = raised
        assert error is None or str(path) in str(error)
        n_found += error is not None
    assert n_found > 30


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
def test_existing_files_stay(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(NORMALIZER, path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=f"{path} exists; overwrite=True replaces it"):
        save_model(PIPELINE, path)
    assert path.read_bytes() == before
    save_model(PIPELINE, path, overwrite=True)
    assert isinstance(load_model(path, allow_pickle=True), Pipeline)


@pytest.mark.parametrize(("suffix", "module"), [(".skops", skops.io), (".joblib", joblib)])
def test_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, suffix, module):
    path = tmp_path / f"model{suffix}"
    save_model(NORMALIZER, path)
    before = path.read_bytes()

    def interrupted(model, file, **options):
        file.write_bytes(b"half a fi")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "dump", interrupted)
    for target in (path, tmp_path / f"new{suffix}"):
        with pytest.raises(KeyboardInterrupt):
            save_model(PIPELINE, target, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("suffix", "held"),
    [(".skops", lambda X: X), (".joblib", lambda X: X), (".skops", randint(0, 2))],
)
def test_models_that_could_not_be_loaded(tmp_path, suffix, held):
    path = tmp_path / f"model{suffix}"
    save_model(NORMALIZER, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"model cannot be stored in a {suffix} file"):
        save_model(FunctionTransformer(kw_args={"held": held}), path, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_distributions_of_a_search(tmp_path):
    search = RandomizedSearchCV(StdNormalizer(), {"per": uniform(0, 2)}, random_state=0)
    save_model(search, tmp_path / "model.skops")
    with pytest.raises(ValueError, match="not trusted: scipy") as error:
        load_model(tmp_path / "model.skops")
    names = str(error.value).split("trusted: ")[1].split(";")[0].split(", ")
    again = load_model(tmp_path / "model.skops", trusted=names)
    assert again.param_distributions["per"].support() == (0, 2)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_things_that_are_no_files(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path} is not a regular file"):
        load_model(path, allow_pickle=True)
    with pytest.raises(FileNotFoundError, match=f"there is no file {tmp_path}"):
        load_model(tmp_path / "no" / path.name, allow_pickle=True)
    path.unlink()
    save_model(NORMALIZER, path)
    path.chmod(0)
    if not os.access(path, os.R_OK):
        with pytest.raises(PermissionError, match=f"{path}"):
            load_model(path, allow_pickle=True)


def test_arguments(tmp_path):
    message = r"ending of path 'model\.pkl' must be one of '\.skops', '\.joblib'"
    with pytest.raises(ValueError, match=message):
        save_model(NORMALIZER, tmp_path / "model.pkl")
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "model.pkl")
    for nowhere in (tmp_path / "nowhere.skops", tmp_path / "nowhere.joblib"):
        with pytest.raises(FileNotFoundError, match=f"there is no file {nowhere}"):
            load_model(nowhere)
    for wrong in (StdNormalizer, {"a": 1}, None):
        with pytest.raises(TypeError, match="model must be an estimator, got"):
            save_model(wrong, tmp_path / "model.skops")
    for path in (tmp_path / "model.skops", str(tmp_path / "model.skops")):
        with pytest.raises(TypeError, match=r"first argument: save_model\(model, path\)"):
            save_model(path, NORMALIZER)
    for wrong in (3, b"model.skops", None):
        with pytest.raises(TypeError, match=f"path must be a string or a path, got {wrong}"):
            load_model(wrong)
    assert list(tmp_path.iterdir()) == []
