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

from thurn_sieve.diagnostics import CompileError, Diagnostic
from thurn_sieve.engine import Engine
from thurn_sieve.script import Script

SCRIPTS: Final = 512
"""Scripts that a worker keeps compiled; an ordinary one takes some 30 KB."""


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

    def compile(self, source: bytes, name: str, allow: Collection[str] | None = None) -> Compiled:
        """The script of these octets; errors are in it, nothing raises."""
        key = (source, name, allow is None)
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        digest = hashlib.sha256(source).hexdigest()[:32]
        try:
            script = self.engine.compile(source, name=name, allow=allow)
            found = Compiled(name, source, digest, script, tuple(script.warnings))
        except CompileError as error:
            found = Compiled(name, source, digest, None, tuple(error.diagnostics))
        self._known[key] = found
        if len(self._known) > SCRIPTS:
            self._known.popitem(last=False)
        return found
