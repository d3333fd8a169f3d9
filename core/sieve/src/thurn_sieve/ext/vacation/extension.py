"""The command `vacation`, and its tag `:seconds`. RFC 5230, RFC 6131.

Settings: `vacation.default_seconds` (for a command without `:days`), `vacation.min_seconds` and
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

DAY_SECONDS: Final = 86_400
DEFAULT_SECONDS: Final = 7 * DAY_SECONDS
"""Seconds between two answers to a sender without `:days`; RFC 5230 §4.1 leaves it to the site."""
MIN_SECONDS: Final = 60
"""Shortest time in seconds between two answers, so that programs do not answer each other fast."""
MAX_SECONDS: Final = 60 * DAY_SECONDS
"""Longest time in seconds between two answers. RFC 5230 §4.1 asks for more than 7 days and
recommends more than 30."""
REASON_CHARACTERS: Final = 262_144
"""Characters of an answer's text; a longer one is a document, not a note."""


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
        message = f"the text of vacation has more than {REASON_CHARACTERS} characters"
        rt.error(message, "vacation-too-long")
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
        # RFC 5230 §4.2: a sender gets the same answer only once in this time.
        if tracker is not None and await tracker.seen(action.record):
            action.withheld = "answered before"
    rt.note(f"no answer: {action.withheld}" if action.withheld else f"answer to {sender}")
    rt.act(action, args)


def _why_not(
    rt: Runtime, sender: Address | None, recipient: Address | None, own: Sequence[str]
) -> str | None:
    """The reason not to answer, by the message as it came in and as edited; None to answer.

    Both count, so that an edit cannot hide that the message came from a list.
    """
    views: list[Scan] = [rt.view.scan]
    if rt.context.message is not rt.context.original:
        views.append(scan(rt.context.original))
    reasons = (why_not(view, sender, recipient, own) for view in views)
    return next((reason for reason in reasons if reason is not None), None)


def _seconds(rt: Runtime, args: Args) -> int:
    if args.has("seconds"):
        seconds = args.number("seconds")
    elif args.has("days"):
        seconds = max(args.number("days"), 1) * DAY_SECONDS
    else:
        seconds = rt.setting("vacation.default_seconds", DEFAULT_SECONDS)
    # RFC 5230 §4.1, RFC 6131 §2: a time outside the site's bounds becomes the bound.
    shortest: int = max(rt.setting("vacation.min_seconds", MIN_SECONDS), 1)
    longest: int = rt.setting("vacation.max_seconds", MAX_SECONDS)
    return min(max(seconds, shortest), longest)


def _from(rt: Runtime, args: Args, recipient: Address | None) -> str:
    """The value of the From field.

    It is `:from`; or the address that the message came to, if it is one of the account's; or the
    account's first address. Only an account without addresses uses any address that the message
    came to.
    """
    if args.has("from"):
        given = parse_from(args.text("from"))
        if given is not None:
            return given
        rt.warn("the value of :from is not an address; the account's is used", "bad-from")
    account = rt.context.account
    own = own_keys(None, account.addresses)
    address = recipient if recipient is not None and recipient.key in own else None
    if address is None and account.addresses:
        address = _address(account.addresses[0])
    address = address or recipient
    return "" if address is None else _mailbox(account.full_name, address)


def parse_from(text: str) -> str | None:
    """The text as the value of a From field, or None if it is not exactly one mailbox."""
    mailboxes = parse_address_list(text.encode(errors="replace")).mailboxes
    if len(mailboxes) != 1:
        return None
    address = mailboxes[0].address
    return None if address is None else _mailbox(mailboxes[0].display_name, address)


def _mailbox(name: str, address: Address) -> str:
    """The mailbox; its name is left out if it does not fit into a line of a header."""
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
        # RFC 5230 §4.3: a :from that is not a mailbox is an error.
        if parse_from(text.value) is None:
            diag.error(f'"{text.value[:80]}" is not an address', text, "bad-from")


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
