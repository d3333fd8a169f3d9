"""The actions addheader and deleteheader. RFC 5293.

Rules of this file:
1. An edit takes effect at once: later tests see it, later actions carry it. RFC 5293 §6.
2. Edits of protected fields are passed over with a warning; they do not end the run.
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
"""What an edit costs: it copies the message."""
FIELDS_PER_STEP: Final = 2
"""And its fields are looked for anew."""


def _addheader(rt: Runtime, args: Args) -> None:
    """`addheader` [":last"] field-name value."""
    name, value = args.text(0), args.text(1)
    if _is_protected(rt, name, UNADDABLE):
        return
    try:
        field = write_field(name, value)
    except ValueError:
        rt.error(f'"{name[:80]}" and its value make no header field', "bad-header")
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
    found = matching_fields(
        rt.view.scan, name.lower().encode(errors="replace"), index=index, last=args.has("last")
    )
    if args[1] is not None:
        found = [field for field in found if await _matches(rt, args, field)]
    if found:
        _edit(rt, without_fields(rt.view.scan, found))


async def _matches(rt: Runtime, args: Args, field: Field) -> bool:
    # RFC 5293 §5: compared as the test "header" does, without the white space at its ends.
    value = decode_words(rt.view.scan.value(field)).strip()
    answer: Any = args.match.test(rt, (value,), args.texts(1))
    return answer if isinstance(answer, bool) else bool(await answer)


def _edit(rt: Runtime, message: bytes) -> None:
    fields = len(rt.view.scan.fields)
    rt.spend(1 + len(message) // OCTETS_PER_STEP + fields // FIELDS_PER_STEP)
    rt.context.message = message


def _is_protected(rt: Runtime, name: str, protected: frozenset[bytes]) -> bool:
    lower = name.lower()
    more: frozenset[str] = rt.setting("editheader.protected", frozenset())
    # RFC 5293 §6: such an edit is ignored.
    if lower.encode(errors="replace") in protected or lower in more:
        rt.warn(f"the field {name} is protected, it stays as it is", "protected-header")
        return True
    return False


def _validate(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        if not is_field_name(text.value):
            diag.error(f'"{text.value[:80]}" is no name of a header field', text, "bad-header")
    if call.name == "addheader":
        for text in call.literals(1):
            if not is_field_value(text.value):
                diag.error("this is no value of a header field", text, "bad-header")
        return
    index = call.tags.get("index")
    # RFC 5293 §5: :last only together with :index.
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
