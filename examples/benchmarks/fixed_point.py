"""Networks in fixed point: bits of weights and activations against what they detect.

Run as::

    python examples/benchmarks/fixed_point.py [--quick] [--json FILE] [--only TABLE ...]

Small networks, as they fit on a trigger board, behind whitening in float32. Three ways: weights
rounded to some bits, in float32 arithmetic; 8-bit weights and integer activations in onnxruntime's
static quantisation, calibrated on training traces; and, where hls4ml is installed, its C++
emulation of a network on an FPGA, in which everything has the type ``ap_fixed``. There, two columns
tell the size of the network on the FPGA, as hls4ml's project says it without a synthesis:

- multipliers: multiplications at the same time, the ``multiplier_limit`` of all products: weights
  other than zero over the reuse factor, here 1. A convolution uses its multipliers for one step
  after the other, a recurrent layer too.
- weights: kilobits of all weights.
"""

import importlib.util
import tempfile
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from report import Report, Target, make_parser
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from traces import SEED

from sklearn_aera.datasets import make_traces
from sklearn_aera.metrics import tpr_at_fpr
from sklearn_aera.neural_network import ConvolutionalClassifier, RecurrentClassifier
from sklearn_aera.persistence import export_onnx, load_onnx
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer

TABLES = ("weights", "integers", "firmware")
MAX_FPR = 1e-4
BITS = (16, 12, 10, 8, 7, 6, 5, 4)
SNR = (0.5, 5.0)


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    epochs: int
    n_noise: int
    n_pulses: int
    n_firmware: int
    widths: tuple


FULL = Size(8000, 12, 100_000, 20_000, 2000, (18, 16, 14, 12))
QUICK = Size(100, 1, 300, 100, 20, (16,))


def make_networks(size):
    """Networks by name."""
    training = {"epochs": size.epochs, "learning_rate_schedule": "cosine", "random_state": SEED}
    training |= {"max_shift": 200, "flip_polarity": True}
    convolution = {"n_filters": 32, "kernel_size": 32, "stride": 2}
    # In one direction: a board reads samples as they arrive.
    recurrent = {
        "hidden_size": 16,
        "bidirectional": False,
        "n_filters": 16,
        "kernel_size": 32,
        "stride": 8,
    }
    return {
        "ConvolutionalClassifier": ConvolutionalClassifier(
            **convolution, **training, learning_rate=3e-3
        ),
        "RecurrentClassifier (GRU)": RecurrentClassifier(
            **recurrent, **training, learning_rate=8e-3
        ),
    }


class Experiment:
    """Fitted networks, and the whitened traces that all of their versions are tested on.

    Parameters
    ----------
    size : Size
    folder : Path
    """

    def __init__(self, size, folder):
        train = make_traces(size.n_train, snr=SNR, random_state=SEED)
        white = make_pipeline(StdNormalizer(per="dataset"), SpectralWhitener())
        self.train = white.fit_transform(train.traces, train.y)
        self.networks = {n: m.fit(self.train, train.y) for n, m in make_networks(size).items()}
        options = {"snr": SNR, "random_state": SEED, "first_event_id": 10**8}
        noise = make_traces(size.n_noise, signal_fraction=0.0, **options).traces
        options["first_event_id"] = 10**9
        pulses = make_traces(size.n_pulses, signal_fraction=1.0, **options).traces
        self.X = np.concatenate([white.transform(noise), white.transform(pulses)])
        self.y = np.repeat([0, 1], [size.n_noise, size.n_pulses])
        self.folder, self.reference = folder, {}
        for name, network in self.networks.items():
            self.reference[name] = self.judged(self.exported(network).decision_function(self.X))

    def exported(self, network):
        """A network as an exported model; the file stays in the folder."""
        export_onnx(network, self.folder / "network.onnx", overwrite=True)
        return load_onnx(self.folder / "network.onnx")

    def judged(self, scores):
        """Area under the ROC curve, and true-positive rate at the false-positive rate."""
        tpr = tpr_at_fpr(self.y, scores, max_fpr=max(MAX_FPR, 10 / np.sum(self.y == 0)))
        return {"AUC": roc_auc_score(self.y, scores), "TPR": tpr}

    def row(self, name, what, scores):
        """Row of a version of a network, beside the network in float32."""
        found, reference = self.judged(scores), self.reference[name]
        row = {"network": name, **what, **found}
        return row | {f"{k} loss": reference[k] - found[k] for k in found}


def rounded(network, bits):
    """A network whose kernels have integer multiples of a unit for each output.

    Biases keep their 32 bits.
    """
    largest = 2 ** (bits - 1) - 1
    weights = []
    for weight in network.weights_:
        if weight.ndim > 1 and weight.dtype.kind == "f":
            axes = tuple(range(weight.ndim - 1))
            unit = np.abs(weight).max(axis=axes, keepdims=True) / largest
            unit[unit == 0] = 1
            weight = (np.round(weight / unit) * unit).astype(np.float32)
        weights.append(weight)
    network = copy(network)
    network.weights_ = weights
    return network


def weights(experiment):
    """Weights of some bits, in float32 arithmetic."""
    for name, network in experiment.networks.items():
        yield {"network": name, "bits": 32, **experiment.reference[name]}
        for bits in BITS:
            scores = experiment.exported(rounded(network, bits)).decision_function(experiment.X)
            yield experiment.row(name, {"bits": bits}, scores)


class Calibration(CalibrationDataReader):
    """Training traces, from which the ranges of the activations are taken.

    Parameters
    ----------
    traces : ndarray of shape (n_traces, n_samples)
    """

    def __init__(self, traces):
        self._batches = iter(np.array_split(traces, max(len(traces) // 50, 1)))

    def get_next(self):
        """Return the next inputs; None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"traces": batch}


def integers(experiment):
    """Static quantisation; a recurrent operator stays in float32, with rounded weights."""
    types = {8: QuantType.QUInt8, 16: QuantType.QUInt16}
    for name, network in experiment.networks.items():
        experiment.exported(rounded(network, 8))
        for bits, kind in types.items():
            path = experiment.folder / "integers.onnx"
            quantize_static(
                experiment.folder / "network.onnx",
                path,
                Calibration(experiment.train[:1000]),
                per_channel=True,
                op_types_to_quantize=["Conv", "MatMul"],
                activation_type=kind,
                weight_type=QuantType.QInt8,
                extra_options={"UseQDQContribOps": True},
            )
            what = {"weights": 8, "activations": bits, "file kB": path.stat().st_size / 1000}
            yield experiment.row(name, what, integer_scores(path, experiment.X))


def integer_scores(path, X):
    """Log odds of a quantised graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    batches = np.array_split(X, max(len(X) // 64, 1))
    return np.concatenate([session.run(["log_odds"], {"traces": X})[0] for X in batches])


def firmware(size, experiment):
    """The emulation of hls4ml: types of all numbers against AUC, on fewer traces."""
    chosen = np.random.default_rng(SEED).permutation(len(experiment.X))[: size.n_firmware]
    half = size.n_firmware // 2
    chosen = np.r_[:half, len(experiment.X) - half : len(experiment.X)]
    X, y = experiment.X[chosen], experiment.y[chosen]
    for name, network in experiment.networks.items():
        reference = network.decision_function(X)
        for width in size.widths:
            converted = convert(network.model_, width, experiment.folder / f"{width}")
            scores = converted.predict(np.ascontiguousarray(X)).reshape(-1)
            row = {"network": name, "type": f"ap_fixed<{width},8>"} | resources(converted)
            row |= {"AUC": roc_auc_score(y, scores)}
            row["AUC loss"] = roc_auc_score(y, reference) - row["AUC"]
            yield row | {"log odds: rms difference": np.std(scores - reference)}


def convert(model, width, folder):
    """Compile the C++ emulation of a Keras model; 8 bits are before the point."""
    import hls4ml

    config = hls4ml.utils.config_from_keras_model(
        model, granularity="name", default_precision=f"ap_fixed<{width},8>", backend="Vitis"
    )
    converted = hls4ml.converters.convert_from_keras_model(
        model, hls_config=config, output_dir=str(folder), backend="Vitis", io_type="io_parallel"
    )
    converted.compile()
    return converted


def resources(converted):
    """What hls4ml's project says of the size of a network, without a synthesis."""
    multipliers = bits = 0
    for layer in converted.get_layers():
        n_partitions = layer.get_attr("n_partitions")
        n_parallel = layer.get_attr("out_width") // n_partitions if n_partitions else 1
        for name, weight in layer.weights.items():
            bits += weight.data.size * weight.type.precision.width
            if not name.endswith("bias"):
                n_products = weight.data.size - int(weight.nzeros)
                multipliers += n_parallel * -(-n_products // layer.get_attr("reuse_factor"))
    return {"multipliers": multipliers, "weights / kbit": bits / 1000}


def targets(report):
    """What 8-bit weights may lose."""
    rows = {name: table["rows"] for name, table in report.tables.items()}
    for row in rows.get("weights", ()):
        if row["bits"] == 8:
            yield from losses(f"{row['network']}, weights of 8 bits", row)
    for row in rows.get("integers", ()):
        if row["network"] == "ConvolutionalClassifier" and row["activations"] == 8:
            yield from losses("ConvolutionalClassifier, all of 8 bits", row)


def losses(name, row):
    yield Target(f"{name}: AUC loss", row["AUC loss"], at_most=1e-3)
    yield Target(f"{name}: TPR loss", 100 * row["TPR loss"], at_most=1.0, unit="points")


def main(arguments=None):
    options = make_parser(__doc__, TABLES).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("fixed_point", options)
    formats = {"AUC": ".4f", "AUC loss": ".4f", "TPR": ".3f", "TPR loss": ".3f"}
    with tempfile.TemporaryDirectory() as folder:
        experiment = Experiment(size, Path(folder))
        report.measure("weights", "Bits of weights", lambda: weights(experiment), formats)
        report.measure("integers", "Integer networks", lambda: integers(experiment), formats)
        if importlib.util.find_spec("hls4ml"):
            formats |= {"multipliers": ",", "weights / kbit": ".1f"}
            report.measure("firmware", "Firmware", lambda: firmware(size, experiment), formats)
    report.targets += targets(report)
    report.finish()


if __name__ == "__main__":
    main()
