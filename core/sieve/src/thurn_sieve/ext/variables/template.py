"""References like `${name}` in strings: found at compile time, replaced at run time. RFC 5229 §3.

The values are put in in one pass: a reference in a value is not replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.limits import MATCH_VALUES, VARIABLE_NAME_CHARACTERS
from thurn_sieve.registry import Namespace, Template
from thurn_sieve.runtime import Runtime
from thurn_sieve.syntax import Text

COPIED_CHARACTERS_SHIFT: Final = 9
"""Binary logarithm of the characters of a string that are put together for one step: 512."""

# variable-ref = "${" [namespace] variable-name "}" ; `_is_reference` judges the inside
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z0-9_.]++)\}")
IDENTIFIER: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{VARIABLE_NAME_CHARACTERS - 1}}}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def find_template(
    text: Text, namespaces: Mapping[str, Namespace], diag: Diagnostics
) -> Template | None:
    """The function that puts the variables into the string; None if the string has none."""
    value = text.value
    if "${" not in value:
        return None
    parts: list[str | int] = []
    names: list[str] = []
    position = 0
    for match in _REFERENCE.finditer(value):
        name = match[1].lower()
        if not _is_reference(name):
            continue  # RFC 5229 §3: text that is not a reference stays as it is
        _check(name, namespaces, text, diag)
        if match.start() > position:
            parts.append(value[position : match.start()])
        parts.append(len(names))
        names.append(name)
        position = match.end()
    if not names:
        return None
    if position < len(value):
        parts.append(value[position:])
    return _alone(names[0]) if len(parts) == 1 else _joined(parts, names)


def is_variable(name: str) -> bool:
    """Whether this is the name of a variable, alone or in a namespace. RFC 5229 §3."""
    return IDENTIFIER.match(name) is not None and _is_reference(name)


def _is_reference(name: str) -> bool:
    if name.isdigit():
        return True
    first, *rest = name.split(".")
    if IDENTIFIER.fullmatch(first) is None:
        return False
    return all(IDENTIFIER.fullmatch(piece) or _NUMBER.fullmatch(piece) for piece in rest)


def _check(name: str, namespaces: Mapping[str, Namespace], text: Text, diag: Diagnostics) -> None:
    if name.isdigit():
        # RFC 5229 §6: a number above the highest supported one is an error of syntax.
        if len(name.lstrip("0")) > 9 or int(name.lstrip("0") or "0") > MATCH_VALUES:
            message = f"the last match variable is ${{{MATCH_VALUES}}}"
            diag.error(message, text, "invalid-variable")
        return
    namespace, dot, _ = name.partition(".")
    if dot and namespace not in namespaces:
        # RFC 5229 §3: a namespace without the require of its extension is an error.
        message = f"there is no namespace {namespace[:40]}"
        diag.error(message, text, "unknown-namespace")


def _alone(name: str) -> Template:
    if name.isdigit():
        number = int(name.lstrip("0")[:9] or "0")
        return lambda rt: rt.variables.match_value(number)
    return lambda rt: rt.variables.get(name)


def _joined(parts: Sequence[str | int], names: Sequence[str]) -> Template:
    getters = [_alone(name) for name in names]

    def expand(rt: Runtime) -> str:
        pieces: list[str] = []
        room = rt.limits.string_characters
        for part in parts:
            piece = part if isinstance(part, str) else getters[part](rt)
            room -= len(piece)
            if room < 0:
                message = f"a string has more than {rt.limits.string_characters} characters"
                rt.error(message, "string-too-long")
            pieces.append(piece)
        rt.spend((rt.limits.string_characters - room) >> COPIED_CHARACTERS_SHIFT)
        return "".join(pieces)

    return expand
