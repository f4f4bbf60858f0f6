"""What other packages can do with such data: checked by running each.

Run in the environment of each package as::

    python examples/benchmarks/packages.py [--data FILE] [--quick] [--json FILE]

``--data`` names a .npz file of traces and signals as `sklearn_aera.datasets.save_traces` writes it,
the first half for training; without it, and with sklearn-aera installed, they are simulated. Every
package that is installed gets a row; rows that the file of ``--json`` has from other environments
are kept. The classifier is the package's recurrent one, with a bidirectional GRU of 32 units where
that can be chosen, or else the one that it recommends for series; traces are divided by their
standard deviation before. The columns:

- network: who writes it.
- AUC: on the second half of the traces, with the seconds of the fit; all networks are trained for
  10 epochs. These are small data, and not the best that the packages can do.
- search: whether a `GridSearchCV` over two settings of a pipeline of scikit-learn runs.
- clone: whether a clone with the same seed predicts the same.
- joblib: size of the file, and whether a fresh process predicts the same from it.
- one trace: milliseconds of a prediction.
"""

import importlib.util
import json
import os
import subprocess
import tempfile
import warnings
from functools import partial
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
import numpy as np
from processes import run_python
from report import Report, input_file, make_parser, take_turns, timed
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


# Prints nothing; replaces the traces in the second file by their scores.
LOAD_CODE = """
import sys, joblib, numpy as np, packages
traces = np.load(sys.argv[2])
np.save(sys.argv[2], packages.scores(joblib.load(sys.argv[1]), traces))
"""


def scores(model, X):
    """Probability of a pulse."""
    return np.asarray(model.predict_proba(X))[:, 1]


class Checks:
    """What is checked of one package.

    Parameters
    ----------
    name : str
    X, y : ndarray
        Traces and labels; the first half is for training.
    n_few : int
        Number of traces where a fit need not learn much.
    """

    def __init__(self, name, X, y, n_few):
        self.shape, self.network, self.grid, self.written_by = PACKAGES[name]()
        half, prepared = len(X) // 2, Frames(self.shape).transform(X)
        self.train, self.test = (prepared[:half], y[:half]), (prepared[half:], y[half:])
        self.few = X[:n_few], y[:n_few]
        self.n_few = n_few

    def fit(self):
        _, seconds = timed(self.network.fit, *self.train)
        area = roc_auc_score(self.test[1], scores(self.network, self.test[0]))
        return f"{area:.3f} in {seconds:.0f} s"

    def search(self):
        pipeline = Pipeline([("frames", Frames(self.shape)), ("classify", self.network)])
        named = {f"classify__{key}": values for key, values in self.grid.items()}
        options = {"cv": 2, "scoring": "roc_auc", "error_score": "raise"}
        GridSearchCV(pipeline, named, **options).fit(*self.few)
        return "yes"

    def same_from_a_clone(self):
        few = [part[: self.n_few] for part in self.train]
        one, two = (scores(clone(self.network).fit(*few), self.test[0]) for _ in range(2))
        return "the same" if np.array_equal(one, two) else f"differ by {np.ptp(one - two):.1g}"

    def stored(self):
        some = self.test[0][:50]
        with tempfile.TemporaryDirectory() as folder:
            path, data = Path(folder) / "model.joblib", Path(folder) / "data.npy"
            joblib.dump(self.network, path)
            np.save(data, some)
            try:
                run_python(LOAD_CODE, path, data)
            except subprocess.CalledProcessError as error:
                return f"not loaded: {shorten(error.stderr.strip().splitlines()[-1], 70)}"
            same = np.allclose(np.load(data), scores(self.network, some), atol=1e-5)
            return f"{path.stat().st_size / 1e3:,.0f} kB, {'the same' if same else 'NOT the same'}"

    def one_trace(self):
        predict = partial(self.network.predict_proba, self.test[0][:1])
        seconds = take_turns({"one": predict}, 20)["one"]
        text, shape = f"{1e3 * np.median(seconds):.1f} ms", np.shape(predict())
        return text if shape == (1, 2) else f"{text}, of shape {shape}"


def outcome(check):
    """What a check gives, or the error it ends with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check()
    except Exception as error:
        return f"{type(error).__name__}: {shorten(str(error), 70)}"


def row_of(name, X, y, n_few):
    checks = Checks(name, X, y, n_few)
    row = {"package": name, "version": version(name), "network": checks.written_by}
    row |= {"AUC": outcome(checks.fit), "search": outcome(checks.search)}
    row |= {"clone": outcome(checks.same_from_a_clone), "joblib": outcome(checks.stored)}
    return row | {"one trace": outcome(checks.one_trace)}


def measure(X, y, n_few, path):
    """Rows of the packages that are installed, and of others as the file has them."""
    known = path is not None and path.exists()
    rows = json.loads(path.read_text())["tables"]["packages"]["rows"] if known else []
    found = {row["package"]: row for row in rows}
    for name in PACKAGES:
        if importlib.util.find_spec(name.replace("-", "_")) is not None:
            found[name] = row_of(name, X, y, n_few)
    return [found[name] for name in PACKAGES if name in found]


def read_or_make(path, n_traces):
    """Traces and labels."""
    if path is None:
        from sklearn_aera.datasets import make_traces

        data = make_traces(n_traces, random_state=0)
        return data.traces, data.y
    with np.load(path) as file:
        return file["traces"][:n_traces], file["signals"][:n_traces].any(axis=1).astype(int)


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=input_file, metavar="FILE")
    options = parser.parse_args()
    n_traces, n_few = (80, 20) if options.quick else (4000, 500)
    X, y = read_or_make(options.data, n_traces)
    report = Report("packages", options)
    report.measure("packages", "Packages", lambda: measure(X, y, n_few, options.json))
    report.finish()


if __name__ == "__main__":
    # Under its own name: pickles of what is defined here are loaded by other processes.
    from packages import main

    main()
