"""What all estimators have in common: callbacks, and a version in what is stored of them."""

import os
from functools import wraps

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks

from sklearn_aera import __version__

# Counts the layouts of the estimators' attributes. It goes up when files of before can no longer
# be read, and not with every release.
STATE_FORMAT = 1
_KEY = "_sklearn_aera_state"

# Where the documentation is: an address or a folder.
_DOCUMENTATION = os.environ.get(
    "SKLEARN_AERA_DOCS", "https://sklearn-aera.readthedocs.io/en/stable"
)


class Documented(BaseEstimator):
    """Base of all that has parameters: HTML representations link to its page."""

    _doc_link_module = "sklearn_aera"
    _doc_link_template = (
        f"{_DOCUMENTATION}/api/generated/{{estimator_module}}.{{estimator_name}}.html"
    )


class Estimator(CallbackSupportMixin, Documented):
    """Base of all estimators.

    It takes scikit-learn's callbacks (`set_callbacks`), and what is stored of it (`pickle`,
    `joblib`, `skops`) says by which version, so that another one reads it rightly or refuses.
    """

    def __getstate__(self):
        return {**super().__getstate__(), _KEY: [STATE_FORMAT, __version__]}

    def __setstate__(self, state):
        state = dict(state)
        state_format, version = state.pop(_KEY, [None, "an unknown version"])
        if state_format != STATE_FORMAT:
            raise ValueError(
                f"this {type(self).__name__} was stored by sklearn-aera {version} in format "
                f"{state_format}, and sklearn-aera {__version__} reads format {STATE_FORMAT} "
                "alone: load it with that version, or fit it again"
            )
        super().__setstate__(state)


def one_task(fit):
    """Decorate a ``fit`` without steps of its own: callbacks see it as one task."""

    @with_callbacks
    @wraps(fit)
    def fit_as_one_task(self, X, *args, **kwargs):
        y = args[0] if args else kwargs.get("y")
        context = self._init_callback_context()
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        fit(self, X, *args, **kwargs)
        # Nothing to reconstruct: at the end of its only task the estimator is the fitted one.
        context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    return fit_as_one_task
