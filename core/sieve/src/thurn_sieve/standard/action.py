"""`keep`, `discard`, `redirect`. RFC 5228 §4."""

from __future__ import annotations

import re
from typing import Final

from thurn_message.address import Address, AddressError
from thurn_message.addresslist import Mailbox, parse_address_list

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import Command
from thurn_sieve.result import Discard, Keep, Redirect
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f]")
"""Controls; line ends above all."""


def read_address(text: str) -> Address | None:
    """The address that the text is, alone or as `Name <address>`; None if it is none.

    One address and nothing beside it: no list, no group, no comment, no line end.

    RFC 5228 §2.4.2.3.
    """
    # sieve-address = addr-spec / phrase "<" addr-spec ">"
    if _FORBIDDEN.search(text) is not None:
        return None
    text = text.strip(" ")
    if text.endswith(">"):
        found = parse_address_list(text.encode(errors="replace"))
        if found.doubts or len(found.entries) != 1:
            return None
        entry = found.entries[0]
        return entry.address if isinstance(entry, Mailbox) else None
    try:
        return Address.parse(text)
    except AddressError:
        return None


def _keep(rt: Runtime, args: Args) -> None:
    rt.act(Keep(), args)


def _discard(rt: Runtime, args: Args) -> None:
    rt.act(Discard(), args)


def _redirect(rt: Runtime, args: Args) -> None:
    address = read_address(args.text(0))
    if address is None:
        # RFC 5228 §2.4.2.3: an address made of variables is judged at run time.
        rt.error("redirect to what is no address", "invalid-address")
    rt.act(Redirect(address=str(address)), args)


def _validate_redirect(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        if read_address(text.value) is None:
            diag.error("this is no address", text, "invalid-address")


ACTIONS: Final = (
    Command("keep", run=_keep),
    Command("discard", run=_discard),
    Command("redirect", ("string",), run=_redirect, validate=_validate_redirect),
)
