"""Types that a model file may refer to, beyond those that skops trusts by default."""

import json
import zipfile
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from inspect import isfunction

from sklearn import metrics, model_selection
from sklearn.base import BaseEstimator

import sklearn_aera

# Private classes of fitted estimators that only restore their attributes.
_SCIKIT_LEARN = {
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}


@cache
def _public_names():
    """Return the full names of scikit-learn's splitters, searches and metrics."""
    found = [getattr(metrics, name) for name in metrics.__all__]
    found = [item for item in found if isfunction(item)]
    names = set(model_selection.__all__) & set(vars(model_selection))
    found += [item for item in map(vars(model_selection).get, names) if isinstance(item, type)]
    scorers = (metrics.get_scorer(name)._score_func for name in metrics.get_scorer_names())
    return {f"{item.__module__}.{item.__name__}" for item in [*found, *scorers]}


def is_trusted(name):
    """Return whether a file may refer to the type or function with this full name.

    Of this package only public classes that hold data, and metrics, are trusted. Other functions
    are not, because calling them can write files.
    """
    if name in _SCIKIT_LEARN or name in _public_names():
        return True
    parent, _, attribute = name.rpartition(".")
    root, _, package = parent.partition(".")
    if root != sklearn_aera.__name__ or package not in sklearn_aera.__all__:
        return False
    module = getattr(sklearn_aera, package)
    if attribute not in getattr(module, "__all__", ()):
        return False
    found = getattr(module, attribute)
    if isinstance(found, type):
        return issubclass(found, BaseEstimator | tuple) or is_dataclass(found)
    return package == "metrics" and isfunction(found)


def is_of_old_layout(name):
    """Return whether a type has a private module, as in files of versions before 0.1.0."""
    return name.startswith(f"{sklearn_aera.__name__}.") and "._" in name


def called_functions(path, names):
    """Return which of the named functions a file would call when it is loaded.

    A file may refer to a function, which then is an attribute of the model.
    """
    with zipfile.ZipFile(path) as file:
        left = [json.loads(file.read("schema.json"))]
    called = set()
    while left:
        node = left.pop()
        if isinstance(node, dict):
            name = f"{node.get('__module__')}.{node.get('__class__')}"
            if name in names and node.get("__loader__") != "FunctionNode":
                called.add(name)
            node = list(node.values())
        left.extend(node if isinstance(node, list) else ())
    return sorted(name for name in called if not _is_class(name))


def _is_class(name):
    module, _, attribute = name.rpartition(".")
    return isinstance(getattr(import_module(module), attribute, None), type)
