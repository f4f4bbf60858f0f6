"""Models and traces that the commands read."""

import numpy as np
from sklearn.base import is_regressor
from sklearn.pipeline import Pipeline

from sklearn_aera._labels import check_classes
from sklearn_aera._validation import equal_rates
from sklearn_aera.cli._common import warn
from sklearn_aera.datasets import load_traces
from sklearn_aera.persistence import load_model, load_onnx

CHUNK_SIZE = 10_000


def read_model(path, allow_pickle, trusted):
    """Load a model or what `export` has made of it, with a warning if it is a pickle."""
    if path.suffix == ".onnx":
        return load_onnx(path)
    if allow_pickle and path.suffix == ".joblib":
        warn(f"{path} is a pickle: loading it runs code from the file.")
    return load_model(path, allow_pickle=allow_pickle, trusted=trusted or ())


def read_detector(path, allow_pickle, trusted):
    """Load a model that returns the probabilities of two classes, noise and pulse."""
    return check_detector(read_model(path, allow_pickle, trusted), path)


def check_detector(model, path):
    """Return a model if it is a detector, else raise ValueError."""
    if not hasattr(model, "predict_proba"):
        raise ValueError(f"{path} holds a {_name(model)}, which returns no probabilities")
    if len(model.classes_) != 2:
        raise ValueError(
            f"{path} holds a {_name(model)} for {len(model.classes_)} classes, but a detector has "
            "two"
        )
    check_classes(model.classes_)
    return model


def read_denoiser(path, allow_pickle, trusted):
    """Load a model that recovers signals."""
    model = read_model(path, allow_pickle, trusted)
    if not is_regressor(model):
        raise ValueError(f"{path} holds a {_name(model)}, which recovers no signals")
    return model


def _name(model):
    return type(model[-1] if isinstance(model, Pipeline) else model).__name__


def read_labelled(path, purpose, allow_pickle):
    """Load traces with labels."""
    data = load_traces(path, allow_pickle=allow_pickle)
    if data.y is None:
        raise ValueError(
            f"{path}: {purpose} needs labels, but the file has neither signals nor events"
        )
    return data


def remember_rate(model, data):
    """Store the sampling rate of the traces, if it is known, in the model for them."""
    if data.sampling_rate is not None:
        model.sampling_rate_ = data.sampling_rate


def check_rate(model, data, path):
    """Raise ValueError if a model was fitted to traces of another sampling rate."""
    # Other parts have other rates, such as a library of pulses.
    parts = [part for part in (model, *model.get_params().values()) if hasattr(part, "fit")]
    for part in parts:
        for name in ("sampling_rate_", "sampling_rate"):
            rate = getattr(part, name, None)
            check_same_rate(rate, data.sampling_rate, f"{path}: the model was fitted to")


def check_same_rate(expected, rate, text):
    """Raise ValueError if two sampling rates are known and differ."""
    if None not in (expected, rate) and not equal_rates(expected, rate):
        raise ValueError(f"{text} a sampling rate of {expected:.9g} MHz, got {rate:.9g} MHz")


def check_test_traces(validation, test):
    """Compare the rates, and warn if validation and test traces have the same events."""
    check_same_rate(validation.sampling_rate, test.sampling_rate, "the validation traces have")
    if validation.event_id is None or test.event_id is None:
        return
    shared = np.intersect1d(validation.event_id, test.event_id)
    if shared.size:
        warn(
            f"{shared.size:,} events of the validation and the test traces have the same id: if "
            "they were simulated with the same seed, they are the same events."
        )
