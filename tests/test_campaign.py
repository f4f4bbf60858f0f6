"""Odd values for every argument of every public name: each is refused by name, or does no harm.

The names come from the packages, and the arguments from their signatures, so that a new function
or class is covered when its arguments are known here. Of each value the outcome is one of

- refused: a ValueError or TypeError whose message names the argument;
- accepted: a result without NaN or infinite values.

Everything else is a fault: another error, one that does not say which argument it means, a result
that is not finite, or one that takes too long.
"""

import datetime
import importlib
import inspect
import itertools
import pkgutil
import re
import signal
import warnings
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import QUIET, tiny
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import sklearn_aera
from sklearn_aera.datasets import Recording, make_events, make_traces, save_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.persistence import save_model
from sklearn_aera.preprocessing import SpectralWhitener

SECONDS = 20
EVERY = 9  # The default run takes one of so many cases.

# --- values ----------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
ODD_VALUES = [
    None, True, "", "text", b"bytes", NAN, INF, -INF, -1, 0, 0.5, -1.5, 1e-30, 1e300, 2**31,
    10**30, -(10**400), 1 + 2j, object(), (), [], [[]], {}, {1}, (1.0, 2.0), [3, -3],
    (NAN, 1.0), [1, "a"], Fraction(10**400, 3), Decimal("NaN"), np.float32("nan"), np.array(7.0),
    np.array([1.0, 2.0]), np.array([]), np.zeros((2, 2)), np.array([1j]),
    np.datetime64("2024-01-01"),    np.timedelta64(1, "s"), datetime.date(2024, 1, 1), np.ma.masked,
    np.ma.masked_array([1.0, 2.0], [False, True]), lambda *args: 1, int, Path("nowhere"),
]  # fmt: skip


def odd_arrays(valid):
    """Odd arrays in place of a valid one."""
    valid = np.asarray(valid)
    yield from (None, "text", 5, NAN, [], [[]], {}, {1}, object(), [[1.0], [1.0, 2.0]], [object()])
    yield from (valid[:0], valid[..., :0], np.array(5.0), valid[None, None, None], valid[:1])
    yield from (valid.astype(complex) + 1j, valid.astype(str), valid.astype("M8[s]"))
    yield from (valid.astype(object), csr_array(np.eye(3)), iter([1.0]), valid[..., None])
    yield np.zeros(len(valid), dtype=[("a", float), ("b", float)])
    for value in (NAN, INF, -INF, 1e300, -1.0, 0.5, 1e-30):
        changed = valid.astype(float)
        changed[(0,) * changed.ndim] = value
        yield changed
    yield np.ma.masked_array(valid, np.arange(valid.size).reshape(valid.shape) == 1)
    with np.errstate(over="ignore"):
        yield from (valid * np.float64(1e200), valid * 0)


# --- valid arguments, by their names -----------------------------------------------------------

SIMULATOR = QUIET
DATA = make_traces(40, simulator=SIMULATOR, snr=8.0, arrival_time=(0.1, 0.5), random_state=0)
X, y, SIGNALS = DATA.traces, DATA.y, DATA.signals
SCORES = np.linspace(0.0, 1.0, 40) + 0.3 * y
WHITENER = SpectralWhitener().fit(X, y)
EVENTS, _ = make_events(40, arrival_time=(0.1, 0.5), random_state=0)
NOISE = np.random.default_rng(0).normal(size=(2, 3000))
DETECTOR = make_pipeline(SNRCalculator(), LogisticRegression()).fit(X, y)
PLANE = {
    "times": np.array([0.0, 0.1, 0.2, 0.15]),
    "positions": np.array([[0.0, 0, 0], [50, 0, 0], [0, 60, 0], [40, 40, 1]]),
}
ARRAYS = {
    "traces": X, "trace": X[1], "signals": SIGNALS, "true_signals": SIGNALS, "recovered": X,
    "y_true": y, "y_score": SCORES, "y_val": y, "score_val": SCORES, "y_test": y,
    "score_test": SCORES, "errors": np.linspace(-1.0, 1.0, 40), "signal": X, "noise": X,
    "frequencies": np.linspace(30.0, 80.0, 5), "autocovariance": np.eye(120)[0] + 0.1,
    "recordings": NOISE, "samples": NOISE, "waveforms": NOISE[:, :50], **PLANE,
}  # fmt: skip
ARRAYS |= {"true_signals": SIGNALS[y == 1], "snr": np.linspace(0.5, 5.0, 40)}
VALID = {
    "n_successes": 3, "n_trials": 10, "threshold": 0.6, "slope": -10.0, "snr": ARRAYS["snr"],
    "livetime": 10.0, "rate": 0.5, "n_events": 4, "duration": 50.0, "sampling_rate": 180.0,
    "name": "aera", "detector": DETECTOR, "model": WHITENER, "X": X, "y": y,
    "estimator": DETECTOR, "recording": Recording(NOISE, 180.0), "path": None,
}  # fmt: skip

OWN = {
    "fit_tail": {"n_exceedances": 50, "y_score": -np.log(np.linspace(1e-3, 1.0, 200))},
    "threshold_at_rate": {"rate": 0.5},
    "cramer_rao_bound": {"signals": SIGNALS[y == 1]},
    "pulse_parameters": {"signals": SIGNALS[y == 1]},
    "RecoveryDisplay.from_predictions": {"recovered": X[1]},
    "ResolutionDisplay.from_predictions": {"snr": ARRAYS["snr"][y == 1]},
    "load_recording": {"sampling_rate": 180.0},
    "save_model": {"model": DETECTOR},
}
# Files that the readers are given; the writers are given new ones.
FILES = {"load_traces": "data.npz", "load_model": "model.skops", "load_recording": "noise.npy"}


def public():
    """Public functions and classes, by the names of their packages."""
    for module in pkgutil.iter_modules(sklearn_aera.__path__):
        if module.ispkg and not module.name.startswith("_"):
            package = importlib.import_module(f"sklearn_aera.{module.name}")
            for name in package.__all__:
                yield f"{module.name}.{name}", getattr(package, name)


# What is not called here, and why.
LEFT_OUT = {
    "cli.main": "is tested as a command by test_cli_errors.py",
    "neural_network.Detector": "is a scikit-learn Pipeline",
    "neural_network.make_detector": "only sets parameters, which the fit checks",
    "neural_network.make_denoiser": "only sets parameters, which the fit checks",
    "neural_network.clear_compiled_networks": "has no arguments",
    "neural_network.Architecture": "describes what was fitted, and is not made by users",
    "simulation.FrequencyGrid": "is made by the simulator, from arguments that it has checked",
    "preprocessing.StationaryCovariance": "is made by estimators, of what they estimate",
    "trigger.StreamTrigger": "is tested by test_stream_trigger.py",
    "trigger.coincidences": "takes what a trigger found, and is tested by its own tests",
    "trigger.accidental_rate": "takes what a trigger found, and is tested by its own tests",
}
LEFT_OUT |= {
    "datasets.load_coreas": "needs a file of CoREAS; tests with damaged ones are in test_files.py",
    "persistence.export_onnx": "needs a fitted network, and is tested by test_onnx_export.py",
    "persistence.load_onnx": "needs an exported network, and is tested by test_onnx_export.py",
    "persistence.OnnxClassifier": "is made by load_onnx",
    "persistence.OnnxDenoiser": "is made by load_onnx",
    "inspection.ResolutionDisplay.from_estimator": "fits and calls ResolutionDisplay",
    "inspection.SearchDisplay": "needs a search of networks; test_search_display.py has one",
    "inspection.TrainingDisplay": "needs a trained network; test_training_display.py has one",
}
# These arguments take more than one kind of object on purpose.
FREE = {"random_state", "verbose", "memory"}


def targets():
    """Functions to call with keyword arguments, and estimators, by name."""
    for label, thing in public():
        name = label.split(".")[1]
        results = isinstance(thing, type) and issubclass(thing, tuple)
        if label in LEFT_OUT or not callable(thing) or results:
            continue
        if not name.endswith("Display"):
            yield label, thing
            continue
        for method in vars(thing):
            if method.startswith("from_") and f"{label}.{method}" not in LEFT_OUT:
                yield f"{label}.{method}", getattr(thing, method)


TARGETS = dict(targets())
ESTIMATORS = {
    label: thing
    for label, thing in TARGETS.items()
    if isinstance(thing, type) and issubclass(thing, BaseEstimator)
}
FUNCTIONS = {label: thing for label, thing in TARGETS.items() if label not in ESTIMATORS}


# --- outcomes ----------------------------------------------------------------------------------

# Texts of scikit-learn, which say what is wrong with X or y without the name.
_SKLEARN = re.compile(
    r"Found array with|Expected 2D array|Expected a 2-dimensional|Found input variables with|"
    r"Sparse data was passed|[Uu]nknown label type|X has \d+ features|Expected sequence or array|"
    r"dtype='numeric'|could not convert string|y should be a 1d array|Singleton array|"
    r"the following mixed types|Only binary classification|classifier can't train"
)


@contextmanager
def limited(seconds):
    """Raise TimeoutError after some seconds, where the system has alarms."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_):
        raise TimeoutError(f"takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(call, names, text=""):
    """Return "refused", "accepted", or a description of the fault.

    The result may have NaN or infinite values if the docstring, ``text``, says when.
    """
    try:
        with limited(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            result = call()
    except (ValueError, TypeError) as error:
        message = str(error)
        named = any(re.search(rf"\b{name}\b", message) for name in names)
        if named or (names & (ARRAYS.keys() | {"X", "y"}) and _SKLEARN.search(message)):
            return "refused"
        return f"{type(error).__name__} without the name: {message[:150]}"
    except OSError as error:
        return "refused" if "path" in names else f"{type(error).__name__}: {str(error)[:150]}"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:150]}"
    finally:
        plt.close("all")
    may_be_nan = "NaN" in text or "Infinite" in text
    return "accepted" if may_be_nan or finite(result) else "a result that is not finite"


def finite(result):
    """Whether all numbers in a result are finite."""
    if isinstance(result, dict):
        return all(map(finite, result.values()))
    if isinstance(result, tuple | list):
        return all(map(finite, result))
    if (
        isinstance(result, np.ndarray | float | np.floating)
        and np.asarray(result).dtype.kind in "fc"
    ):
        return bool(np.isfinite(result).all())
    return True


def is_strange(value):
    """Whether a value is of a type that no argument is documented to take."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "cM" or np.ma.is_masked(value)
    types = (
        complex,
        bytes,
        dict,
        set,
        type,
        Decimal,
        Path,
        datetime.date,
        np.datetime64,
        np.timedelta64,
    )
    return isinstance(value, types) or callable(value) or type(value) is object


# Strange values that are accepted, and why.
ACCEPTED = {
    ("StdNormalizer", "y"): "is ignored",
    ("SNRCalculator", "y"): "is ignored",
    ("Recording", "start_time"): "is a date",
    ("simulate_to_file", "on_progress"): "is a function",
    ("RecurrentClassifier", "class_weight"): "is a dictionary",
    ("ConvolutionalClassifier", "class_weight"): "is a dictionary",
}


def shown(value):
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a huge integer
        text = type(value).__name__
    return text if len(text) < 80 else f"{text[:60]}... {np.shape(value)}"


# --- cases -------------------------------------------------------------------------------------


def arguments(thing):
    return {
        name: parameter
        for name, parameter in inspect.signature(thing).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }


def valid_arguments(thing):
    """Valid values of the required arguments."""
    needed = [name for name, p in arguments(thing).items() if p.default is p.empty]
    known = ARRAYS | VALID
    missing = [name for name in needed if name not in known]
    assert not missing, f"add valid values of {missing} to this module"
    return {name: known[name] for name in needed}


def function_cases(thing):
    """Calls of a function with one odd argument, and what is odd about each."""
    valid = valid_arguments(thing) | OWN.get(thing.__qualname__, {})
    if "recovered" in valid and "true_signals" in valid:
        valid["recovered"] = X[y == 1]
        valid |= {"traces": X[y == 1]} if "traces" in valid else {}
    counter = itertools.count()

    def path():
        if "path" not in valid:
            return {}
        ending = ".skops" if thing.__name__ == "save_model" else ".h5"
        return {"path": FILES.get(thing.__name__, f"{next(counter)}{ending}")}

    for name in arguments(thing):
        if name in FREE:
            continue
        values = odd_arrays(valid[name]) if name in ARRAYS and name in valid else ODD_VALUES
        for value in values:
            yield (
                name,
                value,
                lambda name=name, value=value: thing(**valid | path() | {name: value}),
            )


def made(cls, **parameters):
    """An estimator, small if it has a network."""
    if cls.__module__.endswith("neural_network"):
        small = tiny().get_params()
        small = {k: v for k, v in small.items() if k in cls().get_params() and k != "n_filters"}
        parameters = small | parameters
    return cls(**(valid_arguments(cls) | parameters))


def fitted_result(estimator, X, y):
    """Fit an estimator, and return what it makes of a few traces."""
    kind = type(estimator).__module__.split(".")[1]
    if kind == "simulation":
        if hasattr(estimator, "transform"):
            return estimator.fit(EVENTS).transform(EVENTS[:3])
        part = {"spectra": "pulse", "traces": "noise", "gain": "response"}
        name = next(role for method, role in part.items() if hasattr(estimator, method))
        simulator = type(SIMULATOR)(**{name: estimator}, n_samples=120, random_state=0)
        return simulator.fit(EVENTS).transform(EVENTS[:3])
    if kind == "neural_network":
        # Labels of one class are refused after the parameters, and before any training.
        with pytest.raises((ValueError, TypeError)) as caught:
            estimator.fit(
                X, np.zeros(len(y), int) if hasattr(estimator, "predict_proba") else X[:2]
            )
        if "has only 1 class" not in str(caught.value) and "inconsistent" not in str(caught.value):
            raise caught.value
        return None
    estimator.fit(X, y)
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "transform"
    return getattr(estimator, method)(X[:3])


def parameter_cases(cls):
    """Fits with one odd parameter."""
    for name in arguments(cls):
        if name in FREE:
            continue
        values = ODD_VALUES
        if name in ARRAYS:
            values = odd_arrays(ARRAYS[name])
        for value in values:
            yield (
                name,
                value,
                lambda name=name, value=value: fitted_result(made(cls, **{name: value}), X, y),
            )


def data_cases(cls):
    """Fits and transforms of odd traces and labels."""
    kind = cls.__module__.split(".")[1]
    if kind == "neural_network" or not hasattr(cls, "fit"):
        return
    if kind == "simulation":
        for value in odd_arrays(EVENTS):
            yield "X", value, lambda value=value: made(cls).fit(EVENTS).transform(value)
        return
    estimator = made(cls).fit(X, y)
    methods = [
        name
        for name in ("transform", "predict", "predict_proba", "decision_function", "posterior_mean")
        if hasattr(estimator, name)
    ]
    for value in odd_arrays(X):
        yield "X", value, lambda value=value: fitted_result(made(cls), value, y)
        for method in methods[:2]:
            yield "X", value, lambda m=method, value=value: getattr(estimator, m)(value)
    for value in odd_arrays(y):
        yield "y", value, lambda value=value: fitted_result(made(cls), X, value)


# A parameter may be named by another name, or by what it makes.
ALSO = {
    "times": {"times", "positions"}, "X": {"X", "events", "traces"},
    "signal": {"signal", "signals"}, "snr": {"snr", "events"},
    "y": {"y_true"}, "true_signals": {"errors"}, "arrival_time": {"events"},
    "livetime": {"rate"}, "threshold": {"y_score"}, "y_score": {"rate"},
}  # fmt: skip


def run(label, cases, counted, faults, step):
    """Count the outcomes of some of the cases, and collect the faults."""
    for number, (name, value, call) in enumerate(cases):
        if number % step:
            continue
        found = outcome(call, {name} | ALSO.get(name, set()), TARGETS[label].__doc__)
        known = (label.split(".")[1], name) in ACCEPTED
        if found == "accepted" and is_strange(value) and not known:
            found = "accepted without a word"
        kind = found if found in ("refused", "accepted") else "fault"
        counted[kind] = counted.get(kind, 0) + 1
        if kind == "fault":
            faults.append(f"{label}({name}={shown(value)}): {found}")


def campaign(label, step):
    counted, faults = {}, []
    if label in ESTIMATORS:
        run(label, parameter_cases(ESTIMATORS[label]), counted, faults, step)
        run(label, data_cases(ESTIMATORS[label]), counted, faults, step)
    else:
        run(label, function_cases(FUNCTIONS[label]), counted, faults, step)
    print(f"{label}: {counted}")
    assert not faults, "\n".join([f"{len(faults)} faults", *faults])
    assert counted.get("refused"), "nothing was refused"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder with a file for each reader."""
    monkeypatch.chdir(tmp_path)
    save_traces("data.npz", X)
    save_model(DETECTOR, "model.skops")
    np.save("noise.npy", NOISE)


@pytest.mark.parametrize("label", TARGETS)
def test_odd_values(label):
    campaign(label, EVERY)


@pytest.mark.slow
@pytest.mark.parametrize("label", TARGETS)
def test_more_odd_values(label):
    campaign(label, 1)
