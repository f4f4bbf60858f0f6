"""Release compiled networks, without loading Keras for it."""

import sys


def clear_compiled_networks():
    """Release the networks that were compiled in this process.

    Fitted estimators keep their weights and go on working; the next fit or prediction compiles
    again. Of up to 16 architectures the compiled network is kept for the next estimator, some
    tens of megabytes each; the least recently used goes first.

    Examples
    --------
    >>> from sklearn_aera.neural_network import clear_compiled_networks
    >>> clear_compiled_networks()
    """
    engine = sys.modules.get("sklearn_aera.neural_network._engine")
    if engine is not None:
        engine.clear_engines()
