"""A site in memory with the delivery filter, and deliveries to its accounts."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager

import pytest
from argon2 import PasswordHasher
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.delivery.record import RecordedDelivery
from thurn.hooks.registry import Registry
from thurn.plugin import Address, Content, Envelope, Recipient
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.session import make_session, make_transaction
from thurn_testing.fakes.supervision import commit_deposits

MESSAGE = (
    b"From: Xaver <x@example.net>\r\nTo: alice@example.org\r\nSubject: hello\r\n"
    b"Message-ID: <1@example.net>\r\n\r\nA body.\r\n"
)
NUMBERS = itertools.count(1)


def tables(base, **settings):
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("correct horse")
    lines = ['domains = ["example.org"]']
    for name in ("alice", "bob"):
        lines += [f"[accounts.{name}]", f'password = "{digest}"']
    lines += ["[aliases]", '"al@example.org" = ["alice"]']
    file = base / "accounts.toml"
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    return {
        "site": {
            "hostname": "mx.example.org", "accounts": ["main"], "store": "main", "state": "main",
            "queue": "main", "postmaster": "alice@example.org", "data": str(base / "data"),
        },
        "account": {"main": {"type": "file", "file": "accounts.toml", "postmaster": "alice"}},
        "store": {"main": {"type": "memory"}},
        "state": {"main": {"type": "memory"}},
        "queue": {"main": {"type": "spool"}},
        "delivery": {"sieve": {"type": "sieve", **settings}},
        "listener": {
            name: {
                "type": "smtp", "profile": profile, "bind": ["127.0.0.1:0"], "delivery": ["sieve"],
            }
            for name, profile in (("mx", "mx"), ("lmtp", "lmtp"))
        },
    }  # fmt: skip


class Desk:
    """A site, and deliveries to it, one after the other."""

    def __init__(self, site, clock):
        self.site = site
        self.clock = clock
        self.filter = site.products["delivery", "sieve"]

    async def account(self, name="alice"):
        return await self.site.stores(self.site.directory).open(name, None)

    async def activate(self, script, *, account="alice", name="main"):
        handle = await self.account(account)
        octets = script if isinstance(script, bytes) else script.encode()
        await handle.put_document("sieve", name, octets)
        await handle.activate_document("sieve", name)

    async def deliver(self, script=None, message=MESSAGE, **facts):
        """Run a script for a message, and return the delivery with the recorded actions."""
        if script is not None:
            await self.activate(script)
        delivery = await self.delivery(message, **facts)
        await self.filter.deliver(delivery)
        return delivery

    async def delivery(
        self,
        message=MESSAGE,
        *,
        sender="x@example.net",
        recipient="alice@example.org",
        detail=None,
        parameters=None,
        account="alice",
        prefix=True,
        session=None,
    ):
        stores = self.site.stores(self.site.directory)
        record = await stores.record(account)
        transaction = make_transaction(
            session or make_session(), sender=sender, parameters=parameters
        )
        to = Recipient(Address.parse(recipient))
        content = Content.of(message)
        if prefix:
            trace = f"Return-Path: <{sender or ''}>\r\nDelivered-To: {record.address}\r\n"
            content = content.prepend(trace.encode())
        return RecordedDelivery(
            transaction,
            Envelope(transaction.sender, (to,), transaction.parameters),
            to,
            detail,
            content,
            record,
            await stores.open_record(record),
        )

    async def commit(self, delivery):
        """Make the remembered keys of a delivery durable."""
        await commit_deposits(self.site.commit_log, list(delivery.remembered.values()))
        return delivery


@asynccontextmanager
async def open_desk(base, *, extension=None, **settings):
    """`extension`: a plugin of the role `sieve`, which is enabled as "one"."""
    clock, registry = ManualClock(), Registry()
    site = tables(base, **settings)
    if extension is not None:
        assert list(registry.load(["delivery.sieve"])) == []
        registry.add(extension)
        site["sieve"] = {"one": {"type": extension.type_name}}
        site["delivery"]["sieve"]["extensions"] = ["one"]
    config = load(of_tables(site, base), registry)
    async with open_site(config, clock=clock) as site:
        yield Desk(site, clock)


@pytest.fixture
async def desk(tmp_path):
    async with open_desk(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def desk_opener():
    return open_desk


@pytest.fixture(scope="session")
def site_tables():
    return tables
