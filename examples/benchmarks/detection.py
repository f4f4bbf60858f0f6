"""Detectors beside the physical limit: one run, the same test events for all.

Run as::

    python examples/benchmarks/detection.py [--snr LOW HIGH] [--quick] [--json FILE]
        [--figure FILE]

Training, validation and test events have different event ids. The threshold of each operating
point is chosen on the validation events; areas, accuracies (at probability 1/2) and true-positive
rates are those of the test events, the latter with their 68 % binomial intervals. Seconds are wall
time of the training, simulation included where the data are endless. The rows:

- SNR threshold: `SNRCalculator`, no training.
- matched filter: `MatchedFilter` with the noise covariance of the 40 000 training traces.
- likelihood ratio: `LikelihoodRatioClassifier` with the same covariance; the physical limit.
- course LSTM: the network of the course in plain Keras, LSTM 32-64-10 on std-normalised raw
  samples, flattened, dropout 0.3; 4 000 traces, 20 epochs of batch 256, Adam with a learning rate
  that decays exponentially (assumption: by a tenth per epoch from 1e-3).
- textbook BiLSTM: the same layers bidirectional, on 40 000 traces, batch 128, Adam, for as many
  epochs as fit into a budget of five minutes.
- detector: `make_detector` on 4 000 traces (hasty: for 8 epochs instead of 60), on 40 000 (10
  epochs), and on endless data (50 epochs of 20 000 events).
- convolution: `ConvolutionalClassifier` on the same normalised and whitened traces, endless.

Two more tables follow, with thresholds at a false-positive rate of 0.2 %: the endless detector on
the pulses of a CoREAS shower (with ``--pulses FILE``), and networks and likelihood ratio in a
background with bursts.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import load_coreas, make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.inspection import EfficiencyDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import threshold_at_fpr, tpr_at_fpr
from sklearn_aera.neural_network import ConvolutionalClassifier, make_detector
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

SEED = 0
RATES = (1e-2, 2e-3)
SHOWN = ("likelihood ratio", "detector, endless", "textbook BiLSTM", "SNR threshold", "course LSTM")
BURSTS = AntennaNoise(burst_rate=0.5)
RECIPE = {"learning_rate": 2e-3, "learning_rate_schedule": "cosine", "weight_decay": 0.01}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_small: int
    n_large: int
    n_test: int
    n_epoch: int
    endless_epochs: int
    course_epochs: int
    budget: float


FULL = Size(4000, 40_000, 20_000, 20_000, 50, 20, 300.0)
QUICK = Size(200, 400, 1000, 200, 1, 1, 1.0)


@dataclass
class Row:
    """What is measured of one detector."""

    name: str
    auc: float
    accuracy: float | None
    tpr: dict
    gap: float | None = None
    seconds: float | None = None
    traces_per_second: float | None = None


class KerasNetwork:
    """The course's network as its hands-on has it, in Keras without this package."""

    def __init__(self, *, bidirectional):
        import keras

        layers = keras.layers
        recurrent = [layers.LSTM(size, return_sequences=True) for size in (32, 64, 10)]
        if bidirectional:
            recurrent = [layers.Bidirectional(layer) for layer in recurrent]
        head = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")]
        self.network = keras.Sequential([keras.Input((500, 1)), *recurrent, *head])

    def fit(self, traces, y, *, epochs, batch_size, decay, budget=np.inf):
        import keras

        rate = 1e-3
        if decay:
            n_steps = -(-len(y) // batch_size)
            rate = keras.optimizers.schedules.ExponentialDecay(rate, n_steps, 0.9)
        self.network.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
        started = time.perf_counter()

        def stop_in_time(batch, logs):
            self.network.stop_training |= time.perf_counter() - started > budget

        self.network.fit(
            self._scaled(traces),
            y,
            epochs=epochs,
            batch_size=batch_size,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=stop_in_time)],
        )
        return self

    def decision_function(self, traces):
        probability = self.network.predict(self._scaled(traces), batch_size=1000, verbose=0)
        return probability[:, 0].astype(float) - 0.5

    def _scaled(self, traces):
        return (traces / traces.std(axis=1, keepdims=True))[:, :, None]


def make_data(size, snr, **simulator):
    """Training, validation and test traces, none of which share an event."""
    options = {"simulator": TraceSimulator(**simulator), "snr": snr, "random_state": SEED}
    numbers = (size.n_large, size.n_test, size.n_test)
    return [
        make_traces(n, first_event_id=number * 100_000_000, **options)
        for number, n in enumerate(numbers)
    ]


def endless(pipeline, train, size, snr, noise=None):
    """Train the last step of a pipeline on endless data; the others on the data at hand."""
    preprocessing = pipeline[:-1].fit(train.traces, train.y)
    simulator = TraceSimulator(noise=noise, random_state=SEED)
    pipeline[-1].fit_simulated(
        simulator, size.n_epoch, preprocessing=preprocessing, snr=snr, first_event_id=10**12
    )
    return pipeline


def detectors(train, size, snr):
    """Functions that train each detector, by name."""
    few = (train.traces[: size.n_small], train.y[: size.n_small])
    every = (train.traces, train.y)
    range_ = snr if snr[0] < snr[1] else snr[0]
    seeded = {"random_state": SEED}
    whitened = make_detector(epochs=1)[:-1]
    convolution = ConvolutionalClassifier(epochs=size.endless_epochs, **RECIPE, **seeded)
    n_hasty, n_few, n_many = (1, 1, 1) if size is QUICK else (8, 60, 10)
    return {
        "SNR threshold": lambda: SNRCalculator().fit(few[0]),
        "matched filter": lambda: MatchedFilter().fit(*every),
        "likelihood ratio": lambda: LikelihoodRatioClassifier(snr=range_).fit(*every),
        "course LSTM": lambda: KerasNetwork(bidirectional=False).fit(
            *few, epochs=size.course_epochs, batch_size=256, decay=True
        ),
        "textbook BiLSTM": lambda: KerasNetwork(bidirectional=True).fit(
            *every, epochs=100, batch_size=128, decay=False, budget=size.budget
        ),
        "detector, hasty": lambda: make_detector(epochs=n_hasty, **seeded).fit(*few),
        f"detector, {size.n_small:,}": lambda: make_detector(epochs=n_few, **seeded).fit(*few),
        f"detector, {size.n_large:,}": lambda: make_detector(epochs=n_many, **seeded).fit(*every),
        "detector, endless": lambda: endless(
            make_detector(epochs=size.endless_epochs, max_shift=0, **seeded), train, size, snr
        ),
        "convolution, endless": lambda: endless(
            make_pipeline(*whitened, convolution), train, size, snr
        ),
    }


def scores(model, traces):
    """One score per trace, the higher the more like a pulse."""
    if hasattr(model, "decision_function"):
        return model.decision_function(traces)
    return model.transform(traces)[:, 0]


def judge(name, model, validation, test):
    """Measure one trained detector; returns its row and its scores of the test traces."""
    started = time.perf_counter()
    score = scores(model, test.traces)
    speed = len(score) / (time.perf_counter() - started)
    on_validation = scores(model, validation.traces)
    tpr = {}
    for rate in RATES:
        threshold = threshold_at_fpr(validation.y, on_validation, max_fpr=rate)
        tpr[rate] = tpr_at_fpr(test.y, score, threshold=threshold, return_interval=True)
    accuracy = None
    if hasattr(model, "decision_function"):
        accuracy = float(np.mean((score > 0) == test.y))
    return Row(name, roc_auc_score(test.y, score), accuracy, tpr, traces_per_second=speed), score


def compare(size, snr, console):
    """Train and judge all detectors."""
    train, validation, test = make_data(size, snr)
    rows, all_scores, models = {}, {}, {}
    for name, make in detectors(train, size, snr).items():
        started = time.perf_counter()
        models[name] = make()
        seconds = time.perf_counter() - started
        rows[name], all_scores[name] = judge(name, models[name], validation, test)
        rows[name].seconds = seconds
        console.print(f"  {name}: {seconds:.0f} s, AUC {rows[name].auc:.4f}")
    for row in rows.values():
        row.gap = rows["likelihood ratio"].auc - row.auc
    return list(rows.values()), all_scores, test, models


def on_a_shower(models, size, snr, path):
    """The endless detector on analytic pulses and on those of a CoREAS shower."""
    model = models["detector, endless"]
    for name, pulse in {"analytic": None, "CoREAS": load_coreas(path).pulses}.items():
        _, validation, test = make_data(size, snr, pulse=pulse)
        yield judge(f"{name} pulses", model, validation, test)[0]


def with_bursts(models, size, snr):
    """Likelihood ratio and detector, each trained with bursts, in a background with bursts."""
    train, validation, test = make_data(size, snr, noise=BURSTS)
    range_ = snr if snr[0] < snr[1] else snr[0]
    ratio = LikelihoodRatioClassifier(snr=range_).fit(train.traces, train.y)
    yield judge("likelihood ratio", ratio, validation, test)[0]
    yield judge("detector, trained without", models["detector, endless"], validation, test)[0]
    detector = make_detector(epochs=size.endless_epochs, max_shift=0, random_state=SEED)
    detector = endless(detector, train, size, snr, noise=BURSTS)
    yield judge("detector, trained with bursts", detector, validation, test)[0]


def show(title, rows, console):
    table = Table(title=title, title_justify="left")
    columns = ["AUC", "gap", "accuracy", *(f"TPR at {rate:.1%}" for rate in RATES)]
    for name in ("detector", *columns, "train / s", "traces/s"):
        table.add_column(name, justify="left" if name == "detector" else "right", no_wrap=True)
    for row in rows:
        rates = [f"{value:.3f}±{(high - low) / 2:.3f}" for value, low, high in row.tpr.values()]
        table.add_row(
            row.name,
            f"{row.auc:.4f}",
            "" if row.gap is None else f"{row.gap:.4f}",
            "" if row.accuracy is None else f"{row.accuracy:.4f}",
            *rates,
            "" if row.seconds is None else f"{row.seconds:.0f}",
            f"{row.traces_per_second:,.0f}",
        )
    console.print(table)


def draw(path, scores_by_name, test):
    """Efficiency against SNR; the ROC curve, where all pulses have one SNR."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    ax = figure.subplots()
    shown = [name for name in SHOWN if name in scores_by_name]
    if len(np.unique(test.events[test.y == 1, 1])) == 1:
        _draw_roc(ax, {name: scores_by_name[name] for name in shown}, test)
    else:
        for name in shown:
            EfficiencyDisplay.from_predictions(
                test.y, scores_by_name[name], test.events[:, 1], max_fpr=RATES[1], name=name, ax=ax
            )
    figure.savefig(path, dpi=150)


def _draw_roc(ax, scores_by_name, test):
    for name, score in scores_by_name.items():
        fpr, tpr, _ = roc_curve(test.y, score)
        limit = name == "likelihood ratio"
        style = {"color": "black", "linestyle": "--", "zorder": 3} if limit else {}
        label = f"{name} (limit)" if limit else name
        ax.plot(fpr, tpr, label=label, drawstyle="steps-post", **style)
    rates = np.geomspace(1 / np.sum(test.y == 0), 1, 200)
    ax.plot(rates, rates, color="0.6", linewidth=0.8, linestyle=":", label="guessing")
    ax.set(
        xscale="log",
        xlim=(rates[0], 1),
        ylim=(0, 1.02),
        xlabel="False-positive rate",
        ylabel="True-positive rate",
    )
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize="small", loc="center right")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", type=float, nargs=2, default=(2.0, 2.0), metavar=("LOW", "HIGH"))
    parser.add_argument("--pulses", type=Path, help="a CoREAS file")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--figure", type=Path, help="draw efficiency or ROC curves here")
    options = parser.parse_args(arguments)
    size, snr, console = QUICK if options.quick else FULL, tuple(options.snr), Console(width=110)
    tables = {}
    rows, scores_by_name, test, models = compare(size, snr, console)
    tables[f"SNR {snr[0]:g} to {snr[1]:g}, {size.n_test:,} test events"] = rows
    if options.pulses is not None:
        tables["Other pulses"] = list(on_a_shower(models, size, snr, options.pulses))
    tables["Bursts in the background"] = list(with_bursts(models, size, snr))
    for title, rows in tables.items():
        show(title, rows, console)
    if options.json is not None:
        found = {title: [asdict(row) for row in rows] for title, rows in tables.items()}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.figure is not None:
        draw(options.figure, scores_by_name, test)


if __name__ == "__main__":
    main()
