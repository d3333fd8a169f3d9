"""The commands setflag, addflag, removeflag, the test hasflag, and `:flags`. RFC 5232.

Rules of this file:
1. Without a variable's name the internal variable is meant, `Result.flags`; a named one needs the
   extension `variables` (RFC 5232 §2).
2. What is filed without `:flags` gets the internal variable as it is at that line; the implicit
   keep gets it as it is at the end.
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
"""A few flags are a step."""


def _get(rt: Runtime, variable: str | None) -> list[str]:
    if variable is None:
        return list(rt.flags)
    _check_name(rt, variable)
    return parse_flags([rt.variables.get(variable)])


def _check_name(rt: Runtime, variable: str) -> None:
    if not is_variable(variable):
        rt.error("this is no name of a variable", "invalid-variable")


def _set(rt: Runtime, variable: str | None, flags: Sequence[str]) -> None:
    if variable is None:
        rt.result.flags = list(flags)
    else:
        _check_name(rt, variable)
        rt.variables.set(variable, " ".join(flags))


def _flags(rt: Runtime, args: Args) -> Sequence[str]:
    """The flags that the call names, counted before they are looked at."""
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
    """`hasflag` [variable-list] list-of-flags: each flag is a value, each flag asked for a key."""
    if args[0] is None:
        # RFC 5232 §4: the internal variable; flags that the message has already are seen too.
        values = add_flags(rt.context.message_flags, rt.flags) if rt.flags else rt.flags
        if not values:
            values = parse_flags(rt.context.message_flags)
    else:
        values = [flag for name in args.texts(0) for flag in _get(rt, name)]
    keys = _flags(rt, args)
    # RFC 5232 §4: keys are lists of flags too; patterns stay as they are.
    if args.match.match_type.name == "is":
        keys = [word for text in keys for word in text.split()]
    return args.match.test(rt, values, keys)


def _apply_flags(rt: Runtime, action: Action, args: Args | None) -> None:
    if args is not None and args.has("flags"):
        # RFC 5232 §5: :flags takes the place of the internal variable.
        texts = args.texts("flags")
        rt.spend(sum(map(len, texts)) // FLAG_CHARACTERS_PER_STEP)
        flags = parse_flags(texts)
    else:
        flags = list(rt.flags)
    action.flags = flags  # type: ignore[attr-defined]  # keep and store have them


def _validate_variable(call: Call, diag: Diagnostics) -> None:
    # RFC 5232 §2: without "variables" the parameter of a variable's name is an error.
    if call.positional[0] is not None and "variables" not in call.requires:
        diag.error("a variable's name needs the extension variables", call, "needs-variables")
    # RFC 5229 §3: a name is an identifier; match variables are no place for flags.
    for text in call.literals(0):
        if not is_variable(text.value):
            diag.error("this is no name of a variable", text, "invalid-variable")


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
