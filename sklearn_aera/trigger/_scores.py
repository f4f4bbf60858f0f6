"""Scores of the windows of a recording, piece by piece."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_BATCH_SIZE = 4096
# Windows wait until there are this many: a call of a network takes milliseconds, however few they
# are. They wait for so many pieces at most, so that progress is reported.
_ENOUGH, _MOST_PIECES = 512, 32


class Layout(NamedTuple):
    """Where the windows of a recording are, in samples."""

    n_samples: int
    stride: int
    n_windows: int
    n_at_once: int
    """Number of windows of a piece."""

    @classmethod
    def of(cls, recording, n_samples, stride, first_stage, chunk_size):
        """Return the layout for a recording that has at least one window."""
        n_windows = (recording.shape[1] - n_samples) // stride + 1
        if n_windows < 1:
            raise ValueError(
                f"X must be at least as long as a window of the detector, {n_samples} samples, got "
                f"{recording.shape[1]}"
            )
        # Transforms then begin at the same samples whatever the size of the pieces.
        unit = 1 if first_stage is None else first_stage.windows_per_segment
        return cls(n_samples, stride, n_windows, max(chunk_size // (unit * stride), 1) * unit)

    def pieces(self, recording):
        """Yield the first window, the number of windows, and their samples, piece by piece."""
        for first in range(0, self.n_windows, self.n_at_once):
            number = min(self.n_at_once, self.n_windows - first)
            start = first * self.stride
            samples = recording.read(start, start + (number - 1) * self.stride + self.n_samples)
            bad = ~np.isfinite(samples).all(axis=1)
            if bad.any():
                name = recording.antennas[int(bad.argmax())]
                raise ValueError(
                    f"X holds NaN or infinity: antenna {name}, after "
                    f"{recording.time_of(start):.1f} us"
                )
            yield first, number, samples

    def windows(self, samples):
        """Return the windows of samples, a view of shape (n_windows, n_samples)."""
        return sliding_window_view(samples, self.n_samples)[:: self.stride]


class Piece(NamedTuple):
    """What is scored of a piece of a recording."""

    first: int
    """Number of its first window."""
    passed: np.ndarray
    """Whether each window passes the first stage, (n_antennas, n_windows)."""
    windows: list
    """Windows of each antenna that pass, (n_passed, n_samples)."""


def gathered(pieces):
    """Yield lists of pieces that together have enough windows for a call of a detector."""
    waiting, number = [], 0
    for piece in pieces:
        waiting.append(piece)
        number += min(len(windows) for windows in piece.windows)
        if number >= _ENOUGH or len(waiting) == _MOST_PIECES:
            yield waiting
            waiting, number = [], 0
    if waiting:
        yield waiting


def score_windows(detector, windows):
    """Return the scores of windows, of shape (n_windows,), float64."""
    score = getattr(detector, "decision_function", None)
    if score is None:
        score = lambda X: detector.predict_proba(X)[:, 1]  # noqa: E731
    batches = range(0, len(windows), _BATCH_SIZE)
    scores = [score(windows[start : start + _BATCH_SIZE]) for start in batches]
    scores = np.concatenate([np.zeros(0), *map(np.ravel, scores)])
    if not np.isfinite(scores).all():
        raise ValueError("detector gives scores that are not finite")
    return scores


def ahead(items):
    """Yield the items of an iterator; each is made in another thread while the last one is used."""
    items, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, end)
        while (item := following.result()) is not end:
            following = thread.submit(next, items, end)
            yield item


def highest(scores, number):
    """Return the highest finite scores of several arrays."""
    scores = np.concatenate(scores)
    scores = scores[scores > -np.inf]
    return scores if len(scores) <= number else np.partition(scores, -number)[-number:]


def report(on_progress, done, total):
    if on_progress is not None:
        on_progress(done / total)


def in_parts(on_progress, n_parts):
    """Yield, for each part of the work, a function that takes its share."""
    for part in range(n_parts):
        yield on_progress and (lambda done, part=part: on_progress((part + done) / n_parts))
