r"""The conformance kit of the stage `outgoing` (`thurn.contracts.outgoing.OutgoingFilter`).

    async def test_contract():
        async with factory.open(settings, context) as checked:
            await check_outgoing_filter(checked, messages=[b"From: ...\r\n\r\n"])

Whatever is asked, the filter answers in decisions, changes neither entry nor content, and asks for
edits that its class allows and that can be carried out; what a signer adds stands above octets that
stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from thurn.contracts.outgoing import (
    EntryKind,
    EntryOrigin,
    HopClass,
    OutgoingEntry,
    OutgoingFilter,
)
from thurn.delivery.outgoing import ALLOWED, Edited, carry_out
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.decision import Continue, Tempfail
from thurn.types.envelope import Envelope, Recipient
from thurn.types.identity import AccountId
from thurn_message.scanner import scan

from thurn_testing.contracts.expectation import expect, expect_decision, expect_equal, unblocked
from thurn_testing.contracts.filter import MESSAGES

SENDERS: Final = (
    None,
    "alice@example.org",
    '"a b"@elsewhere.example',
    "j\u00f6rg@m\u00fcnchen.example",
)
"""Senders: the null sender, an address of the site, one in quotes, one that needs SMTPUTF8."""
RECIPIENTS: Final = ("someone@elsewhere.example", "other@elsewhere.example")


async def check_outgoing_filter(
    checked: OutgoingFilter,
    *,
    messages: Sequence[bytes] = (),
    entries: Sequence[OutgoingEntry] = (),
) -> None:
    """Everything that the contract promises holds for this filter as it is configured.

    Args:
        checked: opened.
        messages: messages that the filter is made for; the kit adds broken ones.
        entries: entries besides those of each kind, hop class and sender, which the kit makes.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    expect(
        checked.outgoing_class in ALLOWED,
        f'outgoing_class is "edit" or "sign": {checked.outgoing_class!r}',
    )
    for entry in (*_entries(), *entries):
        for octets in (*messages, *MESSAGES):
            await _check_one(checked, entry, octets)


def _entries() -> Iterator[OutgoingEntry]:
    recipients = tuple(Recipient(Address.parse(one)) for one in RECIPIENTS)
    for kind in EntryKind:
        for hop_class in HopClass:
            for text in SENDERS:
                sender = None if text is None else Address.parse(text)
                account = None if kind is EntryKind.REPORT else AccountId("alice")
                origin = EntryOrigin(kind, hop_class, account, "t1", "listener.test")
                yield OutgoingEntry(Envelope(sender, recipients), origin)


async def _check_one(checked: OutgoingFilter, entry: OutgoingEntry, octets: bytes) -> None:
    answers = []
    content = Content.of(octets)
    for _ in range(2):
        with unblocked("an outgoing filter blocks nobody"):
            answers.append(await checked.check_outgoing(entry, content))
        expect_equal(content.read(), octets, "content never changes")
    answer, again = answers
    expect_equal(type(again), type(answer), "the same entry has the same kind of answer")
    if answer is None:
        return
    expect(
        isinstance(answer, Continue | Tempfail),
        f"it edits, or cannot decide; it judges nothing: {answer!r}",
    )
    expect_decision(answer)
    if isinstance(answer, Tempfail):
        expect(answer.reason, "a decision has a reason")
        return
    before = Edited(entry, content)
    try:
        after = carry_out(before, answer, checked.outgoing_class)
    except ValueError as error:
        raise AssertionError(f"its edits can be carried out: {error}") from None
    _check_body(checked, octets, after.content.read())


def _check_body(checked: OutgoingFilter, octets: bytes, edited: bytes) -> None:
    if checked.outgoing_class == "sign":
        expect(edited.endswith(octets), "a signature stands above the octets that it signs")
    original, after = scan(octets), scan(edited)
    body = octets[original.header_end :]
    expect_equal(edited[after.header_end :], body, "edits do not touch the body")
