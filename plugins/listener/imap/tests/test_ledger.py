"""What IMAP asks of the ledger: APPEND, COPY and CREATE, and who may use the reserve (ADR 0019)."""

from __future__ import annotations

import pytest
from thurn.app.ledger import UNIT_OCTETS, WorkerLedger

RESERVE_OCTETS = 10 * UNIT_OCTETS


@pytest.fixture
def ledger(world):
    """Puts a ledger with these bounds behind all listeners."""

    def make(memory_octets=1 << 30, free_octets=1 << 40):
        one = WorkerLedger(memory_octets, RESERVE_OCTETS, lambda: free_octets)
        for name, listener in world.site.opened("listener"):
            assert name
            listener._parts.context.ledger = one
        return one

    return make


async def test_deleting_works_when_only_the_reserve_is_left(world, mock_clock, ledger):
    ledger(free_octets=RESERVE_OCTETS)
    peer = await world.log_in()
    for command in (b"APPEND INBOX {5+}\r\nhello", b"COPY 1 INBOX", b"CREATE more"):
        answer = await world.say(peer, b"1 " + command + b"\r\n")
        assert answer.startswith(b"1 NO [UNAVAILABLE]"), command
    assert b"2 OK" in await world.say(peer, b"2 STORE 1 +FLAGS (\\Deleted)\r\n")
    answer = await world.say(peer, b"3 EXPUNGE\r\n")
    assert answer.startswith(b"* 1 EXPUNGE\r\n")
    assert b"3 OK" in answer


async def test_a_literal_without_room_is_refused_before_it_comes(world, mock_clock, ledger):
    one = ledger(free_octets=RESERVE_OCTETS + UNIT_OCTETS)
    peer = await world.log_in()
    answer = await world.say(peer, b"1 APPEND INBOX {100000}\r\n")
    assert answer.startswith(b"1 NO [UNAVAILABLE]")
    assert b"2 OK [APPENDUID" in await world.say(peer, b"2 APPEND INBOX {5+}\r\nhello\r\n")
    assert not one._reserved
    assert not one.held_octets


async def test_without_memory_a_small_message_waits_in_a_file(world, mock_clock, ledger):
    one = ledger(memory_octets=1)
    peer = await world.log_in()
    await world.say(peer, b"1 APPEND INBOX {10+}\r\nhello")
    assert len(world.spooled()) == 1
    assert b"1 OK [APPENDUID" in await world.say(peer, b"world\r\n")
    assert not world.spooled()
    assert not one.held_octets
