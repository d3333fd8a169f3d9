"""Whatever a peer sends, a session ends in order: no exception, no file, each transaction once."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

PIECES = st.sampled_from(
    [
        b"EHLO c\r\n",
        b"HELO c\r\n",
        b"LHLO c\r\n",
        b"MAIL FROM:<x@example.net>\r\n",
        b"MAIL FROM:<> SIZE=1 BODY=8BITMIME\r\n",
        b"RCPT TO:<alice@example.org>\r\n",
        b"RCPT TO:<postmaster>\r\n",
        b"RCPT TO:<y@elsewhere.example>\r\n",
        b"DATA\r\n",
        b"\r\n.\r\n",
        b".\r\n",
        b"BDAT 5\r\n",
        b"BDAT 3 LAST\r\n",
        b"abc",
        b"Subject: leave\r\n\r\n",
        b"RSET\r\n",
        b"AUTH PLAIN AGFsaWNlAGNvcnJlY3QgaG9yc2U=\r\n",
        b"AUTH LOGIN\r\n",
        b"*\r\n",
        b"YWxpY2U=\r\n",
        b"AUTH FINAL YWxpY2U=\r\n",
        b"STARTTLS\r\n",
        b"NOOP\r\n",
        b"QUIT\r\n",
        b"\n",
        b"\r",
        b"\0",
    ]
)
OCTETS = st.lists(PIECES | st.binary(max_size=30), max_size=25)
ENDINGS = st.sampled_from(["eof", "reset", "close", "drain"])


@pytest.mark.slow
async def test_any_octets(desk, mock_clock):  # asked for here, or it is not trio's clock
    @settings(max_examples=120, deadline=None)
    @given(
        listener=st.sampled_from(["mx", "once", "bare", "clear", "lmtp", "submissions"]),
        pieces=OCTETS,
        ending=ENDINGS,
    )
    def check(listener, pieces, ending):
        trio.from_thread.run(_any_octets, desk, listener, pieces, ending)

    await trio.to_thread.run_sync(check)


async def _any_octets(desk, listener, pieces, ending):
    before = len(desk.journal())
    peer = desk.connect(listener)
    answers = bytearray(await desk.say(peer, b""))
    for octets in pieces:
        if not peer.closed:
            answers += await desk.say(peer, octets)
    await _end(peer, ending)
    await desk.settle(peer)
    assert peer.closed
    lines = bytes(answers).split(b"\r\n")[:-1]
    for line in lines:
        assert line[:3].isdigit(), line
        assert b"\n" not in line
    assert not desk.spooled()
    identifiers = [record["id"] for record in desk.journal()]
    assert len(identifiers) == len(set(identifiers))
    # A refusal at MAIL is a record of its own, and its reply carries the id.
    refused = [line for line in lines if line.startswith((b"530 ", b"452 ")) and b"(" in line]
    begun = [line for line in lines if line.startswith(b"250 2.1.0 ")]
    assert len(identifiers) - before == len(begun) + len(refused)


async def _end(peer, ending):
    match ending:
        case "eof":
            await peer.send_eof()
        case "reset":
            peer.reset()
        case "close":
            await peer.aclose()
        case "drain":
            peer.connection.closing = True
            await peer.send_eof()
