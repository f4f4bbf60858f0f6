"""Display of the scores of a search over networks."""

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera.inspection._style import axes_or_grid

_PARAMETERS = ("cell", "hidden_size", "bidirectional")
_DIRECTIONS = {False: "One direction", True: "Both directions"}
_AXES = """
axes : sequence of matplotlib Axes, default=None
    Axes to draw on, one per direction; None for a new figure.
"""


@fill_docstring(axes=_AXES)
class SearchDisplay:
    """Heat map of the scores of a search over cell, hidden size and bidirectionality.

    Create it with `from_search` or `from_results`.

    Parameters
    ----------
    scores : ndarray of shape (n_directions, n_cells, n_hidden_sizes)
        Mean scores; NaN where nothing was fitted.
    errors : ndarray of the same shape
        Standard deviations over the folds.
    cells, hidden_sizes, directions : list
        Values of the parameters along the axes of ``scores``.
    score_name : str, default="Score"
        Label of the colour bar.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for each direction.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.inspection import SearchDisplay
    >>> cells, sizes = ["gru", "gru", "lstm"], [8, 24, 8]
    >>> params = [{"cell": c, "hidden_size": s} for c, s in zip(cells, sizes)]
    >>> scores = {"mean_test_score": np.array([0.8, 0.9, 0.7]), "std_test_score": np.full(3, 0.01)}
    >>> display = SearchDisplay.from_results(scores | {"params": params}, score_name="AUC")
    >>> display.scores.tolist()
    [[[0.7, nan], [0.8, 0.9]]]
    """

    def __init__(self, scores, errors, *, cells, hidden_sizes, directions, score_name="Score"):
        self.scores = scores
        self.errors = errors
        self.cells = cells
        self.hidden_sizes = hidden_sizes
        self.directions = directions
        self.score_name = score_name

    @classmethod
    def from_search(cls, search, *, score_name=None, axes=None):
        """Draw the scores of a fitted search.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or another search with ``cv_results_``
            Fitted search.
        score_name : str, default=None
            Label of the colour bar; None for the search's ``scoring`` if that is a string.
        %(axes)s

        Returns
        -------
        SearchDisplay

        Raises
        ------
        TypeError
            If the search has no results.
        """
        if not hasattr(search, "cv_results_"):
            raise TypeError(f"search must be a fitted search with cv_results_, got {search!r}")
        if score_name is None:
            scoring = getattr(search, "scoring", None)
            score_name = scoring if isinstance(scoring, str) else "Score"
        return cls.from_results(search.cv_results_, score_name=score_name, axes=axes)

    @classmethod
    def from_results(cls, cv_results, *, score_name="Score", axes=None):
        """Draw the scores in ``cv_results_``.

        Parameters
        ----------
        cv_results : dict
            Results with ``params``, ``mean_test_score`` and ``std_test_score``. Parameters may
            have the prefix of a pipeline's step, as in ``classify__cell``. If other parameters
            were searched too, the best score over them is drawn.
        score_name : str, default="Score"
            Label of the colour bar.
        %(axes)s

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ValueError
            If the results have no scores, or none of the three parameters was searched.
        """
        missing = {"params", "mean_test_score", "std_test_score"} - set(cv_results)
        if missing:
            raise ValueError(f"cv_results lacks {sorted(missing)}; it has {sorted(cv_results)}")
        found = [_searched(params) for params in cv_results["params"]]
        if not any(found):
            raise ValueError(f"cv_results: none of {', '.join(_PARAMETERS)} was searched")
        cells, sizes, directions = (
            sorted({_comparable(one.get(name)) for one in found}, key=_order)
            for name in _PARAMETERS
        )
        scores = np.full((len(directions), len(cells), len(sizes)), np.nan)
        errors = scores.copy()
        means, spreads = cv_results["mean_test_score"], cv_results["std_test_score"]
        for one, mean, spread in zip(found, means, spreads, strict=True):
            cell, size, direction = (_comparable(one.get(name)) for name in _PARAMETERS)
            at = directions.index(direction), cells.index(cell), sizes.index(size)
            if np.isnan(scores[at]) or mean > scores[at]:  # NaN: a candidate whose fit failed.
                scores[at], errors[at] = mean, spread
        axes_of = {"cells": cells, "hidden_sizes": sizes, "directions": directions}
        return cls(scores, errors, **axes_of, score_name=score_name).plot(axes)

    def plot(self, axes=None):
        """Draw one heat map per direction: rows are cells, columns are hidden sizes.

        %(plot)s
        """
        from matplotlib.colors import Normalize

        width = 1.6 + 0.62 * len(self.hidden_sizes) * len(self.directions)
        size = max(width, 4.0), 1.4 + 0.5 * len(self.cells)
        self.axes_ = axes = axes_or_grid(axes, 1, len(self.directions), size=size)
        self.figure_ = axes[0].figure
        shown = self.scores[np.isfinite(self.scores)]
        low, high = (shown.min(), shown.max()) if shown.size else (0.0, 1.0)
        norm = Normalize(low, high if high > low else low + 1e-9)
        for ax, scores, errors, direction in zip(
            axes, self.scores, self.errors, self.directions, strict=True
        ):
            image = ax.imshow(scores, cmap="cividis", norm=norm, aspect="auto")
            self._write(ax, scores, errors, norm)
            ax.set(
                xticks=range(len(self.hidden_sizes)),
                xticklabels=[_text(size) for size in self.hidden_sizes],
                yticks=range(len(self.cells)),
                yticklabels=[_text(cell) for cell in self.cells] if ax is axes[0] else [],
                xlabel="Hidden size",
            )
            if direction is not None:
                ax.set_title(_DIRECTIONS[direction], fontsize="medium")
        axes[0].set_ylabel("Cell")
        self.figure_.colorbar(image, ax=list(axes), label=self.score_name)
        return self

    def _write(self, ax, scores, errors, norm):
        for (row, column), score in np.ndenumerate(scores):
            if not np.isfinite(score):
                ax.text(column, row, "no fit", ha="center", va="center", fontsize="x-small")
                continue
            text = f"{score:.3f}\n± {errors[row, column]:.3f}"
            color = "black" if norm(score) > 0.45 else "white"
            ax.text(column, row, text, ha="center", va="center", color=color, fontsize="x-small")


def _searched(params):
    """Return the displayed parameters of a candidate, without the prefix of a pipeline's step."""
    return {
        name.rsplit("__", 1)[-1]: value
        for name, value in params.items()
        if name.rsplit("__", 1)[-1] in _PARAMETERS
    }


def _comparable(value):
    return tuple(value) if isinstance(value, list | tuple) else value


def _order(value):
    """Sort key: numbers by size, tuples by their numbers, cells in the order of the lecture."""
    names = ("simple_rnn", "lstm", "gru")
    if value in names:
        return (0, (names.index(value),))
    if value is None or isinstance(value, str):
        return (1, (str(value),))
    return (0, value if isinstance(value, tuple) else (int(value),))


def _text(value):
    if value is None:
        return ""
    names = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
    return "-".join(map(str, value)) if isinstance(value, tuple) else names.get(value, str(value))
