"""Make the stored models that test whether later versions can read the files of this one.

Run as ``python tests/data/make_stored_model.py``. It writes ``detector-<version>.skops`` and
``detector-<version>.joblib``, and ``detector-<version>.npz`` with traces and the scores of the
model for them. Files of released versions are never changed: `test_stored_models.py` loads all of
them. The files ``detector-before-0.1.0`` have a layout from before the first release, which must
be refused.
"""

from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

import sklearn_aera
from sklearn_aera.datasets import make_traces
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.persistence import save_model
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import TraceSimulator

# Short traces: the whitener stores a square matrix of their length.
OPTIONS = {
    "simulator": TraceSimulator(n_samples=32),
    "snr": 6.0,
    "arrival_time": (0.05, 0.12),
    "random_state": 0,
}


def make_detector():
    network = RecurrentClassifier(
        hidden_size=4, n_filters=4, kernel_size=8, stride=4, epochs=3, random_state=0
    )
    steps = [
        ("normalize", StdNormalizer()),
        ("whiten", SpectralWhitener()),
        ("classify", network),
    ]
    train = make_traces(300, **OPTIONS)
    return Pipeline(steps).fit(train.traces, train.y)


def main():
    path = Path(__file__).with_name(f"detector-{sklearn_aera.__version__}")
    detector = make_detector()
    for suffix in (".skops", ".joblib"):
        save_model(detector, f"{path}{suffix}", overwrite=True)
    test = make_traces(20, first_event_id=1000, **OPTIONS)
    np.savez(
        f"{path}.npz",
        traces=test.traces,
        y=test.y,
        decision_function=detector.decision_function(test.traces),
    )


if __name__ == "__main__":
    main()
