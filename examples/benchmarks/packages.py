"""What the packages that people use for such data can do: checked by running each.

Run in the environment of each package as::

    python examples/benchmarks/packages.py [--data FILE] [--quick] [--json FILE]

``FILE`` has traces and signals as ``sklearn-aera simulate FILE.npz`` writes them, the first half
for training; without it, and with sklearn-aera at hand, they are simulated. Every package that is
installed gets a row, in ``--json`` beside those that the file has from other environments. Its
classifier is the recurrent one that it has, with a GRU of 32 units in both directions where it can
be chosen, or else the one that it recommends for series; traces are divided by their standard
deviation before. What is looked at:

- network: who writes it.
- AUC: on the second half of the traces, with the seconds of the fit; all networks are trained for
  10 epochs. These are small data, and not what any of the packages can do at best.
- search: whether a `GridSearchCV` over two settings of a pipeline of scikit-learn runs.
- clone: whether a clone with the same seed predicts the same.
- joblib: size of the file, and whether a fresh process predicts the same from it.
- one trace: milliseconds of a prediction.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

EPOCHS, UNITS, FRAME = 10, 32, 10


class Frames(TransformerMixin, BaseEstimator):
    """Divide traces by their standard deviation, and give them the shape that a package wants."""

    def __init__(self, shape="flat"):
        self.shape = shape

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X = (X / X.std(axis=1, keepdims=True)).astype(np.float32)
        if self.shape == "channels first":
            return X[:, None]
        return X.reshape(len(X), -1, FRAME) if self.shape == "frames" else X

    def __sklearn_is_fitted__(self):
        return True


def keras_network(meta, units=UNITS):
    """A bidirectional GRU over frames of ten samples."""
    import keras

    layers = keras.layers
    network = [
        keras.Input(meta["X_shape_"][1:]),
        layers.Bidirectional(layers.GRU(units, return_sequences=True)),
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
    return keras.Sequential(network)


def scikeras():
    from scikeras.wrappers import KerasClassifier

    network = KerasClassifier(
        keras_network, loss="binary_crossentropy", optimizer="adam", units=UNITS, epochs=EPOCHS
    )
    network.set_params(batch_size=128, random_state=0, verbose=0)
    return "frames", network, {"units": [8, 32]}, "the user, in Keras"


def skorch():
    import torch
    from skorch import NeuralNetClassifier

    options = {"max_epochs": EPOCHS, "batch_size": 128, "lr": 1e-3, "train_split": None}
    network = NeuralNetClassifier(torch_network(), verbose=0, **options)
    network.set_params(optimizer=torch.optim.Adam, criterion=torch.nn.CrossEntropyLoss)
    torch.manual_seed(0)
    return "frames", network, {"module__units": [8, 32]}, "the user, in PyTorch"


def torch_network():
    """The same in PyTorch, as a class of this module, so that it can be pickled."""
    import torch

    class TorchNetwork(torch.nn.Module):
        def __init__(self, units=UNITS):
            super().__init__()
            self.gru = torch.nn.GRU(FRAME, units, batch_first=True, bidirectional=True)
            self.logits = torch.nn.Linear(2 * units, 2)

        def forward(self, X):
            return self.logits(self.gru(X)[0].amax(axis=1))

    TorchNetwork.__qualname__ = "TorchNetwork"
    return globals().setdefault("TorchNetwork", TorchNetwork)


def __getattr__(name):
    if name == "TorchNetwork":  # A fresh process looks for it when it loads a pickle.
        return torch_network()
    raise AttributeError(name)


def aeon():
    from aeon.classification.convolution_based import MultiRocketClassifier

    network = MultiRocketClassifier(random_state=0)
    return "flat", network, {"n_kernels": [1000, 5000]}, "no recurrent classifier; MultiRocket"


def sktime():
    from sktime.classification.deep_learning.gru import GRUClassifier

    network = GRUClassifier(
        hidden_dim=UNITS, n_layers=1, bidirectional=True, num_epochs=EPOCHS, batch_size=128
    )
    network.set_params(random_state=0, lr=1e-3)
    return "channels first", network, {"hidden_dim": [8, 32]}, "GRU, LSTM-FCN, simple RNN"


def tslearn():
    from tslearn.neighbors import KNeighborsTimeSeriesClassifier

    neighbors = KNeighborsTimeSeriesClassifier(n_neighbors=25, metric="euclidean")
    return "flat", neighbors, {"n_neighbors": [5, 25]}, "no recurrent classifier; neighbours"


def sklearn_aera():
    from sklearn_aera.neural_network import RecurrentClassifier

    options = {"cell": "gru", "hidden_size": UNITS, "n_filters": 0, "epochs": EPOCHS}
    network = RecurrentClassifier(**options, kernel_size=FRAME, stride=FRAME, random_state=0)
    return "flat", network, {"hidden_size": [8, 32]}, "GRU, LSTM, simple RNN by a parameter"


PACKAGES = {
    "scikeras": scikeras,
    "skorch": skorch,
    "aeon": aeon,
    "sktime": sktime,
    "tslearn": tslearn,
    "sklearn-aera": sklearn_aera,
}


def outcome(check):
    """What a check gives, or the error it ends with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check()
    except Exception as error:
        return f"{type(error).__name__}: {shorten(str(error), 70)}"


def scores(model, X):
    return np.asarray(model.predict_proba(X))[:, 1]


def measure(name, X, y, size):
    """One package's row."""
    shape, network, grid, written_by = PACKAGES[name]()
    pipeline = Pipeline([("frames", Frames(shape)), ("classify", network)])
    half, few = len(X) // 2, slice(0, size["n_search"])
    prepared = Frames(shape).transform(X)
    train, test = (prepared[:half], y[:half]), (prepared[half:], y[half:])
    row = {"package": name, "version": version(name), "network": written_by}

    def fit():
        started = time.perf_counter()
        network.fit(*train)
        seconds = time.perf_counter() - started
        return f"{roc_auc_score(test[1], scores(network, test[0])):.3f} in {seconds:.0f} s"

    def search():
        named = {f"classify__{key}": values for key, values in grid.items()}
        options = {"cv": 2, "scoring": "roc_auc", "error_score": "raise"}
        GridSearchCV(pipeline, named, **options).fit(X[few], y[few])
        return "yes"

    def same_from_a_clone():
        one, two = (
            scores(clone(network).fit(train[0][few], y[few]), test[0][few]) for _ in range(2)
        )
        return "the same" if np.array_equal(one, two) else f"differ by {np.ptp(one - two):.1g}"

    def stored():
        with tempfile.TemporaryDirectory() as folder:
            path, data = Path(folder) / "model.joblib", Path(folder) / "data.npy"
            joblib.dump(network, path)
            np.save(data, test[0][:50])
            code = (
                "import sys, joblib, numpy as np, packages; X = np.load(sys.argv[2]); "
                "np.save(sys.argv[2], packages.scores(joblib.load(sys.argv[1]), X))"
            )
            command = [sys.executable, "-c", code, str(path), str(data)]
            done = subprocess.run(
                command, cwd=Path(__file__).parent, capture_output=True, text=True
            )
            if done.returncode:
                return f"not loaded: {shorten(done.stderr.strip().splitlines()[-1], 70)}"
            same = np.allclose(np.load(data), scores(network, test[0][:50]), atol=1e-5)
            return f"{path.stat().st_size / 1e3:,.0f} kB, {'the same' if same else 'NOT the same'}"

    def one_trace():
        network.predict_proba(test[0][:1])
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            network.predict_proba(test[0][:1])
            seconds.append(time.perf_counter() - started)
        text = f"{1e3 * np.median(seconds):.1f} ms"
        shape = np.shape(network.predict_proba(test[0][:1]))
        return text if shape == (1, 2) else f"{text}, of shape {shape}"

    row |= {"AUC": outcome(fit), "search": outcome(search), "clone": outcome(same_from_a_clone)}
    row |= {"joblib": outcome(stored), "one trace": outcome(one_trace)}
    return row


def data_of(path, n_traces):
    """Traces and labels."""
    if path is None:
        from sklearn_aera.datasets import make_traces

        data = make_traces(n_traces, random_state=0)
        return data.traces, data.y
    with np.load(path) as file:
        return file["traces"][:n_traces], file["signals"][:n_traces].any(axis=1).astype(int)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--quick", action="store_true", help="a run that measures nothing")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    size = {"n_traces": 4000, "n_search": 500}
    if options.quick:
        size = {"n_traces": 80, "n_search": 20}
    X, y = data_of(options.data, size["n_traces"])
    known = options.json is not None and options.json.exists()
    found = json.loads(options.json.read_text()) if known else {}
    for name in PACKAGES:
        if importlib.util.find_spec(name.replace("-", "_")) is None:
            continue
        found[name] = [measure(name, X, y, size)]
        print(f"\n{name}")
        for key, value in found[name][0].items():
            print(f"  {key:18} {value}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    # Under its own name: pickles of what is defined here are loaded by other processes.
    from packages import main

    main()
