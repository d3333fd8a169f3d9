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
"""Control characters, among them line ends, which could add header fields to a message."""


def read_address(text: str) -> Address | None:
    """The address in a text that is one address, alone or as `Name <address>`; otherwise None.

    Lists, groups and control characters are not accepted; comments only before the `<`.

    RFC 5228 §2.4.2.3.
    """
    # sieve-address = addr-spec / phrase "<" addr-spec ">"
    if _FORBIDDEN.search(text) is not None:
        return None
    text = text.strip(" ")
    if text.endswith(">"):
        address_list = parse_address_list(text.encode(errors="replace"))
        if address_list.doubts or len(address_list.entries) != 1:
            return None
        entry = address_list.entries[0]
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
        # RFC 5228 §2.4.2.3: an address made of variables is checked at run time.
        rt.error(f'"{args.text(0)[:80]}" is not an address to redirect to', "invalid-address")
    rt.act(Redirect(address=str(address)), args)


def _validate_redirect(call: Call, diag: Diagnostics) -> None:
    for text in call.literals(0):
        if read_address(text.value) is None:
            diag.error("this is not an address", text, "invalid-address")


ACTIONS: Final = (
    Command("keep", run=_keep),
    Command("discard", run=_discard),
    Command("redirect", ("string",), run=_redirect, validate=_validate_redirect),
)
