"""What notices promise: hints reach every worker, nobody waits, nothing raises."""

from __future__ import annotations

from typing import Final

import trio
from thurn.contracts.state import Notices

from thurn_testing.contracts.expectation import expect, expect_equal
from thurn_testing.contracts.state_table import StateBench, StateCheck

WAIT_SECONDS: Final = 5.0
"""Longest wait in seconds for a notice over a socket of this machine; it takes under 1 ms."""
FLOOD: Final = 5_000


async def _next(channel: trio.MemoryReceiveChannel[int], promise: str) -> int:
    with trio.move_on_after(WAIT_SECONDS):
        return await channel.receive()
    raise AssertionError(f"{promise}: nothing came")


async def _until(channel: trio.MemoryReceiveChannel[int], wanted: int, promise: str) -> None:
    while await _next(channel, promise) != wanted:
        pass


async def heard_here_and_elsewhere(site: StateBench) -> None:
    """A notice reaches all subscribers of its topic, in this worker and in others."""
    async with (
        site.worker() as one,
        site.worker() as two,
        one.notices.subscribe("t") as here,
        one.notices.subscribe("t") as here_too,
        two.notices.subscribe("t") as there,
        two.notices.subscribe("other") as other,
    ):
        one.notices.publish("t", 7)
        for channel in (here, here_too, there):
            expect_equal(await _next(channel, "a notice is heard"), 7, "the value comes along")
        two.notices.publish("t", -(2**40))
        for channel in (here, here_too, there):
            found = await _next(channel, "a notice is heard")
            expect_equal(found, -(2**40), "values may be negative and large")
        two.notices.publish("other")
        expect_equal(await _next(other, "a notice is heard"), 0, "only its own topic is heard")


async def topics_are_any_text(site: StateBench) -> None:
    """Topics are compared octet by octet; no character of a topic has a meaning."""
    async with site.worker() as one, site.worker() as two:
        for topic in ("mailbox/../é *", "a\0b", "a\nb", "t" * 500):
            async with two.notices.subscribe(topic) as there, two.notices.subscribe("t") as other:
                one.notices.publish(topic, 3)
                expect_equal(await _next(there, "a notice is heard"), 3, "any topic works")
                expect_equal(_unread(other), 0, "topics are compared whole")


async def the_newest_is_kept(site: StateBench) -> None:
    """A late reader gets the newest value, and no publisher waits for it."""
    async with (
        site.worker() as one,
        site.worker() as two,
        one.notices.subscribe("t") as here,
        two.notices.subscribe("t") as there,
    ):
        for number in range(1, FLOOD):
            one.notices.publish("t", number)
        await _until(here, FLOOD - 1, "the newest is kept for who reads late")
        await _next(there, "something of a flood is heard elsewhere")
        with trio.move_on_after(WAIT_SECONDS):
            one.notices.publish("t", FLOOD)
            await _published_until_heard(one.notices, there)
            return
        raise AssertionError("after a flood notices are heard again")


async def _published_until_heard(notices: Notices, channel: trio.MemoryReceiveChannel[int]) -> None:
    """A notice may be lost in a flood, but a repeated one arrives in the end."""
    while True:
        notices.publish("t", FLOOD)
        await trio.sleep(0.01)
        while True:
            try:
                value = channel.receive_nowait()
            except trio.WouldBlock:
                break
            if value == FLOOD:
                return


async def nobody_has_to_listen(site: StateBench) -> None:
    """Publishing works without subscribers, and while and after subscribers leave."""
    async with site.worker() as one:
        one.notices.publish("t", 1)
        async with site.worker() as two, two.notices.subscribe("t"):
            one.notices.publish("t", 2)
        one.notices.publish("t", 3)
        async with one.notices.subscribe("t") as here:
            expect_equal(_unread(here), 0, "what was told before is not heard")
            await here.aclose()
            one.notices.publish("t", 4)
        one.notices.publish("x" * 100_000, 5)
        one.notices.publish("t", 2**80)
        notices = one.notices
    notices.publish("t", 6)


async def a_subscription_ends(site: StateBench) -> None:
    """After its block a subscription hears nothing and the channel is closed."""
    async with site.worker() as one:
        async with one.notices.subscribe("t") as channel:
            pass
        one.notices.publish("t", 1)
        try:
            channel.receive_nowait()
        except (trio.ClosedResourceError, trio.EndOfChannel):
            return
        raise AssertionError("the channel of an ended subscription is closed")


def _unread(channel: trio.MemoryReceiveChannel[int]) -> int:
    unread = channel.statistics().current_buffer_used
    expect(unread >= 0, "a buffer has a length")
    return unread


NOTICES_CHECKS: Final[tuple[StateCheck, ...]] = (
    heard_here_and_elsewhere,
    topics_are_any_text,
    the_newest_is_kept,
    nobody_has_to_listen,
    a_subscription_ends,
)
