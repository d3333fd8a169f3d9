"""A site in this process with IMAP listeners, and connections to it that are in memory.

`open_world` gives a `World`: real gate, accounts, state and store (memory or spool); only the
socket is not real. Between listener and store stands one that fails where a test says so.
"""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated

import pytest
import trio
from argon2 import PasswordHasher
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry, installed
from thurn.plugin import (
    AccountId,
    Append,
    Content,
    MailStore,
    OverQuota,
    Ref,
    SaslSuccess,
    Session,
    Settings,
    plugin,
    sasl,
    sasl_mechanism,
)
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.connection import converse, memory_connection
from trio.testing import wait_all_tasks_blocked

NUMBERS = itertools.count(1)
PASSWORDS = {"alice": "secret", "bob": "correct horse", "carol": "pässword", "dave": "pop3 only"}
MESSAGES = [
    (
        b"Date: Mon, 2 Jun 2025 10:00:00 +0200\r\nFrom: Ann <ann@example.net>\r\n"
        b"To: alice@example.org\r\nSubject: one\r\nMessage-ID: <1@example.net>\r\n\r\nhello\r\n"
    ),
    (
        b"Date: Tue, 3 Jun 2025 11:00:00 +0000\r\n"
        b"From: =?utf-8?q?J=C3=BCrgen?= <jw@example.net>\r\n"
        b"To: alice@example.org, bob@example.org\r\nSubject: =?utf-8?b?WndlacOfaWc=?=\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"preamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b\r\n"
        b"Content-Type: application/octet-stream; name=x.bin\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n"
    ),
    (b"Subject: three\r\nX-Color: red\r\n\r\nline 1\r\nline 2\r\n"),
]


@dataclass
class Faults:
    """What the store between does: errors by the name of a function, contents by UID; and what
    another does just before a function."""

    before: dict = field(default_factory=dict)
    errors: dict = field(default_factory=dict)
    contents: dict = field(default_factory=dict)
    records: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)


class Shaky:
    """Passes everything on to what it stands for, unless it is to fail."""

    def __init__(self, real, faults):
        self._real, self._faults = real, faults

    @property
    def record(self):
        return replace(self._real.record, **self._faults.records)

    @property
    def account(self):
        return self._real.account

    @property
    def separator(self):
        return self._real.separator

    def __getattr__(self, name):
        async def call(*arguments, **named):
            self._faults.calls.append(name)
            if name in self._faults.before:
                await self._faults.before.pop(name)()
            if name in self._faults.errors:
                raise self._faults.errors[name]
            if name == "body" and arguments[0] in self._faults.contents:
                return self._faults.contents[arguments[0]]
            found = await getattr(self._real, name)(*arguments, **named)
            if name == "bodies":
                found = self._bodies(arguments[0], found)
            if name == "mailboxes":
                found = [replace(record, **self._faults.records) for record in found]
            return Shaky(found, self._faults) if name in ("open", "mailbox") else found

        return call

    def _bodies(self, uids, found):
        """Each counts as one asked for; those that a test put in its way are asked for alone."""
        self._faults.calls += ["body"] * len(uids)
        faulty = set(uids) if "body" in self._faults.errors else self._faults.contents
        return [None if uid in faulty else one for uid, one in zip(uids, found, strict=True)]


class World:
    """The site, and everything that a test may do to it."""

    def __init__(self, site, clock, faults, nursery, mock_clock):
        self.site, self.clock, self.faults = site, clock, faults
        self.nursery, self.mock_clock = nursery, mock_clock

    def listener(self, name="imap"):
        return self.site.products["listener", name]

    async def account(self, name="alice"):
        return await self.site.stores(self.site.directory).open(AccountId(name), None)

    async def mailbox(self, name="alice", mailbox="INBOX"):
        return await (await self.account(name)).mailbox(mailbox)

    async def deliver(self, content, name="alice", mailbox="INBOX", flags=()):
        account = await self.account(name)
        received = datetime(2025, 6, 15, 12, 30, tzinfo=UTC)
        append = Append(mailbox, Content.of(content), received, flags, create=True)
        return await account.append(append)

    def connect(self, listener="imap", *, secured=True, certificate=True):
        """A new connection being served; the peer's end."""
        connection, end = memory_connection(has_certificate=certificate, secured=secured)
        session = Session(
            f"s{next(NUMBERS)}", f"listener.{listener}", "imap", connection.peer, tls=connection.tls
        )
        self.nursery.start_soon(converse, self.listener(listener), connection, session)
        return end

    async def say(self, peer, octets):
        """Send; what the server answers until it waits for more."""
        if octets:
            await peer.send_all(octets)
        answer = []
        while not peer.quiet:
            for _ in range(8):
                await trio.lowlevel.checkpoint()
            if not peer.quiet:
                await wait_all_tasks_blocked(0.001)
            answer.append(peer.received())
        return b"".join([*answer, peer.received()])

    async def log_in(self, name="alice", *, select="INBOX", **how):
        """A connection that is logged in, and what it said last."""
        peer = self.connect(**how)
        await self.say(peer, b"")
        answer = await self.say(peer, f'a LOGIN {name} "{PASSWORDS[name]}"\r\n'.encode())
        assert answer.startswith(b"a OK"), answer
        if select:
            answer = await self.say(peer, f"b SELECT {select}\r\n".encode())
            assert b"b OK" in answer, answer
        return peer

    def spooled(self):
        return list(self.site.data.glob("listener/*/tmp/*"))


class ShakySettings(Settings):
    real: Annotated[str, Ref("store")]


FAULTS: ContextVar[Faults] = ContextVar("FAULTS")
"""The faults of the world that is being opened."""


@plugin("store", "shaky")
@asynccontextmanager
async def shaky(config: ShakySettings, context):
    yield Shaky(context.require(MailStore, "store", config.real), FAULTS.get())


@sasl_mechanism("X-BOTH")
def both():
    """Says something with its success. RFC 4422 §3.6."""
    name, _, password = (yield from sasl.receive(b"name?")).partition(b" ")
    success = yield from sasl.verify(sasl.text(name), password)
    return replace(success, data=b"v=proof") if isinstance(success, SaslSuccess) else success


class QuotaSettings(Settings):
    octets: int


class Quota:
    def __init__(self, octets):
        self._octets = octets

    async def check_append(self, record, account, mailbox, size_octets):
        if size_octets > self._octets:
            raise OverQuota


@plugin("guard", "small")
@asynccontextmanager
async def quota(config: QuotaSettings):
    yield Quota(config.octets)


@pytest.fixture(scope="session")
def accounts():
    """The accounts' file."""
    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    lines = ['domains = ["example.org"]']
    for name, password in PASSWORDS.items():
        lines += [f"[accounts.{name}]", f'password = "{hasher.hash(password)}"']
    return "\n".join([*lines, 'services = ["pop3"]'])


def tables(base, store, settings, more):
    common = {"type": "imap", "sasl": ["plain", "both"]}
    listeners = {
        "imap": {**common, **settings},
        "guarded": {**common, "guards": ["small"]},
        "clear": {**common, "plaintext_without_tls": True},
        "bare": {**common, "tls_mode": "none"},
    }
    for number, section in enumerate(listeners.values()):
        section.setdefault("bind", [f"127.0.0.1:{10_143 + number}"])
    return {
        "site": {
            "hostname": "mail.example.org", "state": "main", "accounts": ["main"],
            "store": "main", "data": str(base / "data"), "segment": "1MiB",
        },
        "state": {"main": {"type": "memory"}},
        "account": {"main": {"type": "file", "file": "accounts.toml"}},
        "store": {"main": {"type": "shaky", "real": "real"}, "real": {"type": store}},
        "sasl": {"plain": {"type": "plain"}, "both": {"type": "x-both"}},
        "guard": {"small": {"type": "small", "octets": 1000}},
        "listener": listeners,
        **(more or {}),
    }  # fmt: skip


def make_registry(points=()):
    registry = Registry((*installed(), *points))
    assert list(registry.load(["listener.imap"])) == []
    for factory in (shaky, both, quota):
        registry.add(factory)
    return registry


usual_registry = cache(make_registry)
"""One for all worlds without plugins of their own; making one costs more than most tests."""


@pytest.fixture
def open_world(tmp_path, accounts, mock_clock):
    """`async with open_world(setting=value) as world`; `messages` are alice's."""

    @asynccontextmanager
    async def open_one(
        store="memory", messages=MESSAGES, plugins=(), more=None, hooks=(), points=(), **settings
    ):
        base = tmp_path / f"world{next(NUMBERS)}"
        base.mkdir()
        file = base / "accounts.toml"
        file.write_text(accounts, "utf-8")
        file.chmod(0o600)
        clock, faults = ManualClock(), Faults()
        # Gate and log make pauses of milliseconds; what is longer passes when the test says so.
        mock_clock.rate = 1.0

        FAULTS.set(faults)
        own = plugins or hooks or more or points
        registry = make_registry(points) if own else usual_registry()
        for factory in plugins:
            registry.add(factory)
        for hook in hooks:  # a plugin that implements hooks of the family, loaded with another
            registry._manager.register(hook)
        config = load(of_tables(tables(base, store, settings, more), base), registry)
        async with open_site(config, clock=clock) as site, trio.open_nursery() as nursery:
            world = World(site, clock, faults, nursery, mock_clock)
            for content in messages:
                await world.deliver(content)
            faults.calls.clear()
            yield world
            nursery.cancel_scope.cancel()

    return open_one


@pytest.fixture
async def world(open_world):
    """A world with the usual settings."""
    async with open_world() as one:
        yield one
