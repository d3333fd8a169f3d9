"""Bounds the time that the import of a plugin may take, and says where it hangs.

Rules of this file: it uses neither a thread nor a trio loop, because workers are forked from the
process that imports. An alarm interrupts what Python is doing. If code in C never returns to
Python, the supervisor notices, which knows what is being imported (`thurn.app.template`).
"""

from __future__ import annotations

import signal
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

IMPORT_SECONDS: Final = 60.0
"""Most seconds for the import of one plugin; the largest libraries take two on a cold disk."""

_LIBRARY: Final = sysconfig.get_path("stdlib")


class ImportOverran(BaseException):
    """The time is over. This is not an Exception, so that no plugin catches it."""


@contextmanager
def bounded_import(seconds: float = IMPORT_SECONDS) -> Iterator[None]:
    """Interrupt the block after so many seconds. Without effect outside of the main thread, and if
    something else uses the alarm.

    Raises:
        ImportOverran: the time is over; the text says where the block hung.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return

    def ring(_: int, frame: FrameType | None) -> NoReturn:
        raise ImportOverran(f"not imported within {seconds:g} s; it hangs at {_place(frame)}")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _place(frame: FrameType | None) -> str:
    """`file:line` of the innermost code that is not of Python's own library."""
    innermost = frame
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith("<") and (_LIBRARY not in name or "site-packages" in name):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "?" if innermost is None else f"{innermost.f_code.co_filename}:{innermost.f_lineno}"
