"""What changes from step to step of a training: the learning rate and the traces' disguise."""

import numbers
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import check_array, check_consistent_length

SCHEDULES = ("constant", "cosine")

# Share of the steps over which the cosine schedule rises before it falls.
_WARM_UP = 0.1


class TrainingData(NamedTuple):
    """What a network is trained on, or judged by while it is trained."""

    X: np.ndarray
    """(n_traces, n_features), float32."""
    y: Any
    """(n_traces, ...): what the user gave to learn."""
    targets: np.ndarray
    """(n_traces,) class indices, or (n_traces, n_outputs) signals, float32."""
    weight: np.ndarray | None = None
    """(n_traces,), float32."""

    def take(self, rows):
        """The same of some traces."""
        return TrainingData(*(None if part is None else part[rows] for part in self))


class Augmentation(NamedTuple):
    """How traces are disguised in each epoch, see `flip_and_shift`."""

    flip_polarity: bool
    max_shift: int
    n_channels: int
    targets_too: bool
    """Whether targets are signals, which turn and move with their traces."""

    @property
    def changes_traces(self):
        return self.flip_polarity or self.max_shift > 0

    def __call__(self, traces, targets, rng):
        """Disguised traces and the targets that go with them."""
        seed = rng.integers(2**63)
        options = {name: getattr(self, name) for name in self._fields[:3]}
        traces = flip_and_shift(traces, np.random.default_rng(seed), **options)
        if self.targets_too:
            targets = flip_and_shift(targets, np.random.default_rng(seed), **options)
        return traces, targets


def learning_rates(schedule, learning_rate, n_steps):
    """Learning rate of each step.

    Parameters
    ----------
    schedule : {"constant", "cosine"}
        With "cosine" the rate rises linearly over the first tenth of the steps and then falls
        along half a cosine (arXiv:1608.03983) to zero.
    learning_rate : float
        The highest rate.
    n_steps : int

    Returns
    -------
    ndarray of shape (n_steps,), float32
    """
    if schedule == "constant":
        return np.full(n_steps, learning_rate, dtype=np.float32)
    done = (np.arange(n_steps) + 0.5) / n_steps
    fall = 0.5 * (1 + np.cos(np.pi * (done - _WARM_UP) / (1 - _WARM_UP)))
    return (learning_rate * np.where(done < _WARM_UP, done / _WARM_UP, fall)).astype(np.float32)


def flip_and_shift(traces, rng, *, flip_polarity, max_shift, n_channels=1):
    """Traces as they could have been recorded: upside down, earlier or later.

    Parameters
    ----------
    traces : ndarray of shape (n_traces, n_samples * n_channels)
        Samples of the channels side by side.
    rng : numpy.random.Generator
    flip_polarity : bool
        Turn a random half of the traces upside down.
    max_shift : int
        Roll each trace by up to this many samples; what leaves at one end enters at the other.
    n_channels : int, default=1

    Returns
    -------
    ndarray of the same shape
        A copy.
    """
    n_traces, n_features = traces.shape
    if max_shift:
        starts = rng.integers(-max_shift, max_shift + 1, n_traces) * n_channels % n_features
        twice = np.concatenate([traces, traces], axis=1)
        traces = sliding_window_view(twice, n_features, axis=1)[np.arange(n_traces), starts]
    if flip_polarity:
        traces = traces * rng.choice(np.array([-1, 1], dtype=traces.dtype), n_traces)[:, None]
    return traces


def check_sample_weight(sample_weight, X):
    """Weights as a vector, or an error that says what is wrong with them."""
    if isinstance(sample_weight, numbers.Real):
        sample_weight = np.full(len(X), sample_weight)
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be one-dimensional, got shape {weight.shape}")
    check_consistent_length(X, weight)
    if (weight < 0).any():
        raise ValueError(f"sample_weight must be 0 or positive, got {weight.min()}")
    if not weight.any():
        raise ValueError("sample_weight must not be zero for all traces")
    return weight
