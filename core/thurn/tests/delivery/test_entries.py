"""Whose mail an entry of the queue is."""

from __future__ import annotations

import pytest
from thurn.contracts.outgoing import EntryKind
from thurn.delivery.copies import Copy
from thurn.delivery.entries import plan_entry
from thurn.telemetry.journal import JournalRecord
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Recipient
from thurn.types.identity import AccountId, Identity
from thurn.types.session import RELAYED_FOR, Session, Target, Transaction
from thurn.types.status import QUEUED

ELSEWHERE = Recipient(Address.parse("z@example.com"))
ALICE = Identity(AccountId("alice"), "alice", "PLAIN", secured=True)


@pytest.mark.parametrize(
    ("identity", "relayed_for", "account"),
    [
        (None, None, None),
        (ALICE, None, "alice"),
        (None, {"bob"}, "bob"),
        (ALICE, {"bob"}, "alice"),
        (None, {"bob", "carol"}, None),
    ],
    ids=["nobody", "a login", "a grant", "a login before a grant", "one of two grants"],
)
def test_an_entry_knows_whose_mail_it_is(identity, relayed_for, account):
    session = Session("s", "mx", "smtp", None, identity=identity)
    transaction = Transaction("t", session, None, JournalRecord(0.0))
    if relayed_for is not None:
        transaction.stash[RELAYED_FOR] = frozenset(map(AccountId, relayed_for))
    copy = Copy(0, Target(ELSEWHERE, None), QUEUED)
    entry = plan_entry(EntryKind.RELAYED, transaction, Content.of(b"\r\n"), [copy], "queue")
    assert entry.origin.account == account
