"""The command `vacation`, and `:seconds`. RFC 5230, RFC 6131.

Settings: `vacation.default_seconds` (without `:days`), `vacation.min_seconds`,
`vacation.max_seconds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from thurn_message.address import Address, AddressError
from thurn_message.addresslist import parse_address_list
from thurn_message.headerfield import header, mailbox
from thurn_message.scanner import Scan, scan

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.ext.vacation.action import Vacation
from thurn_sieve.ext.vacation.record import reply_handle, reply_key
from thurn_sieve.ext.vacation.rules import own_keys, why_not
from thurn_sieve.registry import Command, Extension
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

DAY: Final = 86_400
SECONDS: Final = 7 * DAY
"""Without `:days`; RFC 5230 §4.1 leaves it to the site."""
MIN_SECONDS: Final = 60
MAX_SECONDS: Final = 60 * DAY
"""RFC 5230 §4.1: a maximum is greater than 7 days and SHOULD be greater than 30."""
REASON_CHARACTERS: Final = 262_144
"""Of a reply; what is longer is no note but a parcel."""


async def _vacation(rt: Runtime, args: Args) -> None:
    """`vacation` [tags] reason."""
    seconds = _seconds(rt, args)
    subject = args.text("subject") if args.has("subject") else None
    handle = reply_handle(
        subject=subject,
        from_=args.text("from") if args.has("from") else None,
        mime=args.has("mime"),
        reason=args.text(0),
        handle=args.text("handle") if args.has("handle") else None,
    )
    if len(args.text(0)) > REASON_CHARACTERS:
        rt.error("the text of vacation is too long", "vacation-too-long")
    sender, recipient = (
        _address(rt.context.envelope.sender),
        _address(rt.context.envelope.recipient),
    )
    own = (*rt.context.account.addresses, *args.texts("addresses"))
    action = Vacation(
        reason=args.text(0),
        subject=subject,
        from_=_from(rt, args, recipient),
        mime=args.has("mime"),
        to=sender,
        seconds=seconds,
        withheld=_why_not(rt, sender, recipient, own),
    )
    if action.withheld is None and not action.from_:
        action.withheld = "the account has no address"
    if action.withheld is None and sender is not None:
        action.record = reply_key(handle, sender)
        tracker = rt.context.duplicates
        # RFC 5230 §4.2: the same sender gets the same answer once in this time.
        if tracker is not None and await tracker.seen(action.record):
            action.withheld = "answered before"
    rt.note(f"no answer: {action.withheld}" if action.withheld else f"answer to {sender}")
    rt.act(action, args)


def _why_not(
    rt: Runtime, sender: Address | None, recipient: Address | None, own: Sequence[str]
) -> str | None:
    """As the message came in, and as the script has it now: an edit hides no list."""
    views: list[Scan] = [rt.view.scan]
    if rt.context.message is not rt.context.original:
        views.append(scan(rt.context.original))
    found = (why_not(view, sender, recipient, own) for view in views)
    return next((reason for reason in found if reason is not None), None)


def _seconds(rt: Runtime, args: Args) -> int:
    if args.has("seconds"):
        asked = args.number("seconds")
    elif args.has("days"):
        asked = max(args.number("days"), 1) * DAY
    else:
        asked = rt.setting("vacation.default_seconds", SECONDS)
    # RFC 5230 §4.1, RFC 6131 §2: outside the site's bounds the bound is taken, without an error.
    least: int = max(rt.setting("vacation.min_seconds", MIN_SECONDS), 1)
    most: int = rt.setting("vacation.max_seconds", MAX_SECONDS)
    return min(max(asked, least), most)


def _from(rt: Runtime, args: Args, recipient: Address | None) -> str:
    """A ready value for From: `:from`, else the address that the message came to."""
    if args.has("from"):
        given = parse_from(args.text("from"))
        if given is not None:
            return given
        rt.warn(":from is no address, the account's own is used", "bad-from")
    account = rt.context.account
    own = own_keys(None, account.addresses)
    address = recipient if recipient is not None and recipient.key in own else None
    if address is None and account.addresses:
        address = _address(account.addresses[0])
    address = address or recipient
    return "" if address is None else _mailbox(account.full_name, address)


def parse_from(text: str) -> str | None:
    """The value as one mailbox written anew, or None: it is none, or several."""
    found = parse_address_list(text.encode(errors="replace")).mailboxes
    if len(found) != 1:
        return None
    address = found[0].address
    return None if address is None else _mailbox(found[0].display_name, address)


def _mailbox(name: str, address: Address) -> str:
    """The mailbox, without a name that fits no line: a reply that nobody can write is none."""
    value = mailbox(" ".join(name.split()).replace("\0", ""), address)
    try:
        header("From", value)
    except ValueError:
        return str(address)
    return value


def _address(path: str | None) -> Address | None:
    if not path:
        return None
    try:
        return Address.parse(path)
    except AddressError:
        return None


def _validate(call: Call, diag: Diagnostics) -> None:
    for text in call.literals("from") if "from" in call.tags else ():
        # RFC 5230 §4.3: a :from that is no mailbox is an error.
        if parse_from(text.value) is None:
            diag.error(f'"{text.value[:80]}" is no address', text, "bad-from")


EXTENSIONS: Final = (
    Extension(
        "vacation",
        commands=(
            Command(
                "vacation",
                ("string",),
                {
                    "days": "number",
                    "subject": "string",
                    "from": "string",
                    "addresses": "string-list",
                    "mime": None,
                    "handle": "string",
                },
                run=_vacation,
                validate=_validate,
                exclusive=(("days", "seconds"),),
            ),
        ),
    ),
    # RFC 6131 §2: vacation-seconds implies vacation.
    Extension(
        "vacation-seconds",
        implies=("vacation",),
        tags_for={"vacation": {"seconds": "number"}},
    ),
)
