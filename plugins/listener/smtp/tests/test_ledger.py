"""What SMTP asks of the ledger: memory, disk and time of a content (ADR 0019)."""

from __future__ import annotations

import pytest
import trio
from thurn.app.ledger import WorkerLedger
from trio.testing import wait_all_tasks_blocked

ENVELOPE = b"MAIL FROM:<x@example.net>\r\nRCPT TO:<alice@example.org>\r\n"
LINES = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 1024
"""64 KiB of content."""
PEERS = 40
PIECES = 10
IDLE_SECONDS = 280


@pytest.fixture
def ledger(desk):
    """Makes the listeners' ledger; no listener has served yet."""

    def make(memory_octets=1 << 30, reserve_octets=0, free_octets=1 << 40):
        one = WorkerLedger(memory_octets, reserve_octets, lambda: free_octets)
        desk.site.ledger = one
        for instance in ("mx", "submission"):
            desk.listener(instance)._context.ledger = one
        for flow in desk.site._flows.values():
            raise AssertionError(f"{flow} has a ledger already")
        return one

    return make


async def greeted(desk, listener="mx", peer="192.0.2.1"):
    one = desk.connect(listener, peer=peer)
    await desk.say(one, b"")
    await desk.say(one, b"EHLO client.example\r\n")
    return one


async def test_many_halves_of_messages_stay_within_the_budget(desk, mock_clock, ledger):
    budget_octets = 8 * len(LINES)
    one = ledger(budget_octets)
    peers = [await greeted(desk) for _ in range(PEERS)]
    for peer in peers:
        await desk.say(peer, ENVELOPE + b"DATA\r\n")
    for _ in range(PIECES):
        for peer in peers:
            await desk.say(peer, LINES)
            assert one.held_octets <= budget_octets
    assert len(desk.spooled()) > PEERS // 2
    for peer in peers:
        assert (await desk.say(peer, b".\r\n")).startswith(b"250 ")
    assert one.held_octets == 0
    messages = await desk.mail()
    assert len(messages) == PEERS
    assert all(message.endswith(LINES * PIECES) for message in messages)
    assert not desk.spooled()


async def test_what_was_spilled_early_is_whole(desk, mock_clock, ledger):
    ledger(1)
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"BDAT 65536\r\n")
    await desk.say(peer, LINES[:40_000])
    await desk.say(peer, LINES[40_000:])
    assert desk.spooled()
    answer = await desk.say(peer, b"BDAT 7 LAST\r\n..\r\nx\r\n")
    assert answer.startswith(b"250 ")
    (message,) = await desk.mail()
    assert message.endswith(LINES + b"..\r\nx\r\n")


async def test_no_room_is_told_before_the_content_comes(desk, mock_clock, ledger):
    ledger(free_octets=10 << 20)
    peer = await greeted(desk)
    large = ENVELOPE.replace(b"net>\r", b"net> SIZE=6000000\r", 1)
    assert (await desk.say(peer, large)).count(b"250 ") == 2  # nothing is reserved at MAIL
    assert (await desk.say(peer, b"DATA\r\n")).startswith(b"452 4.3.1")
    await desk.say(peer, b"RSET\r\n")
    await desk.say(peer, large)
    assert (await desk.say(peer, b"BDAT 5\r\nhello")).startswith(b"452 4.3.1")
    assert desk.journal()[-1]["reason"] == "content.unwritable"
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    assert (await desk.say(peer, b"x\r\n.\r\n")).startswith(b"250 ")


async def test_a_content_that_grows_beyond_the_room_gets_452_in_step(desk, mock_clock, ledger):
    ledger(memory_octets=1, free_octets=10 * len(LINES))
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    for _ in range(PIECES):
        assert await desk.say(peer, LINES) == b""
    assert not desk.spooled()
    assert (await desk.say(peer, b".\r\n")).startswith(b"452 4.3.1")
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    assert (await desk.say(peer, b"x\r\n.\r\n")).startswith(b"250 ")


async def test_everything_is_given_back_when_a_peer_leaves(desk, mock_clock, ledger):
    one = ledger()
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    await desk.say(peer, LINES)
    await desk.say(peer, LINES)
    assert one.held_octets
    assert one._reserved
    peer.reset()
    await desk.settle(peer)
    assert not one.held_octets
    assert not one._reserved


async def test_a_dripping_peer_has_ten_minutes(desk, mock_clock):
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    begun = trio.current_time()
    while not peer.closed:
        await peer.send_all(b"x")
        await desk.settle(peer)
        desk.clock.jump(20)
        await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()
    assert 600 <= trio.current_time() - begun <= 600 + IDLE_SECONDS
    assert peer.received().startswith(b"421 4.4.2 ")
    assert desk.journal()[-1]["outcome"] == "abandoned"
