"""The actions addheader and deleteheader. RFC 5293.

Rules of this file:
1. An edit takes effect at once: later tests see it, and later actions have it. RFC 5293 §6.
2. An edit of a protected field is ignored with a warning; it does not end the run.
"""

from __future__ import annotations

from typing import Any, Final

from thurn_message.encodedword import decode_words
from thurn_message.fields import Field

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.ext.editheader.edit import (
    PROTECTED,
    UNADDABLE,
    append_field,
    is_field_name,
    is_field_value,
    matching_fields,
    without_fields,
    write_field,
)
from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call, Number

OCTETS_PER_STEP: Final = 16_384
"""Octets of the message that an edit copies for one step."""
FIELDS_PER_STEP: Final = 2
"""Fields of the header that are read again after an edit, for one step."""


def _addheader(rt: Runtime, args: Args) -> None:
    """`addheader` [":last"] field-name value."""
    name, value = args.text(0), args.text(1)
    if _is_protected(rt, name, UNADDABLE):
        return
    try:
        field = write_field(name, value)
    except ValueError:
        rt.error(f'a header field cannot have the name "{name[:80]}" or this value', "bad-header")
    if args.has("last"):
        _edit(rt, append_field(rt.view.scan, field))
    else:
        _edit(rt, field + rt.context.message)


async def _deleteheader(rt: Runtime, args: Args) -> None:
    """`deleteheader` [":index" number [":last"]] field-name [value-patterns]."""
    name = args.text(0)
    if _is_protected(rt, name, PROTECTED):
        return
    index = args.number("index") if args.has("index") else None
    fields = matching_fields(
        rt.view.scan, name.lower().encode(errors="replace"), index=index, last=args.has("last")
    )
    if args[1] is not None:
        fields = [field for field in fields if await _matches(rt, args, field)]
    if fields:
        _edit(rt, without_fields(rt.view.scan, fields))


async def _matches(rt: Runtime, args: Args, field: Field) -> bool:
    # RFC 5293 §5: compared like the test "header", without white space at the ends.
    value = decode_words(rt.view.scan.value(field)).strip()
    answer: Any = args.match.test(rt, (value,), args.texts(1))
    return answer if isinstance(answer, bool) else bool(await answer)


def _edit(rt: Runtime, message: bytes) -> None:
    fields = len(rt.view.scan.fields)
    rt.spend(1 + len(message) // OCTETS_PER_STEP + fields // FIELDS_PER_STEP)
    rt.context.message = message


def _is_protected(rt: Runtime, name: str, protected: frozenset[bytes]) -> bool:
    lower = name.lower()
    by_site: frozenset[str] = rt.setting("editheader.protected", frozenset())
    # RFC 5293 §6: such an edit is ignored.
    if lower.encode(errors="replace") in protected or lower in by_site:
        rt.warn(f"the field {name} is protected: this edit is ignored", "protected-header")
        return True
    return False


def _validate(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        if not is_field_name(text.value):
            message = f'a header field cannot have the name "{text.value[:80]}"'
            diag.error(message, text, "bad-header")
    if call.name == "addheader":
        for text in call.literals(1):
            if not is_field_value(text.value):
                diag.error("a header field cannot have this value", text, "bad-header")
        return
    index = call.tags.get("index")
    # RFC 5293 §5: :last is allowed only together with :index.
    if "last" in call.tags and index is None:
        diag.error(":last needs :index", call, "missing-index")
    if isinstance(index, Number) and index.value == 0:
        diag.error(":index counts from 1", index, "bad-index")


EXTENSIONS: Final = (
    Extension(
        "editheader",
        commands=(
            Command(
                "addheader",
                ("string", "string"),
                {"last": None},
                run=_addheader,
                validate=_validate,
            ),
            Command(
                "deleteheader",
                ("match", "string", "string-list?"),
                {"index": "number", "last": None},
                run=_deleteheader,
                validate=_validate,
            ),
        ),
    ),
)
