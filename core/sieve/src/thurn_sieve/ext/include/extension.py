"""Scripts that include scripts: `include`, `return`, `global` and its namespace. RFC 6609.

Scripts come from `context.repository` while a script runs. Each has its own `require` commands and
variables; all of one run share the result, the message and the steps.
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
# RFC 5804 §1.6: characters that the name of a script must not have.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
MAX_NAME_OCTETS: Final = 512
"""Octets of a script's name; RFC 5804 §1.6 asks for 128 characters, which have up to 512."""


class Return(Stop):
    """Ends the included script; in the main script it is like `stop`. RFC 6609 §3.3."""


class _Included:
    """The scripts that one run has included, in `rt.shared`.

    Attributes:
        seen: location and name of each script that was included at least once.
        count: number of inclusions.
    """

    __slots__ = ("count", "seen")

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.count = 0


async def _include(rt: Runtime, args: Args) -> None:
    location = "global" if args.has("global") else "personal"
    key = (location, args.text(0))
    included: _Included = rt.shared.setdefault(CAPABILITY, _Included())
    running = _running(rt)
    if args.has("once") and (key in included.seen or key in running):
        return
    if key in running:
        # RFC 6609 §3.1: this is an error when the script runs, not when it is uploaded.
        rt.error(f"{args.text(0)} includes itself", "recursive-include")
    script = await _find(rt, key)
    if script is None:
        if not args.has("optional"):
            rt.error(f"there is no {location} script {args.text(0)}", "missing-script")
        return
    included.count += 1
    if included.count > rt.limits.includes or len(running) > rt.limits.include_depth:
        rt.error("too many scripts are included", "too-many-includes")
    is_new = key not in included.seen
    included.seen.add(key)
    try:
        await rt.call(script, place=key)
    except Return:
        return
    except Stop:
        raise
    except Exception:
        if is_new:  # an extension that catches the error may include the script again
            included.seen.discard(key)
        raise


def _running(rt: Runtime) -> set[tuple[str, str]]:
    """The places of this script and of those that include it."""
    places: set[tuple[str, str]] = set()
    run: Runtime | None = rt
    while run is not None:
        places.add(run.place)
        run = run.parent
    return places


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
        too_long = len(name.encode()) > MAX_NAME_OCTETS
        if not name or too_long or _FORBIDDEN.search(name) is not None:
            diag.error("a script cannot have this name", text, "invalid-script-name")


def _validate_global(call: Call, diag: Diagnostics) -> None:
    if "variables" not in call.requires:
        # RFC 6609 §3.4.1: global needs both extensions.
        diag.error('global needs require "variables"', call, "missing-require")
    for text in call.literals(0):
        if IDENTIFIER.fullmatch(text.value) is None:
            diag.error("this is not the name of a variable", text, "invalid-variable")


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
