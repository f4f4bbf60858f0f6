"""Models in .onnx files are estimators that need neither TensorFlow nor scikit-learn to predict."""

import pickle
import subprocess
import sys

import numpy as np
import onnx
import pytest
from helpers import LOUD, QUIET, denoiser, run_without
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import FixedThresholdClassifier, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_aera import __version__
from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.persistence import OnnxClassifier, export_onnx, load_onnx
from sklearn_aera.persistence._onnx_format import NO_HASH, with_hash
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer


@pytest.fixture(scope="module")
def data():
    return make_traces(200, simulator=QUIET, random_state=5, **LOUD)


@pytest.fixture(scope="module")
def path(data, tmp_path_factory):
    """File of a threshold on the SNR."""
    path = tmp_path_factory.mktemp("models") / "detector.onnx"
    model = make_pipeline(SNRCalculator(), LogisticRegression()).fit(data.traces, data.y)
    export_onnx(model, path, threshold=1.5)
    return path


@pytest.fixture
def detector(path):
    return load_onnx(path)


@pytest.fixture(scope="module")
def denoising(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "denoiser.onnx"
    export_onnx(denoiser(epochs=1).fit(data.traces, data.signals), path)
    return load_onnx(path)


def test_attributes(detector):
    assert detector.trace_shape_ == (120,)
    assert detector.n_features_in_ == 120
    assert detector.sampling_rate_ == 180.0
    assert detector.threshold_ == 1.5
    assert detector.classes_.tolist() == [0, 1]
    assert repr(detector).startswith("OnnxClassifier(<")
    assert len(repr(detector)) < 60


@pytest.mark.parametrize("n_traces", [1, 15, 16, 17, 200])
def test_any_number_of_traces(n_traces, detector, data):
    """The parts in which they are computed cannot be seen."""
    whole = detector.decision_function(data.traces)
    assert whole.dtype == np.float64
    found = detector.decision_function(data.traces[:n_traces])
    np.testing.assert_allclose(found, whole[:n_traces], rtol=1e-6)
    probability = detector.predict_proba(data.traces[:n_traces])
    np.testing.assert_allclose(probability[:, 1], 1 / (1 + np.exp(-found)), atol=1e-6)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", [list, "float64", "int16", "F", "big-endian", "view"])
def test_other_arrays(kind, detector, data):
    X = np.round(data.traces[:20])
    given = {"F": np.asfortranarray(X), "big-endian": X.astype(">f8"), list: X.tolist()}
    given["view"] = np.repeat(X, 2, axis=1)[:, ::2]
    given = given[kind] if kind in given else X.astype(kind)
    np.testing.assert_array_equal(detector.predict_proba(given), detector.predict_proba(X))


def test_threads(path, detector, data):
    both = load_onnx(path, threads=2)
    expected = detector.decision_function(data.traces)
    np.testing.assert_allclose(both.decision_function(data.traces), expected, rtol=1e-6)
    assert detector.set_params(threads=2).threads == 2
    np.testing.assert_allclose(detector.decision_function(data.traces), expected, rtol=1e-6)


# --- scikit-learn -----------------------------------------------------------------------------


def test_is_a_classifier(detector, data):
    check_is_fitted(detector)
    assert is_classifier(detector)
    assert not is_regressor(detector)
    assert not get_tags(detector).classifier_tags.multi_class
    assert clone(detector) is detector
    assert detector.fit(data.traces, 1 - data.y) is detector
    expected = accuracy_score(data.y, detector.predict(data.traces))
    assert detector.score(data.traces, data.y) == expected
    assert cross_val_score(detector, data.traces, data.y, cv=2).mean() == expected
    assert set(detector.get_params()) == {"content", "threads"}


def test_is_a_part_of_scikit_learns_estimators(detector, data):
    expected = detector.predict_proba(data.traces)
    pipeline = make_pipeline("passthrough", detector)
    np.testing.assert_array_equal(pipeline.predict_proba(data.traces), expected)
    frozen = FixedThresholdClassifier(
        FrozenEstimator(detector), threshold=0.9, response_method="predict_proba"
    ).fit(data.traces, data.y)
    np.testing.assert_array_equal(frozen.predict(data.traces), expected[:, 1] >= 0.9)
    calibrated = CalibratedClassifierCV(FrozenEstimator(detector)).fit(data.traces, data.y)
    assert calibrated.score(data.traces, data.y) > 0.8


def test_denoiser_is_a_regressor_and_a_transformer(denoising, data):
    assert is_regressor(denoising)
    assert not hasattr(denoising, "classes_")
    model = make_pipeline(denoising, SNRCalculator(), LogisticRegression())
    assert model.fit(data.traces, data.y).score(data.traces, data.y) > 0.5
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(denoising)).predict(data.traces), denoising.predict(data.traces)
    )


def test_pickle_is_the_file(path, detector, data):
    dumped = pickle.dumps(detector)
    assert len(dumped) < path.stat().st_size + 500
    loaded = pickle.loads(dumped)
    np.testing.assert_array_equal(loaded.predict(data.traces), detector.predict(data.traces))
    assert vars(loaded).keys() == vars(detector).keys()


def test_pickle_in_a_process_without_scikit_learn(detector, data):
    found = detector.decision_function(data.traces[:3])
    code = (
        "import pickle\n"
        f"X = pickle.loads({pickle.dumps(data.traces[:3])!r})\n"
        f"print(pickle.loads({pickle.dumps(detector)!r}).decision_function(X).tolist())"
    )
    assert run_without(["sklearn", "scipy", "tensorflow"], code).strip() == str(found.tolist())


def test_prediction_imports_little(path):
    code = (
        "import sys\nimport numpy as np\nfrom sklearn_aera.persistence import load_onnx\n"
        f"load_onnx({str(path)!r}).predict(np.ones((1, 120)))\n"
        "heavy = {'sklearn', 'scipy', 'joblib', 'onnx', 'keras', 'tensorflow', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.strip() == "[]"


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones((3, 119)), ValueError, r"shape \(n_traces, 120\), got \(3, 119\)"),
        (np.ones(120), ValueError, r"shape \(n_traces, 120\), got \(120,\)"),
        (np.ones((3, 2, 120)), ValueError, r"shape \(n_traces, 120\), got \(3, 2, 120\)"),
        (np.ones((0, 120)), ValueError, "at least one trace"),
        (np.full((3, 120), np.nan), ValueError, "must be finite"),
        (np.full((3, 120), 1e39), ValueError, "must be finite in float32"),
        (np.full((3, 120), "1"), TypeError, "real numbers, got values of type <U1"),
        (np.ones((3, 120), complex), TypeError, "real numbers, got values of type complex"),
        (None, TypeError, "real numbers, got values of type object"),
        ([[1.0], [1.0, 2.0]], ValueError, "inhomogeneous|rows of equal length"),
    ],
)
def test_other_traces_are_refused(X, error, message, detector):
    for method in (detector.predict, detector.predict_proba, detector.decision_function):
        with pytest.raises(error, match=message):
            method(X)


def test_files_that_are_no_models(path, tmp_path):
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    files = {
        "empty": b"",
        "text": b"no model" * 100,
        "cut": content[: len(content) // 2],
        "one bit": bytes(damaged),
        "longer": content + b"\0",
    }
    for name, bad in files.items():
        (tmp_path / f"{name}.onnx").write_bytes(bad)
        with pytest.raises(ValueError, match=rf"path: .*{name}.onnx is damaged"):
            load_onnx(tmp_path / f"{name}.onnx")


def test_any_damage_is_noticed(path, tmp_path):
    """Wherever a byte is changed, also in the weights."""
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.choice(len(content), 40, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.integers(8)
        (tmp_path / "damaged.onnx").write_bytes(damaged)
        with pytest.raises(ValueError, match="path: "):
            load_onnx(tmp_path / "damaged.onnx")


def test_model_of_another_program(tmp_path):
    node = onnx.helper.make_node("Identity", ["traces"], ["log_odds"])
    tensors = [onnx.helper.make_tensor_value_info(n, 1, [1, 5]) for n in ("traces", "log_odds")]
    graph = onnx.helper.make_graph([node], "other", tensors[:1], tensors[1:])
    opset = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, ir_version=9, opset_imports=opset)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"other.onnx is an ONNX model of another program"):
        load_onnx(tmp_path / "other.onnx")


def changed(path, values):
    """Content of a file with other metadata."""
    model = onnx.load(path)
    found = {one.key: one.value for one in model.metadata_props}
    found |= {f"sklearn_aera.{name}": value for name, value in values.items()}
    found["sklearn_aera.sha256"] = f'"{NO_HASH}"'
    onnx.helper.set_model_props(model, found)
    return with_hash(model.SerializeToString())


def test_format_of_a_newer_version(path, tmp_path):
    content = changed(path, {"format": "2", "version": '"9.0.0"'})
    (tmp_path / "new.onnx").write_bytes(content)
    message = r"new.onnx has format 2, written by sklearn-aera 9.0.0, .* install a newer version"
    with pytest.raises(ValueError, match=message):
        load_onnx(tmp_path / "new.onnx")


def test_same_format_of_a_newer_version(path, tmp_path, data, detector):
    (tmp_path / "new.onnx").write_bytes(changed(path, {"version": '"9.0.0"', "added": "[1]"}))
    found = load_onnx(tmp_path / "new.onnx").predict(data.traces)
    np.testing.assert_array_equal(found, detector.predict(data.traces))


def test_metadata_that_are_not_json(path, tmp_path):
    (tmp_path / "odd.onnx").write_bytes(changed(path, {"classes": "[0, "}))
    with pytest.raises(ValueError, match=r"odd.onnx has damaged metadata"):
        load_onnx(tmp_path / "odd.onnx")


def test_bad_arguments(path, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing.onnx"):
        load_onnx(tmp_path / "nothing.onnx")
    with pytest.raises(ValueError, match=r"ending of path 'model.skops' must be '.onnx'"):
        load_onnx(tmp_path / "model.skops")
    with pytest.raises(TypeError, match="path must be a string or a path, got 3"):
        load_onnx(3)
    for threads in (0, -1, 1.5, True, None):
        with pytest.raises(ValueError, match="threads must be an integer >= 1"):
            load_onnx(path, threads=threads)
    with pytest.raises(ValueError, match="is damaged or no ONNX model"):
        OnnxClassifier(b"no model")


def test_without_onnxruntime(path):
    code = (
        "from sklearn_aera.persistence import load_onnx\n"
        "try:\n"
        f"    load_onnx({str(path)!r})\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert "pip install onnxruntime" in run_without(["onnxruntime"], code)


def test_outputs_that_are_not_finite(data, tmp_path):
    model = make_pipeline(StdNormalizer(per="dataset"), SpectralWhitener(), LogisticRegression())
    model.fit(data.traces, data.y)
    export_onnx(model, tmp_path / "model.onnx")
    X = data.traces[:3].copy()
    X[1] = 3e38
    with pytest.raises(ValueError, match=r"output for trace 1 is not finite.* up to 3e\+38"):
        load_onnx(tmp_path / "model.onnx").predict(X)


def test_version_is_stored(path):
    found = {one.key: one.value for one in onnx.load(path).metadata_props}
    assert found["sklearn_aera.version"] == f'"{__version__}"'
