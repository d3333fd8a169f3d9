"""Hides an optional package while another package that would load it is imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Within the block, importing the package `name` fails as if it were not installed.

    Nothing is hidden if the package is loaded already. Afterwards it can be imported as before.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast("ModuleType", None)  # so Python's import system fails the import
    try:
        yield
    finally:
        del sys.modules[name]
