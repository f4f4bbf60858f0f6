"""Triggers of a series of scores: those that no other within the dead time exceeds."""

import numpy as np
from scipy.ndimage import maximum_filter1d


class Peaks:
    """Find the peaks of a series that comes in pieces.

    A peak is above the ``n_dead`` scores before it, and not below the ``n_dead`` behind it: two
    peaks are further apart. Whether a score is a peak does not depend on a threshold, so that
    the number of triggers at a threshold is that of the peaks that reach it.
    """

    def __init__(self, n_dead):
        self._n_dead = n_dead
        self._scores, self._first, self._n_done = np.zeros(0), 0, 0

    def add(self, scores, last=False):
        """Add scores; returns numbers and scores of the peaks that are known by now."""
        n_dead = self._n_dead
        scores = np.concatenate([self._scores, scores])
        end = self._first + len(scores) - (0 if last else n_dead)
        known = slice(self._n_done - self._first, max(end - self._first, 0))
        number = np.flatnonzero(_are_peaks(scores, n_dead)[known]) + self._n_done
        found = number, scores[number - self._first]
        self._n_done = max(end, self._n_done)
        kept = max(self._n_done - n_dead - self._first, 0)
        self._scores, self._first = scores[kept:], self._first + kept
        return found


def _are_peaks(scores, n_dead):
    if n_dead == 0:
        return scores > -np.inf
    pad = np.full(n_dead, -np.inf)
    padded = np.concatenate([pad, scores, pad])
    # The element i is the largest of ``n_dead`` scores from i on.
    largest = maximum_filter1d(padded, n_dead, origin=-(n_dead // 2), mode="nearest")
    before, behind = largest[: len(scores)], largest[n_dead + 1 : n_dead + 1 + len(scores)]
    return (scores > before) & (scores >= behind)
