"""Compiled scripts: each worker compiles a text once, and remembers one with errors as well.

Rules of this file:
1. A script is recognised by its name (which messages use) and its octets, never by a time.
2. The library is bounded; the script that was unused for the longest time goes first.
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

MAX_SCRIPTS: Final = 512
"""Scripts that a worker keeps compiled."""
SOURCE_OCTETS: Final = 2_097_152
"""Octets of the texts of these scripts together; compiled they take about fifty times as much
memory."""
INLINE_OCTETS: Final = 16_384
"""Octets of a text that is compiled in the event loop, in about 20 ms at most; a longer one is
compiled in a thread, so that other deliveries do not wait."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The text of a script and the outcome of compiling it.

    Attributes:
        name: the name of the document, or of the file without its suffix.
        source: the text.
        digest: a short digest of the text.
        script: the compiled script; None if it has errors.
        diagnostics: the errors and warnings.
    """

    name: str
    source: bytes
    digest: str
    script: Script | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """The errors as texts for people, with their places."""
        return [str(one) for one in self.diagnostics if one.severity == "error"]


class Library:
    """The compiled scripts of one worker."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._known: OrderedDict[tuple[bytes, str, bool], Compiled] = OrderedDict()
        self._octets = 0
        self._limiter = trio.CapacityLimiter(1)  # scripts do not use more than one processor

    async def find(
        self, source: bytes, name: str, allow: Collection[str] | None = None
    ) -> Compiled:
        """Like `compile`, but other tasks do not wait while a long text is compiled."""
        if len(source) > INLINE_OCTETS and (source, name, allow is None) not in self._known:
            compiled = await trio.to_thread.run_sync(
                self._compile, source, name, allow, limiter=self._limiter
            )
            self._keep(compiled, (source, name, allow is None))
            return compiled
        return self.compile(source, name, allow)

    def compile(self, source: bytes, name: str, allow: Collection[str] | None = None) -> Compiled:
        """The script of these octets; errors are in it, and nothing raises.

        Args:
            source: the text.
            name: the name that messages give the script.
            allow: the extensions that it may require; None means all. Calls for one library use
                only None and one other value.
        """
        key = (source, name, allow is None)
        compiled = self._known.get(key)
        if compiled is not None:
            self._known.move_to_end(key)
            return compiled
        compiled = self._compile(source, name, allow)
        self._keep(compiled, key)
        return compiled

    def _compile(self, source: bytes, name: str, allow: Collection[str] | None) -> Compiled:
        digest = hashlib.sha256(source).hexdigest()[:32]
        try:
            script = self.engine.compile(source, name=name, allow=allow)
        except CompileError as error:
            return Compiled(name, source, digest, None, tuple(error.diagnostics))
        return Compiled(name, source, digest, script, tuple(script.warnings))

    def _keep(self, compiled: Compiled, key: tuple[bytes, str, bool]) -> None:
        if key not in self._known:
            self._octets += len(compiled.source)
        self._known[key] = compiled
        while len(self._known) > 1 and (
            len(self._known) > MAX_SCRIPTS or self._octets > SOURCE_OCTETS
        ):
            _, dropped = self._known.popitem(last=False)
            self._octets -= len(dropped.source)
