"""Checks of parameters: a message of our own for whatever is given."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sklearn_aera._validation import (
    check_choice,
    check_count,
    check_interval,
    check_n_jobs,
    check_real,
    check_reals,
    check_rows,
    check_sampling_rate,
    check_sizes,
)

HUGE = 10**5000  # its digits cannot be printed
ODD = [
    None,
    "1",
    b"1",
    True,
    np.True_,
    1j,
    np.nan,
    np.inf,
    HUGE,
    Decimal(1),
    datetime.date(2024, 1, 1),
    np.datetime64("2024-01-01"),
    np.timedelta64(3, "D"),  # an integer for Python
    iter([1, 2]),
    np.array([1.0, 2.0, 3.0]),
    np.zeros(10_000),
    np.ma.masked,
    pd.NA,
    pd.Series([1, 2, 3]),
    {},
    [[1, 2], [3]],
    float,
]
CHECKS = {
    "real": check_real,
    "count": check_count,
    "interval": check_interval,
    "sizes": check_sizes,
    "choice": lambda value, name: check_choice(value, name, ("jitter", "rayleigh")),
    "n_jobs": lambda value, name: check_n_jobs(value),
    "sampling_rate": lambda value, name: check_sampling_rate(value),
}


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", CHECKS)
def test_odd_values(name, value):
    if name == "n_jobs" and value is None:
        return
    with pytest.raises((ValueError, TypeError), match=f"^{name} (must|==)") as caught:
        CHECKS[name](value, name)
    assert len(str(caught.value)) < 250


def test_numbers_of_any_type():
    assert check_real(Fraction(1, 4), "x") == 0.25
    assert check_real(10**30, "x") == 1e30
    assert check_real(np.float32(0.5), "x", min_val=0.5) == 0.5
    assert check_real(np.float16(2), "x", max_val=1e6) == 2.0
    assert type(check_real(1, "x")) is float
    assert type(check_count(np.int8(3), "x")) is int
    assert check_interval(Fraction(1, 2), "x") == (0.5, 0.5)
    assert check_interval(np.array([1, 2]), "x") == (1.0, 2.0)
    assert check_sizes([np.int64(2), 3], "x") == (2, 3)
    assert check_choice(np.str_("jitter"), "x", ("jitter",)) == "jitter"
    assert [check_n_jobs(n) for n in (None, -1, 2)] == [None, -1, 2]


@pytest.mark.parametrize(
    ("check", "value", "limits", "message"),
    [
        (check_real, Fraction(1, 3), {"min_val": 1}, "x == 1/3, must be >= 1"),
        (
            check_real,
            10**30,
            {"max_val": 1.0},
            "x == 1000000000000000000000000000000, must be <= 1",
        ),
        (check_count, 2**31, {}, "x == 2147483648, must be <= 2147483647"),
        (check_count, 0, {}, "x == 0, must be >= 1"),
        (check_count, 6, {"max_val": 5}, "x == 6, must be <= 5"),
        (check_interval, (1, 3), {"max_val": 2}, r"x must be at most 2, got \(1, 3\)"),
        (check_interval, (-1, 3), {"min_val": 0}, r"x must be at least 0, got \(-1, 3\)"),
        (check_interval, (3, 1), {}, r"x must be finite and increasing, got \(3, 1\)"),
        (check_interval, (1, 2, 3), {}, r"x must be a number or a pair .* got \(1, 2, 3\)"),
        (check_reals, [[1, 2], [3]], {}, "x must be an array, with rows of equal length"),
        (lambda *x: check_rows(*x, np.float32), [1, 2], {}, r"must have two dimensions.*\(2,\)"),
        (lambda *x: check_rows(*x, np.float32), [[1e300]], {}, "x contains infinity"),
        (check_reals, [1, 10**400], {}, "x must contain real numbers"),
        (check_reals, [1, np.inf], {}, "x must be finite, got inf"),
        (check_reals, [1, 5], {"max_val": 4}, "x == 5.0, must be <= 4"),
    ],
)
def test_limits(check, value, limits, message):
    with pytest.raises(ValueError, match=message):
        check(value, "x", **limits)
