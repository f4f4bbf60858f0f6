"""Detector on another background, as it is and adapted to it without labels.

Run as::

    python examples/benchmarks/adapt.py [--quick] [--json FILE]

`make_detector` is trained with true signals and the default carriers, SNR 2. It is judged on test
events of SNR 2 whose background has these carriers, one more, or others. ``adapt`` gets unlabelled
traces of the same background, some of which have pulses of SNR 0.5 to 5; their events are neither
those of the training nor those of the test. In the rows "fitted to all", normaliser and whitener
are fitted to the same traces instead, as if all were background. Errors are one standard
deviation; a trace is called a pulse from a probability of 1/2 on. The last column has the
frequencies at which `check_background` finds that the test traces are not white, the largest
deviations first.
"""

import warnings
from copy import copy
from dataclasses import dataclass

from errors import area, mean
from report import Report, make_parser
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from traces import SEED

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import check_background
from sklearn_aera.neural_network import make_detector
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

SNR, WIDE = 2.0, (0.5, 5.0)
DEFAULT = AntennaNoise().carriers
BACKGROUNDS = {
    "default": DEFAULT,
    "default and 47.0 MHz": (*DEFAULT, 47.0),
    "36.3, 44.9, 63.1, 77.7 MHz": (36.3, 44.9, 63.1, 77.7),
}
N_NAMED = 5
FORMATS = {"AUC": ".4f", "noise called pulse": ".4f", "pulses found": ".3f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_epochs: int
    n_test: int
    n_unlabelled: tuple[int, ...]


FULL, QUICK = Size(10_000, 10, 10_000, (200, 1000, 4000)), Size(200, 1, 200, (250,))


def train(size):
    """Train the detector with the default background."""
    data = make(DEFAULT, size.n_train, 0)
    detector = make_detector(epochs=size.n_epochs, random_state=SEED)
    return detector.fit(data.traces, data.y, signals=data.signals)


def make(carriers, n_traces, first_event_id, snr=SNR, signal_fraction=0.5):
    """Events with a background of some carriers."""
    simulator = TraceSimulator(noise=AntennaNoise(carriers=carriers))
    options = {"simulator": simulator, "signal_fraction": signal_fraction, "random_state": SEED}
    return make_traces(n_traces, first_event_id=first_event_id, snr=snr, **options)


def fitted_instead(detector, traces):
    """The detector with normaliser and whitener fitted to all traces as background."""
    return make_pipeline(*clone(detector[:-1]).fit(traces), detector[-1])


def judge(detector, test):
    """Numbers of a detector on test traces."""
    score = detector.decision_function(test.traces)
    with warnings.catch_warnings(action="ignore"):
        found = check_background(detector, test.traces, sampling_rate=180.0)
    named = ", ".join(f"{frequency:.1f}" for frequency in found[:N_NAMED])
    return {
        "AUC": area(test.y, score),
        "noise called pulse": mean(score[test.y == 0] > 0),
        "pulses found": mean(score[test.y == 1] > 0),
        "not white at / MHz": named + (", ..." if len(found) > N_NAMED else ""),
    }


def measure(size, report):
    detector = train(size)
    report.note("the detector is trained")
    for name, carriers in BACKGROUNDS.items():
        test = make(carriers, size.n_test, 10**8)
        row = {"carriers": name, "whitener": "as trained", "traces": "", "with pulse": ""}
        yield row | judge(detector, test)
        for n_traces in size.n_unlabelled:
            for share in (0.0, 0.5):
                some = make(carriers, n_traces, 2 * 10**8, WIDE, share).traces
                row |= {"traces": f"{n_traces:,}", "with pulse": f"{share:.0%}"}
                adapted = copy(detector).adapt(some)
                yield row | {"whitener": "adapted"} | judge(adapted, test)
        yield row | {"whitener": "fitted to all"} | judge(fitted_instead(detector, some), test)


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    report = Report("adapt", options)
    size = QUICK if options.quick else FULL
    title = f"Detector trained with the default carriers, on other backgrounds, SNR {SNR:g}"
    report.measure("backgrounds", title, lambda: measure(size, report), FORMATS)
    report.finish()


if __name__ == "__main__":
    main()
