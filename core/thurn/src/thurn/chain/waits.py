"""Tells from its code whether a coroutine function can wait at all.

What cannot wait needs neither a deadline, which could only strike where it waits, nor a shield. A
coroutine is suspended by nothing but an instruction of its own, so the answer is certain. Of what
is no function in Python's own code (a compiled one, a partial) nothing is known.
"""

from __future__ import annotations

from dis import opmap
from functools import lru_cache
from inspect import CO_COROUTINE
from types import FunctionType


@lru_cache(256)
def never_waits(function: object) -> bool:
    """Whether it is a coroutine function without any await, plain or as a method of a class."""
    if not isinstance(function, FunctionType) or not function.__code__.co_flags & CO_COROUTINE:
        return False
    return opmap["YIELD_VALUE"] not in function.__code__.co_code[::2]  # of opcode and argument
