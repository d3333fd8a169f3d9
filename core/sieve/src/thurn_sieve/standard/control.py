"""`stop`. RFC 5228 §3.3. The compiler knows `if`, `elsif`, `else` and `require` itself."""

from __future__ import annotations

from typing import Final

from thurn_sieve.errors import Stop
from thurn_sieve.registry import Command
from thurn_sieve.runtime import Args, Runtime


def _stop(rt: Runtime, args: Args) -> None:
    raise Stop


CONTROLS: Final = (Command("stop", run=_stop),)
