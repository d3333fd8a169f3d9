"""Completes a message that a person's mail program has submitted. RFC 6409 §8.

This happens once, at the end of data of listeners with `submission = true`, before the trace field
and the filters. So the copies for accounts here and those for elsewhere are the same message.

Rules of this file:
1. Bcc is removed, and Resent-Bcc with it: a program may leave it in and trust the server, and no
   recipient may see who else gets a blind copy. RFC 5322 §3.6.3 (the first of its three ways),
   §3.6.6.
2. A missing Date or Message-ID is added. A field that exists stays, right or wrong. RFC 6409 §8.2,
   §8.3.
3. A missing Sender is added if From alone does not say who sends: From has several addresses (RFC
   5322 §3.6.2: then Sender is required), or the login owns none of them (RFC 6409 §8.1). It gets
   the first address of From that the login owns, otherwise the account's own address. A Sender that
   exists stays: whether it may is decided by a filter.
4. No Sender is added if nobody has logged in, if From is missing, doubled or unreadable, or if the
   message is resent: then From may be another person's. All Resent fields but Resent-Bcc stay as
   they are. RFC 5322 §3.6.6.
5. New fields are put above the message; the body is not changed.
6. A header that is too large to be read whole is refused (`HEADER_TOO_LARGE`), because there may be
   a Bcc in the part that is not read.
"""

from __future__ import annotations

from typing import Final

from thurn_message.addresslist import parse_address_list
from thurn_message.date import format_date
from thurn_message.headerfield import header
from thurn_message.msgid import make_message_id

from thurn.contracts.account import Directory
from thurn.delivery.edits import without_fields
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.identity import AccountId
from thurn.types.session import Transaction
from thurn.types.status import Status

FROM_ADDRESSES: Final = 50
"""Most addresses of From that are looked up. People write one or two; a field with more counts as
unreadable."""

HEADER_TOO_LARGE: Final = Status(552, "5.3.4", "The header of the message is too large")
"""The answer to a header that is not read whole (`thurn_message.limits`)."""

_BLIND: Final = ("Bcc", "Resent-Bcc")
_RESENT: Final = frozenset((b"resent-from", b"resent-sender", b"resent-date"))


async def complete(
    content: Content, transaction: Transaction, *, directory: Directory, hostname: str, now: float
) -> Content:
    """The completed message; the same object if there is nothing to do.

    Args:
        content: the message as received, without a trace field.
        transaction: its transaction; the journal gets what was done.
        directory: says which addresses the login owns.
        hostname: the domain of a new Message-ID.
        now: POSIX seconds, for a new Date.

    Raises:
        TemporaryFailure: the directory cannot answer.
    """
    names = {field.name for field in content.scan.fields}
    removed = [name for name in _BLIND if name.lower().encode() in names]
    added: list[tuple[str, str]] = []
    sender = await _sender(content, transaction, directory)
    if sender is not None:
        added.append(("Sender", str(sender)))
    if b"date" not in names:
        added.append(("Date", format_date(now)))
    if b"message-id" not in names:
        added.append(("Message-ID", make_message_id(transaction.id, hostname)))
    if not added and not removed:
        return content
    done = [f"add {name}" for name, _ in added] + [f"remove {name}" for name in removed]
    transaction.journal.stage("submission", transaction.session.listener, "; ".join(done))
    fields = b"".join(header(name, value) for name, value in added)
    return without_fields(content, *removed).prepend(fields)


async def _sender(
    content: Content, transaction: Transaction, directory: Directory
) -> Address | None:
    """The address for a Sender field, if it is missing and needed; otherwise None."""
    scan, identity = content.scan, transaction.session.identity
    names = [field.name for field in scan.fields]
    if identity is None or b"sender" in names or names.count(b"from") != 1:
        return None
    if not _RESENT.isdisjoint(names):
        return None
    authors = _authors(scan.get(b"from") or b"")
    owned = [one for one in authors if await directory.owns(identity.account, one)]
    if not authors or (len(authors) == 1 and owned):
        return None
    sender = owned[0] if owned else await _own_address(directory, identity.account)
    if sender is None or sender.is_ascii or "SMTPUTF8" in transaction.parameters:
        return sender
    return (
        None  # such a field would need SMTPUTF8 at the next hop, which the sender did not ask for
    )


def _authors(value: bytes) -> list[Address]:
    """The addresses of a From field; empty if it cannot be read without doubt."""
    parsed = parse_address_list(value)
    if parsed.doubts or len(parsed.mailboxes) > FROM_ADDRESSES:
        return []
    addresses = [mailbox.address for mailbox in parsed.mailboxes]
    readable = [address for address in addresses if address is not None]
    return readable if len(readable) == len(addresses) else []


async def _own_address(directory: Directory, account: AccountId) -> Address | None:
    record = await directory.account(account)
    return None if record is None else record.address
