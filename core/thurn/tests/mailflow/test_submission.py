"""What a submitted message gets and loses at its end. RFC 6409 §8."""

from __future__ import annotations

import pytest
from thurn.contracts.account import AccountRecord
from thurn.mailflow.submission import FROM_ADDRESSES, complete
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.errors import TemporaryFailure
from thurn_testing.fakes.session import make_identity, make_session, make_transaction

OWN = ("alice@example.org", "sales@example.org")
REST = b"Date: Tue, 24 Nov 2026 04:05:30 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nBcc: body\r\n"


class Accounts:
    """Alice, with two addresses."""

    def __init__(self, address=OWN[0]):
        self.address = None if address is None else Address.parse(address)

    async def owns(self, account, address):
        return account == "alice" and str(address) in OWN

    async def account(self, account):
        return AccountRecord(account, self.address)


async def run(octets, *, account="alice", directory=None, parameters=None):
    identity = None if account is None else make_identity(account)
    transaction = make_transaction(make_session(identity=identity), parameters=parameters)
    content = await complete(
        Content.of(octets),
        transaction,
        directory=directory or Accounts(),
        hostname="mail.example.org",
        now=1_800_000_000.0,
    )
    return content.read(), transaction


async def test_what_is_whole_is_left_alone():
    message = b"From: alice@example.org\r\n" + REST
    octets, transaction = await run(message)
    assert octets == message
    assert transaction.journal.stages == []


async def test_date_and_message_id_are_put_above():
    octets, transaction = await run(b"From: alice@example.org\r\n\r\nbody\r\n")
    assert octets == (
        b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
        b"Message-ID: <%s@mail.example.org>\r\n"
        b"From: alice@example.org\r\n\r\nbody\r\n" % transaction.id.encode()
    )
    assert transaction.journal.stages == [
        ("submission", "listener.test", "add Date; add Message-ID")
    ]


@pytest.mark.parametrize("present", [b"Date: yesterday\r\n", b"Message-ID: one\r\n"])
async def test_what_is_there_stays_right_or_wrong(present):
    octets, _ = await run(present + b"From: alice@example.org\r\n\r\n")
    assert present in octets
    assert octets.lower().count(present.partition(b":")[0].lower() + b":") == 1


async def test_blind_copies_stay_blind():
    """RFC 5322 §3.6.3; the body keeps its words, and other Resent fields stay."""
    octets, transaction = await run(
        b"bcc: bob@example.org,\r\n carol@example.org\r\nFrom: alice@example.org\r\n"
        b"BCC:\r\nResent-Bcc: eve@example.org\r\nResent-To: x@example.net\r\n" + REST
    )
    assert octets == b"From: alice@example.org\r\nResent-To: x@example.net\r\n" + REST
    assert transaction.journal.stages[0][2] == "remove Bcc; remove Resent-Bcc"


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"From: Alice <alice@example.org>\r\n", None),
        (b"From: sales@example.org\r\n", None),
        # none of From is the login's
        (b"From: boss@example.net\r\n", "alice@example.org"),
        # several addresses: Sender must be there
        (b"From: alice@example.org, boss@example.net\r\n", "alice@example.org"),
        (b"From: boss@example.net, sales@example.org\r\n", "sales@example.org"),
        (b"From: a@example.net, b@example.net\r\n", "alice@example.org"),
        # a Sender that is there stays
        (b"From: boss@example.net\r\nSender: x@example.net\r\n", None),
        # From is missing, doubled, or cannot be read
        (b"To: bob@example.org\r\n", None),
        (b"From: boss@example.net\r\nFrom: x@example.net\r\n", None),
        (b"From: <<boss@example.net>\r\n", None),
        (b"From: boss\r\n", None),
        (b"From: undisclosed:;\r\n", None),
        (b"From: " + b"a@example.net, " * FROM_ADDRESSES + b"b@example.net\r\n", None),
        # resent: From is another's by right
        (b"Resent-From: alice@example.org\r\nFrom: boss@example.net\r\n", None),
    ],
)
async def test_sender_says_who_has_sent_where_from_alone_does_not(header, sender):
    octets, _ = await run(header + REST)
    added = b"" if sender is None else b"Sender: %s\r\n" % sender.encode()
    assert octets == added + header + REST


async def test_nobody_is_the_sender_of_mail_without_a_login():
    message = b"From: boss@example.net\r\n" + REST
    assert (await run(message, account=None))[0] == message


@pytest.mark.parametrize(
    ("address", "parameters", "added"),
    [
        (None, None, b""),
        ("j\u00f6rg@example.org", None, b""),
        ("j\u00f6rg@example.org", {"SMTPUTF8": None}, "Sender: j\u00f6rg@example.org\r\n".encode()),
    ],
)
async def test_an_address_that_cannot_be_written_is_not(address, parameters, added):
    message = b"From: boss@example.net\r\n" + REST
    octets, _ = await run(message, directory=Accounts(address), parameters=parameters)
    assert octets == added + message


async def test_a_directory_in_trouble_is_a_temporary_failure():
    class Down(Accounts):
        async def owns(self, account, address):
            raise TemporaryFailure("down")

    with pytest.raises(TemporaryFailure):
        await run(b"From: boss@example.net\r\n" + REST, directory=Down())
