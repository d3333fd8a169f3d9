"""Variables: the command `set`, the test `string`, and the extension itself. RFC 5229."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.ext.variables.template import IDENTIFIER, find_template
from thurn_sieve.matching.comparator import lower_ascii, upper_ascii
from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

_SPECIAL: Final = re.compile(r"[*?\\]")

MODIFIERS: Final[dict[str, tuple[int, Callable[[str], str]]]] = {
    "lower": (40, lower_ascii),
    "upper": (40, upper_ascii),
    "lowerfirst": (30, lambda text: lower_ascii(text[:1]) + text[1:]),
    "upperfirst": (30, lambda text: upper_ascii(text[:1]) + text[1:]),
    "quotewildcard": (20, lambda text: _SPECIAL.sub(r"\\\g<0>", text)),
    "length": (10, lambda text: str(len(text))),
}
"""Name of a modifier → its precedence and its function; the one with the highest precedence is
applied first. RFC 5229 §4.1."""
_ORDERED: Final = sorted(MODIFIERS, key=lambda name: -MODIFIERS[name][0])

MODIFIED_CHARACTERS_PER_STEP: Final = 16
"""Characters of a value that modifiers change for one step; the slowest looks at each of them."""


def _set(rt: Runtime, args: Args) -> None:
    value = args.text(1)
    if args.tags:
        rt.spend(len(value) // MODIFIED_CHARACTERS_PER_STEP)
        for name in _ORDERED:
            if args.has(name):
                value = MODIFIERS[name][1](value)
    rt.variables.set(args.text(0), value)


def _validate_set(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        namespace, dot, rest = text.value.partition(".")
        if not dot:
            # RFC 5229 §4: an invalid name, also that of a match variable, is an error of syntax.
            if IDENTIFIER.fullmatch(text.value) is None:
                diag.error("this is not the name of a variable", text, "invalid-variable")
            continue
        declared = call.namespaces.get(namespace.lower())
        if declared is None or declared.set is None or IDENTIFIER.fullmatch(rest) is None:
            diag.error("this variable cannot be set", text, "invalid-variable")


def _string(rt: Runtime, args: Args) -> bool:
    values = args.texts(0)
    if args.match.counts:
        values = [value for value in values if value]  # RFC 5229 §5: an empty string counts 0
    return args.match.test(rt, values, args[1])


EXTENSION: Final = Extension(
    "variables",
    commands=(
        Command(
            "set",
            ("constant", "string"),
            tags=dict.fromkeys(MODIFIERS),
            exclusive=(("lower", "upper"), ("lowerfirst", "upperfirst")),
            run=_set,
            validate=_validate_set,
        ),
        Command("string", ("match", "string-list", "string-list"), kind="test", run=_string),
    ),
    interpolate=find_template,
    by_ihave=False,  # RFC 5463 §4
)
