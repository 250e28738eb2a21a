"""Ctrl-C and SIGTERM: remembered, so that no library between here and there can swallow them."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar


class _State:
    received: int | None = None
    handlers: ClassVar[dict[int, Any]] = {}


def interrupted() -> bool:
    """Return whether this process was asked to stop while :func:`remember_signals` was active."""
    return _State.received is not None


def stop_if_interrupted() -> None:
    """Raise KeyboardInterrupt if an earlier one was swallowed on its way."""
    if interrupted():
        raise KeyboardInterrupt


def take_signals_back() -> None:
    """Put the handlers of :func:`remember_signals` in place again after a library put in its own.

    Lightning's handler of SIGTERM communicates with the other processes; that may never end if
    they are in the midst of something else.
    """
    for number, handler in _State.handlers.items():
        signal.signal(number, handler)


def ignore_signals() -> None:
    """Let nothing interrupt the last words of a process that has been interrupted already."""
    for number in _State.handlers:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def remember_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt and remember them, within the block.

    A process that was forked meanwhile, such as one that reads images, leaves SIGINT to its parent
    (a terminal sends it to all) and ends at SIGTERM without a word.
    """
    _State.received = None
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    owner = os.getpid()

    def handle(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            if number == signal.SIGTERM:
                os._exit(128 + number)
            return
        _State.received = number
        raise KeyboardInterrupt

    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN  # as for a job of nohup or a shell's &
    ]
    before = {number: signal.signal(number, handle) for number in numbers}
    _State.handlers = dict.fromkeys(numbers, handle)
    told = sys.unraisablehook
    sys.unraisablehook = lambda fault: (
        None if interrupted() else told(fault)  # what is swallowed then follows from the signal
    )
    try:
        yield
    finally:
        sys.unraisablehook = told
        _State.handlers = {}
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)
