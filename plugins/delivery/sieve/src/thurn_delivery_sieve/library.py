"""Compiled scripts: each text is compiled once per worker, a wrong one is remembered as wrong.

Rules of this file:
1. A script is known by its name (for messages) and its octets; nothing is asked of a clock.
2. The library is bounded; what was longest unused goes first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import trio
from thurn_sieve.diagnostics import CompileError, Diagnostic
from thurn_sieve.engine import Engine
from thurn_sieve.script import Script

SCRIPTS: Final = 512
"""Scripts that a worker keeps compiled."""
SOURCE_OCTETS: Final = 2_097_152
"""Their texts together; compiled they take some fifty times as much."""
INLINE_OCTETS: Final = 16_384
"""A longer text is compiled in a thread: 16 KB take about 20 ms, and others wait for them."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A script's text and what became of it.

    Attributes:
        name: the document's or file's name.
        digest: of the text, short.
        script: None: it does not compile.
        diagnostics: errors and warnings.
    """

    name: str
    source: bytes
    digest: str
    script: Script | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """The errors for people, with their places."""
        return [str(found) for found in self.diagnostics if found.severity == "error"]


class Library:
    """The compiled scripts of one worker."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._known: OrderedDict[tuple[bytes, str, bool], Compiled] = OrderedDict()
        self._octets = 0
        self._limiter = trio.CapacityLimiter(1)  # nobody gets two processors for one's scripts

    async def find(
        self, source: bytes, name: str, allow: Collection[str] | None = None
    ) -> Compiled:
        """As `compile`, without keeping others waiting for a long text."""
        if len(source) > INLINE_OCTETS and (source, name, allow is None) not in self._known:
            found = await trio.to_thread.run_sync(
                self._compile, source, name, allow, limiter=self._limiter
            )
            self._keep(found, (source, name, allow is None))
            return found
        return self.compile(source, name, allow)

    def compile(self, source: bytes, name: str, allow: Collection[str] | None = None) -> Compiled:
        """The script of these octets; errors are in it, nothing raises."""
        key = (source, name, allow is None)
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        found = self._compile(source, name, allow)
        self._keep(found, key)
        return found

    def _compile(self, source: bytes, name: str, allow: Collection[str] | None) -> Compiled:
        digest = hashlib.sha256(source).hexdigest()[:32]
        try:
            script = self.engine.compile(source, name=name, allow=allow)
        except CompileError as error:
            return Compiled(name, source, digest, None, tuple(error.diagnostics))
        return Compiled(name, source, digest, script, tuple(script.warnings))

    def _keep(self, found: Compiled, key: tuple[bytes, str, bool]) -> None:
        if key not in self._known:
            self._octets += len(found.source)
        self._known[key] = found
        while len(self._known) > SCRIPTS or (self._octets > SOURCE_OCTETS and len(self._known) > 1):
            _, gone = self._known.popitem(last=False)
            self._octets -= len(gone.source)
