"""The life of connections, over real loopback sockets; time is moved by the test."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from thurn.net.listen import LOOK_SECONDS


async def test_a_round_trip(serving):
    async with serving() as served:
        stream = await served.greeted()
        await stream.send_all(b"one\n")
        assert await stream.receive_some() == b"one\n"
        [connection] = served.listener.connections
        assert str(connection.peer) == "127.0.0.1"
        assert connection.peer_port == stream.socket.getsockname()[1]
        assert connection.local_port == served.port
        assert connection.tls is None
        assert not connection.can_start_tls


async def test_ipv4_inside_ipv6_is_ipv4(serving):
    async with serving(spec="*:0") as served:
        await served.greeted()
        assert str(served.listener.connections[0].peer) == "127.0.0.1"


async def test_a_unix_peer_has_no_address(serving, tmp_path):
    async with serving(spec=f"unix:{tmp_path}/s") as served:
        stream = await served.connect(f"{tmp_path}/s")
        assert await stream.receive_some() == b"hello\n"
        assert served.listener.connections[0].peer is None
        assert served.listener.connections[0].peer_port == 0


async def test_a_half_closed_peer_gets_the_rest(serving, everything):
    async with serving() as served:
        stream = await served.greeted()
        await stream.send_all(b"last\n")
        await stream.send_eof()
        assert await everything(stream) == b"last\nend\n"


async def test_the_last_words_arrive_although_the_peer_keeps_sending(serving, everything):
    class Leaver:
        async def serve(self, connection, session):
            await connection.receive(4)
            await connection.send(b"good bye\n")

        def farewell(self, reason):
            return b""

    async with serving(listener=Leaver()) as served:
        stream = await served.connect()
        for _ in range(5):
            await stream.send_all(b"more" * 25_000)
        assert await everything(stream) == b"good bye\n"  # and an orderly end, no reset


async def test_after_an_interrupted_send_nothing_is_sent(serving, everything, mock_clock):
    class Interrupted:
        refused = False

        async def serve(self, connection, session):
            with trio.move_on_after(5):
                await connection.send(b"." * 50_000_000)
            with contextlib.suppress(OSError):
                await connection.send(b"x")
                return
            self.refused = True

        def farewell(self, reason):
            return b"farewell"

    async with serving(listener=Interrupted()) as served:
        stream = await served.connect()
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(6)
        assert set(await everything(stream)) == {ord(".")}
        assert served.listener.refused


async def test_a_session_that_is_cancelled_still_says_what_is_done(serving, everything):
    """However many calls it was since the last turn of others."""

    class Done:
        async def serve(self, connection, session):
            for _ in range(20):
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await connection.send(b"250\n")

        def farewell(self, reason):
            return b""

    async with serving(listener=Done()) as served:
        assert await everything(await served.connect()) == b"250\n" * 20


async def test_more_than_the_kernel_takes(serving, everything):
    parts = [b"a" * 10, b"", b"b" * 3_000_000, b"c" * 10, b"d" * 70_000]

    class Giver:
        async def serve(self, connection, session):
            await connection.send_parts(parts)
            await connection.send(b"!" * 1_000_000)

        def farewell(self, reason):
            return b"unexpected"

    async with serving(listener=Giver()) as served:
        stream = await served.connect()
        assert await everything(stream) == b"".join(parts) + b"!" * 1_000_000


async def test_receive_is_bounded(serving):
    sizes = []

    class Taker:
        async def serve(self, connection, session):
            while octets := await connection.receive(1 << 30):
                sizes.append(len(octets))

        def farewell(self, reason):
            return b""

    async with serving(listener=Taker()) as served:
        stream = await served.connect()
        await stream.send_all(bytes(1_000_000))
        await stream.send_eof()
        assert await stream.receive_some() == b""
        assert sum(sizes) == 1_000_000
        assert max(sizes) <= 65536


async def test_a_busy_peer_lets_the_others_run(serving):
    turns = []
    both, done = trio.Event(), trio.Event()

    class Taker:
        async def serve(self, connection, session):
            await both.wait()
            for _ in range(100):
                octet = await connection.receive(1)
                turns.append(octet)
            if len(turns) == 200:
                done.set()

        def farewell(self, reason):
            return b""

    async with serving(listener=Taker()) as served:
        for octet in (b"a", b"b"):
            stream = await served.connect()
            await stream.send_all(octet * 100)
        await trio.testing.wait_all_tasks_blocked()
        both.set()
        with trio.fail_after(100):
            await done.wait()
    assert b"".join(turns) != b"a" * 100 + b"b" * 100


@pytest.mark.parametrize("word", [b"raise\n", b"group\n"])
async def test_an_exception_ends_one_connection_and_is_logged_once(
    serving, everything, logged, word
):
    async with serving() as served:
        other = await served.greeted()
        stream = await served.greeted()
        await stream.send_all(word)
        assert await everything(stream) == b"farewell error\n"
        await other.send_all(b"still\n")
        assert await other.receive_some() == b"still\n"
    [record] = [one for one in logged if one["log_level"] != "debug"]
    assert record["event"] == "session.failed"
    assert record["session"].startswith("s")
    assert isinstance(record["exc_info"], Exception)


async def test_a_reset_is_quiet(serving, logged):
    async with serving() as served:
        stream = await served.greeted()
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.socket.close()
        again = await served.greeted()
        await again.send_all(b"one\n")
        assert await again.receive_some() == b"one\n"
    assert {one["log_level"] for one in logged} <= {"debug"}


async def test_silence_ends_a_connection(serving, everything, mock_clock):
    async with serving(idle="300s") as served:
        stream = await served.greeted()
        mock_clock.jump(299)
        await stream.send_all(b"one\n")
        assert await stream.receive_some() == b"one\n"  # and extended to 60 seconds
        mock_clock.jump(59)
        await stream.send_all(b"two\n")
        assert await stream.receive_some() == b"two\n"
        mock_clock.jump(61)
        assert await everything(stream) == b"farewell idle\n"


async def test_who_looks_at_deadlines_sleeps_while_nothing_is_open(serving, everything, mock_clock):
    async with serving(idle="300s") as served:
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")
        stream = await served.greeted()
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline <= LOOK_SECONDS
        await stream.send_eof()
        assert await everything(stream) == b"end\n"
        await trio.testing.wait_all_tasks_blocked(0.01)
        mock_clock.jump(LOOK_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")


async def test_the_total_time_cannot_be_extended(serving, everything, mock_clock):
    async with serving(idle="60s", total="100s") as served:
        stream = await served.greeted()
        for _ in range(2):
            mock_clock.jump(45)
            await stream.send_all(b"one\n")
            assert await stream.receive_some() == b"one\n"
        mock_clock.jump(11)
        assert await everything(stream) == b"farewell idle\n"


async def test_a_peer_that_does_not_read_is_ended_without_a_word(serving, everything, mock_clock):
    class Giver:
        stuck = trio.Event()

        async def serve(self, connection, session):
            self.stuck.set()
            await connection.send(b"." * 50_000_000)

        def farewell(self, reason):
            return b"farewell"

    async with serving(listener=Giver(), idle="10s") as served:
        stream = await served.connect()
        await Giver.stuck.wait()
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(11)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(3)  # the linger
        octets = await everything(stream)
        assert 0 < len(octets) < 50_000_000
        assert set(octets) == {ord(".")}  # nothing was said into the middle of it


async def test_a_peer_that_never_closes_is_not_waited_for(serving, mock_clock):
    async with serving(connections=1) as served:
        stream = await served.greeted()
        await stream.send_all(b"bye\n")
        assert await stream.receive_some() == b""
        mock_clock.jump(3)
        await trio.testing.wait_all_tasks_blocked()
        await served.greeted()  # the only place is free again


async def test_too_many_are_told_so(serving, everything, logged):
    async with serving(connections_per_address=2) as served:
        first = await served.greeted()
        await served.greeted()
        assert await everything(await served.connect()) == b"farewell busy\n"
        assert await everything(await served.connect()) == b"farewell busy\n"
        await first.send_all(b"bye\n")
        assert await everything(first) == b""
        await first.aclose()
        await trio.testing.wait_all_tasks_blocked()
        await served.greeted()
    (line,) = logged
    assert (line["event"], line["peer"], line["limit"]) == ("connection.refused", "127.0.0.1", 2)
    assert (line["listener"], line["setting"]) == ("echo", "listener.echo.connections_per_address")


async def test_draining(serving, everything):
    async with serving() as served:
        stream = await served.greeted()
        [connection] = served.listener.connections
        assert not connection.closing
        served.draining.set()
        await trio.testing.wait_all_tasks_blocked()
        assert connection.closing
        late = await served.connect()  # taken by the kernel, for another worker
        await stream.send_all(b"goes on\n")
        assert await stream.receive_some() == b"goes on\n"
        with trio.move_on_after(0.05) as scope:
            await late.receive_some()
        assert scope.cancelled_caught
        served.nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert await everything(stream) == b"farewell closing\n"


@pytest.mark.slow
def test_without_descriptors_it_waits_and_goes_on():
    """In a process of its own, since the limit is the process's."""
    script = Path(__file__).with_name("exhausted.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("accept.paused") == 1


class Reader:
    """Asks for much at a time, as one does of a message; says when ten octets are there."""

    async def serve(self, connection, session):
        while True:
            octets = b""
            while len(octets) < 10:
                piece = await connection.receive(65536)
                if not piece:
                    return
                octets += piece
            await connection.send(b"whole")

    def farewell(self, reason):
        return b""


async def test_a_peer_that_sends_in_two_pieces_is_not_kept_waiting(serving):
    """Its second piece waits for the acknowledgement of the first (Nagle), 40 ms by default."""
    async with serving(listener=Reader()) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as peer:
            waits = []
            for _ in range(20):
                begun = trio.current_time()
                peer.sendall(b"12345678")
                for _ in range(5):
                    await trio.lowlevel.checkpoint()  # the first piece is read alone
                peer.sendall(b"90")
                await trio.to_thread.run_sync(peer.recv, 5)
                waits.append(trio.current_time() - begun)
            assert min(waits[10:]) < 0.035
