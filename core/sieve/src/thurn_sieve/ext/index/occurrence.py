"""The one of several fields of a name that `:index` and `:last` choose. RFC 5260 §6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def occurrence(fields: Sequence[T], index: int, *, last: bool = False) -> list[T]:
    """A list of the field with this number, counted from 1, or with `last` from the end.

    The list is empty if there are fewer fields.
    """
    place = len(fields) - index if last else index - 1
    return [fields[place]] if 0 <= place < len(fields) else []
