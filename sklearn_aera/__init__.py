"""Find cosmic-ray pulses in radio traces with scikit-learn pipelines and neural networks.

The packages follow the data: `datasets` draws events, `simulation` turns them into traces,
`preprocessing` normalises and whitens the traces, `feature_extraction` reduces them to a few
numbers, `neural_network` and `likelihood` classify them, `metrics` evaluates the result,
`inspection` plots it and `persistence` stores fitted models.
Units are MHz, microseconds and millivolts everywhere.
"""

import importlib

__version__ = "0.1.0"

_PACKAGES = (
    "cli",
    "datasets",
    "feature_extraction",
    "inspection",
    "likelihood",
    "metrics",
    "neural_network",
    "persistence",
    "preprocessing",
    "simulation",
    "trigger",
)

__all__ = ["__version__", *_PACKAGES]


def __getattr__(name):
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
