"""Write the steps of a fitted pipeline as ONNX."""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aera._templates import LOUDEST
from sklearn_aera._toeplitz import mirror_parts
from sklearn_aera._validation import window_samples
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    RecurrentDenoiser,
)
from sklearn_aera.persistence._onnx_network import write_network
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer, WienerFilter

_FLOAT32 = np.finfo(np.float32)
# Written as a matrix of all templates, which for all polarizations would have some 100 MB.
_ONE_CHANNEL = (MatchedFilter,)
# Largest difference between a whitening matrix and its mirror image, relative to its elements.
_SYMMETRIC = 1e-5


def steps_of(model):
    """Estimators of a model, one after the other, also of nested pipelines and searches."""
    model = getattr(model, "best_estimator_", model)
    if not isinstance(model, Pipeline):
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [one for step in steps for one in steps_of(step)]


def check_steps(steps):
    """Raise an error that names the first step that cannot be written, or is at a wrong place."""
    *transformers, last = steps
    for number, step in enumerate(steps):
        allowed = _PREDICTORS if step is last and number == len(transformers) else _TRANSFORMERS
        if type(step) in allowed:
            continue
        where = "as the last step" if allowed is _PREDICTORS else f"as step {number + 1}"
        known = ", ".join(cls.__name__ for cls in allowed)
        raise TypeError(
            f"{type(step).__name__} cannot be exported {where}; those that can are {known}"
        )
    whitener = getattr(last, "whitener_", None)
    if whitener is not None and type(whitener) not in _TRANSFORMERS:
        raise TypeError(f"{type(whitener).__name__} cannot be exported as a whitener")
    for step in (*steps, whitener):
        shape = getattr(step, "trace_shape_", ())
        if type(step) in _ONE_CHANNEL and len(shape) == 2:
            raise ValueError(
                f"{type(step).__name__} can be exported for one channel, got traces of shape "
                f"{shape}"
            )


def write_steps(graph, steps):
    """Write steps that `check_steps` accepts, from the tensor "traces" on.

    Returns
    -------
    dict of str to (str, tuple of int)
        Name of an output: the tensor, and the shape of its part for one trace.
    """
    x = "traces"
    *transformers, last = steps
    for step in transformers:
        x = _TRANSFORMERS[type(step)](graph, x, step)
    return _PREDICTORS[type(last)](graph, x, last)


# --- transformers: a tensor of float32 to another ---------------------------------------------


def _normalize(graph, x, normalizer):
    if normalizer.scale_ is not None:
        return graph("Div", x, float(np.float32(normalizer.scale_)))
    return _divided_by_std(graph, x, len(normalizer.trace_shape_))[0]


def _divided_by_std(graph, x, n_axes):
    """Traces divided by their standard deviations, and these; zero for constant traces."""
    axes = range(1, 1 + n_axes)
    peak = graph.reduce("Max", graph("Abs", x), *axes)
    relative = graph("Div", x, graph("Max", peak, float(_FLOAT32.tiny)))
    centered = graph("Sub", relative, graph.reduce("Mean", relative, *axes))
    std = graph("Sqrt", graph.reduce("Mean", graph("Mul", centered, centered), *axes))
    varies = graph("Greater", std, float(_FLOAT32.eps))
    inverse = graph("Where", varies, graph("Reciprocal", std), 0.0)
    std = graph("Where", varies, std, 0.0)
    return graph("Mul", relative, inverse), graph("Mul", std, peak)


def _whiten(graph, x, whitener):
    fitted = list(zip(whitener.whitening_, whitener.reflections_, strict=True))
    if len(whitener.trace_shape_) == 1:
        return _reflected(graph, x, *fitted[0])
    channels = [graph.slice(x, c, c + 1, axis=1) for c in range(len(fitted))]
    white = [_reflected(graph, x, *one) for x, one in zip(channels, fitted, strict=True)]
    return graph("Concat", *white, axis=1)


def _reflected(graph, x, whitening, vectors):
    """Traces whitened, and reflected by changing the sign of vectors."""
    white = _whitened(graph, x, whitening)
    if not vectors.shape[1]:
        return white
    content = graph("Mul", graph("MatMul", white, vectors), 2.0)
    return graph("Sub", white, graph("MatMul", content, graph("Transpose", vectors, perm=(1, 0))))


def _whitened(graph, x, whitening):
    """Traces whitened by a matrix, or by a `WhiteningFilter` of long traces."""
    if isinstance(whitening, np.ndarray):
        return _multiplied(graph, x, whitening)
    n_samples = len(whitening.directions)
    column = np.fft.irfft(whitening.gain.astype(np.float64))[:n_samples].astype(np.float32)
    filtered = _by_halves(graph, x, n_samples, *_halves_of_filter(graph, column))
    content = graph("Mul", graph("MatMul", filtered, whitening.directions), whitening.factors)
    directions = graph("Transpose", whitening.directions, perm=(1, 0))
    return graph("Add", filtered, graph("MatMul", content, directions))


def _multiplied(graph, x, matrix):
    """Traces times a symmetric matrix, by halves if it is the same when time is reversed."""
    n_samples, half = len(matrix), (len(matrix) + 1) // 2
    if np.abs(matrix - matrix[::-1, ::-1]).max() > _SYMMETRIC * np.abs(matrix).max():
        return graph("MatMul", x, matrix)
    exact = matrix.astype(np.float64)
    parts = mirror_parts((exact + exact[::-1, ::-1])[:half] / 2)
    return _by_halves(graph, x, n_samples, *(part.astype(np.float32) for part in parts))


def _halves_of_filter(graph, column):
    """Both matrices of `_by_halves`, computed from the first column of a Toeplitz matrix.

    onnxruntime computes them when it loads the model: the file has the column alone.
    """
    n_samples, half = len(column), (len(column) + 1) // 2
    row, step = np.arange(half)[:, None], np.arange(half)[None, :]
    direct = graph("Gather", column, graph("Abs", graph("Sub", row, step)))
    reverse = graph("Gather", column, graph("Sub", n_samples - 1 - row, step))
    if n_samples % 2:
        reverse = graph("Mul", reverse, (row < half - 1).astype(np.float32))
    return [graph("Mul", graph(sign, direct, reverse), 0.5) for sign in ("Add", "Sub")]


def _by_halves(graph, x, n_samples, even, odd):
    """Traces times a symmetric matrix that is the same when time is reversed.

    The parts of the matrix are those of `mirror_product`.
    """
    half = (n_samples + 1) // 2
    first = graph.slice(x, 0, half)
    last = _reversed(graph, graph.slice(x, n_samples - half, n_samples))
    even = graph("MatMul", graph("Add", first, last), even)
    odd = graph("MatMul", graph("Sub", first, last), odd)
    last = graph("Sub", even, odd)
    if n_samples % 2:
        last = graph.slice(last, 0, half - 1)
    return graph("Concat", graph("Add", even, odd), _reversed(graph, last), axis=-1)


def _reversed(graph, x):
    return graph.slice(x, -1, np.iinfo(np.int64).min, step=-1)


def _wiener(graph, x, wiener):
    n_values, shape = wiener.n_features_in_, wiener.trace_shape_
    unit = np.eye(n_values, dtype=np.float32).reshape(n_values, *shape)
    matrix = wiener.transform(unit).reshape(n_values, n_values)
    if len(shape) == 1:
        return graph("MatMul", x, matrix)
    # The channels are mixed: the filter is for all samples of all channels.
    return graph.reshape(graph("MatMul", graph.reshape(x, 0, n_values), matrix), 0, *shape)


def _scale(graph, x, scaler):
    if scaler.with_mean:
        x = graph("Sub", x, scaler.mean_.astype(np.float32))
    return graph("Div", x, scaler.scale_.astype(np.float32)) if scaler.with_std else x


def _snr(graph, x, calculator):
    """The largest of the ratios of all channels."""
    if len(calculator.trace_shape_) == 1:
        return _channel_snr(graph, x, calculator)
    n_channels, n_samples = calculator.trace_shape_
    channels = (graph.slice(x, c, c + 1, axis=1) for c in range(n_channels))
    ratios = [_channel_snr(graph, graph.reshape(c, 0, n_samples), calculator) for c in channels]
    return graph("Max", *ratios)


def _channel_snr(graph, x, calculator):
    """Ratio of the largest absolute value and the RMS of the noise, computed in float64."""
    n_samples, rate = calculator.trace_shape_[-1], float(calculator.sampling_rate)
    signal, noise = (
        window_samples(getattr(calculator, name), name, rate, n_samples)
        for name in ("signal_window", "noise_window")
    )
    x = graph.cast(x, np.float64)
    magnitude = graph("Abs", graph.slice(x, signal.start, signal.stop))
    peak = graph.reduce("Max", magnitude, 1)
    scale = graph("Max", peak, np.array(_FLOAT32.tiny, dtype=np.float64))
    if calculator.noise_window is not None:
        relative = graph("Div", graph.slice(x, noise.start, noise.stop), scale)
        power = graph.reduce("Mean", graph("Mul", relative, relative), 1)
    else:
        position = graph("ArgMax", magnitude, axis=1, keepdims=1)
        times = np.arange(n_samples, dtype=np.int64)[None] - signal.start
        distance = graph.cast(graph("Abs", graph("Sub", times, position)), np.float64)
        distance = graph("Div", distance, _double(rate))
        is_noise = graph("Greater", distance, _double(calculator.exclusion))
        is_noise = graph.cast(is_noise, np.float64)
        too_few = graph("Less", graph.reduce("Sum", is_noise, 1), _double(2))
        is_noise = graph("Where", too_few, _double(1), is_noise)
        relative = graph("Mul", graph("Div", x, scale), is_noise)
        power = graph.reduce("Sum", graph("Mul", relative, relative), 1)
        power = graph("Div", power, graph.reduce("Sum", is_noise, 1))
    ratio = graph("Reciprocal", graph("Sqrt", power))
    ratio = graph("Min", ratio, _double(_FLOAT32.max))
    ratio = graph("Where", graph("Greater", peak, _double(0)), ratio, _double(0))
    return graph.cast(ratio, np.float32)


def _match(graph, x, matched):
    """Strength, time and polarity of the best template; `MatchedFilter` explains the formula."""
    bank = matched.bank_
    x = graph.cast(x, np.float64)
    peak = graph.reduce("Max", graph("Abs", x), 1)
    x = graph("Div", x, graph("Max", peak, _double(_FLOAT32.tiny)))
    rms = graph("Sqrt", graph.reduce("Mean", graph("Mul", x, x), 1))
    x = graph.cast(graph("Div", x, graph("Max", rms, _double(_FLOAT32.tiny))), np.float32)
    in_phase, quadrature = (bank.covariance.solve(t).T for t in bank.quadratures(slice(None)))
    weights = bank.weights / np.sqrt(bank.energy)[:, None, :]
    templates = [in_phase * pair[0] + quadrature * pair[1] for pair in weights]
    templates = np.concatenate(templates, axis=1).astype(np.float32)
    statistic = graph("MatMul", x, templates)
    cell = graph("ArgMax", graph("Abs", statistic), axis=1, keepdims=1)
    best = graph("GatherElements", statistic, cell, axis=1)
    scale = float(np.sqrt(matched.autocovariance_[0]))
    loudness = graph("Min", graph("Mul", rms, graph("Div", peak, _double(scale))), _double(LOUDEST))
    strength = graph("Mul", graph("Abs", best), graph.cast(loudness, np.float32))
    times = np.tile(bank.times, len(bank.weights)).astype(np.float32)
    polarity = graph("Where", graph("Less", best, 0.0), -1.0, 1.0)
    return graph("Concat", strength, graph("Gather", times, cell), polarity, axis=1)


def _double(value):
    return np.array(value, dtype=np.float64)


# --- predictors: a tensor of float32 to the outputs -------------------------------------------


def _classify(graph, x, classifier):
    logits = write_network(graph, x, classifier.architecture_, classifier.weights_)
    return _class_outputs(graph, logits, *classifier.architecture_.output_shape)


def _linear(graph, x, model):
    coefficients, intercept = (np.float32(array) for array in (model.coef_.T, model.intercept_))
    logits = graph("Add", graph("MatMul", x, coefficients), intercept)
    return _class_outputs(graph, logits, len(intercept))


def _class_outputs(graph, logits, n_logits):
    if n_logits > 1:
        probabilities = graph("Softmax", logits, axis=1)
        return {"log_odds": (logits, (n_logits,)), "probabilities": (probabilities, (n_logits,))}
    both = graph("Concat", graph("Neg", logits), logits, axis=1)
    log_odds = graph.reshape(logits, -1)
    return {"log_odds": (log_odds, ()), "probabilities": (graph("Sigmoid", both), (2,))}


def _denoise(graph, x, denoiser):
    x, std = _divided_by_std(graph, x, len(denoiser.trace_shape_))
    if denoiser.whitener_ is not None:
        x = _TRANSFORMERS[type(denoiser.whitener_)](graph, x, denoiser.whitener_)
    architecture, unit = denoiser.architecture_, graph("Mul", std, denoiser.scale_)
    outputs = write_network(graph, x, architecture, denoiser.weights_)
    if not architecture.learns_std:
        return {"signals": (graph("Mul", outputs, unit), architecture.output_shape)}
    shape, found = architecture.output_shape[1:], {}
    for number, name in enumerate(("signals", "std")):
        part = graph.reshape(graph.slice(outputs, number, number + 1, axis=1), 0, *shape)
        found[name] = graph("Mul", part, unit), shape
    return found


_TRANSFORMERS = {
    StdNormalizer: _normalize,
    SpectralWhitener: _whiten,
    WienerFilter: _wiener,
    SNRCalculator: _snr,
    MatchedFilter: _match,
    StandardScaler: _scale,
}
_PREDICTORS = {
    RecurrentClassifier: _classify,
    ConvolutionalClassifier: _classify,
    RecurrentDenoiser: _denoise,
    LogisticRegression: _linear,
    LogisticRegressionCV: _linear,
    LinearDiscriminantAnalysis: _linear,
}
