"""Networks do not depend on the types and the data format that Keras uses by default."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import convolutional, denoiser, tiny
from keras import config

from sklearn_aera.neural_network import clear_compiled_networks

X = np.random.default_rng(0).normal(size=(80, 120)).astype(np.float32)
y = np.arange(80) % 2

PROGRAM = """
import test_keras_defaults as t
print(t.config.floatx(), t.fitted(t.tiny(epochs=2))[0].tobytes().hex())
"""


def fitted(model, targets=y):
    """Outputs and loss of a model, with validation data."""
    model.fit(X, targets, X_val=X[:20], y_val=targets[:20])
    outputs = getattr(model, "decision_function", model.predict)(X)
    return outputs, model.history_["loss"], model.history_["val_loss"], model.model_(X[:5]).numpy()


@pytest.fixture
def keras_settings():
    """Restore Keras' settings."""
    before = config.floatx(), config.image_data_format(), config.dtype_policy()
    yield
    config.set_floatx(before[0])
    config.set_image_data_format(before[1])
    config.set_dtype_policy(before[2])
    clear_compiled_networks()


@pytest.mark.parametrize(
    ("make", "floatx"),
    [
        (tiny, "float16"),
        pytest.param(convolutional, "float64", marks=pytest.mark.slow),
        pytest.param(denoiser, "float16", marks=pytest.mark.slow),
    ],
)
def test_defaults_of_keras_change_nothing(keras_settings, make, floatx):
    targets = X * y[:, None] if make is denoiser else y
    expected = fitted(make(epochs=2), targets)
    clear_compiled_networks()
    config.set_floatx(floatx)
    config.set_image_data_format("channels_first")
    config.set_dtype_policy("mixed_float16")
    for found, before in zip(fitted(make(epochs=2), targets), expected, strict=True):
        np.testing.assert_array_equal(found, before)
    settings = config.floatx(), config.image_data_format(), config.dtype_policy().name
    assert settings == (floatx, "channels_first", "mixed_float16")


def test_defaults_of_keras_return_after_an_error(keras_settings):
    config.set_floatx("float16")
    with pytest.raises(ValueError, match="the training diverged"):
        tiny(learning_rate=1e30).fit(X, y)
    assert config.floatx() == "float16"


@pytest.mark.slow
def test_a_settings_file_of_keras_changes_nothing(tmp_path):
    printed = {}
    for floatx in ("float32", "float16"):
        folder = tmp_path / floatx
        folder.mkdir()
        settings = {"floatx": floatx, "backend": "tensorflow", "epsilon": 1e-7}
        settings["image_data_format"] = "channels_first"
        (folder / "keras.json").write_text(json.dumps(settings))
        environment = os.environ | {"KERAS_HOME": str(folder), "OMP_NUM_THREADS": "1"}
        path = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        environment["PYTHONPATH"] = os.pathsep.join(path)
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
        )
        used, printed[floatx] = run.stdout.split()
        assert used == floatx
    assert printed["float16"] == printed["float32"]
