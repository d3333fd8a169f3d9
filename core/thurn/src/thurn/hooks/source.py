"""The file and line of a plugin's code, for messages."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def source_of(function: Callable[..., Any]) -> str:
    """`file:line` of the first line of a function or class."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (OSError, TypeError):
        return f"{getattr(function, '__module__', '?')}:{getattr(function, '__qualname__', '?')}"


def code_of(product: object, fallback: str) -> str:
    """`file:line` of the code of a product: of the function or the class that it is made of.

    Args:
        product: what an instance has opened; if it has an attribute `source`, that is the answer.
        fallback: the place of its factory, for products without code of their own.
    """
    source = getattr(product, "source", None)
    if isinstance(source, str) and source:
        return source
    kind = type(product)
    return fallback if kind.__module__ == "builtins" else source_of(kind)
