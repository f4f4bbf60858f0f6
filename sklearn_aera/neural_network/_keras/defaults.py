"""Keras' defaults while networks of this package are built, trained and used."""

import threading
from contextlib import contextmanager

from keras import config

_lock = threading.Lock()
# Calls that are running, and the user's defaults, which the last of them restores.
_n_running = 0
_before = None


@contextmanager
def keras_defaults():
    """Set Keras' types to float32 and its data format to channels_last, and restore them.

    ``keras.json`` or the user's program may say otherwise, for networks of their own. Layers,
    losses and metrics take a type as an argument. The learning rate of an optimizer, the mean of
    the loss and the arrays of a fit do not.
    """
    global _n_running, _before
    policy = config.dtype_policy()  # One for each thread, unlike the others.
    with _lock:
        if _n_running == 0:
            _before = config.floatx(), config.image_data_format()
            config.set_floatx("float32")
            config.set_image_data_format("channels_last")
        _n_running += 1
    config.set_dtype_policy("float32")
    try:
        yield
    finally:
        config.set_dtype_policy(policy)
        with _lock:
            _n_running -= 1
            if _n_running == 0:
                config.set_floatx(_before[0])
                config.set_image_data_format(_before[1])
