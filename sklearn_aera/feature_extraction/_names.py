"""Names of extracted features."""

import numpy as np
from sklearn.utils.validation import check_is_fitted


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
        check_is_fitted(self, "n_features_in_")
        if input_features is not None:
            expected = getattr(self, "feature_names_in_", None)
            if expected is not None and not np.array_equal(expected, input_features):
                raise ValueError("input_features is not equal to feature_names_in_")
            if len(input_features) != self.n_features_in_:
                raise ValueError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(input_features)}"
                )
        return np.array(self._feature_names, dtype=object)
