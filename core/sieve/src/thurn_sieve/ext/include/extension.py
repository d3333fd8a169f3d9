"""Scripts in scripts: `include`, `return`, `global` and its namespace. RFC 6609.

Scripts come from `context.repository` while the script runs; each has its own requires and its own
variables; the result, the message and the budget are one.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_sieve.diagnostics import CompileError, Diagnostics
from thurn_sieve.errors import Stop
from thurn_sieve.ext.variables.template import IDENTIFIER
from thurn_sieve.registry import Command, Extension, Namespace
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.script import Script
from thurn_sieve.syntax import Call

CAPABILITY: Final = "include"
# RFC 5804 §1.6: characters that no name of a script has.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MAX_NAME: Final = 512
"""Octets of a script's name; RFC 5804 §1.6 asks for 128 characters at most 512 octets."""


class Return(Stop):
    """Ends the included script; in the main script it is `stop`. RFC 6609 §3.3."""


class _Included:
    """What one run has included, in `rt.shared`."""

    __slots__ = ("count", "seen")

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.count = 0


async def _include(rt: Runtime, args: Args) -> None:
    location = "global" if args.has("global") else "personal"
    key = (location, args.text(0))
    included: _Included = rt.shared.setdefault(CAPABILITY, _Included())
    open_now = _open(rt)
    if args.has("once") and (key in included.seen or key in open_now):
        return
    if key in open_now:
        # RFC 6609 §3.1: an error at execution time, never at upload time.
        rt.error(f"{args.text(0)} includes itself", "recursive-include")
    script = await _find(rt, key)
    if script is None:
        if not args.has("optional"):
            rt.error(f"there is no {location} script {args.text(0)}", "missing-script")
        return
    included.count += 1
    if included.count > rt.limits.includes or len(open_now) > rt.limits.include_depth:
        rt.error("too many scripts are included", "too-many-includes")
    fresh = key not in included.seen
    included.seen.add(key)
    try:
        await rt.call(script, place=key)
    except Return:
        return
    except Stop:
        raise
    except Exception:
        if fresh:  # who catches the error may have it run again
            included.seen.discard(key)
        raise


def _open(rt: Runtime) -> set[tuple[str, str]]:
    """The scripts that are running: this one and those that include it."""
    found: set[tuple[str, str]] = set()
    run: Runtime | None = rt
    while run is not None:
        found.add(run.place)
        run = run.parent
    return found


async def _find(rt: Runtime, key: tuple[str, str]) -> Script | None:
    location, name = key
    repository = rt.context.repository
    source = None if repository is None else await repository.source(name, location=location)
    if isinstance(source, Script):
        return source
    if not isinstance(source, bytes | str):
        return None
    try:
        script: Script = rt.engine.compile(source, name=name, allow=rt.script.allow)
    except CompileError as error:
        rt.error(f"the included script {name} has errors: {error.diagnostics[0]}", "bad-script")
    return script


def _return(rt: Runtime, args: Args) -> None:
    raise Return


def _global(rt: Runtime, args: Args) -> None:
    variables = rt.variables
    for name in args.texts(0):
        lower = name.lower()
        if lower in variables.values and lower not in variables.shared_names:
            # RFC 6609 §3.4.1: a variable that was set before cannot become global.
            rt.error(f"{name} was set before it became global", "late-global")
        if len(variables.shared_names) >= rt.limits.variables:
            rt.error("too many global variables", "too-many-variables")
        variables.shared_names.add(lower)


def _validate_include(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        name = text.value
        if not name or len(name.encode()) > MAX_NAME or _FORBIDDEN.search(name) is not None:
            diag.error("this is no name of a script", text, "invalid-script-name")


def _validate_global(call: Call, diag: Diagnostics) -> None:
    if "variables" not in call.requires:
        # RFC 6609 §3.4.1: with both, or not at all.
        diag.error('global needs require "variables"', call, "missing-require")
    for text in call.literals(0):
        if IDENTIFIER.fullmatch(text.value) is None:
            diag.error("this is no name of a variable", text, "invalid-variable")


def _get(rt: Runtime, name: str) -> str | None:
    return rt.variables.shared.get(name)


def _set(rt: Runtime, name: str, value: str) -> None:
    rt.variables.put(rt.variables.shared, name, value)


EXTENSION: Final = Extension(
    CAPABILITY,
    commands=(
        Command(
            "include",
            ("constant",),
            tags=dict.fromkeys(("personal", "global", "once", "optional")),
            exclusive=(("personal", "global"),),
            run=_include,
            validate=_validate_include,
        ),
        Command("return", run=_return),
        Command("global", ("constant-list",), run=_global, validate=_validate_global),
    ),
    namespaces={"global": Namespace(_get, _set)},
)
