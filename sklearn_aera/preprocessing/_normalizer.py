"""Normalisation of traces to unit standard deviation."""

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._channels import validate_traces
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._scaling import divide_by_std
from sklearn_aera._validation import check_choice


@fill_docstring()
class StdNormalizer(OneToOneFeatureMixin, TransformerMixin, Estimator):
    """Divide traces by their standard deviation.

    Parameters
    ----------
    per : {"trace", "dataset"}, default="trace"
        Divide each trace by its own standard deviation (the lecture's preprocessing), or all
        traces by the standard deviation of the training data (the textbook's).

    Attributes
    ----------
    scale_ : float or None
        Standard deviation of the training data; None with ``per="trace"``.
    %(trace_shape)s

    Notes
    -----
    The mean is not subtracted. The channels of a trace are divided by the standard deviation of
    all its values, so that their ratios are kept. With ``per="trace"`` a constant trace becomes
    zero.

    Examples
    --------
    >>> from sklearn_aera.preprocessing import StdNormalizer
    >>> StdNormalizer().fit_transform([[1.0, -1.0, 1.0, -1.0], [0.0, 4.0, 0.0, -4.0]]).round(3)
    array([[ 1.   , -1.   ,  1.   , -1.   ],
           [ 0.   ,  1.414,  0.   , -1.414]])
    """

    def __init__(self, per="trace"):
        self.per = per

    @one_task
    def fit(self, X, y=None):
        """Check the traces and, with ``per="dataset"``, compute their standard deviation.

        %(X_channels)s
        y : ignored

        %(fitted)s
        """
        check_choice(self.per, "per", ("trace", "dataset"))
        X = validate_traces(self, X)
        self.scale_ = _std(X) if self.per == "dataset" else None
        return self

    def adapt(self, X):
        """Compute the standard deviation again, from traces with another background.

        With ``per="trace"`` there is nothing to adapt. As `fit` does, this changes the normaliser
        itself.

        %(X_channels)s

        %(fitted)s
        """
        X = validate_traces(self, X, reset=False)
        if self.scale_ is not None:
            self.scale_ = _std(X)
        return self

    def transform(self, X):
        """Normalise traces.

        %(X_channels)s

        Returns
        -------
        ndarray of the shape of X
            float32 for float32 input, else float64.
        """
        X = validate_traces(self, X, reset=False)
        if self.scale_ is not None:
            return X / X.dtype.type(self.scale_)
        return divide_by_std(X)[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _std(X):
    return float(X.std(dtype=np.float64)) or 1.0
