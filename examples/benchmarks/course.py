"""The networks of the course, in plain Keras, beside the physical limit.

Run as::

    python examples/benchmarks/course.py [--snr LOW HIGH] [--quick] [--json FILE]

The networks read std-normalised raw samples. They are judged on the same test events as all
detectors of ``detection.py``, which explains the columns. The rows:

- course LSTM: layers of 32, 64 and 10 units, flattened, dropout 0.3; 4 000 traces, 20 epochs of
  batch 256, Adam with a learning rate that decays exponentially (assumption: by a tenth per epoch
  from 1e-3).
- textbook BiLSTM: the same layers bidirectional, on 40 000 traces, batch 128, Adam, for as many
  epochs as fit into a budget of five minutes.
"""

from functools import partial

from detection import FORMATS, FULL, QUICK, Comparison, fit_ratio
from networks import CourseNetwork
from report import Report, make_parser


def course_networks(train, size, snr):
    """Functions that train the networks of the course, by name, and the limit."""
    is_full = size is FULL
    course = {"epochs": 20 if is_full else 1, "batch_size": 256, "decay": True}
    textbook = {"epochs": 100, "batch_size": 128, "decay": False}
    textbook["budget"] = 300.0 if is_full else 1.0
    few, every = ((train.traces[:n], train.y[:n]) for n in (size.n_small, size.n_large))
    return {
        "likelihood ratio": partial(fit_ratio, train, snr),
        "course LSTM": lambda: CourseNetwork(bidirectional=False).fit(*few, **course),
        "textbook BiLSTM": lambda: CourseNetwork(bidirectional=True).fit(*every, **textbook),
    }


def main(arguments=None):
    parser = make_parser(__doc__)
    parser.add_argument("--snr", type=float, nargs=2, default=(2.0, 2.0), metavar=("LOW", "HIGH"))
    options = parser.parse_args(arguments)
    size, snr = QUICK if options.quick else FULL, tuple(options.snr)
    report = Report("course", options)
    comparison = Comparison(size, snr, report)
    title = f"SNR {snr[0]:g} to {snr[1]:g}, {size.n_test:,} test events"
    report.measure("networks", title, lambda: comparison.rows(course_networks), FORMATS)
    report.finish()


if __name__ == "__main__":
    main()
