"""The background of the traces of a command, and the one that its model was fitted to."""

import warnings
from copy import copy

from sklearn.pipeline import Pipeline

from sklearn_aera._background import background_step
from sklearn_aera.cli._common import warn
from sklearn_aera.inspection import check_background
from sklearn_aera.neural_network import Detector

# So many traces show a difference that matters, and take no time.
_N_CHECKED = 2000


def adapted(model, traces, path):
    """Return a copy of a model from a file, adapted to the background of traces."""
    if not isinstance(model, Pipeline):
        raise ValueError(
            f"{path} holds a {type(model).__name__}, which cannot be adapted: --adapt needs a "
            "pipeline with a whitener"
        )
    model = copy(model)
    model.steps = Detector(model.steps).adapt(traces).steps
    return model


def warn_of_other_background(model, data, path):
    """Warn if the background of some traces is not that of a model; returns whether it did.

    Models that whiten nothing know no background.
    """
    traces = data.traces[:_N_CHECKED]
    if background_step(model, traces[:1]) is None:
        return False
    with warnings.catch_warnings(record=True, action="always") as caught:
        found = check_background(model, traces, sampling_rate=data.sampling_rate)
    for warning in caught:
        text = str(warning.message)
        if isinstance(model, Pipeline):
            text = text.replace("to these traces", "to these traces (predict --adapt)")
        else:
            text = text.replace("Adapt the model to these traces, or fit it", "Fit the model")
        warn(f"{path}: {text}")
    return len(found) > 0
