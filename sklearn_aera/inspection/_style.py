"""Colours and markers that every figure shares, and the axes they are drawn on."""

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
