"""Occurrences: which of several fields of one name `:index` and `:last` mean. RFC 5260 §6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def occurrence(found: Sequence[T], index: int, *, last: bool = False) -> list[T]:
    """The one of this number, from 1, from the end with `last`; none when there are fewer."""
    place = len(found) - index if last else index - 1
    return [found[place]] if 0 <= place < len(found) else []
