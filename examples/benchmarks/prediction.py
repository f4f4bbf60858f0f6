"""Time of predictions, beside the methods of the same network as a Keras model.

Run as::

    python examples/benchmarks/prediction.py [--quick] [--json FILE]

The network is that of the recommended detector. One trace is predicted ten times in a row, as in a
stream, and many traces at once; the ways take turns.
"""

from dataclasses import dataclass
from statistics import median

from report import Report, Target, make_parser, take_turns
from traces import SEED, normalized_traces

from sklearn_aera.neural_network import make_detector

BATCH_SIZES = (32, 128, 512, 1024, 4096)


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_traces: int
    n_turns_one: int
    n_turns_many: int


FULL, QUICK = Size(20_000, 20, 6), Size(200, 3, 1)


def predict(size):
    """Seconds of predictions of one trace, and of many, turn by turn, by number of traces."""
    X, y = normalized_traces(size.n_traces)
    classifier = make_detector(epochs=1, random_state=SEED)["classify"].fit(X[:256], y[:256])
    model = classifier.model_
    one = {
        "predict_proba": lambda: classifier.predict_proba(X[:1]),
        "decision_function": lambda: classifier.decision_function(X[:1]),
        "Model.predict": lambda: model.predict(X[:1], verbose=0),
        "Model.predict_on_batch": lambda: model.predict_on_batch(X[:1]),
    }
    many = {"predict_proba": lambda: classifier.predict_proba(X)}
    for n in (n for n in BATCH_SIZES if n <= size.n_traces):
        many[f"Model.predict, batches of {n}"] = lambda n=n: model.predict(
            X, batch_size=n, verbose=0
        )
    return {
        1: take_turns(one, size.n_turns_one, n_calls=10),
        size.n_traces: take_turns(many, size.n_turns_many),
    }


def measure(size, report):
    found = predict(size)
    medians = {
        n: {way: median(seconds) for way, seconds in times.items()} for n, times in found.items()
    }
    report.targets += targets(size, medians)
    for n_traces, times in found.items():
        for way, seconds in times.items():
            middle = medians[n_traces][way]
            row = {"traces": n_traces, "method": way}
            row |= {"best ms": 1e3 * min(seconds), "median ms": 1e3 * middle}
            row["/ predict_proba"] = middle / medians[n_traces]["predict_proba"]
            yield row | {"traces/s": n_traces / middle}


def targets(size, medians):
    one, many = medians[1], dict(medians[size.n_traces])
    own = many.pop("predict_proba")
    for way in ("predict_proba", "decision_function"):
        name = f"one trace: {way} / Model.predict"
        yield Target(name, one[way] / one["Model.predict"], at_most=1 / 15)
    yield Target("one trace: predict_proba", 1e3 * one["predict_proba"], at_most=5.0, unit="ms")
    name = f"{size.n_traces:,} traces: time / best Model.predict"
    yield Target(name, own / min(many.values()), at_most=1.0)


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    size = QUICK if options.quick else FULL
    report = Report("prediction", options)
    report.measure("prediction", "Prediction", lambda: measure(size, report))
    report.finish()


if __name__ == "__main__":
    main()
