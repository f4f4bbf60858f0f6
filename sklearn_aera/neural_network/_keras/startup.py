"""Load Keras on TensorFlow without TensorFlow's start-up messages, and share the cores."""

import os
import re
import sys
import tempfile
from contextlib import contextmanager, suppress

import joblib

# What the C++ part of TensorFlow writes when it is loaded, and where that is not wanted.
_MESSAGES = re.compile(
    rb"([IWEF]\d{4} |WARNING: All log messages before absl|To enable the following instructions)"
)


def _open_memory():
    """Open a file in memory or, where the system has none, a temporary one."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("messages"), "w+b")
    return tempfile.TemporaryFile()


@contextmanager
def _without_messages():
    """Remove TensorFlow's messages from standard error; all other lines follow at the end.

    They are written to file descriptor 2, where Python cannot filter them. After an error, and
    where the user has set TF_CPP_MIN_LOG_LEVEL, all of them are shown.
    """
    try:
        original = open(os.dup(2), "wb", buffering=0)  # noqa: SIM115
        held = _open_memory()
    except OSError:  # There is no standard error, as in a daemon, or no place to hold it.
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with original, held:
        os.dup2(held.fileno(), 2)
        wanted = "TF_CPP_MIN_LOG_LEVEL" in os.environ
        try:
            yield
        except BaseException:
            wanted = True
            raise
        finally:
            os.dup2(original.fileno(), 2)
            held.seek(0)
            for line in held:
                if wanted or not _MESSAGES.match(line):
                    original.write(line)


with _without_messages():
    import keras
    import tensorflow as tf

    # Looking for GPUs writes messages too.
    _GPUS = tf.config.list_physical_devices("GPU")

_PROCESS = os.getpid()


def check_process():
    """Raise RuntimeError in a forked child, where TensorFlow would wait for ever."""
    if os.getpid() != _PROCESS:
        raise RuntimeError(
            "networks cannot be used in this process, which was forked after TensorFlow was used "
            "in its parent: start processes by joblib (loky), or with "
            "multiprocessing.get_context('spawn')"
        )


def check_backend():
    """Raise ImportError unless Keras runs on TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            "sklearn_aera.neural_network needs Keras on TensorFlow, but Keras runs on "
            f"{keras.backend.backend()!r}: set the environment variable KERAS_BACKEND=tensorflow"
        )


def share_cores():
    """Give TensorFlow this process' share of the cores, and GPU memory only as it is needed.

    joblib and Dask tell their workers how many threads each may use by OMP_NUM_THREADS, which
    TensorFlow does not read. Without it TensorFlow gets the cores that this process may run on.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    n_cores = joblib.cpu_count()
    n_threads = min(int(threads), n_cores) if threads.isdigit() and int(threads) else n_cores
    with suppress(RuntimeError):  # TensorFlow has been used already, with its user's settings.
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
        for gpu in _GPUS:
            tf.config.experimental.set_memory_growth(gpu, True)
