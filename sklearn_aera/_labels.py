"""Which traces are background, as labels or true signals say."""

import warnings

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from sklearn_aera._validation import as_array, as_real_array, shown

_BACKGROUND = {"noise", "background"}
# Power of a trace, over the median, above which it is not taken for background. A trace with 100
# times the power of 200 others lowers the area under the ROC curve of the likelihood ratio by
# 0.0005, with 400 times the power by 0.005. Bursts reach 3 times the median power.
_LOUD = 100
_MAX_LISTED = 10


@np.errstate(invalid="ignore")
def background_mask(y, name="y"):
    """Return which labels or true signals are background, of shape (n_traces,).

    A true signal, with more than one value, is background if it is zero throughout. The labels 0
    and False are background; without them, the smaller of two numbers is. Of two texts, one must
    be "noise" or "background". A single number other than 0 is the label of pulses.
    """
    array = as_array(y, name)
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} must have a value for each trace, got {shown(y)}")
    is_text = array.dtype.kind in "OU" and all(isinstance(label, str) for label in array.flat)
    y = array if is_text else as_real_array(y, name)
    y = check_array(y, ensure_2d=False, allow_nd=True, dtype=None, input_name=name)
    if y.ndim > 1 and y[0].size > 1 and not is_text:
        return ~y.reshape(len(y), -1).any(axis=1)
    labels, number = np.unique(column_or_1d(y), return_inverse=True)
    return number == _background(labels, name)


def background_rows(X, y):
    """Select the background; all traces if there is none, or if ``y`` is None.

    Traces that are much louder than the others are left out, with a warning: in a mean over the
    traces, theirs would be the only noise.
    """
    is_background = np.ones(len(X), dtype=bool) if y is None else background_mask(y)
    check_consistent_length(X, is_background)
    if not is_background.any():
        is_background = ~is_background
    is_loud = _loud_rows(X, is_background)
    if is_loud.any():
        rows = np.flatnonzero(is_loud)
        listed = ", ".join(map(str, rows[:_MAX_LISTED])) + ", ..." * (len(rows) > _MAX_LISTED)
        warnings.warn(
            f"X has {len(rows)} of {is_background.sum()} traces of background with more than "
            f"{_LOUD} times their median power, which are left out; their rows are {listed}",
            stacklevel=5,
        )
    kept = is_background & ~is_loud
    return X if kept.all() else X[kept]


def _loud_rows(X, is_background):
    """Return which of the background traces are loud, in any of their channels."""
    power = np.einsum("...s,...s->...", X, X, dtype=np.float64).reshape(len(X), -1)
    median = np.median(power[is_background], axis=0)
    return is_background & ((power > _LOUD * median) & (median > 0)).any(axis=1)


def check_classes(classes):
    """Raise ValueError if, of two sorted classes, the second is not that of pulses."""
    if len(classes) == 2 and _background(classes) != 0:
        raise ValueError(
            f"y must have labels that sort the background first, got {_advice(classes)}"
        )


def _background(labels, name="y"):
    """Return the position of the background among sorted labels; -1 if all are of pulses."""
    if isinstance(labels[0], str):
        named = [label.lower() in _BACKGROUND for label in labels]
        if len(named) <= 2 and sum(named) == 1:
            return named.index(True)
    elif (labels == 0).any():
        return int(np.argmax(labels == 0))
    elif len(labels) <= 2:
        return 0 if len(labels) == 2 else -1
    raise ValueError(f"{name} must say which label is the background, got {_advice(labels)}")


def _advice(labels):
    return f"{shown(labels.tolist())}: use 0 for the background and 1 for pulses"
