"""Exported models compute what the fitted ones do, and what cannot be exported is refused."""

import json
from pathlib import Path
from runpy import run_path

import numpy as np
import onnx
import pytest
from helpers import LOUD, QUIET, convolutional, denoiser, recurrent, run_without, tiny
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklearn_aera import __version__
from sklearn_aera.datasets import make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.persistence import export_onnx, load_onnx
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer, WienerFilter
from sklearn_aera.simulation import TraceSimulator

MODULE = Path(__file__).parents[1] / "examples" / "benchmarks" / "exported_networks.py"
NETWORKS = run_path(str(MODULE))
CASES = NETWORKS["networks"]()
# Convolutions, and one of eleven, which covers every value of each parameter; the others are slow.
OFTEN = [*list(CASES)[::11], *(name for name in CASES if name.endswith("classes, no cell"))]


@pytest.fixture(scope="module")
def data():
    """Traces of one channel, 120 samples, in mV."""
    return make_traces(300, simulator=QUIET, random_state=5, **LOUD)


@pytest.fixture(scope="module")
def two_channels(data):
    noise = make_traces(300, simulator=QUIET, signal_fraction=0.0, random_state=6, **LOUD)
    return np.stack([noise.traces, data.traces], axis=1)


@pytest.fixture
def exported(tmp_path):
    """Function that exports a model and loads it again."""

    def export(model, **options):
        export_onnx(model, tmp_path / "model.onnx", overwrite=True, **options)
        return load_onnx(tmp_path / "model.onnx")

    return export


def assert_same_detector(found, model, X):
    # Products of float32 in another order differ by about 1e-5 of the largest.
    expected = model.decision_function(X)
    np.testing.assert_allclose(found.decision_function(X), expected, atol=1e-4, rtol=3e-5)
    np.testing.assert_allclose(found.predict_proba(X), model.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(found.classes_, model.classes_)
    clear = np.abs(model.decision_function(X).reshape(len(X), -1)).min(axis=1) > 1e-3
    np.testing.assert_array_equal(found.predict(X)[clear], model.predict(X)[clear])


def test_the_networks_of_a_default_run_have_every_option():
    text = "; ".join(OFTEN)
    for option in (*NETWORKS["CELLS"], *NETWORKS["FRONT_ENDS"], *NETWORKS["CONVOLUTIONS"]):
        assert option in text, option
    for option in ("log_sum_exp", "max,", "mean", "last", "flatten", "max_logit", "denoiser"):
        assert option in text, option
    for option in ("one direction", "both directions", "(3, 2)", "2 classes", "3 classes"):
        assert option in text, option


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in OFTEN else pytest.mark.slow) for n in CASES]
)
def test_network(name, exported):
    estimator = NETWORKS["fitted"](*CASES[name])
    X = np.random.default_rng(1).normal(size=(20, *CASES[name][1])).astype(np.float32)
    expected = NETWORKS["expected_outputs"](estimator, X)
    found = exported(estimator)
    is_denoiser = CASES[name][2] == 0
    outputs = found.predict(X) if is_denoiser else found.decision_function(X)
    assert outputs.shape == expected.shape
    assert expected.std() > 1e-3  # ten times the tolerance
    np.testing.assert_allclose(outputs, expected, atol=1e-4 * max(expected.std(), 1.0))


PIPELINES = {
    "trace by trace": [StdNormalizer(), convolutional(epochs=1)],
    "recommended steps": [StdNormalizer(per="dataset"), SpectralWhitener(), recurrent(epochs=1)],
    "whitener alone": [SpectralWhitener(), tiny(epochs=1)],
    "filtered": [WienerFilter(), StdNormalizer(), tiny(epochs=1)],
    "threshold": [SNRCalculator(), LogisticRegression()],
    "windows": [
        SNRCalculator(signal_window=(0.1, 0.5), noise_window=(0.4, 0.65)),
        StandardScaler(),
        LogisticRegression(),
    ],
    "all samples are noise": [SNRCalculator(exclusion=1.0), LogisticRegression()],
    "matched filter": [MatchedFilter(), StandardScaler(), LogisticRegression()],
    "three phases": [MatchedFilter(n_phases=3), LinearDiscriminantAnalysis()],
    "samples": [StdNormalizer(), StandardScaler(with_mean=False), LogisticRegression()],
    "nested": [make_pipeline(StdNormalizer(), SpectralWhitener()), "passthrough", tiny(epochs=1)],
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline(name, data, exported):
    model = make_pipeline(*PIPELINES[name]).fit(data.traces, data.y)
    found = exported(model)
    assert_same_detector(found, model, data.traces)
    assert_same_detector(found, model, data.traces[:1])


@pytest.mark.parametrize("n_samples", [119, 120])
def test_whitening_is_written_in_two_halves(n_samples, data, tmp_path):
    """Half the numbers, for even and odd lengths."""
    traces = data.traces[:, :n_samples]
    whitener = SpectralWhitener().fit(traces, data.y)
    model = make_pipeline(whitener, LogisticRegression()).fit(traces, data.y)
    export_onnx(model, tmp_path / "model.onnx")
    assert_same_detector(load_onnx(tmp_path / "model.onnx"), model, traces)
    arrays = onnx.load(tmp_path / "model.onnx").graph.initializer
    n_numbers = sum(np.prod(one.dims) for one in arrays if len(one.dims) == 2)
    assert n_numbers - whitener.reflections_[0].size < 0.52 * n_samples**2


@pytest.mark.parametrize("n_samples", [1200, 1201])
def test_filter_of_long_traces_is_written_as_such(n_samples, tmp_path):
    """The file has the filter and its corrections, not a matrix."""
    data = make_traces(60, simulator=TraceSimulator(n_samples=n_samples), random_state=0)
    whitener = SpectralWhitener().fit(data.traces, data.y)
    model = make_pipeline(whitener, LogisticRegression()).fit(data.traces, data.y)
    export_onnx(model, tmp_path / "model.onnx")
    assert_same_detector(load_onnx(tmp_path / "model.onnx"), model, data.traces)
    n_bytes = sum(part.nbytes for part in (*whitener.whitening_[0], *whitener.reflections_))
    assert (tmp_path / "model.onnx").stat().st_size < 1.2 * n_bytes


def test_matrix_that_is_not_symmetric_in_time(data, exported):
    model = make_pipeline(SpectralWhitener(), LogisticRegression()).fit(data.traces, data.y)
    model[0].whitening_[0, :, :10] *= 1.5
    model[1].fit(model[0].transform(data.traces), data.y)
    assert_same_detector(exported(model), model, data.traces)


@pytest.mark.parametrize("network", [tiny, convolutional], ids=["tiny", "convolutional"])
def test_several_channels(network, two_channels, data, exported):
    steps = StdNormalizer(), SpectralWhitener(), network(epochs=1)
    model = make_pipeline(*steps).fit(two_channels, data.y)
    found = exported(model)
    assert found.trace_shape_ == (2, 120)
    assert_same_detector(found, model, two_channels)


@pytest.mark.parametrize(
    "steps",
    [
        (SNRCalculator(), LogisticRegression()),
        (SNRCalculator(noise_window=(0.4, 0.65)), LogisticRegression()),
        (WienerFilter(), SNRCalculator(), LogisticRegression()),
    ],
    ids=["ratio outside of the pulse", "ratio in windows", "filtered"],
)
def test_classical_steps_in_several_channels(steps, two_channels, data, exported):
    model = make_pipeline(*steps).fit(two_channels, data.y)
    assert_same_detector(exported(model), model, two_channels)


@pytest.mark.parametrize("whitener", [None, SpectralWhitener()], ids=["plain", "whitened"])
def test_denoiser(whitener, data, exported):
    model = denoiser(epochs=1, whitener=whitener).fit(data.traces, data.signals)
    found = exported(model)
    expected = model.predict(data.traces)
    np.testing.assert_allclose(found.predict(data.traces), expected, atol=1e-4 * expected.std())
    np.testing.assert_array_equal(found.transform(data.traces), found.predict(data.traces))


def test_denoiser_of_the_first_samples(data, exported):
    model = denoiser(epochs=1).fit(data.traces, data.signals[:, :50])
    found = exported(model).predict(data.traces)
    assert found.shape == (300, 50)
    np.testing.assert_allclose(found, model.predict(data.traces), atol=1e-4 * found.std())


@pytest.mark.parametrize(
    ("n_channels", "options"),
    [(1, {}), (2, {"kernel_size": 4}), (1, {"n_filters": 0, "kernel_size": 12, "stride": 7})],
    ids=["filters", "two channels, filters with gaps", "frames"],
)
def test_denoiser_with_standard_deviations(n_channels, options, data, two_channels, exported):
    X, signals = data.traces[:60], data.signals[:60]
    if n_channels == 2:
        X, signals = two_channels[:60], np.stack([0 * signals, signals], axis=1)
    model = denoiser(epochs=1, learn_std=True, **options).fit(X, signals)
    found, expected = (one.predict(X, return_std=True) for one in (exported(model), model))
    for part, other in zip(found, expected, strict=True):
        assert part.shape == other.shape == X.shape
        assert other.std() > 0
        np.testing.assert_allclose(part, other, atol=1e-4 * other.std())
    np.testing.assert_array_equal(exported(model).predict(X), found[0])


def test_standard_deviations_that_were_not_learned(data, exported):
    model = exported(denoiser(epochs=1).fit(data.traces, data.signals))
    with pytest.raises(ValueError, match=r"return_std=True needs a denoiser .* learn_std=True"):
        model.predict(data.traces, return_std=True)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-3, 1e15])
def test_traces_of_any_strength(scale, data, exported):
    """Constant traces, and those whose squares leave the range of float32."""
    X = np.ascontiguousarray(data.traces * np.float32(scale))
    for steps in ("trace by trace", "threshold"):
        model = make_pipeline(*PIPELINES[steps]).fit(data.traces, data.y)
        assert_same_detector(exported(model), model, X)


def test_search_is_exported_as_its_best_estimator(data, exported):
    search = GridSearchCV(make_pipeline(SNRCalculator(), LogisticRegression()), {}, cv=2)
    search.fit(data.traces, data.y)
    assert_same_detector(exported(search), search, data.traces)


@pytest.mark.parametrize("labels", [["noise", "pulse"], [False, True], [3, 7], [1.0, 2.0]])
def test_classes(labels, data, exported):
    y = np.array(labels)[data.y.astype(int)]
    model = make_pipeline(SNRCalculator(), LogisticRegression()).fit(data.traces, y)
    found = exported(model)
    assert_same_detector(found, model, data.traces)
    assert found.classes_.dtype.kind == model.classes_.dtype.kind


def test_metadata(data, tmp_path):
    model = make_pipeline(SNRCalculator(), LogisticRegression()).fit(data.traces, data.y)
    export_onnx(model, tmp_path / "model.onnx", threshold=2.5)
    written = onnx.load(tmp_path / "model.onnx")
    found = {one.key: json.loads(one.value) for one in written.metadata_props}
    assert len(found.pop("sklearn_aera.sha256")) == 64
    assert found == {
        "sklearn_aera.format": 1,
        "sklearn_aera.version": __version__,
        "sklearn_aera.kind": "classifier",
        "sklearn_aera.trace_shape": [120],
        "sklearn_aera.classes": [0, 1],
        "sklearn_aera.sampling_rate": 180.0,
        "sklearn_aera.threshold": 2.5,
    }
    assert (written.producer_name, written.producer_version) == ("sklearn-aera", __version__)
    (given,) = written.graph.input
    assert given.name == "traces"
    assert [one.name for one in written.graph.output] == ["log_odds", "probabilities"]


def test_sampling_rate_of_the_command_line(data, exported):
    model = tiny(epochs=1).fit(data.traces, data.y)
    assert exported(model).sampling_rate_ is None
    model.sampling_rate_ = 200.0
    assert exported(model).sampling_rate_ == 200.0


def test_recurrent_layers_become_one_operator_each(tmp_path):
    name = next(n for n in CASES if n.startswith("lstm, both") and "(3, 2)" in n)
    export_onnx(NETWORKS["fitted"](*CASES[name]), tmp_path / "model.onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert operators.count("LSTM") == 2
    assert not {"Loop", "Scan", "If"} & set(operators)


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (make_pipeline(TraceSimulator(), tiny()), "TraceSimulator cannot be exported as step 1"),
        (LikelihoodRatioClassifier(), "LikelihoodRatioClassifier cannot be exported as the last"),
        (make_pipeline(MinMaxScaler(), tiny()), "MinMaxScaler cannot be exported as step 1"),
        (make_pipeline(StdNormalizer(), SpectralWhitener()), "SpectralWhitener cannot .* as the"),
        (make_pipeline(LogisticRegression(), tiny()), "LogisticRegression cannot .* as step 1"),
        ("model", "model must be an estimator"),
    ],
)
def test_other_estimators_are_refused_by_name(model, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_other_whiteners_are_refused_by_name(data, tmp_path):
    model = denoiser(epochs=1, whitener=MinMaxScaler()).fit(data.traces, data.signals)
    with pytest.raises(TypeError, match="MinMaxScaler cannot be exported as a whitener"):
        export_onnx(model, tmp_path / "model.onnx")


def test_bad_arguments(data, tmp_path):
    model = make_pipeline(SNRCalculator(), LogisticRegression())
    with pytest.raises(NotFittedError):
        export_onnx(model, tmp_path / "model.onnx")
    model.fit(data.traces, data.y)
    with pytest.raises(ValueError, match=r"ending of path 'model.bin' must be one of '.onnx'"):
        export_onnx(model, tmp_path / "model.bin")
    with pytest.raises(ValueError, match="threshold must be finite"):
        export_onnx(model, tmp_path / "model.onnx", threshold=np.inf)
    three = LogisticRegression().fit(data.traces, np.arange(300) % 3)
    with pytest.raises(ValueError, match="threshold is for models of two classes"):
        export_onnx(three, tmp_path / "model.onnx", threshold=0.0)
    assert not list(tmp_path.iterdir())
    export_onnx(model, tmp_path / "model.onnx")
    before = (tmp_path / "model.onnx").read_bytes()
    with pytest.raises(FileExistsError, match="exists"):
        export_onnx(model, tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == before


def test_export_needs_no_tensorflow(data, tmp_path):
    """It works where TensorFlow and Keras cannot be imported."""
    from sklearn_aera.persistence import save_model

    model = make_pipeline(StdNormalizer(), SpectralWhitener(), tiny(epochs=1))
    save_model(model.fit(data.traces, data.y), tmp_path / "model.skops")
    code = (
        "from sklearn_aera.persistence import export_onnx, load_model\n"
        f"folder = {str(tmp_path)!r}\n"
        "export_onnx(load_model(folder + '/model.skops'), folder + '/model.onnx')"
    )
    run_without(["keras", "tensorflow", "scikeras"], code)
    assert_same_detector(load_onnx(tmp_path / "model.onnx"), model, data.traces)


def test_export_without_onnx_says_how_to_install_it(tmp_path):
    code = (
        "from sklearn_aera.persistence import export_onnx\n"
        "from sklearn_aera.preprocessing import StdNormalizer\n"
        "try:\n"
        "    export_onnx(StdNormalizer(), 'model.onnx')\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    assert "pip install 'sklearn-aera[onnx]'" in run_without(["onnx"], code)
