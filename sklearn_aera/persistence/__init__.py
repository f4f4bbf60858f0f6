"""Save fitted models to files, load them without running code from the files, and export them."""

from sklearn_aera._public import publish
from sklearn_aera.persistence._models import load_model, save_model
from sklearn_aera.persistence._onnx_export import export_onnx
from sklearn_aera.persistence._onnx_model import OnnxClassifier, OnnxDenoiser, load_onnx

__all__ = [
    "OnnxClassifier",
    "OnnxDenoiser",
    "export_onnx",
    "load_model",
    "load_onnx",
    "save_model",
]

publish(__name__, globals(), __all__)
