"""The tags `:index` and `:last` of tests that look at header fields. RFC 5260 §6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from thurn_sieve.context import HeaderField
from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.ext.index.occurrence import occurrence
from thurn_sieve.registry import Extension, Modifier
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call, Number


def _apply(
    rt: Runtime, args: Args, names: Sequence[str], fields: Sequence[HeaderField]
) -> Sequence[HeaderField]:
    if not args.has("index"):
        return fields
    index, last = args.number("index"), args.has("last")
    if len(names) < 2:
        return occurrence(fields, index, last=last)
    # RFC 5260 §6: the number counts the fields of each name separately.
    return [
        field
        for name in names
        for field in occurrence(
            [one for one in fields if one.name == name.lower()], index, last=last
        )
    ]


def _validate(call: Call, diag: Diagnostics) -> None:
    index = call.tags.get("index")
    # RFC 5260 §6: :last without :index is an error; numbers begin at 1.
    if "last" in call.tags and index is None:
        diag.error(":last needs :index", call, "missing-index")
    if isinstance(index, Number) and index.value == 0:
        diag.error(":index counts from 1", index, "bad-index")


EXTENSIONS: Final = (
    Extension(
        "index",
        modifiers=(
            Modifier(
                {"index": "number", "last": None}, ("header", "address", "date"), _apply, _validate
            ),
        ),
    ),
)
