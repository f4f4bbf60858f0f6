"""Base classes of the estimators: callbacks, versions of stored models, common methods."""

import os
from functools import wraps

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks

from sklearn_aera import __version__

# Version of the layout of the estimators' attributes. It is raised, independently of releases,
# when older files can no longer be read.
STATE_FORMAT = 5
_KEY = "_sklearn_aera_state"

# Address or folder of the documentation.
_DOCUMENTATION = os.environ.get(
    "SKLEARN_AERA_DOCS", "https://sklearn-aera.readthedocs.io/en/stable"
)


class Documented(BaseEstimator):
    """Base of all objects with parameters, whose HTML representation links to the documentation."""

    _doc_link_module = "sklearn_aera"
    _doc_link_template = (
        f"{_DOCUMENTATION}/api/generated/{{estimator_module}}.{{estimator_name}}.html"
    )


class Estimator(CallbackSupportMixin, Documented):
    """Base of all estimators.

    Estimators take scikit-learn's callbacks (`set_callbacks`). Their stored state (`pickle`,
    `joblib`, `skops`) has a format version; loading another format raises ValueError.
    """

    def __getstate__(self):
        return {**super().__getstate__(), _KEY: [STATE_FORMAT, __version__]}

    def __setstate__(self, state):
        state = dict(state)
        state_format, version = state.pop(_KEY, [None, "an unknown version"])
        if state_format != STATE_FORMAT:
            known = version != __version__
            stored_by = f"sklearn-aera {version}" if known else "an earlier development version"
            raise ValueError(
                f"this {type(self).__name__} was stored by {stored_by} in format {state_format}, "
                f"but sklearn-aera {__version__} reads only format {STATE_FORMAT}: fit it again, "
                "or load it with the version that stored it"
            )
        super().__setstate__(state)


class LogitsMixin:
    """Mixin for classifiers: probabilities and classes from the logits of ``decision_function``."""

    def predict_proba(self, X):
        """Compute the probabilities of the classes.

        Parameters
        ----------
        X : array-like
            Traces of the shape of those in `fit`.

        Returns
        -------
        ndarray of shape (n_traces, n_classes), float64
        """
        logits = self.decision_function(X)
        if logits.ndim == 1:
            return np.column_stack([expit(-logits), expit(logits)])
        return softmax(logits, axis=1)

    def predict(self, X):
        """Predict the most probable class of each trace.

        Parameters
        ----------
        X : array-like
            Traces of the shape of those in `fit`.

        Returns
        -------
        ndarray of shape (n_traces,)
        """
        logits = self.decision_function(X)
        codes = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
        return self.classes_[codes]


class FeatureNamesMixin:
    """Mixin for transformers whose features have the names ``_feature_names``."""

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            If given, must be the feature names seen in `fit`.

        Returns
        -------
        ndarray of str
        """
        OneToOneFeatureMixin.get_feature_names_out(self, input_features)  # checks them
        return np.array(self._feature_names, dtype=object)


def one_task(fit):
    """Decorate a ``fit`` method so that callbacks see it as one task."""

    @with_callbacks
    @wraps(fit)
    def fit_as_one_task(self, X, *args, **kwargs):
        y = args[0] if args else kwargs.get("y")
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        fit(self, X, *args, **kwargs)
        # At the end of its only task the estimator itself is fitted: nothing to reconstruct.
        context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    return fit_as_one_task
