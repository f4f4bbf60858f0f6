"""Learning rates during a training."""

import numpy as np

SCHEDULES = ("constant", "cosine")

# Share of the training over which the cosine schedule rises before it falls.
_WARM_UP = 0.1


def learning_rates(schedule, learning_rate, n_steps, *, epoch=0, n_epochs=1):
    """Learning rates (n_steps,) of the steps of one epoch of a training.

    With "cosine" the rate rises linearly to ``learning_rate`` over the first tenth of the training
    and then falls along half a cosine to zero (arXiv:1608.03983).
    """
    if schedule == "constant":
        return np.full(n_steps, learning_rate, dtype=np.float32)
    done = (epoch + (np.arange(n_steps) + 0.5) / n_steps) / n_epochs
    fall = 0.5 * (1 + np.cos(np.pi * (done - _WARM_UP) / (1 - _WARM_UP)))
    return (learning_rate * np.where(done < _WARM_UP, done / _WARM_UP, fall)).astype(np.float32)
