"""A compiled script, and its form for a cache.

Rules of this file:
1. A dump is a line of JSON with what it depends on, then the source. Loading it reads the source
   anew: a dump can be wrong, it can't be hostile. What saves time is to keep `Script` objects.
2. A dump of another format, other extensions or limits, or one that is damaged is refused.
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


class DumpError(ValueError):
    """These octets are no dump for this engine: compile the source."""


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A compiled script: immutable, may run many times at once.

    Attributes:
        name: for messages.
        source: as it was read.
        code: what runs.
        requires: what it requires, as it says it.
        capabilities: what it may use.
        warnings: of the compilation.
        allow: what it was allowed to require, None: everything.
        fingerprint: of the engine that made it.
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
        """Run it in a runtime of its own."""
        if self.waits:
            await self.code.run(rt)
        else:
            self.code.run(rt)

    def run_nowait(self, rt: Runtime) -> None:
        """Run one that never waits."""
        self.code.run(rt)

    def dump(self) -> bytes:
        """Octets that `Engine.load` of an equal engine takes."""
        source = self.source.encode()
        head = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "name": self.name,
            "allow": None if self.allow is None else sorted(self.allow),
            "digest": hashlib.sha256(source).hexdigest(),
        }
        return json.dumps(head).encode("ascii") + b"\n" + source


def read_dump(octets: bytes, fingerprint: str, most_octets: int) -> tuple[dict[str, Any], str]:
    """The head and the source of a dump.

    Raises:
        DumpError: it is none, or of another engine.
    """
    line, newline, source = octets[: most_octets + 1_000_000].partition(b"\n")
    if not newline or not line.startswith(b'{"format": "thurn-sieve/'):
        raise DumpError("no dump of a script")
    try:
        head = json.loads(line)
        text = source.decode()
    except (ValueError, RecursionError):
        raise DumpError("a damaged dump") from None
    if head.get("format") != FORMAT or head.get("fingerprint") != fingerprint:
        raise DumpError("a dump of another version or set of extensions")
    allow = head.get("allow")
    fits = isinstance(head.get("name"), str) and (
        allow is None or (isinstance(allow, list) and all(isinstance(x, str) for x in allow))
    )
    if not fits or head.get("digest") != hashlib.sha256(source).hexdigest():
        raise DumpError("a damaged dump")
    return head, text
