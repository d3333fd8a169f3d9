"""Rules of a session: opened when they are asked, told each end once, closed in time."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from thurn.chain.calls import ABANDONED_LIMIT, UNWIND_SECONDS, Callee
from thurn.chain.rule import Rule
from thurn.chain.runner import Chain
from thurn.chain.supervision import MISSES, SUSPENDED_SECONDS
from thurn.mailflow.sessionrules import (
    CLOSE_SECONDS,
    ENDED_SECONDS,
    SessionRules,
    begin_transaction,
    end_session,
    end_transaction,
)
from thurn.mailflow.stages import SENDER, ask_sender
from thurn.types.decision import Accept, Reject
from thurn_testing.fakes.session import make_session, make_transaction
from thurn_testing.fakes.supervision import make_supervision


class Rules:
    """What a session has; `log` is the policy's."""

    def __init__(self, log):
        self.log = log

    async def check_sender(self, transaction, sender):
        self.log.append("asked")
        return Accept("mine")

    async def transaction_ended(self, transaction, outcome):
        self.log.append(outcome)


class Policy:
    """Opens rules; a test says how that goes."""

    rules = Rules

    def __init__(self, *, opening=None, closing=None):
        self.log = []
        self.opening, self.closing = opening, closing

    @asynccontextmanager
    async def open(self, session):
        async with trio.open_nursery() as nursery:  # as one that keeps a connection would
            nursery.start_soon(trio.sleep_forever)
            if self.opening is not None:
                await self.opening()
            self.log.append("open")
            yield self.rules(self.log)
            if self.closing is not None:
                await self.closing()
            self.log.append("closed")
            nursery.cancel_scope.cancel()


class World:
    def __init__(self, policy, seconds=None):
        self.supervision = make_supervision()
        callee = Callee("session", "policy.one", "file.py:1")
        self.rules = SessionRules(policy, callee, self.supervision)
        rule = Rule("policy.one", self.rules, "file.py:1", deadline_seconds=seconds)
        self.chain = Chain(SENDER, [rule], self.supervision)

    async def ask(self, session):
        transaction = make_transaction(session, sender="x@example.net")
        begin_transaction(transaction)
        return transaction, await ask_sender(self.chain, transaction, transaction.sender)

    @property
    def failures(self):
        lines = self.supervision.diagnostics.lines
        return [line.facts["failure"] for line in lines if line.level == "error"]


async def test_they_are_opened_once_when_they_are_asked_and_closed_with_the_session():
    policy = Policy()
    world, session = World(policy), make_session()
    assert policy.log == []
    for outcome in ("stored", "refused"):
        transaction, answer = await world.ask(session)
        assert answer == Accept("mine")
        end_transaction(transaction, outcome)
        end_transaction(transaction, "abandoned")  # the second end has no effect
    await end_session(session)
    assert policy.log == ["open", "asked", "stored", "asked", "refused", "closed"]
    await end_session(session)
    await end_session(make_session())


async def test_each_session_has_its_own():
    policy = Policy()
    world = World(policy)
    one, two = make_session(), make_session()
    await world.ask(one)
    await world.ask(two)
    assert policy.log.count("open") == 2
    await end_session(one)
    assert policy.log.count("closed") == 1
    await end_session(two)


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_session_that_ends_within_a_transaction_tells_so(cancelled):
    policy = Policy()
    world, session = World(policy), make_session()
    await world.ask(session)
    with trio.CancelScope() as scope:
        if cancelled:
            scope.cancel()
        await end_session(session)
    assert policy.log == ["open", "asked", "abandoned", "closed"]


async def test_a_transaction_that_follows_another_ends_it():
    policy = Policy()
    world, session = World(policy), make_session()
    await world.ask(session)
    await world.ask(session)
    assert policy.log == ["open", "asked", "abandoned", "asked"]
    await end_session(session)


async def fail():
    raise KeyError("x")


async def test_what_cannot_be_opened_is_the_session_s_451_and_counts():
    policy = Policy(opening=fail)
    world = World(policy)
    for number in range(1, MISSES + 1):
        session = make_session()
        for _ in range(2):  # it is not tried again
            _, answer = await world.ask(session)
            assert (answer.code, answer.reason) == (451, "plugin.failed")
        assert len(world.failures) == number
        assert world.failures[-1] == "raised KeyError: 'x'"
        await end_session(session)
    _, answer = await world.ask(make_session())
    assert answer.reason == "plugin.suspended"


async def test_an_instance_that_opens_again_is_forgiven(autojump_clock):
    policy = Policy(opening=fail)
    world = World(policy)
    for _ in range(MISSES):
        await world.ask(make_session())
    policy.opening = None
    await trio.sleep(SUSPENDED_SECONDS)
    session = make_session()
    assert (await world.ask(session))[1] == Accept("mine")
    assert world.rules.callee.missed == 0
    await end_session(session)


async def test_opening_counts_to_the_time_of_the_question(autojump_clock):
    policy = Policy(opening=trio.sleep_forever)
    world, session = World(policy, 5.0), make_session()
    _, answer = await world.ask(session)
    assert answer.reason == "plugin.deadline"
    assert trio.current_time() == pytest.approx(5.0)
    _, answer = await world.ask(session)
    assert answer.reason == "plugin.failed"
    assert trio.current_time() == pytest.approx(5.0)  # at once
    await end_session(session)


class RaisingRules(Rules):
    async def transaction_ended(self, transaction, outcome):
        raise KeyError("at the end")


class SlowRules(Rules):
    async def transaction_ended(self, transaction, outcome):
        await trio.sleep(10 * ENDED_SECONDS)


@pytest.mark.parametrize("rules", [RaisingRules, SlowRules])
async def test_what_cannot_hear_of_an_end_is_the_session_s_451(autojump_clock, rules):
    policy = Policy()
    policy.rules = rules
    world, session = World(policy, 100.0), make_session()
    transaction, answer = await world.ask(session)
    assert answer == Accept("mine")
    end_transaction(transaction, "stored")
    _, answer = await world.ask(session)
    assert (answer.code, answer.reason) == (451, "plugin.failed")
    assert len(world.failures) == 1
    await end_session(session)
    other = make_session()
    assert (await world.ask(other))[1] == Accept("mine")
    await end_session(other)


async def test_a_background_task_that_raises_is_the_session_s_451():
    class Background(Policy):
        @asynccontextmanager
        async def open(self, session):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail)
                yield self.rules(self.log)

    world, session = World(Background()), make_session()
    await world.ask(session)
    await trio.testing.wait_all_tasks_blocked()
    _, answer = await world.ask(session)
    assert answer.reason == "plugin.failed"
    assert world.failures == ["raised KeyError: 'x'"]
    await end_session(session)


async def test_closing_is_bounded_and_so_is_what_stays_behind(autojump_clock):
    async def never():
        with trio.CancelScope(shield=True):
            await let_go.wait()

    let_go = trio.Event()
    world = World(Policy(closing=never))
    session = make_session()
    await world.ask(session)
    await end_session(session)
    assert trio.current_time() == pytest.approx(CLOSE_SECONDS + UNWIND_SECONDS)
    assert world.rules.left_behind == 1
    world.rules.left_behind = ABANDONED_LIMIT
    _, answer = await world.ask(make_session())
    assert answer.reason == "plugin.exhausted"
    let_go.set()
    await trio.testing.wait_all_tasks_blocked()
    assert world.rules.left_behind == ABANDONED_LIMIT - 1


async def test_closing_that_raises_is_reported():
    world, session = World(Policy(closing=fail)), make_session()
    await world.ask(session)
    await end_session(session)
    assert len(world.failures) == 1


async def test_rules_without_a_watcher_are_not_told():
    class Plain:
        def __init__(self, log):
            pass

        async def check_sender(self, transaction, sender):
            return Reject("no")

    policy = Policy()
    policy.rules = Plain
    world, session = World(policy), make_session()
    transaction, answer = await world.ask(session)
    assert answer == Reject("no")
    end_transaction(transaction, "refused")
    await end_session(session)
    assert policy.log == ["open", "closed"]


IDLE_OCTETS = 4096
SESSIONS = 200


class SmallPolicy:
    rules = Rules

    @asynccontextmanager
    async def open(self, session):
        yield Rules(LOG)


LOG = []


async def test_an_idle_session_keeps_little():
    world = World(SmallPolicy())
    await world.ask(make_session())  # what is made once
    sessions = [make_session() for _ in range(SESSIONS)]
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for session in sessions:
            transaction, _ = await world.ask(session)
            end_transaction(transaction, "stored")
        await trio.testing.wait_all_tasks_blocked()
        del transaction
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert kept / SESSIONS < IDLE_OCTETS
    for session in sessions:
        await end_session(session)
