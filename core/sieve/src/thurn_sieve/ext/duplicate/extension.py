"""The test `duplicate`. RFC 7352.

Rules of this file:
1. The test asks; remembering is an action, carried out when the run has succeeded: a delivery that
   fails and is tried again is no duplicate of itself.
2. An id that this run has asked for before is not a duplicate because of that.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar, Final

from thurn_sieve.context import Context
from thurn_sieve.ext.duplicate.key import SECONDS, field_identifier, tracking_key
from thurn_sieve.registry import Command, Extension
from thurn_sieve.result import Action, Executor
from thurn_sieve.runtime import Args, Runtime

MAX_SECONDS: Final = 30 * 86_400
"""The setting `duplicate.max_seconds` without a host that says otherwise."""


@dataclass(slots=True, kw_only=True)
class MarkDuplicate(Action):
    """Remember an id for so long; `last`: counted from now even if it is remembered already."""

    name: ClassVar[str] = "mark-duplicate"
    tracked: str
    seconds: int
    last: bool = False

    def key(self) -> Hashable:
        """Once is enough."""
        return ("mark-duplicate", self.tracked)

    def merge(self, other: Action) -> None:
        """The longer time, and `:last` of either."""
        self.seconds = max(self.seconds, getattr(other, "seconds", 0))
        self.last = self.last or getattr(other, "last", False)

    async def perform(self, executor: Executor, context: Context) -> None:
        """By `Executor.mark_duplicate`."""
        await executor.mark_duplicate(self.tracked, self.seconds, last=self.last)


async def _duplicate(rt: Runtime, args: Args) -> bool:
    """`duplicate` [":handle" string] [":header" / ":uniqueid" string] [":seconds"] [":last"]."""
    # RFC 7352 §3: past the site's maximum the maximum is taken silently; 0 is always false.
    seconds = args.number("seconds", rt.setting("duplicate.default_seconds", SECONDS))
    seconds = min(seconds, rt.setting("duplicate.max_seconds", MAX_SECONDS))
    if args.has("uniqueid"):
        identifier: str | None = args.text("uniqueid")
    else:
        identifier = field_identifier(rt.view.scan, args.text("header", "message-id"))
    tracker = rt.context.duplicates
    # RFC 7352 §3: without an id it is false, and nothing is remembered.
    if seconds <= 0 or identifier is None or tracker is None:
        return False
    key = tracking_key(identifier, args.text("handle") if args.has("handle") else None)
    seen = await tracker.seen(key)
    if not seen or args.has("last"):
        rt.act(MarkDuplicate(tracked=key, seconds=seconds, last=args.has("last")), args)
    rt.note("seen before" if seen else "not seen before")
    return seen


EXTENSIONS: Final = (
    Extension(
        "duplicate",
        commands=(
            Command(
                "duplicate",
                (),
                {
                    "handle": "string",
                    "header": "string",
                    "uniqueid": "string",
                    "seconds": "number",
                    "last": None,
                },
                kind="test",
                run=_duplicate,
                exclusive=(("header", "uniqueid"),),
            ),
        ),
    ),
)
