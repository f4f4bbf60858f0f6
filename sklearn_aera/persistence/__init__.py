"""Save fitted models to files, and load them without running code from the files."""

from sklearn_aera._public import publish
from sklearn_aera.persistence._models import load_model, save_model

__all__ = ["load_model", "save_model"]

publish(__name__, globals(), __all__)
