"""`ihave` enables extensions while the script runs; `error` ends the script. RFC 5463.

The compiler prepares this: it compiles the commands of the extensions that an `ihave` names with a
guard (`code.guard`), and commands that are not available as run-time errors.
"""

from __future__ import annotations

from typing import Final

from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime


def available(rt: Runtime, name: str) -> bool:
    """Whether `ihave` is true for this extension.

    It exists, the script may require it, and the script requires it already if it changes how
    scripts are read.
    """
    extension = rt.engine.registry.extensions.get(name)
    if extension is None:
        return False
    allow = rt.script.allow
    if allow is not None and name not in allow and not extension.builtin:
        return False
    # RFC 5463 §4: the test must be false for such an extension unless the script requires it.
    return extension.by_ihave or rt.enabled(name)


def _ihave(rt: Runtime, args: Args) -> bool:
    names = args.texts(0)
    # RFC 5463 §4: if one is missing, the test is false and none is enabled.
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
