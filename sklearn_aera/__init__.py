"""Find cosmic-ray pulses in radio traces, the scikit-learn way.

One pipe, left to right: events are drawn (`datasets`), turned into traces (`simulation`),
normalised and whitened (`preprocessing`), reduced to features (`feature_extraction`), classified by
a network (`neural_network`) or by the likelihood ratio (`likelihood`), judged (`metrics`), shown
(`inspection`) and stored (`persistence`).
Units are MHz, microseconds and millivolts everywhere.
"""

import importlib

__version__ = "0.1.0"

_ROOMS = (
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
)

__all__ = ["__version__", *_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
