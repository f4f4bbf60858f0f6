"""Ctrl-C is handled between calls of TensorFlow."""

import os
import signal
import threading

import pytest

from sklearn_aera.neural_network._keras.interrupts import interrupts_held


@pytest.fixture(autouse=True)
def default_handler():
    """A background job ignores SIGINT: the handler is set here, and restored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_interrupt_waits_until_the_end():
    reached = []

    @interrupts_held()
    def work():
        interrupt()
        reached.append("end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nested():
    reached = []

    @interrupts_held()
    def outer():
        with interrupts_held():
            interrupt()
            reached.append("inner")
        reached.append("outer")

    with pytest.raises(KeyboardInterrupt):
        outer()
    assert reached == ["inner", "outer"]


def test_an_error_keeps_the_interrupt():
    @interrupts_held()
    def fail():
        interrupt()
        raise ValueError("inside")

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    assert isinstance(caught.value.__context__, ValueError)


def test_ignored_signals_stay_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts_held():
        interrupt()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_change_no_handlers():
    seen = []

    def work():
        with interrupts_held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
