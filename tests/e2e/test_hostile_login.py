"""Logins side by side: what one peer breaks off or sends as junk is its own business.

CVE-2025-59028: one client's bad base64 failed other clients' logins.
"""

from __future__ import annotations

import base64
import contextlib
import socket

import pytest
from clients import HOST, TIMEOUT_SECONDS, unverified
from mailsite import PASSWORD, tables
from thurn_testing.server import open_server

pytestmark = pytest.mark.slow

RIGHT = base64.b64encode(f"\0alice\0{PASSWORD}".encode())
JUNK = [
    b"?",
    b"====",
    b"YQ",
    b"YQ===",
    b"\xff\xfe\x00",
    b"",
    b"=",
    b"*",
    b"A" * 10_000,
    base64.b64encode(b"no NUL"),
    base64.b64encode(b"\0" * 4),
    base64.b64encode(b"\0alice\0\xff"),
    base64.b64encode(b"bob\0alice\0" + PASSWORD.encode()),
    b"AAAA AAAA",
    b"QUIT",
]


class Peer:
    """A connection over TLS, a reply for each line."""

    def __init__(self, server, listener):
        self.smtp = listener == "submission"
        self.socket = socket.create_connection((HOST, server.port(listener)), TIMEOUT_SECONDS)
        self.stream = self.socket.makefile("rb")
        if self.smtp:
            self.reply()
            self.say(b"EHLO c.example")
            self.say(b"STARTTLS")
        self.socket = unverified().wrap_socket(self.socket)
        self.stream = self.socket.makefile("rb")
        if self.smtp:
            self.say(b"EHLO c.example")
        else:
            self.reply()

    def reply(self):
        line = self.stream.readline()
        while line[3:4] == b"-" and self.smtp:
            line = self.stream.readline()
        return line

    def say(self, octets):
        self.socket.sendall(octets + b"\r\n")
        return self.reply()

    def close(self):
        self.stream.close()
        self.socket.close()


@pytest.mark.parametrize("listener", ["submission", "pop3s"])
async def test_junk_of_one_fails_no_login_of_another(tmp_path, listener):
    site = tables(tmp_path, **{listener: {"errors": 1000} if listener == "submission" else {}})
    async with open_server(site, tmp_path) as server:

        def work():
            for junk in JUNK:
                with contextlib.ExitStack() as stack:
                    peers = [Peer(server, listener) for _ in range(3)]
                    for peer in peers:
                        stack.callback(peer.close)
                    honest, hostile, other = peers
                    asked = honest.say(b"AUTH PLAIN")
                    assert asked.startswith((b"334", b"+ ")), asked
                    assert hostile.say(b"AUTH PLAIN").startswith((b"334", b"+ "))
                    refused = hostile.say(junk)
                    assert refused.startswith((b"5", b"-ERR")), (junk, refused)
                    hostile.socket.sendall(b"AUTH PLAIN\r\n")  # and away in the middle of one
                    hostile.close()
                    assert honest.say(RIGHT).startswith((b"235", b"+OK")), junk
                    assert other.say(b"AUTH PLAIN " + RIGHT).startswith((b"235", b"+OK")), junk

        await server.in_thread(work)
