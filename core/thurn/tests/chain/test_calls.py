"""The pool of calls: callers are answered in time, whatever a plugin does with its task."""

from __future__ import annotations

import contextvars
import threading

import pytest
import trio
import trio.testing
from thurn.chain.calls import (
    ABANDONED_LIMIT,
    UNWIND_SECONDS,
    Callee,
    CallOverran,
    Calls,
    CallsExhausted,
)
from thurn.chain.current import CurrentRule, left_behind

WORD = contextvars.ContextVar("WORD")


@pytest.fixture
async def calls():
    pool = Calls(CurrentRule(None))
    yield pool
    await pool.close()


def callee(instance="policy.slow", **more):
    return Callee("sender", instance, "file.py:1", **more)


async def call(calls, function, *args, seconds=5.0, to=None):
    deadline = trio.current_time() + seconds
    return await calls.call(to or callee(), "t1", deadline, function, *args)


async def add(first, second):
    await trio.lowlevel.checkpoint()
    return first + second


async def fail():
    await trio.lowlevel.checkpoint()
    raise KeyError("x")


async def test_values_and_exceptions_come_back(calls):
    for _ in range(3):
        assert await call(calls, add, 1, 2) == 3
        with pytest.raises(KeyError):
            await call(calls, fail)


async def test_the_caller_s_context_variables_are_there_and_nothing_else_is(calls):
    async def look():
        before = WORD.get("none")
        WORD.set("left behind")
        await trio.lowlevel.checkpoint()
        return before

    assert await call(calls, look) == "none"
    assert await call(calls, look) == "none"
    WORD.set("mine")
    assert await call(calls, look) == "mine"


async def test_a_call_in_a_thread_is_abandoned_and_counted(calls, autojump_clock):
    let_go, ended = threading.Event(), trio.Event()

    async def sit():
        try:
            await trio.to_thread.run_sync(let_go.wait)
        finally:
            ended.set()

    try:
        with pytest.raises(CallOverran):
            await call(calls, sit)
        assert trio.current_time() == pytest.approx(5.0 + UNWIND_SECONDS)
        assert calls.abandoned("policy.slow") == 1
    finally:
        let_go.set()
    await ended.wait()
    await trio.testing.wait_all_tasks_blocked()
    assert calls.abandoned("policy.slow") == 0


async def test_a_call_that_swallows_its_cancellation_is_abandoned(calls, autojump_clock):
    ended = trio.Event()

    async def swallow():
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await trio.sleep(1000)
        ended.set()

    with pytest.raises(CallOverran):
        await call(calls, swallow)
    assert trio.current_time() == pytest.approx(5.0 + UNWIND_SECONDS)
    await ended.wait()
    await trio.testing.wait_all_tasks_blocked()
    assert calls.abandoned("policy.slow") == 0


async def test_a_call_that_unwinds_is_waited_for(calls, autojump_clock):
    steps = []

    async def unwind():
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(UNWIND_SECONDS / 2)
            steps.append("unwound")

    with pytest.raises(CallOverran):
        await call(calls, unwind)
    assert steps == ["unwound"]
    assert calls.abandoned("policy.slow") == 0


async def test_an_instance_with_too_many_abandoned_calls_is_not_called(calls, autojump_clock):
    let_go, begun = trio.Event(), []

    async def sit():
        begun.append(None)
        with trio.CancelScope(shield=True):
            await let_go.wait()

    for _ in range(ABANDONED_LIMIT):
        with pytest.raises(CallOverran):
            await call(calls, sit)
    with pytest.raises(CallsExhausted):
        await call(calls, sit)
    assert len(begun) == ABANDONED_LIMIT
    assert await call(calls, add, 1, 2, to=callee("policy.other")) == 3
    let_go.set()
    await trio.testing.wait_all_tasks_blocked()
    assert await call(calls, add, 1, 2) == 3


async def test_a_caller_that_is_cancelled_cancels_its_call(calls, autojump_clock):
    steps = []

    async def forever():
        try:
            await trio.sleep_forever()
        finally:
            steps.append("cancelled")

    with trio.move_on_after(1):
        await call(calls, forever)
    await trio.testing.wait_all_tasks_blocked()
    assert steps == ["cancelled"]
    assert calls.abandoned("policy.slow") == 0


async def test_a_watched_call_cuts_the_session_of_its_task_once(calls, autojump_clock):
    told = []
    cuts = []
    calls.sessions[trio.lowlevel.current_task()] = lambda: cuts.append(trio.current_time())
    watched = calls.watch(callee(), 5.0, told.append)
    await trio.sleep(100)
    calls.unwatch(watched)
    assert cuts == [pytest.approx(5.0)]
    assert told == [pytest.approx(5.0)]
    assert watched.callee.pooled_until > 500


async def test_a_watched_call_that_comes_back_cuts_nothing(calls, autojump_clock):
    calls.sessions[trio.lowlevel.current_task()] = lambda: pytest.fail("cut")
    calls.unwatch(calls.watch(callee(), 5.0, pytest.fail))
    await trio.sleep(100)


async def test_deadlines_of_many_calls_are_kept_apart(calls, autojump_clock):
    ends = {}

    async def one(seconds):
        with pytest.raises(CallOverran):
            await call(calls, trio.sleep, 100, seconds=seconds)
        ends[seconds] = trio.current_time()

    async with trio.open_nursery() as nursery:
        for seconds in (9, 3, 6):
            nursery.start_soon(one, seconds)
    assert {seconds: pytest.approx(seconds) for seconds in (3, 6, 9)} == ends


async def test_the_note_names_a_call_whenever_its_code_runs(tmp_path):
    path = tmp_path / "999999999.watch"
    calls = Calls(CurrentRule(path))
    notes = []

    async def look():
        notes.append(path.read_bytes().partition(b"\n")[0])
        await trio.lowlevel.checkpoint()
        notes.append(path.read_bytes().partition(b"\n")[0])

    await call(calls, look)
    assert notes == [b"t1\tsender\tpolicy.slow\tfile.py:1"] * 2
    assert list(left_behind(tmp_path)) == []  # idle again
    await calls.close()
