"""A site in this process with one POP3 listener, and connections to it that are in memory.

`open_world` gives a `World`: real gate, accounts, state and store; only the socket is not real.
Between listener and store stands one that fails where a test says so.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated

import pytest
import trio
from argon2 import PasswordHasher
from thurn.plugin import (
    Append,
    Content,
    MailStore,
    Ref,
    SaslSuccess,
    Session,
    Settings,
    TlsState,
    plugin,
    sasl,
    sasl_mechanism,
)
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.server import open_server

PASSWORDS = {"alice": "secret", "bob": "  two  spaces ", "carol": "pässword", "dave": "imap only"}
TLS = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384")
MESSAGES = [
    b"Subject: one\r\n\r\nhello\r\n",
    b".dotted: yes\r\n\r\n.\r\n..\r\n.x\r\n.\r\nlast\r\n",
    b"Subject: three\r\n\r\nline 1\r\nline 2\r\nline 3\r\n",
]


class MemoryConnection:
    """A `Connection` whose peer is the test: octets in by `feed`, out by `take`."""

    def __init__(self, *, tls=None, can_start_tls=True):
        self.peer = ip_address("192.0.2.7")
        self.peer_port, self.local_port = 40_000, 110
        self.tls = tls
        self.can_start_tls = can_start_tls and tls is None
        self.closing = False
        self.deadlines, self.sends = [], []
        self._arrived, self._ended = bytearray(), False
        self._news, self._quiet = trio.Event(), trio.Event()
        self._handshake = None

    def extend(self, seconds):
        self.deadlines.append(seconds)

    async def receive(self, maximum_octets=16384):
        await trio.lowlevel.checkpoint()
        while not self._arrived:
            if self._ended:
                return b""
            self._news = trio.Event()
            self._quiet.set()
            await self._news.wait()
        octets = bytes(self._arrived[:maximum_octets])
        del self._arrived[:maximum_octets]
        return octets

    async def send(self, data):
        await trio.lowlevel.checkpoint()
        self.sends.append(bytes(data))

    async def send_parts(self, parts):
        await self.send(b"".join(parts))

    async def start_tls(self):
        self._arrived.clear()
        self._handshake = trio.Event()
        self._quiet.set()
        await self._handshake.wait()
        self.tls, self.can_start_tls = TLS, False

    async def close(self):
        await trio.lowlevel.checkpoint()

    # The peer's side.

    def feed(self, octets):
        """Octets in the clear during the handshake are lost with it."""
        if self._handshake is None or self._handshake.is_set():
            self._arrived += octets
        self._news.set()

    def end(self):
        self._ended = True
        self._news.set()

    def shake_hands(self):
        self._quiet = trio.Event()
        self._handshake.set()

    def over(self):
        self._quiet.set()

    async def quiet(self):
        """Wait until the server waits for us, or has ended."""
        if self._arrived or self._ended:
            self._quiet = trio.Event()
        await self._quiet.wait()

    def take(self):
        octets = b"".join(self.sends)
        self.sends.clear()
        return octets


@dataclass
class Faults:
    """What the store between does: errors by the name of a function, contents by UID; and which
    functions were called."""

    errors: dict = field(default_factory=dict)
    contents: dict = field(default_factory=dict)
    calls: list = field(default_factory=list)


class Shaky:
    """Passes everything on to what it stands for, unless it is to fail."""

    def __init__(self, real, faults):
        self._real, self._faults = real, faults

    def __getattr__(self, name):
        async def call(*arguments, **named):
            self._faults.calls.append(name)
            if name in self._faults.errors:
                raise self._faults.errors[name]
            if name == "body" and arguments[0] in self._faults.contents:
                return self._faults.contents[arguments[0]]
            found = await getattr(self._real, name)(*arguments, **named)
            return Shaky(found, self._faults) if name in ("open", "mailbox") else found

        return call


class World:
    """The site, and everything that a test may do to it."""

    def __init__(self, server, clock, faults, nursery):
        self.server, self.clock, self.faults = server, clock, faults
        self.listener = server.site.products["listener", "pop"]
        self._nursery, self._sessions = nursery, 0

    async def mailbox(self, name="alice", mailbox="INBOX"):
        account = await self.server.open_account(name)
        return await account.mailbox(mailbox)

    async def deliver(self, content, name="alice", mailbox="INBOX"):
        account = await self.server.open_account(name)
        received = datetime(2025, 6, 15, tzinfo=UTC)
        return await account.append(Append(mailbox, Content.of(content), received, create=True))

    async def uids(self, name="alice"):
        return list((await (await self.mailbox(name)).view()).uids)

    async def connect(self, **how):
        """A connection on which the server waits; the greeting is to be taken."""
        connection = MemoryConnection(**how)
        self._sessions += 1
        connection.session = Session(
            f"s{self._sessions}", "pop", "pop3", connection.peer, tls=connection.tls
        )
        connection.scope, connection.closed = trio.CancelScope(), trio.Event()
        self._nursery.start_soon(self._serve, connection)
        await connection.quiet()
        return connection

    async def _serve(self, connection):
        try:
            with connection.scope:
                await self.listener.serve(connection, connection.session)
        except ConnectionResetError as error:  # the host lets such sessions go quietly
            connection.error = error
        finally:
            connection.closed.set()
            connection.over()

    async def say(self, connection, octets):
        """Send octets; everything that the server answers to them."""
        connection.feed(octets)
        if not connection.closed.is_set():
            await connection.quiet()
        return connection.take()

    async def log_in(self, name="alice", **how):
        """A connection with an open maildrop."""
        connection = await self.connect(**{"tls": TLS, **how})
        words = f"USER {name}\r\nPASS {PASSWORDS[name]}\r\n".encode()
        answer = await self.say(connection, words)
        assert answer.endswith(b" octets)\r\n"), answer
        return connection


class ShakySettings(Settings):
    real: Annotated[str, Ref("store")]


@sasl_mechanism("X-BOTH")
def both():
    """Says something with its success. RFC 4422 §3.6."""
    name, _, password = (yield from sasl.receive(b"name?")).partition(b" ")
    success = yield from sasl.verify(sasl.text(name), password)
    return replace(success, data=b"v=proof") if isinstance(success, SaslSuccess) else success


@pytest.fixture(scope="session")
def accounts():
    """The accounts' file."""
    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    lines = ['domains = ["example.org"]']
    for name, password in PASSWORDS.items():
        lines += [f"[accounts.{name}]", f'password = "{hasher.hash(password)}"']
    return "\n".join([*lines, 'services = ["imap"]'])


@pytest.fixture
def open_world(tmp_path, accounts):
    """`async with open_world(setting=value) as world`; `messages` are alice's, `more` are other
    instances."""

    @asynccontextmanager
    async def open_one(messages=MESSAGES, more=None, **settings):
        file = tmp_path / "accounts.toml"
        file.write_text(accounts, "utf-8")
        file.chmod(0o600)
        clock, faults = ManualClock(), Faults()

        @plugin("store", "shaky")
        @asynccontextmanager
        async def shaky(config: ShakySettings, context):
            yield Shaky(context.require(MailStore, "store", config.real), faults)

        tables = {
            "site": {
                "hostname": "mail.example.org", "state": "main", "accounts": ["main"],
                "store": "main",
            },
            "state": {"main": {"type": "memory"}},
            "account": {"main": {"type": "file", "file": "accounts.toml"}},
            "store": {"main": {"type": "shaky", "real": "real"}, "real": {"type": "memory"}},
            "sasl": {
                "plain": {"type": "plain"}, "login": {"type": "login"}, "both": {"type": "x-both"},
            },
            "listener": {"pop": {"type": "pop3", "sasl": ["plain", "login"], **settings}},
            **(more or {}),
        }  # fmt: skip
        async with (
            open_server(tables, tmp_path, plugins=[shaky, both], clock=clock) as server,
            trio.open_nursery() as nursery,
        ):
            world = World(server, clock, faults, nursery)
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
