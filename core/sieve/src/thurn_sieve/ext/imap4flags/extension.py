"""The commands setflag, addflag, removeflag, the test hasflag, and `:flags`. RFC 5232.

Rules of this file:
1. A command without the name of a variable uses the internal variable, `Result.flags`; the name of
   a variable needs the extension `variables` (RFC 5232 §2).
2. A message that is filed without `:flags` gets the flags of the internal variable at that line;
   the implicit keep gets those at the end of the script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.ext.imap4flags.flags import add_flags, parse_flags, remove_flags
from thurn_sieve.ext.variables.template import is_variable
from thurn_sieve.registry import Command, Extension, SideEffect
from thurn_sieve.result import Action
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

FLAG_CHARACTERS_PER_STEP: Final = 32
"""Characters of lists of flags that are read for one step; a few flags have so many."""


def _get(rt: Runtime, variable: str | None) -> list[str]:
    if variable is None:
        return list(rt.flags)
    _check_name(rt, variable)
    return parse_flags([rt.variables.get(variable)])


def _check_name(rt: Runtime, variable: str) -> None:
    if not is_variable(variable):
        rt.error("this is not the name of a variable", "invalid-variable")


def _set(rt: Runtime, variable: str | None, flags: Sequence[str]) -> None:
    if variable is None:
        rt.result.flags = list(flags)
    else:
        _check_name(rt, variable)
        rt.variables.set(variable, " ".join(flags))


def _flags(rt: Runtime, args: Args) -> Sequence[str]:
    """The texts with the flags of a call, paid for before they are read."""
    texts = args.texts(1)
    rt.spend(sum(map(len, texts)) // FLAG_CHARACTERS_PER_STEP)
    return texts


def _variable(args: Args) -> str | None:
    return None if args[0] is None else args.text(0)


def _setflag(rt: Runtime, args: Args) -> None:
    _set(rt, _variable(args), parse_flags(_flags(rt, args)))


def _addflag(rt: Runtime, args: Args) -> None:
    variable = _variable(args)
    _set(rt, variable, add_flags(_get(rt, variable), _flags(rt, args)))


def _removeflag(rt: Runtime, args: Args) -> None:
    variable = _variable(args)
    _set(rt, variable, remove_flags(_get(rt, variable), _flags(rt, args)))


def _hasflag(rt: Runtime, args: Args) -> bool:
    """`hasflag` [variable-list] list-of-flags: the values are flags, and so are the keys."""
    if args[0] is None:
        # RFC 5232 §4: the internal variable; the flags that the message has already count too.
        values = add_flags(rt.context.message_flags, rt.flags) if rt.flags else rt.flags
        if not values:
            values = parse_flags(rt.context.message_flags)
    else:
        values = [flag for name in args.texts(0) for flag in _get(rt, name)]
    keys = _flags(rt, args)
    # RFC 5232 §4: a key is a list of flags too, but the key of another match type is a pattern.
    if args.match.match_type.name == "is":
        keys = [word for text in keys for word in text.split()]
    return args.match.test(rt, values, keys)


def _apply_flags(rt: Runtime, action: Action, args: Args | None) -> None:
    if args is not None and args.has("flags"):
        # RFC 5232 §5: :flags is used in place of the internal variable.
        texts = args.texts("flags")
        rt.spend(sum(map(len, texts)) // FLAG_CHARACTERS_PER_STEP)
        flags = parse_flags(texts)
    else:
        flags = list(rt.flags)
    action.flags = flags  # type: ignore[attr-defined]  # keep and store have them


def _validate_variable(call: Call, diag: Diagnostics) -> None:
    # RFC 5232 §2: without "variables" the name of a variable is an error.
    if call.positional[0] is not None and "variables" not in call.requires:
        message = f'the name of a variable in {call.name} needs require "variables"'
        diag.error(message, call, "needs-variables")
    # RFC 5229 §3: a name is an identifier; a match variable cannot hold flags.
    for text in call.literals(0):
        if not is_variable(text.value):
            diag.error("this is not the name of a variable", text, "invalid-variable")


def _action(name: str, run: object) -> Command:
    return Command(
        name,
        ("string?", "string-list"),
        run=run,  # type: ignore[arg-type]
        validate=_validate_variable,
    )


EXTENSIONS: Final = (
    Extension(
        "imap4flags",
        commands=(
            _action("setflag", _setflag),
            _action("addflag", _addflag),
            _action("removeflag", _removeflag),
            Command(
                "hasflag",
                ("match", "string-list?", "string-list"),
                kind="test",
                run=_hasflag,
                validate=_validate_variable,
            ),
        ),
        side_effects=(
            SideEffect("flags", "string-list", ("keep", "fileinto"), _apply_flags, always=True),
        ),
    ),
)
