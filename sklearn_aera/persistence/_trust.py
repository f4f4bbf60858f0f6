"""Types that a model file may refer to, beyond those that skops trusts by default."""

from dataclasses import is_dataclass
from inspect import isfunction

from sklearn.base import BaseEstimator

import sklearn_aera

# Types of fitted searches and of metadata routing that skops 0.16 does not trust by default:
# classes that only restore their attributes, and functions of labels and scores.
_SCIKIT_LEARN = {
    "sklearn.metrics._classification.accuracy_score",
    "sklearn.metrics._classification.balanced_accuracy_score",
    "sklearn.metrics._ranking.average_precision_score",
    "sklearn.metrics._ranking.roc_auc_score",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.RepeatedStratifiedKFold",
    "sklearn.model_selection._split.ShuffleSplit",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
}


def is_trusted(name):
    """Return whether a file may refer to the type or function with this full name.

    Of this package only public classes that hold data, and metrics, are trusted. Other functions
    are not: a forged model file could call one that writes a file.
    """
    if name in _SCIKIT_LEARN:
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
