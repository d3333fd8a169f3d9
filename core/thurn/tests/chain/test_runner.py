"""The chain runner: order, deadline, failure mode, suspension, journal."""

from __future__ import annotations

import time

import pytest
import trio
from thurn.chain.calls import Calls
from thurn.chain.current import CurrentRule, label_of, left_behind
from thurn.chain.rule import Rule, Stage, may_wait
from thurn.chain.runner import Chain
from thurn.chain.supervision import MISSES, SUSPENDED_SECONDS, Supervision
from thurn.telemetry.events import EventFanout
from thurn.telemetry.journal import JournalRecord
from thurn.types.decision import Accept, Continue, Reject, Tempfail
from thurn.types.errors import TemporaryFailure
from thurn.types.status import STORAGE_FULL
from thurn_testing.fakes.context import RecordingDiagnostics

ALLOWED = (Continue, Accept, Reject, Tempfail)


def chain(*rules, seconds=5.0, watch=None):
    supervision = Supervision(
        RecordingDiagnostics(), EventFanout(lambda error: None), Calls(CurrentRule(watch))
    )
    return Chain(Stage("test", "call", ALLOWED, seconds), rules, supervision)


class Product:
    """Calls what a test wrote down."""

    def __init__(self, call):
        self.call = call


def rule(answer, name="rule", **more):
    async def call():
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return Rule(name, Product(call), "file.py:1", **more)


def calling(call, name="slow", **more):
    return Rule(name, Product(call), "file.py:1", **more)


async def run(the_chain):
    entry = JournalRecord(0.0)
    asking = the_chain.begin("t1", entry)
    for one in asking.rules:
        answer = await asking.ask(one, one.product.call)
        if not isinstance(answer, Continue):
            return answer, entry.stages
    return None, entry.stages


async def test_the_first_answer_that_decides_ends_the_chain():
    answer, stages = await run(chain(rule(None), rule(Accept("yes")), rule(Reject("no"))))
    assert answer == Accept("yes")
    assert [stage["decision"] for stage in stages] == ["continue", "accept"]


async def test_an_empty_chain_has_no_opinion():
    assert await run(chain()) == (None, [])


async def test_failures_are_temporary_and_named():
    for failing in (rule(KeyError("x")), rule(SystemExit(1)), rule(42)):
        answer, stages = await run(chain(failing, rule(Accept())))
        assert isinstance(answer, Tempfail)
        assert stages[-1]["by"] == "rule"
        assert stages[-1]["reason"] == "plugin.failed"


async def test_trouble_has_its_own_status():
    answer, _ = await run(chain(rule(TemporaryFailure("disk", STORAGE_FULL))))
    assert (answer.code, answer.enhanced) == (452, "4.3.1")


async def test_on_error_continue_asks_the_next():
    failing = rule(KeyError("x"), continue_on_error=True)
    answer, _ = await run(chain(failing, rule(Reject("no"))))
    assert answer == Reject("no")


async def test_a_rule_that_does_not_answer_is_cut_and_then_suspended(autojump_clock):
    calls = []

    async def forever():
        calls.append(trio.current_time())
        await trio.sleep_forever()

    slow = chain(calling(forever), seconds=2.0)
    for number in range(1, MISSES + 1):
        answer, stages = await run(slow)
        assert answer.reason == "plugin.deadline"
        assert stages[-1]["source"] == "file.py:1"
        assert len(calls) == number
    answer, _ = await run(slow)
    assert answer.reason == "plugin.suspended"  # temporary without a call, never skipped
    assert len(calls) == MISSES
    await trio.sleep(SUSPENDED_SECONDS)
    assert (await run(slow))[0].reason == "plugin.deadline"


async def test_the_rule_after_one_that_overran_is_asked_if_that_may_fail(autojump_clock):
    async def forever():
        await trio.sleep_forever()

    slow = calling(forever, continue_on_error=True)
    assert (await run(chain(slow, rule(Accept()))))[0] == Accept()


async def test_a_missed_deadline_is_journalled_with_its_duration(autojump_clock):
    """Wall time of the test's clock stands still; what counts is when the rule was called."""

    async def slow():
        time.sleep(0.002)  # noqa: ASYNC251 - the duration is measured, not waited for
        await trio.sleep_forever()

    _, stages = await run(chain(calling(slow)))
    assert stages[0]["reason"] == "plugin.deadline"
    assert stages[0]["us"] >= 2000


async def test_a_run_has_one_deadline_and_a_fresh_one_after_a_miss(autojump_clock):
    async def sleep():
        await trio.sleep(3.0)

    rules = [calling(sleep, str(number), continue_on_error=True) for number in range(3)]
    _, stages = await run(chain(*rules, seconds=5.0))
    reasons = [stage.get("reason", "") for stage in stages]
    assert reasons == ["", "plugin.deadline", ""]  # 3 s, 2 s of 5 s, 3 s of the next 5 s
    assert trio.current_time() == pytest.approx(8.0)


def test_only_a_function_that_awaits_may_wait():
    async def never():
        return None

    async def once():
        await trio.lowlevel.checkpoint()

    async def within():
        async with trio.open_nursery():
            pass

    async def over(channel):
        async for _ in channel:
            pass

    assert not may_wait(never)
    assert not may_wait(Product(never).call)
    assert all(may_wait(one) for one in (once, within, over, trio.sleep, lambda: None, print))


async def test_a_rule_that_fails_while_it_is_cut_is_only_cut(autojump_clock):
    """A nursery that is cancelled and fails gives a group of both."""

    async def fail_at_the_end():
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("x")

    async def group():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_at_the_end)
            await trio.sleep_forever()

    answer, _ = await run(chain(calling(group), seconds=2.0))
    assert answer.reason == "plugin.deadline"


@pytest.mark.parametrize(
    "answer", [Reject("no", "No", 250), Reject("no", "No", 451), Tempfail("later", "Later", 550)]
)
async def test_a_refusal_whose_code_says_otherwise_is_nonsense(answer):
    assert (await run(chain(rule(answer))))[0].reason == "plugin.failed"


async def test_a_rule_that_was_left_is_not_taken_for_one_that_died(tmp_path):
    path = tmp_path / "999999999.watch"

    async def forever():
        await trio.sleep_forever()

    with trio.move_on_after(0):  # the peer has gone
        await run(chain(calling(forever), watch=path))
    assert list(left_behind(tmp_path)) == []


def test_a_worker_that_died_inside_a_rule_is_found(tmp_path):
    watch = CurrentRule(tmp_path / "999999999.watch")
    watch.enter("t1", label_of("filter", "filter.bad", "file.py:1"))
    assert list(left_behind(tmp_path)) == [("t1", "filter", "filter.bad", "file.py:1")]
    assert list(left_behind(tmp_path)) == []
    watch = CurrentRule(tmp_path / "999999998.watch")
    watch.enter("t2", label_of("filter", "filter.bad", "file.py:1"))
    watch.leave()
    assert list(left_behind(tmp_path)) == []


def test_without_room_for_its_file_a_watch_notes_nothing(tmp_path):
    """A store into a hole of a mapped file would be SIGBUS on a full disk."""
    watch = CurrentRule(tmp_path / "run" / "999999999.watch")
    assert (tmp_path / "run" / "999999999.watch").stat().st_blocks > 0
    watch.close()
    (tmp_path / "file").touch()
    watch = CurrentRule(tmp_path / "file" / "999999999.watch")
    watch.enter("t1", label_of("filter", "filter.bad", "file.py:1"))
    watch.leave()
    watch.close()
