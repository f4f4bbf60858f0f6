"""Small simulators, networks and checks that several test modules share."""

import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import psutil
from sklearn.pipeline import Pipeline

from sklearn_aera._events import EVENT_COLUMNS, check_events
from sklearn_aera.neural_network import (
    ConvolutionalClassifier,
    RecurrentClassifier,
    RecurrentDenoiser,
)
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

# --- data ------------------------------------------------------------------------------------

# Short traces without carriers, and events whose pulses stand out in them.
QUIET = TraceSimulator(noise=AntennaNoise(carrier_share=0.0), n_samples=120)
LOUD = {"snr": 8.0, "arrival_time": (0.1, 0.5)}


def event_column(events, name):
    """Column of an event table in any of its forms."""
    return check_events(events)[:, EVENT_COLUMNS.index(name)]


# --- networks: few architectures, since each is compiled once in a run -----------------------

_TRAINING = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01, "random_state": 0}
_RECURRENT = {"hidden_size": 6, "n_filters": 8, "kernel_size": 12, "stride": 6}
_CONVOLUTIONAL = {"n_filters": 8, "kernel_size": 12, "stride": 4}
# Frames and a simple RNN in one direction, which is compiled fastest.
TINY = {"cell": "simple_rnn", "hidden_size": 3, "bidirectional": False}
TINY |= {"n_filters": 0, "kernel_size": 12, "stride": 12}


def tiny(**parameters):
    """Classifier for tests that do not depend on the network."""
    return RecurrentClassifier(**(TINY | _TRAINING | parameters))


def recurrent(**parameters):
    """Classifier with filters and a bidirectional GRU."""
    return RecurrentClassifier(**(_RECURRENT | _TRAINING | parameters))


def convolutional(**parameters):
    """Classifier with one layer of filters."""
    return ConvolutionalClassifier(**(_CONVOLUTIONAL | _TRAINING | parameters))


def denoiser(**parameters):
    """Denoiser with filters and a bidirectional GRU."""
    return RecurrentDenoiser(**(_RECURRENT | _TRAINING | parameters))


def simulating_pipeline(classifier):
    """Pipeline of the steps ``simulate``, ``normalize`` and ``classify``."""
    simulator = TraceSimulator(noise=AntennaNoise(carrier_share=0.0), n_samples=120, random_state=0)
    return Pipeline(
        [("simulate", simulator), ("normalize", StdNormalizer()), ("classify", classifier)]
    )


class Watcher:
    """Callback of scikit-learn that records every task.

    At the end of each task called ``task_name``, ``action`` is called with the number of the task;
    if it returns true, training stops.
    """

    max_propagation_depth = None

    def __init__(self, action=lambda number: None, task_name="epoch"):
        self.action, self.task_name = action, task_name
        self.tasks = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append((context.estimator_name, context.source_task_name or context.task_name))

    def on_fit_task_end(self, estimator, context):
        return self.action(context.task_id) if context.task_name == self.task_name else None


# --- processes and figures -------------------------------------------------------------------


@contextmanager
def child_process(*command, seconds=120, **options):
    """Run a process; kill it and its children at the end or after ``seconds``."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **(pipes | options))
    timer = threading.Timer(seconds, _kill_tree, [process])
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        _kill_tree(process)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _kill_tree(process):
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()


def run_without(modules, code):
    """Run code in a process in which some modules cannot be imported; returns what it prints."""
    blocked = "\n".join(f"sys.modules[{module!r}] = None" for module in modules)
    command = [sys.executable, "-W", "error", "-c", f"import sys\n{blocked}\n{code}"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process.stdout


def texts_overlap(figure):
    """Whether labels, titles, tick labels or legends of a figure overlap."""
    figure.canvas.draw()
    axes = figure.axes
    texts = [text for ax in axes for axis in (ax.xaxis, ax.yaxis) for text in _tick_labels(axis)]
    texts += [t for ax in axes for t in (ax.xaxis.label, ax.yaxis.label, ax.title)]
    boxes = [t.get_window_extent() for t in texts if t.get_text() and t.get_visible()]
    boxes += [ax.get_legend().get_window_extent() for ax in axes if ax.get_legend()]
    boxes = [box.shrunk(0.9, 0.9) for box in boxes]
    return any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def _tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    if not axis.get_tick_params().get("labelbottom", True):
        return []
    ticks = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=False)
    return [label for place, label in ticks if low <= place <= high]
