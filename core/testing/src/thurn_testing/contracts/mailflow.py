"""The conformance kit of mail flows (`thurn.contracts.mailflow.Mailflow`).

    async def test_contract():
        await check_mailflow(FakeMailflow(), recipients=["alice@example.org"])

It shows that what listeners are tested with answers in the same forms as the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from thurn.contracts.mailflow import Mailflow, Outcome
from thurn.types.address import Address
from thurn.types.content import Blob
from thurn.types.decision import Accept
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction
from thurn.types.status import MESSAGE_TOO_BIG

from thurn_testing.contracts.expectation import expect, expect_equal, run_in_turn
from thurn_testing.fakes.session import make_session

MESSAGE: Final = b"Subject: x\r\n\r\nText\r\n"
SENDER: Final = "ann@example.net"


async def check_mailflow(mailflow: Mailflow, *, recipients: Sequence[str]) -> None:
    """Sessions that receive mail are answered in the forms that the contract has.

    Args:
        mailflow: accepts anybody's mail to these recipients.
        recipients: at least one address.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    await run_in_turn("mail flow", partial(_receives, mailflow, recipients))


async def _receives(mailflow: Mailflow, recipients: Sequence[str]) -> None:
    """A mail flow answers each step of a session."""
    session = make_session(hello="")
    expect(mailflow.size_limit_octets > len(MESSAGE), "there is room for a small message")
    expect(isinstance(await mailflow.connect(session), Accept), "a peer is let in")
    expect(isinstance(await mailflow.hello(session, "client.example"), Accept), "with its hello")
    expect_equal(session.hello, "client.example", "the session knows the hello")
    one = await _message(mailflow, session, recipients[:1], "one")
    expect_equal(len(one.statuses), 1, 'replies="one" has one answer')
    duplicates = [recipients[0], *recipients]
    each = await _message(mailflow, session, duplicates, "each")
    expect_equal(len(each.statuses), len(duplicates), 'replies="each" has one for each recipient')
    for status in (*one.statuses, *each.statuses):
        expect(status.is_success, f"the message is accepted: {status}")
    mailflow.abandon(await _transaction(mailflow, session, None))
    refused = await _transaction(mailflow, session, SENDER)
    mailflow.refuse(refused, MESSAGE_TOO_BIG, "content.size")
    await _message(mailflow, session, recipients, "one")


async def _transaction(mailflow: Mailflow, session: Session, sender: str | None) -> Transaction:
    address = None if sender is None else Address.parse(sender)
    answer = await mailflow.sender(session, address, {"SIZE": "100"})
    if not isinstance(answer, Transaction):
        raise AssertionError(f"a sender is accepted: {answer!r}")  # noqa: TRY004
    expect_equal(answer.sender, address, "the transaction knows its sender")
    expect_equal(answer.parameters.get("SIZE"), "100", "and its parameters")
    expect_equal(answer.recipients, [], "and has no recipients yet")
    expect(answer.session is session, "it is one of this session")
    return answer


async def _message(
    mailflow: Mailflow, session: Session, recipients: Sequence[str], replies: str
) -> Outcome:
    transaction = await _transaction(mailflow, session, SENDER)
    for one in recipients:
        answer = await mailflow.recipient(transaction, Recipient(Address.parse(one)))
        expect(isinstance(answer, Accept), f"{one} is accepted: {answer!r}")
    named = [str(one.address) for one in transaction.recipients]
    expect_equal(named, list(recipients), "recipients are kept in order, with duplicates")
    expect_equal(len(transaction.targets), len(recipients), "each has its targets")
    return await mailflow.message(
        transaction, Blob(MESSAGE), replies="each" if replies == "each" else "one"
    )
