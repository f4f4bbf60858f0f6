"""Which types a model file may refer to, beyond those that skops knows."""

import importlib
from dataclasses import is_dataclass

from sklearn.base import BaseEstimator

import sklearn_aera

_PACKAGE = sklearn_aera.__name__
_METRICS = f"{_PACKAGE}.metrics"

# Of scikit-learn, what fitted searches and routed metadata hold and skops (0.16) does not trust by
# itself: classes that take their attributes back and no more, and functions of labels and scores.
_SCIKIT_LEARN = frozenset(
    f"sklearn.{name}"
    for name in (
        "metrics._classification.accuracy_score",
        "metrics._classification.balanced_accuracy_score",
        "metrics._ranking.average_precision_score",
        "metrics._ranking.roc_auc_score",
        "metrics._scorer._CurveScorer",
        "metrics._scorer._MultimetricScorer",
        "metrics._scorer._PassthroughScorer",
        "metrics._scorer._Scorer",
        "model_selection._search_successive_halving.HalvingGridSearchCV",
        "model_selection._search_successive_halving.HalvingRandomSearchCV",
        "model_selection._split.KFold",
        "model_selection._split.RepeatedStratifiedKFold",
        "model_selection._split.ShuffleSplit",
        "model_selection._split.StratifiedKFold",
        "model_selection._split.StratifiedShuffleSplit",
        "utils._metadata_requests.MetadataRequest",
        "utils._metadata_requests.MethodMetadataRequest",
    )
)


def is_trusted(name):
    """Whether a file may refer to a type or function of this full name.

    Of this package these are the classes that hold data, and the metrics. A name that merely
    begins with the package's is not enough: it may be that of a function that writes a file, and
    a forged model file would call it.
    """
    if name in _SCIKIT_LEARN:
        return True
    module, _, attribute = name.rpartition(".")
    if not f"{module}.".startswith(f"{_PACKAGE}."):
        return False
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    if getattr(found, "__module__", None) != module:
        return False
    return _holds_data(found) if isinstance(found, type) else _is_metric(found, attribute)


def _holds_data(cls):
    return issubclass(cls, BaseEstimator | tuple) or is_dataclass(cls)


def _is_metric(function, name):
    metrics = importlib.import_module(_METRICS)
    return name in metrics.__all__ and getattr(metrics, name) is function
