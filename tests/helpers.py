"""Functions that several test modules share."""

import subprocess
import threading
from contextlib import contextmanager


@contextmanager
def child_process(*command, seconds=120, **options):
    """A running process; it is killed when the test ends or after ``seconds``."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, **(pipes | options))
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


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
