"""Ctrl-C while TensorFlow computes."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def interrupts_held():
    """Context, or decorator, in which Ctrl-C and SIGTERM wait until the end.

    Python may call their handlers inside TensorFlow's C++ code. Some of it discards the exception
    that a handler raises, or raises a SystemError instead.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Handlers run in the main thread only.
        return
    received = []
    handlers = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
    }
    for number in handlers:
        signal.signal(number, lambda *arguments: received.append(arguments))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number, frame in received:
            handlers[number](number, frame)
