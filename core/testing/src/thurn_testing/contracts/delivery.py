"""The conformance kit of delivery filters (`thurn.contracts.delivery`): whatever arrives, what they
ask for can be done, and trouble never loses mail.

    async def test_contract():
        await check_delivery(product, handle, record)

The filter is called as the host calls it, with a delivery that records its verbs. It may decide
what it likes; the kit looks at how it says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from thurn.contracts.account import AccountRecord
from thurn.contracts.delivery import DeliveryFilter
from thurn.contracts.store import SYSTEM_FLAGS, AccountHandle
from thurn.delivery.record import RecordedDelivery
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.errors import MailboxNameRefused, StorageTrouble, ThurnError
from thurn.types.mailbox import mailbox_name

from thurn_testing.contracts.expectation import CHECK_SECONDS, expect, expect_equal, in_time
from thurn_testing.fakes.session import make_session, make_transaction

MESSAGES: Final = (
    b"",
    b"\r\n",
    b"no header at all",
    b"Subject: hello\r\nFrom: x@example.net\r\nTo: alice@example.org\r\n\r\nbody\r\n",
    b"Subject: \xff\xfe \x00\r\nFrom: <<>>,,@\r\nTo: \r\n folded\r\n\r\n\x00\x80\xff",
    b"Subject: =?utf-8?b?4pyT?= =?x?q?y?=\r\nMessage-ID: <>\r\nDate: never\r\n\r\n",
    b"List-Id: <l.example>\r\nPrecedence: bulk\r\nAuto-Submitted: auto-generated\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b--",
    b"Subject: bare\nFrom: x@example.net\n\nbody\n",
    b"Received: x\r\n" * 200 + b"\r\nbody\r\n",
)
"""Messages as the world sends them: ordinary, empty, binary, broken, of lists and programs."""

SENDERS: Final = (None, "x@example.net", "MAILER-DAEMON@example.net", '"a b"@example.net')


class DownAccount:
    """An account whose store has failed: whatever is asked of it raises StorageTrouble."""

    def __init__(self, account: AccountHandle) -> None:
        self.account = account.account
        self.separator = account.separator

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for every method
        def trouble(*_: object, **__: object) -> Any:  # noqa: ANN401
            raise StorageTrouble

        return trouble


async def check_delivery(
    product: DeliveryFilter, account: AccountHandle, record: AccountRecord
) -> None:
    """Everything that the contract promises holds for this filter as it is configured.

    Args:
        product: opened.
        account: of the record, as the host sees it; nothing is stored in it.
        record: with an address.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for message, sender in _cases():
        delivery = make_delivery(message, sender, account, record)
        await _deliver(product, delivery)
        _check_verbs(delivery)
        again = make_delivery(message, sender, account, record)
        await _deliver(product, again)
        expect_equal(
            _told(again), _told(delivery), f"what was not committed is forgotten ({message[:40]!r})"
        )
    await _check_trouble(product, account, record)


async def _deliver(product: DeliveryFilter, delivery: RecordedDelivery) -> None:
    with in_time("a delivery ends in time", CHECK_SECONDS):
        await product.deliver(delivery)


def make_delivery(
    message: bytes,
    sender: str | None,
    account: AccountHandle,
    record: AccountRecord,
) -> RecordedDelivery:
    """A delivery as the host makes it, with its trace fields above the message."""
    address = record.address or Address.parse("alice@example.org")
    recipient = Recipient(address)
    transaction = make_transaction(make_session(), sender=sender)
    trace = f"Return-Path: <{transaction.sender or ''}>\r\nDelivered-To: {address}\r\n"
    return RecordedDelivery(
        transaction,
        Envelope(transaction.sender, (recipient,)),
        recipient,
        None,
        Content.of(message).prepend(trace.encode()),
        record,
        account,
    )


def _cases() -> Iterator[tuple[bytes, str | None]]:
    for message in MESSAGES:
        for sender in SENDERS:
            yield message, sender


def _check_verbs(delivery: RecordedDelivery) -> None:
    """The verbs that the filter used can be carried out."""
    for filing in delivery.filings:
        try:
            proper = mailbox_name(filing.mailbox, delivery.account.separator)
        except MailboxNameRefused:
            raise AssertionError(f"mailboxes have proper names: {filing.mailbox!r}") from None
        expect_equal(filing.mailbox, proper, "mailboxes are named in their normal form")
        for flag in filing.flags:
            fits = flag in SYSTEM_FLAGS or not (
                flag.startswith("\\") or set(flag) & set(' (){%*"]')
            )
            expect(fits and flag.isascii(), f"flags are flags of IMAP: {flag!r}")
    for sending in delivery.sendings:
        envelope, content = sending.envelope, sending.content
        expect(envelope.recipients, "what is sent has a recipient")
        expect(
            envelope.sender is None or envelope.sender == delivery.envelope.sender,
            "what is sent has the sender that it had, or the null sender",
        )
        expect(content.size_octets, "what is sent is a message")
    if delivery.rejection is not None:
        expect(not delivery.rejection.is_success, "a rejection is no success")
        shown = str(delivery.rejection)
        expect(shown.isascii() and shown.isprintable(), f"a rejection is one line: {shown!r}")


def _told(delivery: RecordedDelivery) -> object:
    """The verbs, without what differs between two deliveries of one message."""
    return (
        delivery.decided,
        [(one.mailbox, one.flags, one.create) for one in delivery.filings],
        [
            (one.kind, [str(to.address) for to in one.envelope.recipients])
            for one in delivery.sendings
        ],
        delivery.rejection,
    )


async def _check_trouble(
    product: DeliveryFilter, account: AccountHandle, record: AccountRecord
) -> None:
    """While the store is down, the message is deferred: it is neither lost nor refused."""
    down = cast("AccountHandle", DownAccount(account))
    delivery = make_delivery(MESSAGES[3], "x@example.net", down, record)
    try:
        await _deliver(product, delivery)
    except ThurnError:
        return
    expect(
        not delivery.decided or delivery.filings,
        "trouble is raised; it never discards and never rejects",
    )
