"""The stage `outgoing`: what goes elsewhere passes it once, edits before signatures, by its kind.

The mail flow of a listener is asked directly, with real rules, stores and queue.
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from mailsite import tables
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import (
    PENDING_OUTGOING,
    Accept,
    AccountId,
    Address,
    Blob,
    ChangeSender,
    ConfigError,
    Content,
    Continue,
    EntryKind,
    EntryOrigin,
    Envelope,
    HopClass,
    InsertFields,
    InsertHeader,
    OverQuota,
    Recipient,
    Reject,
    RemoveHeader,
    RemoveRecipient,
    Route,
    Status,
    Tempfail,
    UnknownAddress,
    outgoing_filter,
    plugin,
    relay_policy,
)
from thurn_testing.checks import check_outgoing
from thurn_testing.fakes.session import make_identity, make_session

MESSAGE = b"From: alice@example.org\r\nX-Old: one\r\nSubject: hello\r\n\r\nbody\r\n"
SENDER = Address.parse("x@elsewhere.example")
FOREIGN = "y@elsewhere.example"
ROUTED = "old@inside.example"

SEEN: list[tuple[str, EntryOrigin, Envelope, bytes]] = []
"""What each instance was asked, in order."""
ANSWERS: dict[str, object] = {}
"""What an instance answers besides its usual answer; an exception is raised."""


def _answer(name, usual):
    answer = ANSWERS.get(name, usual)
    if isinstance(answer, Exception):
        raise answer
    return answer


@outgoing_filter("null")
def null(envelope, origin, content):
    SEEN.append(("null", origin, envelope, content.read()))
    return _answer("null", None)


@outgoing_filter("insert")
async def insert(entry, content):
    SEEN.append(("insert", entry.origin, entry.envelope, content.read()))
    return _answer("insert", Continue("test.insert", edits=(InsertHeader("X-New", "1"),)))


@outgoing_filter("sign", outgoing_class="sign")
def sign(envelope, origin, content):
    SEEN.append(("sign", origin, envelope, content.read()))
    new = b"new" if b"X-New: 1\r\n" in content.read() else b"old"
    return _answer("sign", Continue(edits=(InsertFields(b"X-Sign: a;\r\n\tb=" + new + b"\r\n"),)))


class _Rules:
    """By the sub-address: "on" redirects, "answer" replies, "later" has no room, "no" refuses."""

    async def deliver(self, delivery):
        whom = (Recipient(Address.parse(FOREIGN)),)
        match delivery.detail:
            case "on":
                delivery.send(Envelope(delivery.envelope.sender, whom), delivery.content)
            case "answer":
                reply = Content.of(b"Subject: away\r\n\r\n")
                delivery.send(Envelope(None, whom), reply, kind=EntryKind.REPLY)
            case "later":
                raise OverQuota
            case "no":
                delivery.reject(Status(550, "5.7.1", "Not for me"))


@plugin("delivery", "rules")
@asynccontextmanager
async def rules():
    yield _Rules()


@relay_policy("all")
def everybody(transaction, recipient):
    return Accept("test.all")


class _Routes:
    """A directory that sends `inside.example` to a host of the site's own."""

    async def resolve(self, address):
        if address.domain == "inside.example":
            return Route("mx.inside.example", address)
        return UnknownAddress(False)

    async def account(self, account):
        return None

    async def owns(self, account, address):
        return False

    async def may_act_as(self, authcid, authzid):
        return None


@plugin("account", "routes")
@asynccontextmanager
async def routes():
    yield _Routes()


PLUGINS = [null, insert, sign, rules, everybody, routes]


class Desk:
    def __init__(self, site):
        self.site = site

    async def send(self, *recipients, listener="mx", account=None, sender=SENDER, message=MESSAGE):
        flow = self.site.flow_of(self.site.config.instances["listener", listener])
        identity = None if account is None else make_identity(account)
        transaction = await flow.sender(make_session(identity=identity), sender, {})
        for whom in recipients:
            address = Address.parse(whom if "@" in whom else f"{whom}@example.org")
            answer = await flow.recipient(transaction, Recipient(address))
            assert isinstance(answer, Accept), answer
        outcome = await flow.message(transaction, Blob(message), replies="one")
        return outcome.statuses[0]

    async def entries(self):
        return await self.site.products["queue", "main"].entries()

    async def contents(self):
        """The octets of all entries, oldest first."""
        queue = self.site.products["queue", "main"]
        leases = [await queue.next_lease() for _ in await queue.entries()]
        leases.sort(key=lambda lease: lease.id)
        return [(await lease.content()).read() for lease in leases]


@pytest.fixture
def opened(tmp_path):
    """The site; `outgoing` is its list."""
    SEEN.clear()
    ANSWERS.clear()

    @asynccontextmanager
    async def one(*outgoing, on_error="tempfail"):
        section = {"delivery": ["rules"], "relay": ["all"]}
        site = tables(tmp_path, mx=section, submission=section)
        site["site"] |= {"data": "data", "queue": "main", "outgoing": list(outgoing)}
        site["site"]["accounts"] = ["main", "routes"]
        site["account"]["routes"] = {"type": "routes"}
        site["store"]["main"] = {"type": "memory"}
        site["queue"] = {"main": {"type": "spool"}}
        site["delivery"] = {"rules": {"type": "rules"}}
        site["relay"]["all"] = {"type": "all"}
        site["outgoing"] = {
            name: {"type": name, "on_error": on_error} for name in ("null", "insert", "sign")
        }
        registry = Registry()
        for factory in PLUGINS:
            registry.add(factory)
        async with open_site(load(of_tables(site, tmp_path), registry)) as running:
            yield Desk(running)

    return one


async def test_edits_come_before_signatures_whatever_the_list_says(opened):
    async with opened("sign", "null", "insert") as desk:
        assert (await desk.send(FOREIGN)).code == 250
        assert [name for name, *_ in SEEN] == ["null", "insert", "sign"]
        (octets,) = await desk.contents()
    assert octets.startswith(b"X-Sign: a;\r\n\tb=new\r\nX-New: 1\r\nReceived: ")
    assert octets.endswith(MESSAGE)
    (null_seen, _, sign_seen) = [seen for *_, seen in SEEN]
    assert null_seen.startswith(b"Received: ")
    assert sign_seen == b"X-New: 1\r\n" + null_seen


async def test_the_null_edit_changes_nothing(opened):
    async with opened("null") as desk:
        await desk.send(FOREIGN)
    async with opened() as desk:
        await desk.send(FOREIGN)
        before, after = [one[one.index(b"From:") :] for one in await desk.contents()]
        assert before == after
        assert {entry.pending_stage for entry in await desk.entries()} == {""}


@pytest.mark.parametrize(
    ("whom", "listener", "account", "kind", "hop_class", "owner"),
    [
        ([FOREIGN], "mx", None, EntryKind.RELAYED, HopClass.WORLD, None),
        ([ROUTED], "mx", None, EntryKind.RELAYED, HopClass.INSIDE, None),
        ([FOREIGN], "mx", "alice", EntryKind.RELAYED, HopClass.WORLD, "alice"),
        ([FOREIGN], "submission", "alice", EntryKind.SUBMITTED, HopClass.WORLD, "alice"),
        (["alice+on"], "mx", None, EntryKind.REDIRECT, HopClass.WORLD, "alice"),
        (["alice+on"], "submission", "bob", EntryKind.REDIRECT, HopClass.WORLD, "alice"),
        (["bob+answer"], "mx", None, EntryKind.REPLY, HopClass.WORLD, "bob"),
        (["alice", "bob+no"], "mx", None, EntryKind.REPORT, HopClass.WORLD, None),
    ],
)
async def test_an_entry_says_how_it_came_to_be(
    opened, whom, listener, account, kind, hop_class, owner
):
    async with opened("null") as desk:
        assert (await desk.send(*whom, listener=listener, account=account)).code == 250
        ((_, origin, _, _),) = SEEN
        (entry,) = await desk.entries()
        assert entry.origin == origin
    assert (origin.kind, origin.hop_class, origin.account) == (kind, hop_class, owner)


async def test_inside_and_world_are_entries_of_their_own(opened):
    async with opened("null") as desk:
        assert (await desk.send(FOREIGN, ROUTED, "z@elsewhere.example")).code == 250
        entries = await desk.entries()
    whom = [[str(one.address) for one in entry.envelope.recipients] for entry in entries]
    assert sorted(whom) == [[ROUTED], [FOREIGN, "z@elsewhere.example"]]
    assert len(SEEN) == 2


async def test_a_copy_that_waits_for_an_account_passes_no_stage(opened):
    async with opened("null") as desk:
        assert (await desk.send("alice", "bob+later")).code == 250
        (entry,) = await desk.entries()
    assert (entry.origin.hop_class, entry.pending_stage, SEEN) == (None, "", [])


async def test_a_new_sender_is_the_entrys_alone(opened):
    """Rewritten senders: the world sees one sender, local accounts see another."""
    other = Address.parse("srs@example.org")
    ANSWERS["null"] = Continue(edits=(ChangeSender(other),))
    async with opened("null", "sign") as desk:
        assert (await desk.send(FOREIGN, ROUTED, "alice")).code == 250
        assert {entry.envelope.sender for entry in await desk.entries()} == {other}
    assert {envelope.sender for name, _, envelope, _ in SEEN if name == "sign"} == {other}
    assert {envelope.sender for name, _, envelope, _ in SEEN if name == "null"} == {SENDER}


UNDECIDED = [
    Tempfail("key.unreadable"),
    KeyError("key"),
    Reject("no", "never"),
    Continue(edits=(RemoveRecipient(SENDER),)),
    Continue(edits=(InsertHeader("X", "1\r\nY: 2"),)),
    Continue(edits=(InsertFields(b"X: 1"),)),
    Continue(edits=(InsertFields(b"X: 1\r\n\r\nbody\r\n"),)),
]
"""Answers and errors after which the stage counts as undecided."""


@pytest.mark.parametrize("answer", UNDECIDED, ids=repr)
async def test_what_cannot_be_decided_is_committed_with_the_stage_pending(opened, answer):
    ANSWERS["null"] = answer
    async with opened("insert", "null", "sign") as desk:
        assert (await desk.send(FOREIGN)).code == 250
        (entry,) = await desk.entries()
        (octets,) = await desk.contents()
    assert entry.pending_stage == PENDING_OUTGOING
    assert octets.startswith(b"Received: ")
    assert [name for name, *_ in SEEN] == ["insert", "null"]


async def test_a_signer_that_edits_has_not_decided(opened):
    ANSWERS["sign"] = Continue(edits=(RemoveHeader("X-Old"),))
    async with opened("sign") as desk:
        assert (await desk.send(FOREIGN)).code == 250
        (entry,) = await desk.entries()
    assert entry.pending_stage == PENDING_OUTGOING


@pytest.mark.parametrize("answer", UNDECIDED, ids=repr)
async def test_submitted_mail_that_cannot_be_decided_stays_with_its_sender(opened, answer):
    ANSWERS["null"] = answer
    async with opened("null") as desk:
        status = await desk.send(FOREIGN, "alice", listener="submission", account="bob")
        assert status.code == 451
        assert await desk.entries() == []


async def test_what_submitted_mail_sets_off_waits_with_the_stage_pending(opened):
    ANSWERS["null"] = Tempfail("key.unreadable")
    async with opened("null") as desk:
        assert (await desk.send("alice+on", listener="submission", account="bob")).code == 250
        (entry,) = await desk.entries()
    assert (entry.origin.kind, entry.pending_stage) == (EntryKind.REDIRECT, PENDING_OUTGOING)


async def test_a_site_may_do_without_an_instance_that_fails(opened):
    ANSWERS["null"] = KeyError("key")
    async with opened("null", "sign", on_error="continue") as desk:
        assert (await desk.send(FOREIGN, listener="submission", account="bob")).code == 250
        (entry,) = await desk.entries()
    assert entry.pending_stage == ""


async def test_a_notice_of_a_plugin_passes_as_a_report(opened):
    async with opened("null") as desk:
        whom = Envelope(None, (Recipient(Address.parse(FOREIGN)),))
        await desk.site.submit("service.x", whom, Content.of(b"Subject: notice\r\n\r\n"))
        (entry,) = await desk.entries()
    assert entry.origin.kind is EntryKind.REPORT
    assert entry.origin.listener == "service.x"


async def test_an_instance_of_neither_class_is_an_error_at_start(opened):
    @outgoing_filter("null", outgoing_class="both")
    def neither(content):
        return None

    PLUGINS[0], kept = neither, PLUGINS[0]
    try:
        with pytest.raises(ConfigError, match="outgoing_class"):
            async with opened("null"):
                pass
    finally:
        PLUGINS[0] = kept


async def test_local_and_far_copies_of_submitted_mail_are_equal(opened):
    """RFC 6409 §8: completed once, before anything looks at the message."""
    async with opened("null") as desk:
        whom = ("bob", FOREIGN)
        assert (await desk.send(*whom, listener="submission", account="alice")).code == 250
        (far,) = await desk.contents()
        handle = await desk.site.stores(desk.site.directory).open(AccountId("bob"), None)
        inbox = await handle.mailbox("INBOX")
        (near,) = [(await inbox.body(uid)).read() for uid in (await inbox.view()).uids]
    assert near.endswith(far)
    assert near.removesuffix(far).count(b"\r\n") == 2  # Return-Path and Delivered-To
    assert b"\r\nDate: " in far
    assert b"\r\nMessage-ID: <" in far
    assert far.endswith(MESSAGE)


async def test_a_header_that_cannot_be_read_whole_is_not_submitted(opened):
    """Its last field is a Bcc, behind more fields than are read."""
    message = b"X: 1\r\n" * 5_000 + b"Bcc: bob@example.org\r\n\r\nbody\r\n"
    async with opened() as desk:
        facts = {"account": "alice", "message": message}
        assert (await desk.send("bob", listener="submission", **facts)).code == 552
        assert (await desk.send("bob", listener="mx", **facts)).code == 250


async def test_the_one_line_check():
    decision = await check_outgoing(insert, MESSAGE)
    assert decision.edits == (InsertHeader("X-New", "1"),)
    assert await check_outgoing(null, MESSAGE) == Continue()
