"""What the end of data is answered, and what is stored, queued and reported.

The mail flow of a listener is asked directly, with real rules, stores and queue.
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from mailsite import tables
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import (
    Accept,
    Address,
    ChangeSender,
    Content,
    Continue,
    Discard,
    Disconnect,
    Envelope,
    InsertFields,
    InsertHeader,
    Quarantine,
    Recipient,
    Reject,
    RemoveHeader,
    RemoveRecipient,
    ReplaceHeader,
    Status,
    Tempfail,
    message_filter,
    plugin,
    relay_policy,
)
from thurn.types.content import Blob
from thurn.types.decision import AddRecipient
from thurn.types.errors import OverQuota, StorageFull
from thurn.types.identity import AccountId
from thurn.types.status import OK
from thurn_store_memory.state import AccountState
from thurn_testing.fakes.session import make_session

MESSAGE = b"Subject: hello\r\nX-Old: one\r\nX-Old: two\r\n\r\nbody\r\n"
SENDER = Address.parse("x@elsewhere.example")
FOREIGN = "y@elsewhere.example"
REJECTED = Status(550, "5.7.1", "Not for me")


class _Rules:
    """By the sub-address: "no" rejects, "later" has no room, "raise" breaks, "send" answers."""

    async def deliver(self, delivery):
        match delivery.detail:
            case "no":
                delivery.reject(REJECTED)
            case "later":
                raise OverQuota
            case "raise":
                raise KeyError
            case "missing":
                delivery.file("Nowhere", create=False)
            case "nonsense":
                delivery.reject(OK)
            case "half":
                delivery.discard("unwanted")
                raise KeyError
            case "drop":
                delivery.discard("unwanted")
            case "twice":
                whom = [Recipient(Address.parse(f"{who}@example.org")) for who in ("bob", "team")]
                delivery.send(Envelope(None, whom), Content.of(b"Subject: answer\r\n\r\nx\r\n"))
            case "send":
                delivery.keep()
                whom = (Recipient(Address.parse("bob@example.org")),)
                delivery.send(Envelope(None, whom), Content.of(b"Subject: answer\r\n\r\nx\r\n"))


@plugin("delivery", "rules")
@asynccontextmanager
async def rules():
    yield _Rules()


ANSWERS = []
"""What the filters say, in their order."""


def _filter(number):
    @message_filter(f"say{number}")
    def say(message):
        return ANSWERS[number] if number < len(ANSWERS) else None

    return say


@relay_policy("all")
def everybody(transaction, recipient):
    return Accept("test.all")


PLUGINS = [rules, everybody, _filter(0), _filter(1)]


class Desk:
    def __init__(self, site):
        self.site = site
        self.flow = site.flow_of(site.config.instances["listener", "mx"])

    async def send(self, *recipients, replies="one", sender=SENDER, message=MESSAGE):
        session = make_session()
        transaction = await self.flow.sender(session, sender, {})
        for whom in recipients:
            answer = await self.flow.recipient(transaction, Recipient(Address.parse(whom)))
            assert isinstance(answer, Accept), answer
        outcome = await self.flow.message(transaction, Blob(message), replies=replies)
        codes = tuple(status.code for status in outcome.statuses)
        return outcome, codes[0] if replies == "one" else codes

    async def mailbox(self, account, name="INBOX"):
        handle = await self.site.stores(self.site.directory).open(AccountId(account), None)
        box = await handle.mailbox(name)
        return [(await box.body(uid)).read() for uid in (await box.view()).uids]

    async def counts(self):
        return [len(await self.mailbox(account)) for account in ("alice", "bob")]

    async def queued(self):
        """(sender, recipients) of all that waits; "report" for the null sender's reports."""
        found = []
        for entry in await self.site.products["queue", "main"].entries():
            whom = [str(recipient.address) for recipient in entry.envelope.recipients]
            found.append((str(entry.envelope.sender or ""), whom))
        return found


@pytest.fixture
def opened(tmp_path):
    """The site; `queue=False` leaves it without one."""
    ANSWERS.clear()

    @asynccontextmanager
    async def one(*, queue=True, on_error="tempfail"):
        section = {"filters": ["say0", "say1"], "delivery": ["rules"], "relay": ["all"]}
        site = tables(tmp_path, mx=section)
        site["site"]["data"] = "data"
        site["store"]["main"] = {"type": "memory"}
        site["delivery"] = {"rules": {"type": "rules", "on_error": on_error}}
        site["filter"] = {f"say{n}": {"type": f"say{n}"} for n in range(2)}
        site["relay"]["all"] = {"type": "all"}
        if queue:
            site["queue"] = {"main": {"type": "spool"}}
            site["site"]["queue"] = "main"
        registry = Registry()
        for factory in PLUGINS:
            registry.add(factory)
        async with open_site(load(of_tables(site, tmp_path), registry)) as running:
            yield Desk(running)

    return one


REPORT = ("", ["x@elsewhere.example"])


@pytest.mark.parametrize(
    ("whom", "code", "counts", "queued"),
    [
        (["alice"], 250, [1, 0], []),
        (["alice", "bob", "alice"], 250, [1, 1], []),
        (["team"], 250, [1, 1], []),
        (["team", "bob"], 250, [1, 1], []),
        (["alice+drop"], 250, [0, 0], []),
        # everybody rejects: 5xx; nobody is reached and nobody rejects: 4xx
        (["alice+no"], 550, [0, 0], []),
        (["alice+no", "bob+no"], 550, [0, 0], []),
        (["alice+later"], 452, [0, 0], []),
        (["alice+raise", "bob+later"], 451, [0, 0], []),
        (["alice+nonsense"], 451, [0, 0], []),
        (["alice", "alice+no"], 250, [1, 0], []),
        (["alice+no", "alice"], 250, [1, 0], [REPORT]),
        (["alice", "bob+missing"], 451, [0, 0], []),
        # mixed: a report for who rejects, the queue for who fails
        (["alice", "bob+no"], 250, [1, 0], [REPORT]),
        (["alice", "bob+later"], 250, [1, 0], [(str(SENDER), ["bob+later@example.org"])]),
        (["alice+no", "bob+later"], 250, [0, 0],
         [(str(SENDER), ["bob+later@example.org"]), REPORT]),
        (["alice+no", FOREIGN], 250, [0, 0], [(str(SENDER), [FOREIGN]), REPORT]),
        ([FOREIGN], 250, [0, 0], [(str(SENDER), [FOREIGN])]),
        (["alice", FOREIGN], 250, [1, 0], [(str(SENDER), [FOREIGN])]),
        (["alice+send"], 250, [1, 1], []),
    ],
)  # fmt: skip
async def test_one_answer_speaks_for_all(opened, whom, code, counts, queued):
    async with opened() as desk:
        outcome, answered = await desk.send(*(w if "@" in w else f"{w}@example.org" for w in whom))
        assert answered == code
        assert await desk.counts() == counts
        assert sorted(await desk.queued()) == sorted(queued)
        assert not outcome.disconnect


@pytest.mark.parametrize(
    ("whom", "codes", "counts"),
    [
        (["alice", "alice", "bob"], (250, 250, 250), [1, 1]),
        (["alice", "bob+no"], (250, 550), [1, 0]),
        (["alice+no", "alice"], (550, 250), [1, 0]),
        (["alice+later", "bob"], (452, 250), [0, 1]),
        (["alice+no", "bob+raise"], (550, 451), [0, 0]),
        (["team", "alice"], (250, 250), [1, 1]),
    ],
)
async def test_each_recipient_has_its_answer(opened, whom, codes, counts):
    """LMTP: one status per accepted RCPT, duplicates included. RFC 2033 §4.2."""
    async with opened() as desk:
        _, answered = await desk.send(*(f"{w}@example.org" for w in whom), replies="each")
        assert answered == codes
        assert await desk.counts() == counts
        assert await desk.queued() == []


async def test_only_what_is_sent_on_has_a_key(opened):
    """Incoming messages have no key, since each has a new id; the copies of a rule have one."""
    async with opened() as desk:
        for _ in range(2):
            await desk.send("alice+send@example.org", "bob@example.org")
        assert await desk.counts() == [2, 4]
        handle = await desk.site.stores(desk.site.directory).open(AccountId("alice"), None)
        assert not handle.state.delivered
        handle = await desk.site.stores(desk.site.directory).open(AccountId("bob"), None)
        assert len(handle.state.delivered) == 2
        await desk.send("alice+twice@example.org")
        assert await desk.counts() == [3, 5]


async def test_a_null_sender_gets_no_report(opened):
    """RFC 5321 §6.1."""
    async with opened() as desk:
        _, code = await desk.send("alice@example.org", "bob+no@example.org", sender=None)
        assert code == 250
        assert await desk.counts() == [1, 0]
        assert await desk.queued() == []


@pytest.mark.parametrize(("other", "code"), [("bob+no", 451), ("bob+later", 452)])
async def test_without_a_queue_the_peer_keeps_all_of_a_mixed_message(opened, other, code):
    async with opened(queue=False) as desk:
        _, answered = await desk.send("alice@example.org", f"{other}@example.org")
        assert answered == code
        assert await desk.counts() == [0, 0]


# filters


async def test_header_edits_are_seen_by_the_next_filter_and_filed(opened):
    ANSWERS[:] = [
        Continue("a", edits=(InsertHeader("X-New", "1"), RemoveHeader("x-old"))),
        Accept("b", edits=(ReplaceHeader("Subject", "ä"), InsertHeader("X-New", "2"))),
    ]
    async with opened() as desk:
        assert (await desk.send("alice@example.org"))[1] == 250
        (octets,) = await desk.mailbox("alice")
    assert b"X-Old" not in octets
    assert octets.index(b"X-New: 2\r\n") < octets.index(b"X-New: 1\r\n")
    assert b"Subject: hello" not in octets
    assert octets.count(b"\r\nSubject: =?utf-8?") == 1
    assert octets.endswith(b"\r\n\r\nbody\r\n")


async def test_envelope_edits(opened):
    bob = Address.parse("bob@example.org")
    ANSWERS[:] = [
        Continue("a", edits=(ChangeSender(Address.parse("new@elsewhere.example")),)),
        Continue("b", edits=(AddRecipient(bob), RemoveRecipient(Address.parse(FOREIGN)))),
    ]
    async with opened() as desk:
        assert (await desk.send("alice@example.org", FOREIGN))[1] == 250
        assert await desk.counts() == [1, 1]
        (octets,) = await desk.mailbox("bob")
        assert octets.startswith(b"Return-Path: <new@elsewhere.example>\r\n")
        assert await desk.queued() == []


async def test_a_recipient_that_a_filter_adds_and_nobody_has_is_no_silent_loss(opened):
    ANSWERS[:] = [Continue("a", edits=(AddRecipient(Address.parse("archive@example.org")),))]
    async with opened() as desk:
        assert (await desk.send("alice@example.org"))[1] == 451
        assert await desk.counts() == [0, 0]


async def test_half_of_what_a_failing_rule_wanted_counts_for_nothing(opened):
    async with opened(on_error="continue") as desk:
        assert (await desk.send("alice+half@example.org"))[1] == 250
        assert await desk.counts() == [1, 0]


async def test_a_line_end_in_an_edit_is_a_temporary_failure(opened):
    ANSWERS[:] = [Continue("a", edits=(InsertHeader("X-New", "1\r\nBcc: y"),))]
    async with opened() as desk:
        assert (await desk.send("alice@example.org"))[1] == 451
        assert await desk.counts() == [0, 0]


@pytest.mark.parametrize(
    ("octets", "code"), [(b"X-A: 1;\r\n\tb=2\r\n", 250), (b"X-A: 1", 451), (b"X-A: 1\r\n\r\n", 451)]
)
async def test_whole_fields_of_a_filter_stand_as_they_are_or_not_at_all(opened, octets, code):
    ANSWERS[:] = [Continue("a", edits=(InsertFields(octets),))]
    async with opened() as desk:
        assert (await desk.send("alice@example.org"))[1] == code
        mail = await desk.mailbox("alice")
    assert [octets in one for one in mail] == [True] * (code == 250)


@pytest.mark.parametrize(
    ("answer", "code", "disconnect"),
    [
        (Reject("r", "No", 554, "5.6.0"), 554, False), (Tempfail("t"), 451, False),
        (Disconnect("d"), 421, True), (Discard("x"), 250, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("replies", ["one", "each"])
async def test_a_filter_that_decides_files_nothing(opened, answer, code, disconnect, replies):
    ANSWERS[:] = [answer]
    async with opened() as desk:
        whom = ("alice@example.org", "bob@example.org")
        outcome, _ = await desk.send(*whom, replies=replies)
        assert [s.code for s in outcome.statuses] == [code] * (2 if replies == "each" else 1)
        assert outcome.disconnect == disconnect
        assert await desk.counts() == [0, 0]


async def test_quarantine_runs_no_rules_and_sends_nothing_on(opened):
    ANSWERS[:] = [Quarantine("bad", "Junk")]
    async with opened() as desk:
        assert (await desk.send("alice+no@example.org", FOREIGN))[1] == 250
        assert await desk.counts() == [0, 0]
        assert len(await desk.mailbox("alice", "Junk")) == 1
        assert await desk.queued() == [REPORT]


# failures


async def test_more_than_a_hundred_hops_are_a_loop(opened):
    """RFC 5321 §6.3."""
    received = b"Received: from a by b; Fri, 1 Jan 2027 00:00:00 +0000\r\n"
    async with opened() as desk:
        assert (await desk.send("alice@example.org", message=received * 99 + MESSAGE))[1] == 250
        for replies, code in (("one", 554), ("each", (554, 554))):
            _, answered = await desk.send(
                "alice@example.org",
                "bob@example.org",
                replies=replies,
                message=received * 101 + MESSAGE,
            )
            assert answered == code
        assert await desk.counts() == [1, 0]


@pytest.mark.parametrize("replies", ["one", "each"])
async def test_a_commit_that_fails_is_a_temporary_failure_of_all(opened, monkeypatch, replies):
    async with opened() as desk:

        async def broken(*_):
            await trio.lowlevel.checkpoint()
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("thurn.delivery.deliver.commit_all", broken)
        outcome, _ = await desk.send("alice@example.org", "bob@example.org", replies=replies)
        assert {status.code for status in outcome.statuses} == {452}
        monkeypatch.undo()
        assert await desk.counts() == [0, 0]


def at(whom):
    return [one if "@" in one else f"{one}@example.org" for one in whom]


def no_room(monkeypatch, desk, *accounts):
    """The indexes of these cannot be committed, though all had room when they began."""
    states = desk.site.products["store", "main"]._states
    full = [states[AccountId(one)] for one in accounts]
    commit = AccountState.commit

    def refuse(self):
        if self in full:
            self.rollback()
            raise StorageFull
        commit(self)

    monkeypatch.setattr(AccountState, "commit", refuse)


@pytest.mark.parametrize(
    ("whom", "codes", "counts"),
    [
        (["alice", "bob"], (250, 452), [1, 0]),
        (["bob", "alice", "bob"], (452, 250, 452), [1, 0]),
        (["team"], (452,), [1, 0]),
        (["bob"], (452,), [0, 0]),
    ],
)
async def test_each_hears_whether_its_own_index_had_room(opened, monkeypatch, whom, codes, counts):
    async with opened() as desk:
        await desk.counts()
        no_room(monkeypatch, desk, "bob")
        assert (await desk.send(*at(whom), replies="each"))[1] == codes
        assert await desk.counts() == counts
        assert await desk.queued() == []


async def test_who_had_no_room_waits_in_the_queue(opened, monkeypatch):
    async with opened() as desk:
        await desk.counts()
        no_room(monkeypatch, desk, "bob")
        assert (await desk.send(*at(["alice", "bob", FOREIGN])))[1] == 250
        assert await desk.counts() == [1, 0]
        assert sorted(await desk.queued()) == [
            (str(SENDER), ["bob@example.org"]),
            (str(SENDER), [FOREIGN]),
        ]
        no_room(monkeypatch, desk, "alice", "bob")
        assert (await desk.send(*at(["alice", "bob"])))[1] == 452
        assert await desk.counts() == [1, 0]
