"""`envelope`: the sender and the recipient of the transaction. RFC 5228 §5.4.

The paths of the context have no source routes. Besides RFC 5228's parts there are `orig_to`, the
forward-path as the peer gave it, and `auth`, the authenticated sender.
"""

from __future__ import annotations

from typing import Final

from thurn_sieve.context import Envelope, MailAddress
from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.standard.condition import parts_of
from thurn_sieve.syntax import Call

PARTS: Final = frozenset({"from", "to", "orig_to", "auth"})


def _path(envelope: Envelope, part: str) -> str | None:
    """The path that a part of the envelope holds, or None."""
    if part == "from":
        return envelope.sender or ""
    if part == "to":
        return envelope.recipient
    if part == "orig_to":
        return envelope.original_recipient
    return envelope.auth


def _envelope(rt: Runtime, args: Args) -> bool:
    values: list[str] = []
    for part in args.texts(0):
        name = part.lower()
        if name not in PARTS:
            rt.error(f'the envelope has no part "{name[:40]}"', "invalid-envelope-part")
        path = _path(rt.context.envelope, name)
        if path is None:
            continue
        if path:
            values += parts_of(rt, args, (MailAddress.of_path(path),))
        elif not args.match.counts:  # RFC 5231 §4.2: an empty MAIL FROM counts 0
            # The null reverse-path is the empty string for every address part.
            values.append("")
    return args.match.test(rt, values, args[1])


def _validate(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        if text.value.lower() not in PARTS:
            message = f'the envelope has no part "{ascii(text.value[:40])[1:-1]}"'
            diag.error(message, text, "invalid-envelope-part")


EXTENSION: Final = Extension(
    "envelope",
    commands=(
        Command(
            "envelope",
            ("match", "string-list", "string-list"),
            kind="test",
            address_part=True,
            run=_envelope,
            validate=_validate,
        ),
    ),
)
