"""Display of the training of a network."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera.inspection._style import COLORS, axes_or_grid, legend_above

_NAMES = {"loss": "Loss", "accuracy": "Accuracy"}
_AXES = """
axes : sequence of matplotlib Axes, default=None
    Axes to draw on, one for the loss and, for a classifier, one for the accuracy; None for a new
    figure.
"""


@fill_docstring(axes=_AXES)
class TrainingDisplay:
    """Loss and accuracy after each epoch of a training.

    Create it with `from_estimator`.

    Parameters
    ----------
    history : dict of list of float
        Attribute ``history_`` of an estimator with a network.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for the loss and, for a classifier, one for the accuracy.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.inspection import TrainingDisplay
    >>> from sklearn_aera.neural_network import RecurrentClassifier
    >>> data = make_traces(60, snr=5.0, random_state=0)
    >>> network = RecurrentClassifier(hidden_size=2, n_filters=2, epochs=2, random_state=0)
    >>> display = TrainingDisplay.from_estimator(network.fit(data.traces, data.y))
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['Loss', 'Accuracy']
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, axes=None):
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with a network, or Pipeline that ends with one
            Fitted estimator.
        %(axes)s

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no attribute ``history_``.
        """
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise TypeError(
                f"estimator must have a network and its history_, got {type(estimator).__name__}"
            )
        return cls(estimator.history_).plot(axes)

    def plot(self, axes=None):
        """Draw the history and mark the epoch with the smallest validation loss.

        %(plot)s
        """
        quantities = [name for name in _NAMES if name in self.history]
        size = (4.5, 1.2 + 1.6 * len(quantities))
        self.axes_ = axes = axes_or_grid(axes, len(quantities), 1, size=size, sharex=True)
        self.figure_ = axes[0].figure
        epoch = np.arange(1, len(self.history["loss"]) + 1)
        marker = "o" if len(epoch) == 1 else None
        for ax, name in zip(axes, quantities, strict=True):
            ax.plot(epoch, self.history[name], color=COLORS[0], marker=marker, label="Training")
            validation = self.history.get(f"val_{name}")
            if validation:
                ax.plot(
                    epoch, validation, color=COLORS[1], ls="--", marker=marker, label="Validation"
                )
                best = int(np.nanargmin(self.history["val_loss"]))
                ax.plot(epoch[best], validation[best], "o", color=COLORS[1], label="Smallest loss")
            ax.set(ylabel=_NAMES[name])
            ax.grid(alpha=0.3)
        axes[-1].set_xlabel("Epoch")
        axes[-1].xaxis.get_major_locator().set_params(integer=True)
        if "val_loss" in self.history:
            legend_above(axes[0])
        return self
