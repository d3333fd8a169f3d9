"""The conformance kits."""

from __future__ import annotations

import pytest
from thurn_testing.contracts.filter import check_message_filter
from thurn_testing.contracts.policy import check_sender_policy
from thurn_testing.fakes.session import make_identity, make_session, make_transaction

ALICE = make_session(identity=make_identity("alice"))
MESSAGES = (
    b"From: Alice <alice@example.org>\r\nSubject: x\r\n\r\nbody\r\n",
    b"From: bob@example.org, alice@example.org\r\nSender: alice@example.org\r\n\r\nbody\r\n",
    b"Resent-From: a@example.org\r\nFrom: =?utf-8?q?boss=40bank.example?= <b@x.example>\r\n\r\n",
)


async def test_the_envelope(envelope):
    async with envelope(protect_local=True) as policy:
        await check_sender_policy(
            policy,
            passed=[
                make_transaction(ALICE, sender="alice@example.org"),
                make_transaction(make_session()),
            ],
            refused=[
                make_transaction(ALICE, sender="bob@example.org"),
                make_transaction(make_session(), sender="bob@example.org"),
            ],
            sessions=[ALICE],
        )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["reject", "rewrite", "log"])
async def test_the_header(header, mode):
    transactions = [make_transaction(ALICE, sender="alice@example.org")]
    if mode == "reject":
        transactions.append(make_transaction(make_session()))
    async with header(mode=mode, protect_local=True) as checked:
        await check_message_filter(checked, transactions=transactions, messages=MESSAGES)
