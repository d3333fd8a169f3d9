"""The test `duplicate`. RFC 7352.

Rules of this file:
1. The test only asks the tracker. To remember the id is an action, which is carried out with the
   others, so that a message whose delivery fails and is tried again is not its own duplicate.
2. For the same reason an id does not become a duplicate because this run has tested it before.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar, Final

from thurn_sieve.context import Context
from thurn_sieve.ext.duplicate.key import DEFAULT_SECONDS, field_identifier, tracking_key
from thurn_sieve.registry import Command, Extension
from thurn_sieve.result import Action, Executor
from thurn_sieve.runtime import Args, Runtime

MAX_SECONDS: Final = 30 * 86_400
"""Longest time in seconds that an id is remembered, unless the setting `duplicate.max_seconds` has
another value."""


@dataclass(slots=True, kw_only=True)
class MarkDuplicate(Action):
    """Remembers the id of a message.

    Attributes:
        tracked: the key of `tracking_key`.
        seconds: how long it is remembered.
        last: whether the time starts again if the key is remembered already.
    """

    name: ClassVar[str] = "mark-duplicate"
    tracked: str
    seconds: int
    last: bool = False

    def key(self) -> Hashable:
        """One key for each id."""
        return ("mark-duplicate", self.tracked)

    def merge(self, other: Action) -> None:
        """Take the longer time, and `last` if either has it."""
        self.seconds = max(self.seconds, getattr(other, "seconds", 0))
        self.last = self.last or getattr(other, "last", False)

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call `Executor.mark_duplicate`."""
        await executor.mark_duplicate(self.tracked, self.seconds, last=self.last)


async def _duplicate(rt: Runtime, args: Args) -> bool:
    """`duplicate` [":handle" string] [":header" / ":uniqueid" string] [":seconds"] [":last"]."""
    # RFC 7352 §3: a time above the site's maximum is reduced silently; with 0 the test is false.
    seconds = args.number("seconds", rt.setting("duplicate.default_seconds", DEFAULT_SECONDS))
    seconds = min(seconds, rt.setting("duplicate.max_seconds", MAX_SECONDS))
    if args.has("uniqueid"):
        identifier: str | None = args.text("uniqueid")
    else:
        identifier = field_identifier(rt.view.scan, args.text("header", "message-id"))
    tracker = rt.context.duplicates
    # RFC 7352 §3: without an id the test is false, and nothing is remembered.
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
