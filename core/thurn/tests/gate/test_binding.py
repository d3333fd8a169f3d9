"""The gate with mechanisms that bind to the channel, and with those that see no password."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.contracts.account import AccountRecord, StoredKey, Unknown, Verified
from thurn.contracts.gate import Granted, Refused
from thurn.contracts.sasl import SaslSuccess
from thurn.hooks.registry import Registry
from thurn.plugin import Secret, plugin, sasl, sasl_mechanism
from thurn.types.identity import AccountId
from thurn.types.session import TlsState
from thurn_testing.fakes.session import TLS, make_session

BOUND = TlsState("TLSv1.3", "any", end_point=b"hash")


@sasl_mechanism("KEY")
def key(conditions):
    """Says the name; the stored key proves it."""
    name = sasl.text((yield from sasl.receive()))
    stored = yield from sasl.stored_key(name, "KEY")
    if stored is None:
        return sasl.SaslFailure("credentials")
    return SaslSuccess(name, data=b"final", verdict=Verified(stored.account))


@sasl_mechanism("KEY-PLUS", channel_binding="tls-server-end-point")
def key_plus(conditions):
    """Only the right hash gets in."""
    if (yield from sasl.receive()) != conditions.channel_bindings["tls-server-end-point"]:
        return sasl.SaslFailure("binding")
    return SaslSuccess("alice", verdict=Verified(AccountId("a1")))


class Accounts:
    async def verify(self, claim):
        raise AssertionError("no password is judged")

    async def stored_key(self, query):
        if query.name == "down":
            raise OSError("the database is down")
        assert query.scheme == "KEY"
        return StoredKey(AccountId("a1"), Secret("x")) if query.name == "alice" else Unknown()

    async def account(self, account):
        return AccountRecord(account, None, groups=frozenset({"staff"}))

    async def resolve(self, address): ...
    async def owns(self, account, address): ...
    async def may_act_as(self, authcid, authzid): ...


@pytest.fixture
async def gate(tmp_path):
    @plugin("account", "keys")
    @asynccontextmanager
    async def keys():
        yield Accounts()

    registry = Registry()
    for factory in (key, key_plus, keys):
        registry.add(factory)
    tables = {
        "site": {"data": "data", "accounts": ["main"], "hostname": "mx.example.org"},
        "account": {"main": {"type": "keys"}},
        "sasl": {"key": {"type": "key"}, "plus": {"type": "key-plus"}},
        "listener": {
            "pop3": {"type": "pop3", "bind": ["127.0.0.1:0"], "sasl": ["plus", "key"]},
        },
    }
    config = load(of_tables(tables, tmp_path), registry)
    async with open_site(config) as site:
        [instance] = [i for i in config.instances.values() if i.role == "listener"]
        yield site.gate_of(instance)


async def test_offered_only_where_the_channel_can_be_bound(gate):
    assert gate.mechanisms(make_session(tls=BOUND)) == ("KEY-PLUS", "KEY")
    for tls in (None, TLS):
        session = make_session(tls=tls)
        assert gate.mechanisms(session) == ("KEY",)
        _, step = await gate.begin(session, "KEY-PLUS", b"hash")
        assert isinstance(step, Refused)
        assert step.status.code == 504


async def test_the_binding_is_the_connections(gate):
    _, step = await gate.begin(make_session(tls=BOUND), "KEY-PLUS", b"hash")
    assert isinstance(step, Granted)
    _, step = await gate.begin(make_session(tls=BOUND), "KEY-PLUS", b"other")
    assert (step.status.code, step.reason) == (535, "binding")


async def test_the_account_is_the_stored_keys(gate):
    session = make_session()
    _, step = await gate.begin(session, "KEY", b"alice")
    assert (step.identity.account, step.identity.authcid, step.data) == ("a1", "alice", b"final")
    assert session.identity is step.identity
    assert step.identity.groups == {"staff"}


async def test_unknown_and_trouble(gate):
    _, step = await gate.begin(make_session(), "KEY", b"nobody")
    assert step.status.code == 535
    _, step = await gate.begin(make_session(), "KEY", b"down")
    assert step.status.code == 454
