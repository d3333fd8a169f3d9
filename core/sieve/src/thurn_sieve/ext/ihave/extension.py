"""`ihave` switches extensions on while the script runs; `error` ends it. RFC 5463.

What the compiler does for it: commands of an extension that an `ihave` of the script names are
compiled, with a guard; unknown ones become run-time errors.
"""

from __future__ import annotations

from typing import Final

from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime


def available(rt: Runtime, name: str) -> bool:
    """Whether the script may have it: it exists, is allowed, and leaves strings as they are."""
    extension = rt.engine.registry.extensions.get(name)
    if extension is None:
        return False
    allow = rt.script.allow
    if allow is not None and name not in allow and not extension.builtin:
        return False
    # RFC 5463 §4: the test must fail for what changes how scripts are read, unless required.
    return extension.by_ihave or rt.enabled(name)


def _ihave(rt: Runtime, args: Args) -> bool:
    names = args.texts(0)
    # RFC 5463 §4: if one is missing the test fails and none is enabled.
    if not all(available(rt, name) for name in names):
        return False
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in rt.engine.registry.extensions and not rt.enabled(name):
            rt.enable(name)
            queue += rt.engine.registry.extensions[name].implies
    return True


def _error(rt: Runtime, args: Args) -> None:
    rt.error(args.text(0), "error-command")


EXTENSION: Final = Extension(
    "ihave",
    commands=(
        Command("ihave", ("constant-list",), kind="test", run=_ihave),
        Command("error", ("string",), run=_error),
    ),
    by_ihave=False,
)
