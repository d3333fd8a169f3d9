"""A compiled script, and the dump of one.

Rules of this file:
1. A dump is a line of JSON with everything that the script depends on, and then the source. Loading
   it compiles the source again, so that a forged dump can do no more than a script. To save time,
   keep `Script` objects.
2. A dump is refused if it is damaged or comes from another format, extensions or limits.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from thurn_sieve.code import Code
from thurn_sieve.diagnostics import Diagnostic

if TYPE_CHECKING:
    from thurn_sieve.runtime import Runtime

FORMAT: Final = "thurn-sieve/1"
"""Name and version of the format of a dump."""
MAX_HEAD_OCTETS: Final = 1_000_000
"""Octets of a dump's first line; longer than any list of capabilities in `allow`."""


class DumpError(ValueError):
    """These octets are not a dump that this engine made; compile the source instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A compiled script: it is immutable and may run many times at once.

    Attributes:
        name: the name that messages give it.
        source: its text.
        code: the code that runs.
        requires: the capabilities in its `require` commands.
        capabilities: the capabilities that it may use: those, what they imply, and the built-in
            ones.
        warnings: the warnings of the compilation.
        allow: the capabilities that it was allowed to require; None means all.
        fingerprint: the fingerprint of the engine that compiled it.
    """

    name: str
    source: str = field(repr=False)
    code: Code = field(repr=False)
    requires: tuple[str, ...]
    capabilities: frozenset[str] = field(repr=False)
    warnings: tuple[Diagnostic, ...]
    allow: frozenset[str] | None
    fingerprint: str = field(repr=False)

    @property
    def waits(self) -> bool:
        """Whether running it may wait."""
        return self.code.waits

    async def run(self, rt: Runtime) -> None:
        """Run it in a runtime that belongs to this run."""
        if self.waits:
            await self.code.run(rt)
        else:
            self.code.run(rt)

    def run_nowait(self, rt: Runtime) -> None:
        """Run a script that never waits."""
        self.code.run(rt)

    def dump(self) -> bytes:
        """Octets that `Engine.load` accepts in an engine with the same fingerprint."""
        source = self.source.encode()
        head = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "name": self.name,
            "allow": None if self.allow is None else sorted(self.allow),
            "digest": hashlib.sha256(source).hexdigest(),
        }
        return json.dumps(head).encode("ascii") + b"\n" + source


def read_dump(octets: bytes, fingerprint: str, source_octets: int) -> tuple[dict[str, Any], str]:
    """The head and the source of a dump.

    Args:
        octets: the dump.
        fingerprint: the fingerprint of the engine that reads it.
        source_octets: the largest size of a script.

    Raises:
        DumpError: it is not a dump, it is damaged, or another engine made it.
    """
    line, newline, source = octets[: MAX_HEAD_OCTETS + source_octets].partition(b"\n")
    if not newline or not line.startswith(b'{"format": "thurn-sieve/'):
        raise DumpError("this is not the dump of a script")
    try:
        head = json.loads(line)
        text = source.decode()
    except (ValueError, RecursionError):
        raise DumpError("a damaged dump") from None
    if head.get("format") != FORMAT or head.get("fingerprint") != fingerprint:
        raise DumpError("the dump is of another version, or of other extensions or limits")
    allow = head.get("allow")
    fits = isinstance(head.get("name"), str) and (
        allow is None or (isinstance(allow, list) and all(isinstance(x, str) for x in allow))
    )
    if not fits or head.get("digest") != hashlib.sha256(source).hexdigest():
        raise DumpError("the dump is damaged")
    return head, text
