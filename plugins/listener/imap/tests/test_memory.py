"""A client that does not read costs at most 256 KiB, whatever it has asked for. Counted is what
this process allocates for it; the fake connection, which stands for the kernel, is left out."""

from __future__ import annotations

import base64
import gc
import tracemalloc

import pytest
import thurn_testing.fakes.connection
from thurn_testing.fakes.connection import CAPACITY_OCTETS
from trio.testing import wait_all_tasks_blocked

MOST_OCTETS = 262_144
LINE = b"0123456789abcde\r\n"
PLAIN = b"Subject: plain\r\n\r\n" + LINE * 58_000
"""Nearly 1 MiB: the largest that a store may have in its log, and so in memory."""
TO = b",\r\n ".join(b"<one%d@example.net>" % n for n in range(8_000))
ENCODED = (
    b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(LINE * 40_000).replace(b"\n", b"\r\n")
)
HEADER = b"To: " + TO + b"\r\n" + b"X-Long: 0123456789\r\n" * 25_000 + b"\r\nbody\r\n"
PART = b"--b\r\nContent-Type: text/plain; name=" + b"n" * 200 + b"\r\n\r\n1\r\n"
PARTS = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + PART * 900 + b"--b--\r\n"
MIDDLE = b"Subject: middle\r\n\r\n" + LINE * 3_800
"""Just below what is read in one piece."""


@pytest.mark.parametrize(
    ("message", "item"),
    [
        (PLAIN, b"BODY.PEEK[]"),
        (PLAIN, b"(BODY.PEEK[] UID RFC822.SIZE)"),
        (PLAIN, b"(BODYSTRUCTURE BODY.PEEK[TEXT]<17.900000>)"),
        (PLAIN, b"BODY.PEEK[1]"),
        (PLAIN, b"RFC822"),
        (ENCODED, b"BINARY.PEEK[1]"),
        (HEADER, b"BODY.PEEK[HEADER]"),
        (HEADER, b"BODY.PEEK[HEADER.FIELDS (X-LONG)]"),
        (HEADER, b"BODY.PEEK[HEADER.FIELDS.NOT (TO)]"),
        (HEADER, b"ENVELOPE"),
        (HEADER, b"(ENVELOPE BODY.PEEK[HEADER])"),
        (PARTS, b"BODYSTRUCTURE"),
        (PARTS, b"(BODYSTRUCTURE BODY.PEEK[])"),
        (MIDDLE, b"BODY.PEEK[]"),
        (b"Subject: small\r\n\r\n" + LINE * 1_500, b"(ENVELOPE BODYSTRUCTURE BODY.PEEK[])"),
    ],
)
async def test_what_waits_to_be_read(open_world, message, item):
    async with open_world("spool", messages=[message] * 20) as world:
        peer = await world.log_in()
        await world.say(peer, b"0 FETCH 1:* (FLAGS)\r\n")  # what the mailbox itself costs
        await world.say(peer, b"0 FETCH 1 " + item + b"\r\n")
        before = allocated()
        await peer.send_all(b"1 FETCH 1:* " + item + b"\r\n")
        while len(peer.connection.outward.octets) < CAPACITY_OCTETS:  # threads are at work
            await wait_all_tasks_blocked(0.01)
        await wait_all_tasks_blocked(0.05)
        most = allocated() - before
        tracemalloc.stop()
        answer = await world.say(peer, b"")
    assert len(answer) > MOST_OCTETS, "the client could have been told at once"
    assert answer.endswith(b"1 OK FETCH done\r\n")
    assert most <= MOST_OCTETS


def allocated():
    """Octets of ours that are in use."""
    gc.collect()
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    fake = tracemalloc.Filter(
        inclusive=False, filename_pattern=thurn_testing.fakes.connection.__file__
    )
    snapshot = tracemalloc.take_snapshot().filter_traces([fake])
    return sum(trace.size for trace in snapshot.traces)
