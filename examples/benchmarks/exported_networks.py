"""Networks of every kind with random weights, as a fit leaves them: for the export as ONNX."""

from itertools import cycle, product

import numpy as np

from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    RecurrentDenoiser,
)

N_SAMPLES = 40
CELLS = ("simple_rnn", "lstm", "gru")
# Samples, frames that overlap, frames with gaps, one convolution; a classifier may have several.
FRONT_ENDS = {
    "samples": {"n_filters": 0, "kernel_size": 1, "stride": 1},
    "frames": {"n_filters": 0, "kernel_size": 12, "stride": 7},
    "frames with gaps": {"n_filters": 0, "kernel_size": 3, "stride": 5},
    "convolution": {"n_filters": 4, "kernel_size": 8, "stride": 3},
    "short filters": {"n_filters": 4, "kernel_size": 2, "stride": 3},
}
CONVOLUTIONS = {
    "one convolution": FRONT_ENDS["convolution"],
    "two convolutions": {"n_filters": (4, 3), "kernel_size": (8, 3), "stride": (3, 2)},
}


def networks():
    """Estimators without weights, the shape of their traces and their number of classes.

    Returns
    -------
    dict of str to (estimator, tuple of int, int)
        All combinations of cell, direction, pooling, number of layers and front end. The numbers of
        channels and classes alternate.
    """
    one, several = (N_SAMPLES,), (2, N_SAMPLES)
    alternate = cycle([(2, one), (2, several), (3, one), (2, (1, N_SAMPLES)), (3, several)])
    found = {}
    fronts = FRONT_ENDS | {"two convolutions": CONVOLUTIONS["two convolutions"]}
    poolings = ("log_sum_exp", "max", "mean", "last", "flatten")
    recurrent = product(CELLS, (False, True), poolings, (3, (3, 2)), fronts)
    for cell, bidirectional, pooling, hidden_size, front in recurrent:
        options = {"cell": cell, "bidirectional": bidirectional, "hidden_size": hidden_size}
        estimator = RecurrentClassifier(**options, pooling=pooling, **fronts[front])
        n_classes, shape = next(alternate)
        name = _name(cell, bidirectional, f"{pooling}, hidden size {hidden_size}, {front}", shape)
        found[f"{name}, {n_classes} classes"] = estimator, shape, n_classes
    for pooling, (front, options) in product(
        ("max_logit", "max", "mean", "flatten", "log_sum_exp"), CONVOLUTIONS.items()
    ):
        n_classes, shape = next(alternate)
        name = f"{front}, {pooling}, {shape}, {n_classes} classes, no cell"
        found[name] = ConvolutionalClassifier(pooling=pooling, **options), shape, n_classes
    for cell, bidirectional, front in product(CELLS, (False, True), FRONT_ENDS):
        options = {"cell": cell, "bidirectional": bidirectional, "hidden_size": 3}
        _, shape = next(alternate)
        name = _name(cell, bidirectional, f"denoiser, {front}", shape)
        found[name] = RecurrentDenoiser(**options, **FRONT_ENDS[front]), shape, 0
    return found


def _name(cell, bidirectional, text, shape):
    return f"{cell}, {'both directions' if bidirectional else 'one direction'}, {text}, {shape}"


def fitted(estimator, shape, n_classes, seed=0):
    """Bring an estimator into the state of a fit, with random weights and biases.

    Returns
    -------
    estimator
    """
    from sklearn_aera.neural_network._keras.build import build_network

    estimator.trace_shape_, estimator.n_features_in_ = shape, int(np.prod(shape))
    if n_classes:
        estimator.classes_ = np.arange(n_classes)
        estimator.architecture_ = estimator._architecture(estimator.classes_)
    else:
        data = DenoiserData(np.empty((1, *shape)))
        estimator.architecture_ = estimator._architecture(data)
        estimator.whitener_, estimator.scale_ = None, 0.7
    rng = np.random.default_rng(seed)
    untrained = build_network(estimator.architecture_, seed=0).weights
    weights = [rng.normal(scale=0.8, size=weight.shape) for weight in untrained]
    estimator.weights_ = [weight.astype(np.float32) for weight in weights]
    return estimator


class DenoiserData:
    """What a denoiser reads off its training data: the shape of the signals."""

    def __init__(self, targets):
        self.targets = targets


def expected_outputs(estimator, traces):
    """Log odds or signals of a network that `fitted` has made, by its Keras model."""
    import keras

    model = estimator.model_
    if isinstance(estimator, RecurrentDenoiser):
        axes = tuple(range(1, traces.ndim))
        std = traces.std(axis=axes, keepdims=True)
        return keras.ops.convert_to_numpy(model(traces / std)) * estimator.scale_ * std
    logits = keras.ops.convert_to_numpy(model(traces))
    return logits[:, 0] if logits.shape[1] == 1 else logits
