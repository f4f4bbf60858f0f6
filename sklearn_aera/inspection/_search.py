"""Show what a search over networks found."""

import numpy as np

_PARAMETERS = ("cell", "hidden_size", "bidirectional")
_DIRECTIONS = {False: "One direction", True: "Both directions"}


class SearchDisplay:
    """Scores of a search over cell, hidden size and bidirectionality, as a heat map.

    Make it with `from_search` or `from_results`.

    Parameters
    ----------
    scores : ndarray of shape (n_directions, n_cells, n_hidden_sizes)
        Mean scores; NaN where nothing was fitted.
    errors : ndarray of the same shape
        Standard deviations over the folds.
    cells, hidden_sizes, directions : list
        What the axes stand for.
    score_name : str, default="Score"

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One per direction.
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
        """Show a fitted search.

        Parameters
        ----------
        search : GridSearchCV, RandomizedSearchCV or the like, with ``cv_results_``
        score_name : str, default=None
            None for the search's ``scoring`` where that is a name.
        axes : sequence of matplotlib Axes, default=None
            One per direction; None for a new figure.

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
        """Show ``cv_results_``.

        Parameters
        ----------
        cv_results : dict
            With ``params``, ``mean_test_score`` and ``std_test_score``. Parameters may have the
            prefix of a pipeline's step, as in ``classify__cell``. Where others were searched too,
            the best score over these is shown.
        score_name, axes
            See `from_search`.

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
            if np.isnan(scores[at]) or mean > scores[at]:  # NaN is a candidate that failed.
                scores[at], errors[at] = mean, spread
        display = cls(
            scores,
            errors,
            cells=cells,
            hidden_sizes=sizes,
            directions=directions,
            score_name=score_name,
        )
        return display.plot(axes)

    def plot(self, axes=None):
        """Draw the display: rows are cells, columns are hidden sizes.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One per direction; None for a new figure.

        Returns
        -------
        SearchDisplay
        """
        from matplotlib.colors import Normalize

        self.axes_ = axes = self._axes_or_new(axes)
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

    def _axes_or_new(self, axes):
        if axes is None:
            import matplotlib.pyplot as plt

            width = 1.6 + 0.62 * len(self.hidden_sizes) * len(self.directions)
            size = max(width, 4.0), 1.4 + 0.5 * len(self.cells)
            _, axes = plt.subplots(
                1, len(self.directions), figsize=size, layout="constrained", squeeze=False
            )
        axes = np.ravel(axes)
        if len(axes) != len(self.directions):
            raise ValueError(
                f"axes must be one per direction, {len(self.directions)}, got {len(axes)}"
            )
        return axes


def _searched(params):
    """Those of a candidate's parameters that are shown, without the prefix of a pipeline."""
    return {
        name.rsplit("__", 1)[-1]: value
        for name, value in params.items()
        if name.rsplit("__", 1)[-1] in _PARAMETERS
    }


def _comparable(value):
    return tuple(value) if isinstance(value, list | tuple) else value


def _order(value):
    """Numbers by size, tuples by their numbers, names as the lecture has them."""
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
