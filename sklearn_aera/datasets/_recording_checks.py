"""Checks of the samples of a recording: dead and clipped antennas, gaps."""

import numpy as np

# A run of equal samples that is longer than a gap contains a whole row of half its length.
_GAP = 1000
# Share of samples that have the largest or smallest value of their antenna (assumption).
_MAX_CLIPPED = 1e-3


def check_samples(recording, path):
    """Raise ValueError that names the antennas that are dead, clipped, or have gaps or NaN."""
    extremes, counts, gaps = None, None, {}
    size, start = _GAP * 1000, 0
    for piece in recording.pieces(size):
        finite = np.isfinite(piece).all(axis=1)
        if not finite.all():
            raise ValueError(f"path: {path}: {_names(recording, ~finite)} hold NaN or infinity")
        extremes, counts = _update_extremes(piece, extremes, counts)
        for row in np.flatnonzero(_has_gap(piece)):
            gaps.setdefault(row, recording.time_of(start))
        start += size
    dead = extremes[0] == extremes[1]
    clipped = ~dead & (counts.max(axis=0) > _MAX_CLIPPED * recording.shape[1])
    problems = [
        f"{_names(recording, rows)} {text}"
        for rows, text in ((dead, "constant throughout"), (clipped, "clipped by the digitiser"))
        if rows.any()
    ]
    lost = [row for row in gaps if not dead[row]]
    if lost:
        time = min(gaps[row] for row in lost)
        problems.append(f"{_names(recording, lost)} without data for a time, after {time:.1f} us")
    if problems:
        raise ValueError(
            f"path: {path}: {'; '.join(problems)}. Choose others with antennas=, or accept them "
            "with check=False"
        )


def _names(recording, rows):
    names = np.array(recording.antennas)[rows].tolist()
    return f"antenna{'s' * (len(names) > 1)} {', '.join(names)}"


def _update_extremes(piece, extremes, counts):
    """Return the smallest and largest value of each antenna, and how often they occurred."""
    found = np.stack([piece.min(axis=1), piece.max(axis=1)])
    if extremes is None:
        extremes, counts = found, np.zeros(found.shape, int)
    merged = np.stack([np.minimum(found[0], extremes[0]), np.maximum(found[1], extremes[1])])
    counts = np.where(merged == extremes, counts, 0)
    counts += np.stack([(piece == end[:, None]).sum(axis=1) for end in merged])
    return merged, counts


def _has_gap(piece):
    half = _GAP // 2
    n_rows = piece.shape[1] // half
    rows = piece[:, : n_rows * half].reshape(len(piece), n_rows, half)
    return (
        (rows.max(axis=2) == rows.min(axis=2)).any(axis=1) if n_rows else np.zeros(len(piece), bool)
    )
