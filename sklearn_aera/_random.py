"""Conversion of a ``random_state`` to an integer seed."""

import numbers

import numpy as np

from sklearn_aera._validation import NO_NUMBERS, shown


def draw_seed(random_state):
    """Turn a ``random_state`` into a non-negative integer seed.

    An integer is the seed itself. None takes entropy from the operating system, not from NumPy's
    global generator. A generator gives its next integer.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, NO_NUMBERS):
        if random_state < 0:
            raise ValueError(f"random_state must be 0 or positive, got {shown(random_state)}")
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    raise ValueError(
        "random_state must be None, an integer, a numpy.random.RandomState or a "
        f"numpy.random.Generator, got {shown(random_state)}"
    )
