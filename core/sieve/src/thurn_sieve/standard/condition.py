"""The tests of RFC 5228 §5, and the address parts of §2.7.4."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from thurn_sieve.code import FALSE, TRUE, all_of, any_of, negate
from thurn_sieve.context import MailAddress
from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import AddressPart, Command
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

_NAME: Final = re.compile(r"[!-9;-~]++")  # ftext, RFC 5322 §3.6.8
ADDRESS_FIELDS: Final = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "resent-from",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "resent-sender",
        "resent-reply-to",
        "return-path",
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "x-envelope-to",
        "apparently-to",
        "errors-to",
        "disposition-notification-to",
        "return-receipt-to",
        "mail-followup-to",
        "mail-reply-to",
    }
)
"""Names of the fields that hold addresses; the test `address` reads no others. RFC 5228 §5.1."""

ADDRESS_OCTETS_PER_STEP: Final = 8
"""Octets of a field that are read for addresses for one step; each field is read only once."""


def check_field_names(call: Call, diag: Diagnostics, key: int = 0) -> None:
    """Warn about names that a field cannot have; they match nothing."""
    for text in call.literals(key):
        # RFC 5228 §2.4.2.2: invalid header names in tests MUST NOT be an error.
        if _NAME.fullmatch(text.value) is None:
            message = "a header field cannot have this name"
            diag.warn(message, text, "invalid-header-name")


def _check_address_names(call: Call, diag: Diagnostics) -> None:
    check_field_names(call, diag)
    for text in call.literals(0):
        if _NAME.fullmatch(text.value) and text.value.lower() not in ADDRESS_FIELDS:
            shown = ascii(text.value[:40])[1:-1]
            diag.error(f"the field {shown} does not hold addresses", text, "no-address-field")


def parts_of(rt: Runtime, args: Args, addresses: Iterable[MailAddress]) -> list[str]:
    """The compared part of each address; addresses without that part are left out."""
    get = args.address_part.get
    return [part for address in addresses if (part := get(rt, address)) is not None]


def _header(rt: Runtime, args: Args) -> bool:
    # RFC 5228 §2.4.2.2: white space at the ends is not part of the value; `unfold` removes it.
    values = [field.text for field in rt.fields(args, args[0])]
    return args.match.test(rt, values, args[1])


def _address(rt: Runtime, args: Args) -> bool:
    # RFC 5228 §5.1: only fields with addresses are read, also where variables name the fields.
    addresses: list[MailAddress] = []
    for field in rt.fields(args, args[0]):
        if field.name in ADDRESS_FIELDS:
            if not field.is_read:
                rt.spend(len(field.raw) // ADDRESS_OCTETS_PER_STEP)
            addresses += field.addresses
    return args.match.test(rt, parts_of(rt, args, addresses), args[1])


def _exists(rt: Runtime, args: Args) -> bool:
    names: Sequence[str] = args[0]
    if args.modifiers:
        return all(rt.fields(args, (name,)) for name in names)
    rt.spend(len(names))
    view = rt.view
    return all(view.fields(name) for name in names)


def _size(rt: Runtime, args: Args) -> bool:
    size = rt.view.size_octets
    # RFC 5228 §5.9: a message of exactly that size is neither over nor under it.
    return size > args.number("over") if args.has("over") else size < args.number("under")


def _validate_size(call: Call, diag: Diagnostics) -> None:
    if not call.tags:
        diag.error("size needs :over or :under", call, "missing-tag")


def _all(rt: Runtime, address: MailAddress) -> str | None:
    return address.text


def _localpart(rt: Runtime, address: MailAddress) -> str | None:
    return address.local


def _domain(rt: Runtime, address: MailAddress) -> str | None:
    return address.domain


ADDRESS_PARTS: Final = (
    AddressPart("all", _all),
    AddressPart("localpart", _localpart),
    AddressPart("domain", _domain),
)

TESTS: Final = (
    Command("true", kind="test", compose=lambda tests: TRUE),
    Command("false", kind="test", compose=lambda tests: FALSE),
    Command("not", kind="test", tests=1, compose=negate),
    Command("allof", kind="test", tests=-1, compose=all_of),
    Command("anyof", kind="test", tests=-1, compose=any_of),
    Command(
        "header",
        ("match", "string-list", "string-list"),
        kind="test",
        run=_header,
        validate=check_field_names,
    ),
    Command(
        "address",
        ("match", "string-list", "string-list"),
        kind="test",
        address_part=True,
        run=_address,
        validate=_check_address_names,
    ),
    Command("exists", ("string-list",), kind="test", run=_exists, validate=check_field_names),
    Command(
        "size",
        kind="test",
        tags={"over": "number", "under": "number"},
        exclusive=(("over", "under"),),
        run=_size,
        validate=_validate_size,
    ),
)
