"""A product that does not answer is named by every kit, with the promise that it breaks."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from thurn_testing.contracts.account import check_directory, check_verifier
from thurn_testing.contracts.connection import check_connection
from thurn_testing.contracts.delivery import check_delivery
from thurn_testing.contracts.filter import check_message_filter
from thurn_testing.contracts.guard import check_guard
from thurn_testing.contracts.login import check_login
from thurn_testing.contracts.mailflow import check_mailflow
from thurn_testing.contracts.outgoing import check_outgoing_filter
from thurn_testing.contracts.policy import check_sender_policy, check_session_policy
from thurn_testing.contracts.relay import check_relay
from thurn_testing.contracts.resolver import check_resolver
from thurn_testing.contracts.scripts import check_scripts
from thurn_testing.contracts.state import check_state
from thurn_testing.contracts.storedkey import check_stored_keys
from thurn_testing.fakes.account import ALICE, FakeAccount
from thurn_testing.fakes.connection import memory_connection
from thurn_testing.fakes.session import make_session, make_transaction


class Silent:
    """Has every method, and none of them answers."""

    outgoing_class = "edit"
    size_limit_octets = 1_000_000

    def table(self, name):
        return self

    def __getattr__(self, name):
        async def wait(*arguments, **named):
            await trio.sleep_forever()

        return wait


class SilentRules:
    async def check_connection(self, session):
        await trio.sleep_forever()


class SilentPolicy:
    rules = SilentRules

    @asynccontextmanager
    async def open(self, session):
        yield SilentRules()


@asynccontextmanager
async def opened(*_):
    yield Silent()


@asynccontextmanager
async def resolver(_):
    yield Silent(), None


@asynccontextmanager
async def connection():
    silent = Silent()
    yield silent, memory_connection()[1]


SILENT = Silent()
KITS = {
    "verifier": lambda _: check_verifier(SILENT),
    "directory": lambda _: check_directory(SILENT),
    "stored keys": lambda _: check_stored_keys(SILENT, "SCRAM-SHA-256"),
    "connection": lambda _: check_connection(connection),
    "delivery": lambda _: check_delivery(SILENT, FakeAccount(), ALICE),
    "filter": lambda _: check_message_filter(
        SILENT, transactions=[make_transaction(make_session())], messages=[]
    ),
    "guard": lambda _: check_guard(SILENT, FakeAccount()),
    "login": lambda _: check_login(SILENT, admitted=[make_session()]),
    "mail flow": lambda _: check_mailflow(SILENT, recipients=["a@example.org"]),
    "outgoing": lambda _: check_outgoing_filter(SILENT),
    "sender policy": lambda _: check_sender_policy(
        SILENT, passed=[make_transaction(make_session())]
    ),
    "session policy": lambda _: check_session_policy(SilentPolicy()),
    "relay": lambda _: check_relay(SILENT, permitted=[], asked_on=[make_session()]),
    "resolver": lambda _: check_resolver(resolver),
    "scripts": lambda _: check_scripts(SILENT, valid=[b"a", b"b"], invalid=b"c"),
    "state": lambda directory: check_state(opened, directory),
}


@pytest.mark.parametrize("kit", KITS)
async def test_a_product_that_hangs_is_named(kit, tmp_path, autojump_clock):
    with pytest.raises(AssertionError, match=r"took longer than \d+ s|in time"):
        await KITS[kit](tmp_path)
