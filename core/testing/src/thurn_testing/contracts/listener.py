r"""The conformance kit of listeners (`thurn.contracts.listener.Listener`), without a site.

    class Script:                       # how a peer speaks: see `listener_client.ClientScript`
        chatter, start_tls = b"NOOP\r\n", b"STARTTLS\r\n"
        ...

    def test_contract(tmp_path):
        check_listener(lambda context: smtp.open(settings, context), Script(), tmp_path)

The kit runs a loop of its own, with virtual time: call it from an ordinary function. Listeners that
receive mail have a second kit, `listener_receiving`.
"""

from __future__ import annotations

import contextlib
import math
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from thurn_testing.contracts.expectation import expect, expect_equal, naming
from thurn_testing.contracts.listener_client import (
    LEAVINGS,
    PIECE_OCTETS,
    Bench,
    Client,
    ClientScript,
    Cut,
    OpenListener,
    PeerLeft,
)
from thurn_testing.fakes.gate import open_gate
from thurn_testing.fakes.listener import FakeListenerContext
from thurn_testing.fakes.mailflow import FakeMailflow

Check: TypeAlias = Callable[[Bench], Awaitable[None]]

SILENCE_SECONDS: Final = 3_600.0
"""Longest time in seconds for which a peer that says nothing may hold a connection."""
CUTS: Final = 200
"""Connections that end early, at places spread over a whole dialogue."""
FLOOD_OCTETS: Final = 4 * 2**20
"""A line without an end, and commands whose answers nobody reads, in octets."""
MEMORY_OCTETS: Final = 3 * 2**20
"""Most memory that one peer may cost in a flood, in octets: less than `FLOOD_OCTETS`, and more than
any buffer of a listener and the connection's own (256 KiB in each direction)."""
GUESSES: Final = 40
"""Sessions of a peer that sends octets at random."""
FAREWELL_OCTETS: Final = 512
"""Longest farewell in octets: it is sent without waiting. RFC 5321 §4.5.3.1.5."""
_SEED: Final = 1939


def check_listener(open_listener: OpenListener, script: ClientScript, directory: Path) -> None:
    """Everything that the contract promises holds for this listener as it is configured.

    Args:
        open_listener: see `OpenListener`; it is called once for each check.
        script: how a peer speaks.
        directory: an empty one.

    Raises:
        AssertionError: with the promise that was not kept; a note names the check.
    """
    run_checks("listener", CHECKS, open_listener, script, directory)


def run_checks(
    kit: str,
    checks: Sequence[Check],
    open_listener: OpenListener,
    script: ClientScript,
    directory: Path,
) -> None:
    """Run each check on a bench of its own, in a loop of its own."""
    for number, check in enumerate(checks):
        clock = MockClock()
        one = partial(_run, check, open_listener, script, directory / str(number), clock)
        with naming(kit, check):  # what hangs is found by `listener_client`
            trio.run(one, clock=clock)


async def _run(
    check: Check,
    open_listener: OpenListener,
    script: ClientScript,
    directory: Path,
    clock: MockClock,
) -> None:
    mailflow = FakeMailflow()
    async with open_gate() as gate, trio.open_nursery() as nursery:
        context = FakeListenerContext(directory, gate, mailflow)
        async with open_listener(context) as listener:
            await check(Bench(listener, context, gate, mailflow, script, clock, nursery))
            nursery.cancel_scope.cancel()


async def greets(bench: Bench) -> None:
    """A peer is greeted, and its commands are answered."""
    client = bench.connect()
    expect_equal(await bench.script.greet(client), "success", "the greeting says yes")
    if bench.script.chatter:
        octets = await client.say(bench.script.chatter)
        expect_equal(bench.script.judge(octets), "success", "a command is answered")
    expect(not client.ended, "a session goes on until somebody ends it")
    await client.leave("close")
    bench.expect_nothing_open(client)


async def works(bench: Bench) -> None:
    """An ordinary session ends as the peer wants it."""
    client = bench.connect()
    await bench.script.greet(client)
    await bench.script.work(client)
    await client.wait_ended()
    bench.expect_nothing_open(client)


async def cut_anywhere(bench: Bench) -> None:
    """A connection may end at any octet, in any way, and leaves nothing open."""

    async def dialogue(client: Client) -> None:
        await bench.script.greet(client)
        await bench.script.work(client)

    await cut(bench, dialogue)


async def cut(bench: Bench, dialogue: Callable[[Client], Awaitable[object]]) -> None:
    """End a dialogue early at many places, in each way, and look for what is left."""
    whole = bench.connect()
    await dialogue(whole)
    await whole.leave("close")
    step = math.ceil(whole.sent_octets / CUTS) or 1
    places = range(1, whole.sent_octets + 1, step)
    cuts = [Cut(place, LEAVINGS[n % len(LEAVINGS)]) for n, place in enumerate(places)]
    cuts += [Cut(place, way) for place in {0, *whole.turn_ends} for way in LEAVINGS]
    for one in cuts:
        await _cut_one(bench, dialogue, one)


async def _cut_one(
    bench: Bench, dialogue: Callable[[Client], Awaitable[object]], where: Cut
) -> None:
    client = bench.connect(cut=where)
    try:
        with contextlib.suppress(PeerLeft):
            await dialogue(client)
            await client.leave("close")
        bench.expect_nothing_open(client)
    except AssertionError as error:
        error.add_note(f"the connection ended by {where.leaving} after {where.octets} octets")
        raise


async def silent_peers_end(bench: Bench) -> None:
    """A peer that says nothing, or stops inside a command, does not hold a connection for ever."""
    for said in (b"", bench.script.chatter[:1]):
        for greeted in (False, True):
            client = bench.connect()
            if greeted:
                await bench.script.greet(client)
            await client.say(said)
            ended = await client.be_silent(SILENCE_SECONDS)
            expect(ended, f"a silent peer's connection ends within {SILENCE_SECONDS:.0f} s")
            bench.expect_nothing_open(client)


async def long_lines_are_bounded(bench: Bench) -> None:
    """A line without an end costs no memory, and is answered or ends the session."""
    for greeted in (False, True):
        client = bench.connect()
        if greeted:
            await bench.script.greet(client)
        else:
            await client.say()
        heard = b""
        with little_memory("a line without an end costs no memory"):
            for _ in range(FLOOD_OCTETS // PIECE_OCTETS):
                heard += await client.say(b"x" * PIECE_OCTETS)
        answer = bench.script.judge(heard + await client.say(b"\r\n"))
        expect(answer != "success", "a line that is too long is not carried out")
        expect(client.closed or answer != "nothing", "a line that is too long is answered")
        await client.leave("close")
        bench.expect_nothing_open(client)


async def unread_answers_are_bounded(bench: Bench) -> None:
    """A peer that asks on and on and reads no answers costs little memory."""
    chatter = bench.script.chatter
    if not chatter:
        return
    client = bench.connect()
    await bench.script.greet(client)
    piece = chatter * (PIECE_OCTETS // len(chatter))

    async def ask() -> None:
        with contextlib.suppress(trio.BrokenResourceError):  # the listener may end it
            for _ in range(FLOOD_OCTETS // PIECE_OCTETS):
                await client.peer.send_all(piece)

    with little_memory("answers that nobody reads are not kept"):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            for _ in range(3):
                await wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
    await client.leave("reset")
    bench.expect_nothing_open(client)


@contextlib.contextmanager
def little_memory(promise: str) -> Iterator[None]:
    """The block must not need more than `MEMORY_OCTETS` at any time."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not was_tracing:
            tracemalloc.stop()
    needed = peak - before
    expect(needed <= MEMORY_OCTETS, f"{promise}: it took {needed / 2**20:.1f} MiB")


async def octets_at_random_end_in_no_error(bench: Bench) -> None:
    """Whatever octets come, the listener answers or closes, and does not fail."""
    random = Random(_SEED)  # noqa: S311 - the same octets each time
    for _ in range(GUESSES):
        client = bench.connect()
        await bench.script.greet(client)
        for _ in range(4):
            octets = random.randbytes(random.randrange(200))
            await client.say(octets.replace(b"\n", b"\r\n") + b"\r\n")
        await client.leave("close")
        bench.expect_nothing_open(client)


async def farewells(bench: Bench) -> None:
    """There is a farewell for each reason, short and never a success."""
    listener = bench.listener
    for reason in ("error", "closing", "busy", "idle"):
        octets = listener.farewell(reason)
        expect(isinstance(octets, bytes), f"the farewell for {reason} is octets: {octets!r}")
        expect_equal(listener.farewell(reason), octets, "a farewell is always the same")
        expect(len(octets) <= FAREWELL_OCTETS, f"a farewell has {FAREWELL_OCTETS} octets at most")
        answer = bench.script.judge(octets)
        expect(
            answer in ("temporary", "nothing"),
            f"after {reason} the peer may come again: {octets!r}",
        )


async def a_closing_worker_says_goodbye(bench: Bench) -> None:
    """While the worker closes, a peer is asked to come again, and the session ends."""
    if not bench.script.chatter:
        return
    client = bench.connect()
    await bench.script.greet(client)
    client.connection.closing = True
    octets = await client.say(bench.script.chatter)
    await client.wait_ended()
    answer = bench.script.judge(octets + await client.settle())
    expect(answer in ("temporary", "nothing"), "a peer of a closing worker may come again")
    bench.expect_nothing_open(client)


async def no_tls_without_a_certificate(bench: Bench) -> None:
    """Without a certificate TLS is refused, and the session goes on."""
    if bench.script.start_tls is None:
        return
    client = bench.connect()
    await bench.script.greet(client)
    octets = await client.say(bench.script.start_tls)
    answer = bench.script.judge(octets)
    expect(
        answer in ("temporary", "permanent"), f"TLS is refused without a certificate: {octets!r}"
    )
    expect(not client.ended, "a peer that asked for TLS in vain may go on")
    await client.leave("close")
    bench.expect_nothing_open(client)


async def octets_before_tls_are_discarded(bench: Bench) -> None:
    """What came in the clear behind the command for TLS is not carried out. RFC 3207 §4.2."""
    if bench.script.start_tls is None:
        return
    client = bench.connect(has_certificate=True)
    await bench.script.greet(client)
    octets = await client.say(bench.script.start_tls + bench.script.chatter * 2)
    expect_equal(bench.script.judge(octets), "success", "TLS is agreed to with a certificate")
    await client.start_tls()
    octets = await client.settle()
    expect(client.connection.tls is not None, "after the answer comes the handshake")
    answer = bench.script.judge(octets)
    expect(answer != "success", f"what came before TLS is not answered under it: {octets!r}")
    expect(bench.script.chatter == b"" or not octets or client.ended, "it is discarded")
    if not client.ended:
        await client.leave("close")
    bench.expect_nothing_open(client)


async def a_failed_handshake_ends_quietly(bench: Bench) -> None:
    """A peer that talks on in the clear instead of the handshake is no failure of the listener."""
    if bench.script.start_tls is None:
        return
    client = bench.connect(has_certificate=True)
    await bench.script.greet(client)
    await client.say(bench.script.start_tls)
    await client.say(bench.script.chatter or b"x")
    await client.wait_ended()
    bench.expect_nothing_open(client)


CHECKS: Final[tuple[Check, ...]] = (
    greets,
    works,
    farewells,
    no_tls_without_a_certificate,
    octets_before_tls_are_discarded,
    a_failed_handshake_ends_quietly,
    a_closing_worker_says_goodbye,
    silent_peers_end,
    octets_at_random_end_in_no_error,
    long_lines_are_bounded,
    unread_answers_are_bounded,
    cut_anywhere,
)
