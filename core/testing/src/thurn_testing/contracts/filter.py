r"""The conformance kit of message filters (`thurn.contracts.filter.MessageFilter`).

    async def test_contract(tmp_path):
        async with factory.open(settings, context) as checked:
            await check_message_filter(checked, transactions=[...], messages=[b"From: x\r\n\r\n"])

Whatever octets a message has, a filter answers in decisions, alike when asked alike, changes
neither envelope nor content, and its edits can be carried out without touching the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from thurn.contracts.filter import MessageFilter
from thurn.delivery.edits import edit_header
from thurn.types.content import Content
from thurn.types.decision import (
    Accept,
    Continue,
    Discard,
    Disconnect,
    MessageDecision,
    Quarantine,
    Reject,
    Tempfail,
)
from thurn.types.session import Transaction
from thurn_message.scanner import scan

from thurn_testing.contracts.expectation import (
    expect,
    expect_decision,
    expect_equal,
    unblocked,
)

BROKEN: Final = 100
"""Messages with some octets changed that are made of each message given."""
_SEED: Final = 5322
_OCTETS: Final = b'\0\t\n\r "(),:;<=>?@[\\]\x7f\x80\xc3\xff'

MESSAGES: Final = (
    b"",
    b"\r\n",
    b"\r\n\r\n",
    b"x",
    b"no field\r\n\r\nbody\r\n",
    b":\r\n\r\n",
    b"a:\r\n",
    b"\0\r\n\r\n",
    b"From: a@example.org\r\n",
    b"\nFrom: a@example.org\n\nbody",
    b"From: a@example.org\rx: y\r\n\r\n",
    b"Subject: x\r\n" * 6_000 + b"\r\nbody\r\n",
    b"X: " + b"x" * 300_000 + b"\r\n\r\nbody\r\n",
    b"From: " + b"<" * 10_000 + b"\r\n\r\n",
    b"From: " + b"(" * 10_000 + b"\r\n\r\n",
    b"From: " + b"a@b.example, " * 10_000 + b"\r\n\r\n",
    b"From: " + b"@" * 10_000 + b"\r\n\r\n",
    b'From: "' + b"a@b " * 20_000 + b'" <a@example.org>\r\n\r\n',
    b"From: " + b"=?utf-8?q?=40?= " * 5_000 + b"<a@example.org>\r\n\r\n",
)


async def check_message_filter(
    checked: MessageFilter, *, transactions: Sequence[Transaction], messages: Sequence[bytes]
) -> None:
    """Everything that the contract promises holds for this filter as it is configured.

    Args:
        checked: opened.
        transactions: one of each kind that the filter tells apart.
        messages: messages that the filter is made for; the kit makes broken ones of them.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    random = Random(_SEED)  # noqa: S311 - the same octets each time
    broken = [_broken(random, message) for message in messages for _ in range(BROKEN)]
    for transaction in transactions:
        for octets in (*messages, *MESSAGES, *broken):
            await _one(checked, transaction, octets)


async def _one(checked: MessageFilter, transaction: Transaction, octets: bytes) -> None:
    answers: list[MessageDecision | None] = []
    for _ in range(2):
        content = Content.of(octets)
        before = _state(transaction)
        with unblocked("a filter blocks nobody"):
            answers.append(await checked.check_message(transaction, content))
        expect_equal(_state(transaction), before, "a filter judges; the host changes")
        expect_equal(content.read(), octets, "content never changes")
    decision = answers[0]
    expect_equal(answers[1], decision, "the same message has the same answer")
    if decision is None:
        return
    known = Continue | Accept | Reject | Tempfail | Disconnect | Discard | Quarantine
    expect(isinstance(decision, known), f"the answer is a decision or None: {decision!r}")
    expect(decision.reason or isinstance(decision, Continue), "a decision has a reason")
    expect_decision(decision)
    edits = getattr(decision, "edits", ())
    if edits:
        edited, original = scan(edit_header(Content.of(octets), edits).read()), scan(octets)
        body = octets[original.header_end :]
        expect_equal(edited.content[edited.header_end :], body, "edits do not touch the body")


def _state(transaction: Transaction) -> tuple[object, ...]:
    return (
        transaction.sender,
        [*transaction.recipients],
        [*transaction.targets],
        transaction.session.identity,
    )


def _broken(random: Random, message: bytes) -> bytes:
    octets = bytearray(message or b"x")
    for _ in range(random.randrange(1, 4)):
        octets[random.randrange(len(octets))] = random.choice(_OCTETS)
    return bytes(octets)
