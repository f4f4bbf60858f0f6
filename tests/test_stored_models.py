"""Files of models that other versions stored, and the names that files refer to."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from sklearn_aera import _base
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import StdNormalizer

DATA = Path(__file__).parent / "data"
SUFFIXES = (".skops", ".joblib")
STORED = sorted(path for path in DATA.glob("detector-[0-9]*") if path.suffix in SUFFIXES)
OLD_LAYOUT = sorted(DATA.glob("detector-before-*"))
NORMALIZER = StdNormalizer().fit(np.eye(20))


def test_there_are_stored_models():
    assert {path.suffix for path in STORED} == set(SUFFIXES)
    assert {path.suffix for path in OLD_LAYOUT} == set(SUFFIXES)


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


@pytest.mark.parametrize("path", OLD_LAYOUT, ids=lambda path: path.name)
def test_files_of_the_layout_before_the_first_release_are_refused(path):
    with pytest.raises(ValueError, match=f"{path}.* an earlier development version.* fit .*again"):
        load_model(path, allow_pickle=True)


@pytest.mark.parametrize(
    ("module", "name"),
    [(b"sklearn_aera.neural_network._gone", b"Network"), (b"sklearn_aera._files", b"Gone")],
)
def test_pickles_of_classes_that_moved_are_refused(tmp_path, module, name):
    path = tmp_path / "model.joblib"
    path.write_bytes(b"c" + module + b"\n" + name + b"\n.")
    with pytest.raises(ValueError, match=r"an earlier development version .* fit the model again"):
        load_model(path, allow_pickle=True)


_STORED = f"in format {_base.STATE_FORMAT}, but sklearn-aera .* reads only format 99"
REFUSED = "this StdNormalizer was stored by {} " + _STORED


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_format_is_refused(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(NORMALIZER, path)
    monkeypatch.setattr(_base, "STATE_FORMAT", 99)
    message = REFUSED.format("an earlier development version")
    with pytest.raises(ValueError, match=f"{path}.*{message}: fit it again"):
        load_model(path, allow_pickle=True)


def test_another_format_is_refused_by_pickle(monkeypatch):
    stored = pickle.dumps(NORMALIZER)
    monkeypatch.setattr(_base, "STATE_FORMAT", 99)
    monkeypatch.setattr(_base, "__version__", "9.9")
    with pytest.raises(ValueError, match=REFUSED.format(r"sklearn-aera 0\.\d.*")):
        pickle.loads(stored)
