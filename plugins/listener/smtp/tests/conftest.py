"""A site in memory behind the listener, and dialogues with it over connections in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
import trio
from argon2 import PasswordHasher
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import (
    Disconnect,
    Reject,
    Session,
    Tempfail,
    connection_policy,
    hello_policy,
    message_filter,
    recipient_policy,
    sasl,
    sasl_mechanism,
)
from thurn.telemetry.journal import latest
from thurn_testing.fakes.connection import converse, memory_connection
from trio.testing import wait_all_tasks_blocked

PASSWORD = "correct horse"
PAUSE_SECONDS = 2.5
"""What is no deadline but a pause of the server's own."""
BLOCKED = ip_address("192.0.2.66")


@connection_policy("address")
def address(session):
    """Blocks one address for good."""
    return Reject("address.blocked", "Blocked") if session.peer == BLOCKED else None


@hello_policy("name")
def name(session, name):
    match name:
        case "liar.example":
            return Reject("hello.liar", "Liar")
        case "leave.example":
            return Disconnect("hello.leave", "Leave")
    return None


@recipient_policy("later")
async def later(transaction, recipient):
    """Bob is busy, or slow; other rules of his answer nonsense."""
    if recipient.address.local == "bob+slow":
        await trio.sleep(2)
    if recipient.address.local == "bob+later":
        return Tempfail("recipient.later", "Later")
    if recipient.address.local == "bob+odd":
        return Reject("recipient.odd", "Odd", code=250, enhanced="2.0.0")
    if recipient.address.local == "bob+wrong":
        return Reject("recipient.wrong", "Wrong", code=550, enhanced="4.x")
    return None


@message_filter("words")
def words(message):
    match message.header("subject"):
        case "refuse":
            return Reject("words.refused", "Not this one")
        case "leave":
            return Disconnect("words.leave", "Leave")
    return None


@sasl_mechanism("FINAL", plaintext=False)
def final():
    """Says something with its success, as SCRAM does."""
    response = yield from sasl.receive()
    if response != b"alice":
        return sasl.SaslFailure("final")
    return sasl.SaslSuccess("alice", data=b"v=proof")


PLUGINS = [address, name, later, words, final]


def tables(base):
    """A site with a listener of each profile."""
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    lines = ['domains = ["example.org"]', "[accounts.postmaster]", f'password = "{digest}"']
    for account in ("alice", "bob"):
        lines += [f"[accounts.{account}]", f'password = "{digest}"']
    file = base / "accounts.toml"
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    common = {"type": "smtp", "tls": "main"}
    rules = {"policies": ["address", "name", "later"], "filters": ["words"]}
    login = {"sasl": ["plain", "login", "final"], "relay": ["authenticated"]}
    listeners = {
        "mx": {**common, **rules},
        "once": {**common, **rules, "reject_at": "once"},
        "small": {**common, "size_limit": "64KiB", "recipients": 100, "greeting": "hello there"},
        "lenient": {**common, "bare_line_ends": "normalize"},
        "scanners": {**common, "normalize_networks": ["192.0.2.128/25"]},
        "patient": {**common, "greeting_delay": "3s"},
        "secure": {**common, **login, "require_tls": True},
        "bare": {**common, "chunking": False, "smtputf8": False, "early_talkers": "allow"},
        "submission": {**common, **login, "profile": "submission"},
        "clear": {**common, **login, "profile": "submission", "plaintext_without_tls": True},
        "submissions": {**common, **login, "profile": "submissions"},
        "lmtp": {"type": "smtp", "bind": ["unix:/run/lmtp"], "profile": "lmtp", **rules},
    }
    for number, section in enumerate(listeners.values()):  # nothing is bound
        section.setdefault("bind", [f"127.0.0.1:{10_025 + number}"])
    return {
        "site": {
            "hostname": "mx.example.org", "accounts": ["main"], "store": "main", "state": "main",
            "postmaster": "postmaster@example.org", "data": str(base / "data"),
            "segment": "1MiB",
        },
        "account": {"main": {"type": "file", "file": "accounts.toml", "postmaster": "postmaster"}},
        "store": {"main": {"type": "memory"}},
        "state": {"main": {"type": "memory"}},
        "tls": {"main": {"type": "selfsigned"}},
        "relay": {"authenticated": {"type": "authenticated"}},
        "sasl": {word: {"type": word} for word in ("plain", "login", "final")},
        "policy": {word: {"type": word} for word in ("address", "name", "later")},
        "filter": {"words": {"type": "words"}},
        "listener": listeners,
    }  # fmt: skip


class Desk:
    """The site, and what it has."""

    def __init__(self, site, nursery, clock):
        self.site = site
        self.nursery = nursery
        self.clock = clock

    def listener(self, instance):
        return self.site.products["listener", instance]

    def connect(self, instance="mx", *, peer="192.0.2.1", early=b""):
        """A new connection being served; returns the peer's end."""
        secured = self.listener(instance).protocol == "submission" and instance == "submissions"
        certificate = instance != "lmtp"
        connection, end = memory_connection(peer, has_certificate=certificate, secured=secured)
        connection.inward.octets += early
        session = Session(
            self.site.ids.make(),
            f"listener.{instance}",
            self.listener(instance).protocol,
            connection.peer,
            tls=connection.tls,
        )
        self.nursery.start_soon(converse, self.listener(instance), connection, session)
        return end

    async def settle(self, peer):
        """Let the server work until it waits for the peer; its own pauses pass at once."""
        while not peer.quiet:
            for _ in range(12):
                await trio.lowlevel.checkpoint()
            if not peer.quiet:
                await wait_all_tasks_blocked(0.001)
            pause = trio.lowlevel.current_statistics().seconds_to_next_deadline
            if not peer.quiet and pause <= PAUSE_SECONDS:
                self.clock.jump(max(pause, 0))

    async def say(self, peer, octets):
        """Send; what the server answers until it waits for more."""
        if octets:
            await peer.send_all(octets)
        await self.settle(peer)
        return peer.received()

    async def mail(self, account="alice"):
        """All messages of an INBOX, oldest first."""
        handle = await self.site.stores(self.site.directory).open(account, None)
        inbox = await handle.mailbox("INBOX")
        view = await inbox.view()
        return [(await inbox.body(uid)).read() for uid in view.uids]

    def spooled(self):
        return list(self.site.data.glob("listener/*/tmp/*"))

    def journal(self):
        return latest(self.site.data / "journal", 1000)


@asynccontextmanager
async def open_desk(base, clock):
    registry = Registry()
    for factory in PLUGINS:
        registry.add(factory)
    config = load(of_tables(tables(base), base), registry)
    async with open_site(config) as site, trio.open_nursery() as nursery:
        yield Desk(site, nursery, clock)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def desk(tmp_path, mock_clock):
    """Its tests ask for `mock_clock` as well: only then it is trio's clock."""
    async with open_desk(tmp_path, mock_clock) as opened:
        yield opened
