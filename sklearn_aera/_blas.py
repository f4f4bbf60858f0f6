"""Linear algebra in one thread."""

from contextlib import ContextDecorator
from functools import cache
from threading import Lock

import numpy.linalg  # noqa: F401 (its BLAS must be loaded when the libraries are listed)
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController


class _OneThread(ContextDecorator):
    """Limit of the threads of BLAS, which belongs to the process: the last to leave lifts it."""

    def __init__(self):
        self._lock, self._n_users, self._limits = Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if self._n_users == 0:
                self._limits = _libraries().limit(limits=1, user_api="blas")
            self._n_users += 1

    def __exit__(self, *_):
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                self._limits.restore_original_limits()


@cache
def _libraries():
    return ThreadpoolController()


# Matrices of the size of traces gain nothing from a second thread. If another process uses its
# core, the threads wait for each other, and the computation takes ten times as long.
one_thread = _OneThread()
