"""The mail flow for tests answers in the forms of the host's; the gate for tests is the host's."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import load
from thurn.contracts.gate import Ask, Granted, Refused
from thurn.hooks.registry import Registry
from thurn.plugin import Address, Blob, Recipient, Reject, Status, Tempfail
from thurn_testing.contracts.mailflow import check_mailflow
from thurn_testing.fakes.gate import open_gate
from thurn_testing.fakes.mailflow import FakeMailflow
from thurn_testing.fakes.session import make_session

RECIPIENTS = ["alice@example.org", "bob@example.org"]


async def test_the_fake_keeps_the_contract():
    mailflow = FakeMailflow()
    await check_mailflow(mailflow, recipients=RECIPIENTS)
    assert (mailflow.faults, mailflow.open_transactions) == ([], 0)


async def test_the_hosts_own_keeps_it(tmp_path):
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("x")
    people = "".join(f'[accounts.{name}]\npassword = "{digest}"\n' for name in ("alice", "bob"))
    (tmp_path / "accounts.toml").write_text(f'domains = ["example.org"]\n{people}')
    (tmp_path / "accounts.toml").chmod(0o600)
    tables = {
        "site": {
            "hostname": "mx.example.org", "accounts": ["main"], "store": "main", "state": "main",
            "data": str(tmp_path / "data"), "segment": "1MiB",
        },
        "account": {"main": {"type": "file", "file": "accounts.toml"}},
        "store": {"main": {"type": "memory"}},
        "state": {"main": {"type": "memory"}},
        "listener": {"mx": {"type": "smtp", "bind": ["unix:/run/mx"]}},
    }  # fmt: skip
    async with open_site(load(of_tables(tables, tmp_path), Registry())) as site:
        (instance,) = site.config.of_role("listener")
        await check_mailflow(site.flow_of(instance), recipients=RECIPIENTS)


async def test_what_a_listener_does_wrong_is_kept():
    mailflow, session = FakeMailflow(), make_session()
    transaction = await mailflow.sender(session, None, {})
    await mailflow.sender(session, None, {})
    await mailflow.message(transaction, Blob(b""), replies="one")
    mailflow.abandon(transaction)
    mailflow.refuse(transaction, Status(250, "2.0.0", "Ok"), "odd")
    await mailflow.recipient(transaction, Recipient(Address.parse("a@example.org")))
    assert mailflow.faults == [
        "a session begins a transaction while it has an open one",
        "a message is handed in that has no recipients",
        "an abandonment comes for a transaction that has ended",
        "a refusal comes for a transaction that has ended",
        "a refusal has the status 250 2.0.0 Ok",
        "a recipient comes for a transaction that has ended",
    ]


async def test_it_says_what_the_test_says():
    mailflow, session = FakeMailflow(), make_session()
    mailflow.say("bob@example.org", Tempfail("later"))
    mailflow.say("message", Reject("words.refused"))
    transaction = await mailflow.sender(session, None, {})
    alice, bob = (Recipient(Address.parse(one)) for one in RECIPIENTS)
    await mailflow.recipient(transaction, alice)
    assert await mailflow.recipient(transaction, bob) == Tempfail("later")
    assert transaction.recipients == [alice]
    outcome = await mailflow.message(transaction, Blob(b""), replies="each")
    assert [status.code for status in outcome.statuses] == [550]
    mailflow.forget()
    mailflow.say("hello", RuntimeError("broken"))
    with pytest.raises(RuntimeError):
        await mailflow.hello(session, "x")


async def test_the_gate_counts_exchanges():
    session = make_session()
    async with open_gate() as gate:
        assert gate.mechanisms(session) == ("PLAIN",)
        login, step = await gate.begin(session, "PLAIN", None)
        assert (isinstance(step, Ask), gate.open_exchanges) == (True, 1)
        login.cancel()
        assert gate.open_exchanges == 0
        for response, answer in ((b"\0alice\0secret", Granted), (b"\0alice\0wrong", Refused)):
            login, _ = await gate.begin(session, "PLAIN", None)
            assert isinstance(await login.respond(response), answer)
            assert gate.open_exchanges == 0
