"""One epoch of training in many ways: what makes the package's training fast.

Run as::

    python examples/benchmarks/training_steps.py [--quick] [--json FILE]

All ways train the same layers on the same traces, in processes that take turns; the first epoch
includes what is compiled. From row to row one thing changes: `keras.Model.fit` with Keras' layers,
with 64 steps in a call of the compiled graph, with loops unrolled, with the input projected in one
product before the loop over time, with the gradient of the loop written out (the package's layers),
with all that the package's training does (a seeded order in each epoch, weights, a learning rate
for each step), and the package's estimator, which has a loop of its own. Beside them Keras' layers
compiled by XLA and on other backends, and plain PyTorch, with torch or jax installed. More networks
(raw samples, frames, strides, epochs of one step) and batch sizes follow.
"""

import importlib.util
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from statistics import median

import numpy as np
from processes import SameProcess, Worker
from report import Report, Target, make_parser, timed
from traces import SEED

N_SAMPLES = 500
BATCH_SIZE = 128
DETECTOR = {"cell": "gru", "hidden_size": 32, "n_filters": 96, "kernel_size": 64, "stride": 8}
NETWORKS = {
    "detector": DETECTOR,
    "detector, LSTM": DETECTOR | {"cell": "lstm"},
    "stride 4": DETECTOR | {"stride": 4},
    "stride 16": DETECTOR | {"stride": 16},
    "frames of 10": DETECTOR | {"n_filters": 0, "kernel_size": 10, "stride": 10},
    "raw samples": DETECTOR | {"n_filters": 0, "kernel_size": 1, "stride": 1},
    "detector, one step": DETECTOR,
}
N_TRACES = {"raw samples": 512, "detector, one step": BATCH_SIZE}
PATIENCE = 15.0  # Seconds after which a way takes no more turns.


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_traces: int
    n_turns: int


FULL, QUICK = Size(2048, 6), Size(128, 1)


# Ways to train; each makes a function that trains for an epoch. Imports are inside, since the
# process decides about the backend.


def own_estimator(network, batch_size, x, y):
    from sklearn_aera.neural_network import RecurrentClassifier

    classifier = RecurrentClassifier(**network, batch_size=batch_size, random_state=SEED)
    return lambda: classifier.partial_fit(x, y, classes=[0, 1])


def model_fit(network, batch_size, x, y, *, layer="keras", unroll=False, in_full=False, **options):
    import keras
    from networks import recurrent_network
    from recurrent_layers import make_layer

    cell, size, front_end = network["cell"], network["hidden_size"], dict(network)
    del front_end["cell"], front_end["hidden_size"]
    make = partial(make_layer, layer, cell, size, unroll=unroll)
    model = recurrent_network(make, n_samples=N_SAMPLES, seed=SEED, **front_end)
    if in_full:
        from scheduled_model import ScheduledModel

        model = ScheduledModel(model.inputs, model.outputs)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"], **options)
    y = y.astype(np.float32)[:, None]
    if in_full:
        return lambda: model.fit_epoch(x, y, batch_size=batch_size, seed=SEED)
    return lambda: model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0)


def torch_loop(network, batch_size, x, y):
    import torch
    from torch_network import Network

    torch.manual_seed(SEED)
    module = Network(n_samples=N_SAMPLES, **network)
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    loss_of = torch.nn.BCEWithLogitsLoss()
    x, y = torch.from_numpy(x), torch.from_numpy(y.astype(np.float32))

    def epoch():
        for rows in torch.randperm(len(x)).split(batch_size):
            optimizer.zero_grad()
            loss_of(module(x[rows]), y[rows]).backward()
            optimizer.step()

    return epoch


@dataclass(frozen=True)
class Way:
    """One way to train a network."""

    prepare: object
    options: dict = field(default_factory=dict)
    backend: str = "tensorflow"

    @property
    def installed(self):
        return importlib.util.find_spec(self.backend) is not None


MANY_STEPS = {"steps_per_execution": 64}
WAYS = {
    "sklearn-aera": Way(own_estimator),
    "Model.fit, 64 steps a call, written-out gradient": Way(
        model_fit, {"layer": "package", **MANY_STEPS}
    ),
    "Model.fit, 64 steps a call, as the package trains": Way(
        model_fit, {"layer": "package", "in_full": True, **MANY_STEPS}
    ),
    "Model.fit, 64 steps a call, projected input": Way(
        model_fit, {"layer": "projected", **MANY_STEPS}
    ),
    "Model.fit, 64 steps a call, unrolled": Way(model_fit, {"unroll": True, **MANY_STEPS}),
    "Model.fit, 64 steps a call": Way(model_fit, MANY_STEPS),
    "Model.fit": Way(model_fit),
    "Model.fit, XLA": Way(model_fit, {"layer": "xla", "jit_compile": True}),
    "Model.fit on torch": Way(model_fit, backend="torch"),
    "Model.fit on jax": Way(model_fit, backend="jax"),
    "plain PyTorch": Way(torch_loop, backend="torch"),
}
QUICK_WAYS = (*tuple(WAYS)[:4], "Model.fit", "plain PyTorch")
# Where not all are tried.
CONTENDERS = (
    "sklearn-aera",
    "Model.fit, 64 steps a call, as the package trains",
    "Model.fit, 64 steps a call",
    "plain PyTorch",
)


def train_epoch(way, network, batch_size, n_traces):
    """Seconds of one more epoch."""
    return timed(prepared(way, json.dumps(network), batch_size, n_traces))[1]


@cache
def prepared(way, network, batch_size, n_traces):
    """Function that trains for an epoch on white noise; the same at every call."""
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((n_traces, N_SAMPLES), dtype=np.float32)
    y = rng.integers(0, 2, n_traces)
    chosen = WAYS[way]
    return chosen.prepare(json.loads(network), batch_size, x, y, **chosen.options)


TASKS = {"train_epoch": train_epoch}


def settings(size):
    """Networks, batch sizes and the ways that are measured with them."""
    if size is QUICK:
        return [("detector", BATCH_SIZE, QUICK_WAYS)]
    all_ways = [("detector", BATCH_SIZE, tuple(WAYS))]
    all_ways += [("detector", n, CONTENDERS) for n in (64, 256, 512)]
    return all_ways + [(name, BATCH_SIZE, CONTENDERS) for name in NETWORKS if name != "detector"]


def measure(size, report):
    worst, used = {}, {way for *_, ways in settings(size) for way in ways}
    with ExitStack() as stack:
        # Processes that wait cost nothing, so all can take turns.
        workers = {
            name: stack.enter_context(_worker(size, way))
            for name, way in WAYS.items()
            if name in used and way.installed
        }
        for network, batch_size, ways in settings(size):
            n_traces = min(size.n_traces, N_TRACES.get(network, size.n_traces))
            options = {"network": NETWORKS[network], "batch_size": batch_size}
            present = {way: workers[way] for way in ways if way in workers}
            seconds = epochs_in_turns(present, size.n_turns, n_traces=n_traces, **options)
            best = {way: min(times[1:]) for way, times in seconds.items()}
            worst[network, batch_size] = best["sklearn-aera"] / min(best.values())
            key = {"network": network, "batch": batch_size}
            yield from rows(key, ways, seconds, n_traces)
    report.targets += [
        Target(f"{network}, batch {n}: time / fastest way", value, at_most=1.1)
        for (network, n), value in worst.items()
    ]


def _worker(size, way):
    quick = size is QUICK and way.backend == "tensorflow"
    return (SameProcess if quick else Worker)("training_steps", way.backend)


def epochs_in_turns(workers, n_turns, **options):
    """Seconds of epochs by way; the first one includes what is compiled."""
    seconds = {way: [] for way in workers}
    for turn in range(n_turns + 1):
        for way, worker in workers.items():
            if turn < 2 or sum(seconds[way]) < PATIENCE:
                seconds[way].append(worker("train_epoch", way=way, **options))
    return seconds


def rows(key, ways, seconds, n_traces):
    own = min(seconds["sklearn-aera"][1:])
    for way in ways:
        row = key | {"training": way}
        if way not in seconds:
            yield row | {"traces/s": "not installed"}
            continue
        first, *others = seconds[way]
        row |= {"traces/s": n_traces / min(others), "median": n_traces / median(others)}
        yield row | {"speed / sklearn-aera": own / min(others), "first epoch s": first}


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("training_steps", options)
    title = f"One epoch of {size.n_traces:,} traces"
    report.measure("training_steps", title, lambda: measure(size, report))
    report.finish()


if __name__ == "__main__":
    main()
