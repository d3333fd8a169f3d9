"""The limiter behind the gate of real listeners: delays are waited for, all refusals look alike,
and internal failures do not count."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import count

import pytest
import trio
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.hooks.registry import Registry
from thurn.plugin import AccountId, Denied, Granted, Refused, Unknown, Verified, plugin
from thurn_testing.fakes.session import TLS, make_session

HERE = "198.51.100.7"


class Accounts:
    """The password of alice is "secret"; asking for "down" is an internal failure."""

    async def verify(self, claim):
        if claim.name == "down":
            raise OSError("the database is down")
        if claim.name != "alice":
            return Unknown()
        return Verified(AccountId("alice")) if claim.secret.reveal() == "secret" else Denied()

    async def stored_key(self, query): ...
    async def account(self, account): ...
    async def resolve(self, address): ...
    async def owns(self, account, address): ...
    async def may_act_as(self, authcid, authzid): ...


@plugin("account", "one")
@asynccontextmanager
async def one():
    yield Accounts()


@pytest.fixture
async def gates(tmp_path):
    """The gates of two listeners of different protocols."""
    registry = Registry()
    registry.add(one)
    common = {"bind": ["127.0.0.1:0"], "login": ["main"], "sasl": ["plain"]}
    tables = {
        "site": {"data": "data", "state": "main", "accounts": ["main"], "store": "main"},
        "account": {"main": {"type": "one"}},
        "state": {"main": {"type": "memory"}},
        "store": {"main": {"type": "memory"}},
        "sasl": {"plain": {"type": "plain"}},
        "login": {"main": {"type": "limiter"}},
        "listener": {
            "pop3": {**common, "type": "pop3"},
            "submission": {**common, "type": "smtp", "profile": "submission"},
        },
    }
    config = load(of_tables(tables, tmp_path), registry)
    async with open_site(config) as site:
        listeners = {i.name: i for i in config.instances.values() if i.role == "listener"}
        yield [site.gate_of(listeners[name]) for name in ("pop3", "submission")]


GUESSES = count()


async def password(gate, name="alice", secret=None, peer=HERE):
    """A login with this password, or with a wrong one that nobody has tried yet."""
    secret = f"wrong {next(GUESSES)}" if secret is None else secret
    return await gate.password(make_session(peer=peer, tls=TLS), name, secret)


async def plain(gate, secret):
    _, step = await gate.begin(make_session(peer=HERE, tls=TLS), "PLAIN", b"\0alice\0" + secret)
    return step


async def test_one_wrong_password_counts_once_over_mechanisms_and_protocols(gates, autojump_clock):
    """A telephone with an old password asks every few minutes, by every mechanism offered."""
    for _ in range(20):
        for gate in gates:
            assert (await password(gate, secret="old")).status.code == 535
            assert (await plain(gate, b"old")).status.code == 535
    started = trio.current_time()
    assert isinstance(await password(gates[0], secret="secret"), Granted)
    assert trio.current_time() - started < 1  # and no login is delayed


@pytest.mark.parametrize(("network", "most"), [("198.51.100.7", 10), ("2001:db8:1:2::{n:x}", 30)])
async def test_one_password_for_many_accounts_counts_for_each(gates, autojump_clock, network, most):
    """Spraying from one address, or from the addresses of one /64."""
    codes = [
        (await password(gates[0], f"user{n}", "Winter2026", network.format(n=n))).status.code
        for n in range(most + 2)
    ]
    assert codes == [535] * (most - 1) + [454] * 3


async def test_delays_are_waited_for(gates, autojump_clock):
    waited = []
    for _ in range(6):
        started = trio.current_time()
        await password(gates[0])
        waited.append(round(trio.current_time() - started))
    assert waited == [0, 0, 0, 2, 4, 8]


async def test_one_limiter_for_all_protocols(gates, autojump_clock):
    for gate in [*gates] * 5:
        await password(gate)
    for gate in gates:
        # Right and wrong passwords get the same answer.
        answers = [await password(gate, secret=secret) for secret in ("secret", None)]
        assert answers[0] == answers[1]
        assert isinstance(answers[0], Refused)
        assert answers[0].status.code == 454
        assert isinstance(await password(gate, secret="secret", peer="192.0.2.1"), Granted)


async def test_plain_is_counted_as_passwords_are(gates, autojump_clock):
    for n in range(10):
        await plain(gates[1], b"wrong %d" % n)
    assert isinstance(await password(gates[0], secret="secret"), Refused)


async def test_unknown_names_and_wrong_passwords_get_the_same_answers(gates, autojump_clock):
    answers = {}
    for name in ("alice", "nobody"):
        answers[name] = [
            await password(gates[0], name, peer=f"2001:db8:{len(name)}::1") for _ in range(12)
        ]
    shown = {name: [str(answer.status) for answer in given] for name, given in answers.items()}
    assert shown["alice"] == shown["nobody"]
    assert [status[:3] for status in shown["alice"]] == ["535"] * 9 + ["454"] * 3


async def test_internal_failures_are_not_counted(gates, autojump_clock):
    for _ in range(20):
        refused = await password(gates[0], "down")
        assert refused.status.code == 454
    assert isinstance(await password(gates[0], secret="secret"), Granted)


async def test_malformed_messages_are_not_counted(gates, autojump_clock):
    for _ in range(20):
        _, step = await gates[1].begin(make_session(peer=HERE, tls=TLS), "PLAIN", b"\0alice")
        assert step.status.code == 501
    assert isinstance(await password(gates[0], secret="secret"), Granted)
