"""What transcripts do not show: groups of replies, files, time, many peers, lost connections.

RFC 3848 (the words of Received), RFC 5321 §4.4.
"""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import pytest
import trio
from thurn_kit import spool
from trio.testing import wait_all_tasks_blocked

HELLO = b"EHLO client.example\r\n"
ENVELOPE = b"MAIL FROM:<x@example.net>\r\nRCPT TO:<alice@example.org>\r\n"
LINES = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 16 * 1024
"""One MiB of content."""


async def greeted(desk, listener="mx"):
    peer = desk.connect(listener)
    assert (await desk.say(peer, b"")).startswith(b"220 ")
    await desk.say(peer, (b"LHLO" if listener == "lmtp" else b"EHLO") + b" client.example\r\n")
    peer.connection.sends.clear()
    return peer


async def test_a_group_of_commands_is_answered_by_one_send(desk, mock_clock):
    peer = await greeted(desk)
    group = b"MAIL FROM:<x@example.net>\r\n" + b"RCPT TO:<alice@example.org>\r\n" * 50 + b"DATA\r\n"
    answers = await desk.say(peer, group)
    assert answers.count(b"\r\n") == 52
    assert len(peer.connection.sends) == 1
    await desk.say(peer, b"Subject: x\r\n\r\nx\r\n.\r\n" + ENVELOPE + b"DATA\r\n")
    assert len(peer.connection.sends) == 2


async def test_replies_do_not_wait_for_a_whole_message_to_be_judged(desk, mock_clock):
    peer = await greeted(desk)
    answers = await desk.say(peer, ENVELOPE + b"BDAT 3 LAST\r\nxyzQUIT\r\n")
    assert answers.count(b"\r\n250 ") == 2
    first, second = peer.connection.sends
    assert first == len(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n")
    assert second


async def test_a_slow_step_does_not_hold_up_the_answers_before_it(desk, mock_clock):
    peer = await greeted(desk)
    slow = b"RCPT TO:<bob+slow@example.org>\r\n"
    answers = await desk.say(peer, ENVELOPE + slow + slow + b"RSET\r\n")
    assert answers.count(b"\r\n") == 5
    assert peer.connection.sends == [
        len(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n"),
        len(b"250 2.1.5 Ok\r\n"),
        len(b"250 2.0.0 Reset\r\n"),
    ]


async def test_the_greeting_waits_for_early_talkers(desk, mock_clock):
    begun = trio.current_time()
    patient, hasty = desk.connect("patient"), desk.connect("patient")
    await wait_all_tasks_blocked()
    assert patient.received() == b""
    await hasty.send_all(HELLO)
    early = b"554 mx.example.org You spoke before the greeting\r\n"
    assert (await hasty.receive_some()).startswith(early)
    patient.connection.waits = False  # it waits for the time, not for octets
    desk.clock.jump(3)
    assert await patient.receive_some() == b"220 mx.example.org ESMTP\r\n"
    assert trio.current_time() - begun < 4


async def test_large_content_waits_in_a_private_file(desk, mock_clock):
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    for _ in range(3):
        await desk.say(peer, LINES)
    (path,) = desk.spooled()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (await desk.say(peer, b"end\r\n.\r\n")).startswith(b"250 ")
    (message,) = await desk.mail()
    assert message.endswith(LINES * 3 + b"end\r\n")
    assert not desk.spooled()


@pytest.mark.parametrize("ending", [b"bare\nline end\r\n.\r\n", b"RSET", None])
async def test_the_file_goes_whatever_happens(desk, mock_clock, ending):
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    await desk.say(peer, LINES)
    await desk.say(peer, LINES)
    assert desk.spooled()
    if ending is None:
        peer.reset()
    elif ending == b"RSET":
        await peer.send_eof()
    else:
        assert (await desk.say(peer, ending)).startswith(b"550 5.5.2")
    await desk.settle(peer)
    assert not desk.spooled()
    assert await desk.mail() == []
    outcome = "refused" if ending and ending != b"RSET" else "abandoned"
    assert desk.journal()[-1]["outcome"] == outcome


@pytest.mark.parametrize(
    ("number", "answer"), [(errno.ENOSPC, b"452 4.3.1"), (errno.EIO, b"451 4.3.0")]
)
@pytest.mark.parametrize("listener", ["mx", "lmtp"])
async def test_a_full_disk_is_temporary_and_in_step(
    desk, mock_clock, monkeypatch, number, answer, listener
):
    peer = await greeted(desk, listener)
    await desk.say(peer, ENVELOPE + b"RCPT TO:<bob@example.org>\r\nDATA\r\n")

    def write(*_):
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(spool, "os", SimpleNamespace(**{**vars(os), "write": write}))
        for _ in range(3):
            assert await desk.say(peer, LINES) == b""
        answers = await desk.say(peer, b".\r\n")
    assert answers.startswith(answer)
    assert answers.count(b"\r\n") == (2 if listener == "lmtp" else 1)
    assert desk.journal()[-1]["outcome"] == "refused"
    assert not desk.spooled()
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    assert (await desk.say(peer, b"x\r\n.\r\n")).startswith(b"250 ")
    assert len(await desk.mail()) == 1


async def test_many_peers_at_once(desk, mock_clock):
    peers = [await greeted(desk) for _ in range(20)]
    messages = [b"Subject: %d\r\n\r\n%d\r\n" % (n, n) for n in range(20)]
    for peer in peers:
        await peer.send_all(ENVELOPE + b"DATA\r\n")
    for peer, message in zip(reversed(peers), reversed(messages), strict=True):
        await peer.send_all(message + b".\r\nQUIT\r\n")
    for peer in peers:
        await desk.settle(peer)
        assert b"\r\n250 2.0.0 Stored" in peer.received()
    stored = await desk.mail()
    assert len(stored) == 20
    for message in messages:
        assert sum(one.endswith(message) for one in stored) == 1


async def test_after_the_true_end_it_is_stored_once_whoever_closes(desk, mock_clock):
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    await peer.send_all(b"x\r\n.\r\n")
    await peer.aclose()  # nobody reads the answer
    await desk.settle(peer)
    assert len(await desk.mail()) == 1
    assert desk.journal()[-1]["outcome"] == "stored"


async def test_a_dripping_peer_ends_with_the_total_time(desk, mock_clock):
    peer = await greeted(desk)
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    for _ in range(86_400 // 280 + 2):
        if peer.closed:
            break
        await peer.send_all(b"x")
        await desk.settle(peer)
        desk.clock.jump(280)
        await trio.lowlevel.checkpoint()
        await wait_all_tasks_blocked()
    assert peer.closed
    assert peer.received().startswith(b"421 4.4.2 ")
    assert desk.journal()[-1]["outcome"] == "abandoned"


async def test_refused_recipients_beyond_half_of_the_errors_take_a_second_each(desk, mock_clock):
    peer = await greeted(desk)
    await desk.say(peer, b"MAIL FROM:<x@example.net>\r\n")
    times = []
    for number in range(14):
        before = trio.current_time()
        await desk.say(peer, b"RCPT TO:<guess%d@example.org>\r\n" % number)
        times.append(trio.current_time() - before)
    assert max(times[:10]) < 0.5
    assert min(times[10:]) >= 1


async def test_an_accepted_message_makes_up_for_refusals(desk, mock_clock):
    peer = await greeted(desk)
    guesses = b"".join(b"RCPT TO:<guess%d@example.org>\r\n" % n for n in range(9))
    begun = trio.current_time()
    for _ in range(3):
        await desk.say(peer, ENVELOPE + guesses + b"DATA\r\n")
        assert (await desk.say(peer, b"x\r\n.\r\n")).startswith(b"250 ")
    assert trio.current_time() - begun < 1


async def test_a_cancelled_session_says_goodbye_and_abandons(desk, mock_clock):
    async with trio.open_nursery() as desk.nursery:
        peer = await greeted(desk)
        await desk.say(peer, ENVELOPE + b"DATA\r\n")
        await desk.say(peer, b"x\r\n")
        desk.nursery.cancel_scope.cancel()
    assert peer.received().startswith(b"421 4.3.2 mx.example.org ")
    assert desk.journal()[-1]["outcome"] == "abandoned"


async def test_farewells(desk):
    for reason, enhanced in [
        ("error", b"4.3.0"), ("closing", b"4.3.2"), ("busy", b"4.7.0"), ("idle", b"4.4.2"),
    ]:  # fmt: skip
        octets = desk.listener("mx").farewell(reason)
        assert octets.startswith(b"421 " + enhanced + b" mx.example.org ")
        assert octets.endswith(b"\r\n")
        assert octets.count(b"\r\n") == 1


@pytest.mark.parametrize(
    ("listener", "protocol"),
    [("mx", "smtp"), ("submission", "submission"), ("submissions", "submission"), ("lmtp", "lmtp")],
)
async def test_the_word_for_services(desk, listener, protocol):
    assert desk.listener(listener).protocol == protocol


async def test_trace_fields_tell_how_it_came(desk, mock_clock):
    peer = await greeted(desk, "submissions")
    await desk.say(peer, b"AUTH PLAIN AGFsaWNlAGNvcnJlY3QgaG9yc2U=\r\n")
    await desk.say(peer, ENVELOPE + b"DATA\r\n")
    await desk.say(peer, b"x\r\n.\r\n")
    (message,) = await desk.mail()
    assert b" with ESMTPSA id " in message
