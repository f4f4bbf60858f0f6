"""Colours and markers that every figure shares, and the axes they are drawn on."""

import numpy as np

# Okabe and Ito's palette, which colour-blind readers tell apart; black is kept for data.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
DATA_COLOR = "0.45"
TRUTH_COLOR = "#D55E00"
RECOVERED_COLOR = COLORS[0]
LIMIT_COLOR = "black"


def axes_or_new(ax):
    """``ax`` itself, or the axes of a new figure of one column's width."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
    return ax


def axes_or_column(axes, number, *, height, sharex=False):
    """``axes`` themselves, or so many of a new figure of one column's width, one over the other.

    Raises
    ------
    ValueError
        If there are not as many axes as are needed.
    """
    if axes is None:
        import matplotlib.pyplot as plt

        options = {"figsize": (4.5, height), "layout": "constrained", "sharex": sharex}
        _, axes = plt.subplots(number, 1, **options, squeeze=False)
    axes = np.ravel(np.asarray(axes, dtype=object))
    if len(axes) != number:
        raise ValueError(f"axes must be {number} matplotlib axes, got {len(axes)}")
    return axes


def draw_bins(ax, edges, value, low, high, name):
    """Points with their intervals and the widths of their bins, in the colour that is next."""
    number = len(ax.containers)
    ax.errorbar(
        (edges[1:] + edges[:-1]) / 2,
        value,
        yerr=(value - low, high - value),
        xerr=(edges[1:] - edges[:-1]) / 2,
        color=COLORS[number % len(COLORS)],
        marker=MARKERS[number % len(MARKERS)],
        markersize=4,
        linestyle="none",
        linewidth=1.2,
        label=name,
    )


def legend_above(ax, n_columns=3):
    """A legend above the axes, where it hides nothing of what is drawn."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=n_columns,
        frameon=False,
        fontsize="small",
    )
