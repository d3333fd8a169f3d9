"""The peer of a listener under test, and the bench on which the listener stands.

Rules of this file:
1. It knows no protocol: what a peer says and how answers are read is the plugin's script.
2. Time is virtual and moves only here: short pauses of the listener pass at once, deadlines only
   where a check wants it. So nothing depends on how fast the machine is.
3. The host's part (deadline, farewell, close) is `thurn_testing.fakes.connection.converse`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

import trio
from thurn.contracts.listener import Listener
from thurn.types.session import Session
from trio.testing import MockClock, wait_all_tasks_blocked

from thurn_testing.contracts.expectation import expect, expect_equal
from thurn_testing.fakes.connection import (
    CAPACITY_OCTETS,
    MemoryConnection,
    MemoryPeer,
    converse,
    memory_connection,
)
from thurn_testing.fakes.gate import CountingGate
from thurn_testing.fakes.listener import FakeListenerContext
from thurn_testing.fakes.mailflow import FakeMailflow

Answer: TypeAlias = Literal["success", "temporary", "permanent", "nothing"]
"""What a peer learns: it worked, it may work later, it will never work, or there was no answer."""
Leaving: TypeAlias = Literal["half-close", "close", "reset", "cancel"]
"""How a connection ends early: the peer ends its side, closes, or is gone; or the host cancels."""
LEAVINGS: Final[tuple[Leaving, ...]] = ("half-close", "close", "reset", "cancel")

PAUSE_SECONDS: Final = 10.0
"""Longest pause of a listener that passes at once, in virtual seconds: above any slowing down of
guessers, below any deadline of a connection."""
HANG_SECONDS: Final = 10.0
"""Real seconds for which nothing may happen while an answer is due. Work in a thread, such as the
writing of a large content, takes less on any machine."""
PIECE_OCTETS: Final = 65_536
"""What a peer sends at once, in octets."""
_TURNS: Final = 12
"""Turns of the loop that a listener has for an answer before everything is awaited."""


class ClientScript(Protocol):
    """How a peer speaks the protocol of the listener; the plugin's test writes it.

    Attributes:
        chatter: a command that is answered each time, may come any number of times, and needs no
            login; b"" if the protocol has none.
        start_tls: the command that asks for TLS; None if the protocol has none.
    """

    @property
    def chatter(self) -> bytes:
        """See above."""

    @property
    def start_tls(self) -> bytes | None:
        """See above."""

    def judge(self, octets: bytes) -> Answer:
        """What the last whole answer in these octets says; "nothing" where there is none."""

    async def greet(self, client: Client) -> Answer:
        """Await the greeting and say hello: afterwards the listener takes commands. Ends early
        where the listener refuses."""

    async def work(self, client: Client) -> None:
        """An ordinary session after `greet`, with a login where there is one, up to its end."""


class PeerLeft(Exception):
    """Ends a script whose connection was ended early; scripts let it pass."""


OpenListener: TypeAlias = Callable[[FakeListenerContext], AbstractAsyncContextManager[Listener]]
"""Opens the product. The context has a gate, a mail flow and a clock; where the listener needs a
store or shared state, the plugin's test opens them around it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where and how a connection ends early.

    Attributes:
        octets: how many octets the peer has sent by then.
        leaving: how it ends.
    """

    octets: int
    leaving: Leaving


@dataclass(slots=True)
class Served:
    """How the listener's side of a connection went."""

    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    ended: bool = False
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """A listener that is open, and everything around it."""

    listener: Listener
    context: FakeListenerContext
    gate: CountingGate
    mailflow: FakeMailflow
    script: ClientScript
    clock: MockClock
    nursery: trio.Nursery

    def connect(self, *, has_certificate: bool = False, cut: Cut | None = None) -> Client:
        """A new connection that is being served.

        Args:
            has_certificate: TLS may be started.
            cut: where it ends early.
        """
        connection, peer = memory_connection(has_certificate=has_certificate)
        session = Session(
            f"s{id(connection)}", "listener.test", self.listener.protocol, connection.peer
        )
        served = Served()
        self.nursery.start_soon(self._serve, connection, session, served)
        return Client(self, connection, peer, served, cut)

    async def _serve(self, connection: MemoryConnection, session: Session, served: Served) -> None:
        try:
            with served.scope:
                await converse(self.listener, connection, session)
        except Exception as error:  # noqa: BLE001 - checks look at it
            served.error = error
        served.ended = True

    def files(self) -> list[Path]:
        """The files that the listener keeps now."""
        return [path for path in self.context.data.rglob("*") if path.is_file()]

    def expect_nothing_open(self, client: Client) -> None:
        """The session has ended, without an error, and leaves nothing behind."""
        expect(client.ended, "`serve` returns when the session is over")
        if client.error is not None:
            promise = f"a peer that leaves is no failure of the listener: {client.error!r}"
            raise AssertionError(promise) from client.error
        expect_equal(self.gate.open_exchanges, 0, "an exchange under way is cancelled at the end")
        expect_equal(
            self.mailflow.open_transactions, 0, "an open transaction is ended exactly once"
        )
        expect_equal(self.mailflow.faults, [], "the mail flow is used as its contract says")
        expect_equal(self.files(), [], "no file of the session is left")


class Client:
    """The peer's end of a connection.

    Attributes:
        connection: the listener's end.
        peer: the stream of the peer.
        sent_octets: how many octets the peer has sent.
        turn_ends: `sent_octets` after each turn.
        early: what the listener answered while the mail flow still held the message.
    """

    def __init__(
        self,
        bench: Bench,
        connection: MemoryConnection,
        peer: MemoryPeer,
        served: Served,
        cut: Cut | None,
    ) -> None:
        self.connection = connection
        self.peer = peer
        self.sent_octets = 0
        self.turn_ends: list[int] = []
        self.early = b""
        self._bench = bench
        self._served = served
        self._cut = cut
        self._answer = bytearray()

    @property
    def closed(self) -> bool:
        """Whether the listener has closed the connection."""
        return self.peer.closed

    @property
    def ended(self) -> bool:
        """Whether `serve` has returned, or raised."""
        return self._served.ended

    @property
    def error(self) -> Exception | None:
        """What `serve` raised; None: it returned, or the connection was lost."""
        return self._served.error

    async def say(self, octets: bytes = b"") -> bytes:
        """Send these octets; returns what the listener has answered when it waits for more, or has
        closed. A closed connection takes nothing and answers b"".

        Raises:
            PeerLeft: the connection was to end here.
        """
        cut = self._cut
        if cut is not None and cut.octets <= self.sent_octets + len(octets):
            await self._send(octets[: cut.octets - self.sent_octets])
            await self.leave(cut.leaving)
            raise PeerLeft
        await self._send(octets)
        self.turn_ends.append(self.sent_octets)
        return await self.settle()

    async def _send(self, octets: bytes) -> None:
        """Hand over everything, and read what is answered while there is no room for the rest."""
        self.sent_octets += len(octets)
        for start in range(0, len(octets), PIECE_OCTETS):
            piece = octets[start : start + PIECE_OCTETS]
            if not self._has_room:
                await self._pass_until(lambda: self.closed or self._has_room)
            with contextlib.suppress(trio.BrokenResourceError):  # the listener has closed
                await self.peer.send_all(piece)

    @property
    def _has_room(self) -> bool:
        return len(self.connection.inward.octets) <= CAPACITY_OCTETS - PIECE_OCTETS

    async def start_tls(self) -> None:
        """The peer's half of a handshake, after the listener has agreed to it."""
        await self.peer.start_tls()

    async def settle(self) -> bytes:
        """Let the listener work until it waits for the peer; returns what it has answered.

        Raises:
            AssertionError: it neither answers nor waits.
        """
        await self._pass_until(lambda: self.peer.quiet)
        answer = bytes(self._answer)
        self._answer.clear()
        return answer

    async def leave(self, leaving: Leaving) -> None:
        """End the connection early, and wait until the listener has ended its side.

        Raises:
            AssertionError: it has not.
        """
        match leaving:
            case "half-close":
                await self.peer.send_eof()
            case "close":
                await self.peer.aclose()
            case "reset":
                self.peer.reset()
            case "cancel":
                self._served.scope.cancel()
        await self.wait_ended()

    async def wait_ended(self) -> None:
        """Return when `serve` has ended. Raises AssertionError: it does not."""
        await self._pass_until(lambda: self.ended)

    async def _pass_until(self, is_done: Callable[[], bool]) -> None:
        """Let the loop turn, and pauses pass, until this is so."""
        still_since = time.monotonic()
        while True:
            for _ in range(_TURNS):
                await trio.lowlevel.checkpoint()
            await wait_all_tasks_blocked()
            read = self._read()
            if is_done():
                await wait_all_tasks_blocked()
                if is_done() and not self._read():
                    return
            if self._bench.mailflow.held and not self.ended:
                self.early += self._answer
                self._bench.mailflow.release()
            elif read or self._pass_pause():
                still_since = time.monotonic()
            elif time.monotonic() - still_since > HANG_SECONDS:
                raise AssertionError("the listener answers, waits for the peer, or ends: it hangs")
            else:
                await wait_all_tasks_blocked(0.001)

    def _read(self) -> bool:
        octets = b"" if self.connection.outward.broken else self.peer.received()
        self._answer += octets
        return bool(octets)

    def _pass_pause(self) -> bool:
        """Whether there was a short pause; it is over now."""
        pause = trio.lowlevel.current_statistics().seconds_to_next_deadline
        if not 0 < pause <= PAUSE_SECONDS:
            return False
        self._bench.clock.jump(pause)
        return True

    async def be_silent(self, seconds: float) -> bool:
        """Say nothing for so long, in virtual seconds; whether the session has ended."""
        end = trio.current_time() + seconds
        while not self.ended and trio.current_time() < end:
            await wait_all_tasks_blocked()
            self._read()
            pause = trio.lowlevel.current_statistics().seconds_to_next_deadline
            self._bench.clock.jump(max(0.0, min(pause, end - trio.current_time())))
            await wait_all_tasks_blocked()
        return self.ended
