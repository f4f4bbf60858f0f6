"""The limit of the threads of BLAS is lifted when the last user leaves, in whatever order."""

import pytest
from threadpoolctl import ThreadpoolController

from sklearn_aera._blas import one_thread

CONTROLLER = ThreadpoolController()


def _n_threads():
    libraries = [one for one in CONTROLLER.info() if one["user_api"] == "blas"]
    return {one["num_threads"] for one in libraries}


@pytest.fixture(autouse=True)
def two_threads():
    with CONTROLLER.limit(limits=2, user_api="blas"):
        yield


def test_decorator():
    assert one_thread(_n_threads)() == {1}
    assert _n_threads() == {2}


def test_last_user_lifts_the_limit():
    """Two threads of a program need not end in the order in which they began."""
    one_thread.__enter__()
    one_thread.__enter__()
    one_thread.__exit__()
    assert _n_threads() == {1}
    one_thread.__exit__()
    assert _n_threads() == {2}


def test_limit_is_lifted_after_an_error():
    with pytest.raises(ValueError, match="no"), one_thread:
        raise ValueError("no")
    assert _n_threads() == {2}
