"""Store fitted models in files, and load them without running code that is in them."""

from sklearn_aera.persistence._models import load_model, save_model

__all__ = ["load_model", "save_model"]
