"""Colours, markers and axes that the displays share."""

import numpy as np

from sklearn_aera._validation import check_vector, shown

# Okabe and Ito's palette, which colour-blind readers can distinguish; black is kept for data.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
DATA_COLOR = "0.45"
TRUTH_COLOR = "#D55E00"
RECOVERED_COLOR = COLORS[0]
LIMIT_COLOR = "black"


def axes_or_new(ax):
    """Return ``ax``, or if it is None the axes of a new figure of one column's width."""
    given = None if ax is None else [ax]
    return axes_or_grid(given, 1, 1, size=(4.5, 3.2), name="ax")[0]


def axes_or_grid(axes, n_rows, n_columns, *, size, sharex=False, name="axes"):
    """Return ``axes`` as an array, or if they are None those of a new figure."""
    if axes is None:
        import matplotlib.pyplot as plt

        options = {"figsize": size, "layout": "constrained", "sharex": sharex}
        _, axes = plt.subplots(n_rows, n_columns, **options, squeeze=False)
    axes = np.ravel(np.asarray(axes, dtype=object))
    if len(axes) != n_rows * n_columns:
        raise ValueError(f"{name} must be {n_rows * n_columns} matplotlib axes, got {len(axes)}")
    for ax in axes:
        if not callable(getattr(ax, "plot", None)):
            raise TypeError(f"{name} must be matplotlib axes, got {shown(ax)}")
    return axes


def check_series(**series):
    """Return series of samples as arrays of one length, without those that are None."""
    first = next(iter(series))
    series = {name: v for name, v in series.items() if v is not None or name == first}
    for name, values in series.items():
        series[name] = check_vector(values, name)
        if len(values) != len(series[first]):
            raise ValueError(
                f"{name} must have the {len(series[first])} samples of {first}, got {len(values)}"
            )
    return series


def draw_bins(ax, edges, value, low, high, name):
    """Draw points with their intervals and the widths of their bins, in the next colour."""
    number = len(ax.containers)
    style = {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number % len(MARKERS)]}
    style |= {"markersize": 4, "linestyle": "none", "linewidth": 1.2}
    center, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    ax.errorbar(
        center, value, yerr=(value - low, high - value), xerr=width / 2, label=name, **style
    )


def legend_above(ax, n_columns=3):
    """Draw the legend above the axes, where it hides no data."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=n_columns, frameon=False, fontsize="small"
    )
