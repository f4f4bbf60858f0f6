"""Names of extracted features."""

import numpy as np
from sklearn.base import OneToOneFeatureMixin


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
