"""Plugins that misbehave, one row each: what the peer hears, whom the log names, and that the next
message passes.

Rules of this file: real listener, real log, real stores, one process; a plugin misbehaves when the
message says "bad" (its sender or its subject), and behaves else. Whatever a row does, a peer hears
a temporary failure and its connection goes on, unless the row says otherwise.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing
from misbehaving import (
    Around,
    Unreadable,
    Unshowable,
    commit_never,
    delivering,
    fail_async,
    fail_in_a_nursery,
    fail_now,
    file_and_hang,
    file_and_raise,
    filtering,
    guarding,
    hang,
    lying_recipient,
    not_opening,
    queueing,
    raise_trouble,
    raising,
    raising_outgoing,
    raising_relay,
    raising_sender,
    refuse_with_250,
    relay_all,
    resolving,
    session_rules,
    sit,
    storing,
    swallow,
)
from misbehavingsite import ACCOUNT, FILTER, LATE
from smtppeer import connected
from thurn.plugin import (
    AddRecipient,
    Continue,
    InsertHeader,
    PermanentFailure,
    Reject,
    Status,
    Tempfail,
    UnknownAddress,
    plugin,
)


@dataclass(frozen=True)
class Row:
    """One misbehaviour.

    Attributes:
        make: gives the plugin.
        told: a part of what the log says; "" is nothing.
        hears: the code that the peer hears at the step at which it happens.
        site: what is laid over the tables of the site.
        whom: the recipient.
        by: the instance that the log names; of the plugin's role if "".
    """

    name: str
    make: object
    told: str
    hears: int = 451
    site: dict = field(default_factory=dict)
    whom: str = "alice@example.org"
    by: str = ""


HASTY = {
    "listener": {"mx": {"filters": ["bad"]}},
    "filter": {"bad": {"type": "bad", "deadline": "200ms"}},
}
POLICY = {"listener": {"mx": {"policies": ["bad"]}}, "policy": {"bad": {"type": "bad"}}}
RELAY = {"listener": {"mx": {"relay": ["bad"]}}, "relay": {"bad": {"type": "bad"}}}
DELIVERY = {
    "listener": {"mx": {"delivery": ["bad"]}},
    "delivery": {"bad": {"type": "bad", "deadline": "200ms"}},
}
GUARD = {"listener": {"mx": {"guards": ["bad"]}}, "guard": {"bad": {"type": "bad"}}}
STORE = {"store": {"main": {"type": "bad"}}}
ELSEWHERE = {"listener": {"mx": {"relay": ["all"]}}, "relay": {"all": {"type": "all"}}}
QUEUE = {**ELSEWHERE, "site": {"queue": "bad"}, "queue": {"bad": {"type": "bad"}}}
SPOOL = {"site": {"queue": "main"}, "queue": {"main": {"type": "spool"}}}
OUTGOING = {
    **ELSEWHERE,
    **SPOOL,
    "site": {"queue": "main", "outgoing": ["bad"]},
    "outgoing": {"bad": {"type": "bad"}},
}
FOREIGN = "x@elsewhere.example"

ROWS = [
    Row("raises", raising(KeyError("x")), "raised KeyError: 'x'", site=FILTER),
    Row("exits", raising(SystemExit(1)), "raised SystemExit", site=FILTER),
    Row("has no text", raising(Unreadable()), "whose text cannot be read", site=FILTER),
    Row("fails in a nursery", filtering(fail_in_a_nursery), "'of a task'", site=FILTER),
    Row(
        "raises a refusal for good",
        raising(PermanentFailure("no", Status(550, "5.7.1", "No"))),
        "a permanent refusal must be an answer",
        site=FILTER,
    ),
    Row("answers a number", filtering(42), "answered nonsense: 42", site=FILTER),
    Row("answers what cannot be shown", filtering(Unshowable()), "whose repr raises", site=FILTER),
    Row("rejects with 250", filtering(Reject("r", "No", 250)), "is not 5xx", site=FILTER),
    Row("defers with 550", filtering(Tempfail("t", "No", 550)), "is not 4xx", site=FILTER),
    Row("breaks the reply", filtering(Reject("r", "No\r\n250 Ok")), "control char", site=FILTER),
    Row(
        "breaks the header",
        filtering(Continue(edits=(InsertHeader("X-A", "b\r\nBcc: c"),))),
        "CR, LF or NUL in a header",
        site=FILTER,
    ),
    Row(
        "names nothing",
        filtering(Continue(edits=(InsertHeader("X A:", "b"),))),
        "not a field name",
        site=FILTER,
    ),
    Row("edits with text", filtering(Continue(edits=("X-A: b",))), "not an edit", site=FILTER),
    Row("edits with a number", filtering(Continue(edits=3)), "not a tuple but int", site=FILTER),
    Row(
        "adds a recipient as text",
        filtering(Continue(edits=(AddRecipient("bob@example.org"),))),
        "not an Address but str",
        site=FILTER,
    ),
    Row("hangs", filtering(hang), LATE, site=HASTY),
    Row("swallows its cancellation", filtering(swallow), LATE, site=HASTY),
    Row("sits in a thread", filtering(sit), LATE, site=HASTY),
    Row("a policy raises", raising_sender, "raised KeyError", site=POLICY),
    Row("a policy answers a status", lying_recipient, "answered nonsense: Status", site=POLICY),
    Row("rules of a session do not open", session_rules("open"), "KeyError: 'x'", site=POLICY),
    Row("a relay rule raises", raising_relay, "KeyError", site={**SPOOL, **RELAY}, whom=FOREIGN),
    Row("a delivery rule raises", delivering(file_and_raise), "KeyError", site=DELIVERY),
    Row("a delivery rule hangs", delivering(file_and_hang), LATE, site=DELIVERY),
    Row("a delivery rule refuses with 250", delivering(refuse_with_250), "4xx", site=DELIVERY),
    Row("a guard raises", guarding(fail_now), "raised KeyError", site=GUARD),
    Row("a guard answers", guarding(lambda: 3), "answered nonsense: 3", site=GUARD),
    Row("a store does not open", not_opening, "raised KeyError", site=STORE, by="store.main"),
    Row("a store raises", storing(lambda _: fail_now()), "KeyError", site=STORE, by="store.main"),
    Row("a store prepares nothing", storing(lambda _: None), "None: not a Deposit", site=STORE,
        by="store.main"),
    Row("a store lies about its changes", storing(lambda real: Around(real, changes=3)),
        "changes are a sequence", site=STORE, by="store.main"),
    Row("a store has changes that are none", storing(lambda real: Around(real, changes=("x",))),
        "'x': not a Change", site=STORE, by="store.main"),
    Row("a commit raises", storing(lambda real: Around(real, commit=fail_async, changes=())),
        "raised KeyError", site=STORE, by="store.main"),
    Row("a commit never returns",
        storing(lambda real: Around(real, commit=commit_never, changes=())),
        LATE, site=STORE, by="store.main"),
    Row("a store is in trouble", storing(lambda real: Around(real, place=raise_trouble)),
        "", site=STORE, by="store.main"),
    Row("a queue raises", queueing(fail_now), "KeyError", site=QUEUE, whom=FOREIGN),
    Row("a queue prepares nothing", queueing(lambda: 3), "3: not a Deposit", site=QUEUE,
        whom=FOREIGN),
    Row("a directory raises", resolving(fail_now), "KeyError", site=ACCOUNT,
        whom="team@example.net"),
    Row("a directory answers text", resolving(lambda: "alice"), "answered nonsense: 'alice'",
        site=ACCOUNT, whom="team@example.net"),
    # What cannot be decided about mail for elsewhere is asked again before its first attempt.
    Row("an outgoing filter raises", raising_outgoing, "KeyError", hears=250, site=OUTGOING,
        whom=FOREIGN),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_the_peer_hears_451_the_log_names_it_and_the_next_message_passes(
    opened, monkeypatch, row
):
    monkeypatch.setattr("thurn.delivery.deposits.COMMIT_SECONDS", 0.2)
    monkeypatch.setattr("thurn.chain.calls.UNWIND_SECONDS", 0.1)
    plugins = [row.make, relay_all] if "all" in row.site.get("relay", {}) else [row.make]
    async with opened(row.site, *plugins) as (server, failures):
        async with connected(server) as peer:
            hello = "bad.example" if "session" in row.name else "c.example"
            assert await peer.send("bad", row.whom, hello) == row.hears
            expect_named(row, failures)
            whom = row.whom if row.whom == FOREIGN else "alice@example.org"
            if "session" not in row.name:
                await peer.say("RSET")
                assert await peer.send("good", whom) == 250
        async with connected(server) as peer:
            assert await peer.send("good", whom) == 250


def expect_named(row, events):
    """The log says what went wrong, of whom, and where."""
    failures = [event for event in events if hasattr(event, "failure")]
    if not row.told:
        assert failures == []
        return
    assert {one.instance for one in failures} == {row.by or f"{row.make.role}.bad"}
    assert all(":" in one.source and ".py" in one.source for one in failures)
    assert any(row.told in one.failure for one in failures), failures


async def test_rules_of_a_session_that_fail_at_an_end_are_its_451(opened):
    async with opened(POLICY, session_rules("end")) as (server, failures):
        async with connected(server) as peer:
            assert await peer.send("bad", "alice@example.org") == 250  # it has its answer
            assert await peer.send("good", "alice@example.org") == 451
            assert {failure.instance for failure in failures if hasattr(failure, "failure")} == {
                "policy.bad"
            }
        async with connected(server) as peer:
            assert await peer.send("good", "alice@example.org") == 250


@pytest.mark.parametrize("act", [hang, swallow, sit])
async def test_a_directory_that_does_not_answer_costs_a_connection_and_then_451(
    opened, monkeypatch, act
):
    """What is asked for each message is called in its session as long as it behaves."""
    monkeypatch.setattr("thurn.directory.combined.ACCOUNT_SECONDS", 0.2)
    monkeypatch.setattr("thurn.chain.calls.UNWIND_SECONDS", 0.1)

    class Directory:
        async def resolve(self, address):
            if address.local == "team":
                await act()
            return UnknownAddress()

        async def account(self, account):
            return None

        async def owns(self, account, address):
            return False

        async def may_act_as(self, authcid, authzid):
            return None

    @plugin("account", "bad")
    @asynccontextmanager
    async def opening():
        yield Directory()

    async with opened(ACCOUNT, opening) as (server, failures):
        async with connected(server) as peer:
            assert await peer.send("bad", "team@example.net") == 421
            assert await peer.reply() == (0, "")
        async with connected(server) as peer:
            assert await peer.send("bad", "team@example.net") == 451
            await peer.say("RSET")
            assert await peer.send("good", "alice@example.org") == 250
        own = [failure for failure in failures if hasattr(failure, "failure")]
        assert {(one.instance, one.failure) for one in own} == {("account.bad", LATE)}


async def test_a_repeat_of_a_late_commit_is_not_stored_twice(opened, monkeypatch):
    """The peer gets 451 twice while the commit hangs, then 250 for the message stored meanwhile."""
    monkeypatch.setattr("thurn.delivery.deposits.COMMIT_SECONDS", 0.2)
    monkeypatch.setattr("thurn.chain.calls.UNWIND_SECONDS", 0.1)
    let_go, stored = trio.Event(), trio.Event()
    commits = []

    def late(real):
        async def commit():
            commits.append(None)
            with trio.CancelScope(shield=True):
                await let_go.wait()
                for change in real.changes:
                    await server.site.commit_log.commit([change])
            stored.set()

        return Around(real, commit=commit, changes=())

    async with opened(STORE, storing(late)) as (server, _), connected(server) as peer:
        assert await peer.send("bad", "alice@example.org") == 451
        assert await peer.send("bad", "alice@example.org") == 451
        let_go.set()
        await stored.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert await peer.send("bad", "alice@example.org") == 250
        assert len(commits) == 1
        box = await (await server.open_account("alice")).mailbox("INBOX")
        assert len((await box.view()).uids) == 1
        reasons = [record.get("reason") for record in server.journal()]
        assert reasons == [None, None, "commit.late"]
