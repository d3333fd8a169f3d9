"""Compares values with keys by the match type and comparator of the script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from thurn_sieve.runtime import Args, Runtime


class Match:
    """Compares in the way that the script asks for: `:is`, `:contains`, `:matches` …,
    `:comparator`.

    A test with a parameter of this type has these tags, and its last argument is the keys.
    RFC 5228 §2.7.
    """

    __slots__ = ("_args", "_rt")

    def __init__(self, rt: Runtime, args: Args) -> None:
        self._rt = rt
        self._args = args

    def __call__(self, values: str | Sequence[str]) -> bool:
        """Whether any value matches any key; a match sets the script's match values.

        Raises:
            RunError: the script's budget is used up, or the match type would have to wait.
        """
        args = self._args
        if args.match.match_type.waits:
            self._rt.error(f"{args.name} does not go with :{args.match.match_type.name}")
        given = (values,) if isinstance(values, str) else values
        return args.match.test(self._rt, given, args.positional[-1])
