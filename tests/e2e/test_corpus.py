"""Real messages go in by DATA, BDAT and LMTP and come out byte-identical by RETR.

`THURN_CORPUS` names a directory of *.eml; without it the library's own small set is used.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from clients import bdat, fetch, lmtp, secured, without_return_path
from mailsite import tables
from thurn_testing.server import open_server

OWN = Path(__file__).parents[2] / "core" / "message" / "tests" / "data"
CORPUS = Path(os.environ.get("THURN_CORPUS") or OWN)
LINE_OCTETS = 2000
"""The POP3 client of the standard library takes no longer line."""


def corpus():
    """Each message with CRLF line ends, as a client would send it."""
    for path in sorted(CORPUS.rglob("*.eml")):
        octets = re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())
        if not octets.endswith(b"\r\n"):
            octets += b"\r\n"
        if max(map(len, octets.split(b"\r\n"))) < LINE_OCTETS:
            yield octets


@pytest.mark.slow
@pytest.mark.parametrize("door", ["data", "bdat", "lmtp"])
async def test_the_corpus_comes_out_as_it_went_in(tmp_path, door):
    messages = list(corpus())
    assert len(messages) > 5

    def put(ports):
        if door == "data":
            with secured(ports["mx"]) as client:
                for octets in messages:
                    client.sendmail("x@example.net", ["alice@example.org"], octets)
        for octets in messages:
            if door == "bdat":
                bdat(ports["mx"], "x@example.net", "alice@example.org", octets)
            elif door == "lmtp":
                assert not lmtp(ports["lmtp"], "x@example.net", ["alice@example.org"], octets)

    async with open_server(tables(tmp_path), tmp_path) as server:
        ports = {name: server.port(name) for name in ("mx", "lmtp", "pop3s")}
        await server.in_thread(put, ports)
        await server.settle()
        fetched = list((await server.in_thread(fetch, ports["pop3s"], "alice")).values())
    assert len(fetched) == len(messages)
    for octets, sent in zip(fetched, messages, strict=True):
        message = without_return_path(sent)
        assert octets.endswith(message)
        trace = octets[: len(octets) - len(message)]
        assert trace.count(b"\r\nReceived: ") == 1
        assert trace.startswith(b"Return-Path: ")
