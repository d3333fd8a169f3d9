"""Rules of a session over a real connection: they hear of each end of a transaction once.

One session per row: what the peer says, and what its rules have heard when it has gone. Within a
transaction STARTTLS is refused (503); the handshake that it begins here never comes.
"""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from mailsite import tables
from thurn.plugin import plugin
from thurn_testing.server import open_server

MAIL = ["MAIL FROM:<x@example.net>", "RCPT TO:<alice@example.org>"]
LARGE = "x\r\n" * (30 << 10) + "."
STORED = [*MAIL, "DATA", "Subject: x\r\n\r\nx\r\n."]


class Rules:
    """Keeps what it hears."""

    def __init__(self, heard):
        self.heard = heard

    async def check_recipient(self, transaction, recipient):
        self.heard.append(("asked", transaction.id))

    async def transaction_ended(self, transaction, outcome):
        self.heard.append((outcome, transaction.id))


class Policy:
    rules = Rules

    def __init__(self):
        self.heard = []
        self.closed = trio.Event()

    @asynccontextmanager
    async def open(self, session):
        self.heard.append(("open", ""))
        try:
            yield Rules(self.heard)
        finally:
            self.heard.append(("closed", ""))
            self.closed.set()


@asynccontextmanager
async def served(base, policy):
    @plugin("policy", "watching")
    @asynccontextmanager
    async def watching():
        yield policy

    site = tables(base, mx={"policies": ["watching"], "size_limit": "64KiB"})
    site["listener"] = {"mx": site["listener"]["mx"]}
    site["policy"] = {"watching": {"type": "watching"}}
    with trio.fail_after(30):
        async with open_server(site, base, plugins=[watching]) as server:
            yield server


async def say(stream, line):
    """Say a line and wait for its reply."""
    await stream.send_all(line.encode() + b"\r\n")
    return await listen(stream)


async def listen(stream):
    reply = b""
    while not reply.endswith(b"\n") or reply.splitlines()[-1][3:4] == b"-":
        octets = await stream.receive_some(4096)
        assert octets, reply
        reply += octets
    return int(reply[:3])


@pytest.mark.parametrize(
    ("lines", "outcomes"),
    [
        (["RSET", "MAIL FROM:<x@example.net>"], []),
        (STORED, ["stored"]),
        ([*STORED, *STORED], ["stored", "stored"]),
        ([*MAIL, "RSET"], ["abandoned"]),
        ([*MAIL, "EHLO again.example"], ["abandoned"]),
        ([*MAIL, "STARTTLS", "RSET", "STARTTLS"], ["abandoned"]),
        ([*MAIL, "QUIT"], ["abandoned"]),
        ([*MAIL], ["abandoned"]),
        ([*MAIL, "DATA"], ["abandoned"]),
        ([*MAIL, "DATA", LARGE], ["refused"]),
        ([*MAIL, "RSET", *STORED, *MAIL], ["abandoned", "stored", "abandoned"]),
    ],
    ids=[
        "not asked", "250", "twice 250", "RSET", "EHLO", "STARTTLS", "QUIT", "disconnect",
        "disconnect in data", "too large", "all of it",
    ],
)  # fmt: skip
async def test_each_end_is_reported_once(tmp_path, lines, outcomes):
    policy = Policy()
    async with served(tmp_path, policy) as server:
        async with await trio.open_tcp_stream("127.0.0.1", server.port("mx")) as stream:
            await listen(stream)
            await say(stream, "EHLO c.example")
            assert policy.heard == []  # not at accept, and not before there is a question
            for line in lines:
                await say(stream, line)
        if outcomes:
            await policy.closed.wait()
    words = [word for word, _ in policy.heard]
    told = [(word, identifier) for word, identifier in policy.heard if identifier]
    if not outcomes:
        assert words == []
        return
    assert (words[0], words[-1]) == ("open", "closed")
    assert (words.count("open"), words.count("closed")) == (1, 1)
    assert [word for word, _ in told if word != "asked"] == outcomes
    assert len({identifier for _, identifier in told}) == len(outcomes)


async def test_a_session_that_is_cut_tells_its_rules(tmp_path):
    """The time for draining is over while a transaction is under way."""
    policy = Policy()
    async with served(tmp_path, policy) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port("mx"))
        await listen(stream)
        for line in ("EHLO c.example", *MAIL):
            await say(stream, line)
    assert [word for word, _ in policy.heard] == ["open", "asked", "abandoned", "closed"]
    await stream.aclose()
