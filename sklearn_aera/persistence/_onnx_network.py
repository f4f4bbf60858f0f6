"""Write the network of an estimator as ONNX, from its architecture and its weights.

The layers and the order of their weights are those of the Keras model of the architecture. A
sequence is a tensor (n_steps, n_traces, n_features), as ONNX' recurrent operators read it.
"""

import numpy as np

from sklearn_aera._carriers import low_frequencies

# Operator, and for each gate of ONNX its place among those of Keras.
_CELLS = {"simple_rnn": ("RNN", (0,)), "lstm": ("LSTM", (0, 3, 1, 2)), "gru": ("GRU", (0, 1, 2))}


def write_network(graph, traces, architecture, weights):
    """Write a network.

    Parameters
    ----------
    graph : Graph
    traces : str
        Tensor (n_traces, *architecture.trace_shape).
    architecture : Architecture
    weights : list of ndarray
        Weights in Keras' order. States of random generators may follow.

    Returns
    -------
    str
        Tensor (n_traces, *architecture.output_shape).
    """
    network = _Network(graph, architecture, weights)
    outputs = _write_layers(network, graph, traces, architecture)
    network.check_complete()
    return outputs


def _write_layers(network, graph, traces, architecture):
    shape = (0, architecture.n_channels, architecture.n_samples)
    samples = graph.reshape(traces, *shape)
    x = features = network.front_end(samples)
    if architecture.pooling == "log_sum_exp":
        x = network.with_power(x, samples)
    last = len(architecture.hidden_size) - 1
    for number, size in enumerate(architecture.hidden_size):
        x = network.recurrent(x, size, only_last=number == last and architecture.pooling == "last")
    if architecture.head == "trace":
        return network.trace_head(x, features, samples)
    if architecture.pooling == "log_sum_exp":
        return network.cells_head(x, features)
    return network.logits_head(x)


class _Network:
    """The layers of one architecture; each takes its weights from those that are left."""

    def __init__(self, graph, architecture, weights):
        self.graph, self.architecture = graph, architecture
        self._weights = iter(weights)
        self._n_steps = None

    def check_complete(self):
        """Raise TypeError if the network has layers that were not written."""
        # The states of the random generators of dropout layers are integers.
        left = [weight.shape for weight in self._weights if weight.dtype.kind == "f"]
        if left:
            raise TypeError(f"{self.architecture} cannot be exported: weights of {left} are left")

    def front_end(self, samples):
        """Sequence from samples (n_traces, n_channels, n_samples)."""
        architecture = self.architecture
        if not architecture.filters:
            return self._frames(samples)
        # Images one pixel high: onnxruntime convolves these twice as fast as sequences.
        x, length = self._image(samples), architecture.n_samples
        for filters in architecture.filters:
            x = self.graph("Relu", self._convolution(x, length, filters))
            length = -(-length // filters[-1])
        self._n_steps = length
        return self._sequence(x)

    def _frames(self, samples):
        """Frames of samples, one step of the sequence each; zeros complete the last."""
        (kernel_size, stride), n_samples = self.architecture.frame, self.architecture.n_samples
        n_channels, graph = self.architecture.n_channels, self.graph
        self._n_steps = 1 + max(-(-(n_samples - kernel_size) // stride), 0)
        if kernel_size == stride == 1:
            return graph("Transpose", samples, perm=(2, 0, 1))
        time = stride * np.arange(self._n_steps)[:, None] + np.arange(kernel_size)
        missing = max(int(time.max()) + 1 - n_samples, 0)
        padding = np.array([0, 0, 0, 0, 0, missing], dtype=np.int64)
        padded = graph("Pad", samples, padding) if missing else samples
        frames = graph("Gather", padded, time.astype(np.int32), axis=2)
        # (n_traces, n_channels, n_steps, kernel_size): all channels of a sample, then the next.
        frames = graph("Transpose", frames, perm=(2, 0, 3, 1))
        return graph.reshape(frames, 0, 0, kernel_size * n_channels)

    def with_power(self, sequence, samples):
        """Features of each step, and the logarithms of the power of the whole trace, by channel."""
        graph = self.graph
        low = low_frequencies(self.architecture.n_samples).astype(np.float32)
        parts = [samples, graph("MatMul", samples, low)] if low.size else [samples]
        powers = [graph.reduce("Mean", graph("Mul", part, part), 2) for part in parts]
        floor = self.architecture.POWER_FLOOR
        power = graph("Log", graph("Add", graph("Concat", *powers, axis=1), floor))
        power = graph("Transpose", power, perm=(2, 0, 1))
        power = graph("Expand", power, np.array([self._n_steps, 1, 1], dtype=np.int64))
        return graph("Concat", sequence, power, axis=2)

    def recurrent(self, x, size, *, only_last):
        """Outputs of a recurrent layer, or for the last step alone (n_traces, n_features)."""
        graph, bidirectional = self.graph, self.architecture.bidirectional
        operator, gates = _CELLS[self.architecture.cell]
        n_directions = 1 + bidirectional
        arrays = [self._cell_arrays(size, gates) for _ in range(n_directions)]
        attributes = {"hidden_size": size}
        attributes["direction"] = "bidirectional" if bidirectional else "forward"
        if operator == "GRU":
            attributes["linear_before_reset"] = 1
        stacked = map(np.stack, zip(*arrays, strict=True))
        sequence, last = graph(operator, x, *stacked, n_outputs=2, **attributes)
        if only_last:
            return graph.reshape(graph("Transpose", last, perm=(1, 0, 2)), 0, n_directions * size)
        sequence = graph("Transpose", sequence, perm=(0, 2, 1, 3))
        return graph.reshape(sequence, 0, 0, n_directions * size)

    def _cell_arrays(self, size, gates):
        """Kernel, recurrent kernel and both biases of one direction, in the order of ONNX."""
        kernel, recurrent = next(self._weights), next(self._weights)
        # Keras has a second bias, of the state, for the GRU alone.
        biases = np.atleast_2d(next(self._weights))
        biases = np.concatenate([biases, np.zeros((2 - len(biases), biases.shape[1]), np.float32)])
        in_order = [
            array.reshape(-1, len(gates), size)[:, gates].reshape(-1, len(gates) * size)
            for array in (kernel, recurrent, biases)
        ]
        return in_order[0].T, in_order[1].T, in_order[2].ravel()

    def logits_head(self, x):
        """Logits (n_traces, n_logits) of a sequence."""
        if self.architecture.pooling == "max_logit":
            return self.graph.reduce("Max", self._dense(x), 0, keepdims=False)
        logits = self._dense(self._pool(x), n_steps=1)
        return self.graph.reshape(logits, -1, *self.architecture.output_shape)

    def cells_head(self, x, features):
        """Logits as log-sum-exp of the logits of cells."""
        graph, (n_logits,) = self.graph, self.architecture.output_shape
        if self.architecture.cell is not None:
            x = graph("Concat", x, features, axis=2)
        cells = self._dense(self._dense(x, activation="Relu"))
        n_parts = (
            2 * self.architecture.stride * self.architecture.n_channels if n_logits == 1 else 1
        )
        cells = graph("Transpose", cells, perm=(1, 0, 2))
        # Over a last axis, onnxruntime reduces faster; its own ReduceLogSumExp is several times
        # slower.
        by_class = (n_logits,) if n_logits > 1 else ()
        cells = graph.reshape(cells, 0, self._n_steps * n_parts, *by_class)
        largest = graph.reduce("Max", cells, 1)
        mean = graph.reduce("Mean", graph("Exp", graph("Sub", cells, largest)), 1)
        return graph.reshape(graph("Add", largest, graph("Log", mean)), 0, n_logits)

    def trace_head(self, x, features, samples):
        """Signals (n_traces, *output_shape) of a sequence: sums of learned waveforms."""
        graph, architecture, sequence = self.graph, self.architecture, x
        padding, (kernel_size, stride) = 0, architecture.frame
        if architecture.filters:
            _, kernel_size, stride = architecture.filters[0]
            padding = max(kernel_size - stride, 0)
            weights = self._weights_over_time(x, features)
            image, length = self._image(samples), architecture.n_samples
            filtered = self._sequence(self._convolution(image, length, architecture.filters[0]))
            x = self._corrected(graph("Mul", filtered, weights), weights)
        synthesis = {"strides": [stride], "pads": _halves(padding)}
        synthesis["output_padding"] = [max(stride - kernel_size, 0)]
        signals = self._synthesized(x, synthesis)
        parts, shape = [signals], architecture.output_shape
        if architecture.learns_std:
            parts.append(self._standard_deviation(sequence, features, signals, synthesis))
            shape = (1, *shape[1:])
        parts = [graph.reshape(graph.slice(part, 0, shape[-1]), 0, *shape) for part in parts]
        return parts[0] if len(parts) == 1 else graph("Concat", *parts, axis=1)

    def _synthesized(self, x, options):
        """Samples (n_traces, n_channels, n_samples) of a sequence."""
        kernel, bias = next(self._weights), next(self._weights)
        x = self.graph("Transpose", x, perm=(1, 2, 0))
        return self.graph("ConvTranspose", x, kernel.transpose(2, 1, 0), bias, **options)

    def _standard_deviation(self, x, features, signals, synthesis):
        """Standard deviations of the samples of signals."""
        graph, stride = self.graph, self.architecture.stride
        lowest = self.architecture.LOWEST_VARIANCE
        pool = {"kernel_shape": [4 * stride], "strides": [stride], "auto_pad": "SAME_UPPER"}
        power = graph("AveragePool", graph("Mul", signals, signals), **pool)
        power = graph("Transpose", graph.slice(power, 0, self._n_steps), perm=(2, 0, 1))
        power = graph("Log", graph("Add", power, lowest))
        x = self._dense(graph("Concat", x, features, power, axis=2), activation="Relu")
        log_variance = graph("Clip", self._synthesized(x, synthesis), -30.0, 30.0)
        return graph("Sqrt", graph("Add", graph("Exp", log_variance), lowest))

    def _weights_over_time(self, x, features):
        """Weight of each filter at each time: a softmax over the times and "there is no pulse"."""
        graph = self.graph
        x = self._dense(graph("Concat", x, features, axis=2), activation="Relu")
        logits = self._dense(x)
        # A softmax in which the logit of "no pulse" is zero. ONNX' own over this axis is slow.
        largest = graph("Max", graph.reduce("Max", logits, 0), 0.0)
        weights = graph("Exp", graph("Sub", logits, largest))
        total = graph("Add", graph.reduce("Sum", weights, 0), graph("Exp", graph("Neg", largest)))
        return graph("Mul", weights, graph("Div", float(self._n_steps), total))

    def _corrected(self, amplitudes, weights):
        """Amplitudes over time, corrected for the whole pulse by a factor and an offset."""
        mean = self.graph.reduce("Mean", amplitudes, 0)
        pulse = self._dense(mean, activation="Relu", n_steps=1)
        factor, offset = (self._dense(pulse, n_steps=1) for _ in range(2))
        amplitudes, offset = (
            self.graph("Mul", *pair) for pair in ((amplitudes, factor), (weights, offset))
        )
        return self.graph("Add", amplitudes, offset)

    def _image(self, samples):
        """Image (n_traces, n_channels, 1, n_samples)."""
        return self.graph("Unsqueeze", samples, np.array([2], dtype=np.int64))

    def _sequence(self, image):
        image = self.graph("Squeeze", image, np.array([2], dtype=np.int64))
        return self.graph("Transpose", image, perm=(2, 0, 1))

    def _convolution(self, x, length, filters):
        """Convolution of an image one pixel high, padded evenly so that the last step is complete.

        There is one more zero behind than in front where the number is odd, as in TensorFlow.
        """
        kernel, bias = next(self._weights), next(self._weights)
        _, kernel_size, stride = filters
        padding = max((-(-length // stride) - 1) * stride + kernel_size - length, 0)
        before, behind = _halves(padding)
        options = {"strides": [1, stride], "pads": [0, before, 0, behind]}
        return self.graph("Conv", x, kernel.transpose(2, 1, 0)[:, :, None], bias, **options)

    def _dense(self, x, activation=None, n_steps=None):
        """A dense layer, for a sequence of all steps unless ``n_steps`` says how many there are.

        It is one product of matrices, with the bias and the activation in the same operator.
        """
        kernel, bias = next(self._weights), next(self._weights)
        rows = self.graph.reshape(x, -1, len(kernel))
        x = self.graph("Gemm", rows, kernel, bias)
        x = self.graph(activation, x) if activation else x
        return self.graph.reshape(x, n_steps or self._n_steps, -1, kernel.shape[1])

    def _pool(self, x):
        pooling, graph = self.architecture.pooling, self.graph
        if pooling == "last":  # The last recurrent layer gives its last output alone.
            return x
        if pooling in ("max", "mean"):
            return graph.reduce(pooling.title(), x, 0, keepdims=False)
        return graph.reshape(graph("Transpose", x, perm=(1, 0, 2)), 0, -1)


def _halves(padding):
    return [padding // 2, padding - padding // 2]
