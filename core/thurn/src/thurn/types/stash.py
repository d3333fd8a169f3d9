"""A typed map in which a plugin keeps what belongs to a session or transaction of the host.

Two plugins cannot collide, because a key is an object; and a type checker knows each value's type.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class StashKey(Generic[T]):
    """A key, which a plugin makes once at module level: `GREYLISTED =
    StashKey[bool]("greylisted")`.

    The name is for messages only.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Stash:
    """Values by `StashKey`. An empty stash needs no memory for them."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[StashKey[Any], Any] | None = None

    def get(self, key: StashKey[T]) -> T | None:
        """The value of this key, or None."""
        return None if self._values is None else self._values.get(key)

    def __setitem__(self, key: StashKey[T], value: T) -> None:
        if self._values is None:
            self._values = {}
        self._values[key] = value

    def __getitem__(self, key: StashKey[T]) -> T:
        if self._values is None:
            raise KeyError(key.name)
        value: T = self._values[key]
        return value
