"""``model_`` is a Keras model that can be saved and exported by Keras."""

from itertools import product

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from helpers import TINY, convolutional, denoiser, recurrent, tiny

from sklearn_aera._scaling import divide_by_std

RNG = np.random.default_rng(0)
TRACES = {
    1: RNG.normal(size=(40, 60)).astype(np.float32),
    2: RNG.normal(size=(40, 2, 60)).astype(np.float32),
}
LABELS = np.arange(40) % 2
FRAMES = {"n_filters": 0, "kernel_size": 12, "stride": 7}
# With and without filters, frames and several layers; in one direction and in both.
NETWORKS = {
    "recurrent": recurrent(epochs=1, dropout=0.2),
    "recurrent, frames": tiny(epochs=1, **{**FRAMES, "cell": "lstm", "pooling": "last"}),
    "recurrent, two layers": tiny(epochs=1, hidden_size=(3, 2), pooling="mean"),
    "convolutional": convolutional(epochs=1),
    "convolutional, two layers": convolutional(epochs=1, n_filters=(4, 3), pooling="flatten"),
    "denoiser": denoiser(epochs=1),
    "denoiser, frames": denoiser(epochs=1, **{**TINY, **FRAMES}),
}


CASES = list(product(NETWORKS, TRACES))
OFTEN = [("recurrent", 1), ("denoiser", 2)]


@pytest.fixture(
    scope="module",
    params=[pytest.param(c, marks=() if c in OFTEN else pytest.mark.slow) for c in CASES],
    ids=[f"{name}, {n_channels} channels" for name, n_channels in CASES],
)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def traces(case):
    return TRACES[case[1]]


@pytest.fixture(scope="module")
def fitted(case, traces):
    name, _ = case
    return NETWORKS[name].fit(traces, traces if name.startswith("denoiser") else LABELS)


@pytest.fixture(scope="module")
def model(fitted):
    return fitted.model_


@pytest.fixture(scope="module")
def outputs(model, traces):
    """Outputs of the Keras model; the first test compares them with those of the estimator."""
    return model.predict(traces, verbose=0)


def test_is_the_fitted_network(fitted, outputs, traces):
    model = fitted.model_
    assert isinstance(model, keras.Model)
    if hasattr(fitted, "classes_"):
        np.testing.assert_allclose(outputs[:, 0], fitted.decision_function(traces), atol=1e-5)
    else:
        divided, std = divide_by_std(traces)
        found = fitted.predict(traces) / (fitted.scale_ * std)
        assert found.shape == outputs.shape == traces.shape
        np.testing.assert_allclose(found, model.predict(divided, verbose=0), atol=1e-5)
    # The model is a copy: changing it does not change the estimator.
    before = fitted.predict(traces)
    model.set_weights([0 * weight for weight in model.get_weights()])
    np.testing.assert_array_equal(fitted.predict(traces), before)


def test_saved_and_loaded(model, outputs, traces, tmp_path):
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(
        tmp_path / "network.keras"
    )  # It needs no class of this package.
    np.testing.assert_allclose(loaded.predict(traces, verbose=0), outputs, atol=1e-5)


def test_exported_as_saved_model(model, outputs, traces, tmp_path):
    model.export(tmp_path / "network", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "network")
    for n_traces in (1, 40):
        found = np.asarray(loaded.serve(traces[:n_traces]))
        np.testing.assert_allclose(found, outputs[:n_traces], atol=1e-5)


# Keras checks whether NumPy has `np.object`.
@pytest.mark.filterwarnings("ignore:In the future `np.object` will be defined:FutureWarning")
def test_exported_as_onnx(model, outputs, traces, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")  # tf2onnx sets it, for all later tests.
    path = str(tmp_path / "network.onnx")
    model.export(path, format="onnx", verbose=False)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path)
    (given,) = session.get_inputs()
    for n_traces in (1, 40):
        (found,) = session.run(None, {given.name: traces[:n_traces]})
        np.testing.assert_allclose(found, outputs[:n_traces], atol=1e-5)
