"""Hostile peers on real sockets: they get little, and peers beside them are served at once.

What each protocol does with each hostile octet is in the transcripts of the engines and listeners
(docs/explanation/hostile-input.md says which); here is what needs sockets, a store, and neighbours.
"""

from __future__ import annotations

import contextlib
import poplib
import smtplib
import socket
import ssl
import threading

import pytest
from clients import HOST, TIMEOUT_SECONDS, bdat, send, unverified
from mailsite import PASSWORD, tables
from thurn_testing.server import open_server

pytestmark = pytest.mark.slow

SENDER, WHOM = "x@example.net", ["alice@example.org"]


class Line:
    """A connection on which a test says every octet itself."""

    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection((HOST, port), TIMEOUT_SECONDS, (source, 0))
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def say(self, octets):
        """The last line of the reply."""
        self.socket.sendall(octets)
        return self.reply()

    def reply(self):
        line = self.stream.readline()
        while line[3:4] == b"-":
            line = self.stream.readline()
        return line

    def secure(self):
        self.socket = unverified().wrap_socket(self.socket)
        self.stream.close()
        self.stream = self.socket.makefile("rb")


def serves(server, source="127.0.0.1"):
    """A neighbour sends and reads mail."""
    client = smtplib.SMTP(
        HOST, server.port("mx"), "neighbour.example", TIMEOUT_SECONDS, source_address=(source, 0)
    )
    with client:
        client.sendmail(SENDER, ["bob@example.org"], "Subject: neighbour\r\n\r\nx\r\n")
    with Line(server.port("pop3"), source) as line:
        assert line.reply().startswith(b"+OK")
        assert line.say(b"STLS\r\n").startswith(b"+OK")
        line.secure()
        assert line.say(b"USER bob\r\n").startswith(b"+OK")
        assert line.say(f"PASS {PASSWORD}\r\n".encode()).startswith(b"+OK")
    return True


def retrieve(server, account):
    """The newest message, octet by octet as it is sent; the library bounds lines."""
    with Line(server.port("pop3s")) as line:
        line.secure()
        line.reply()
        line.say(f"USER {account}\r\n".encode())
        line.say(f"PASS {PASSWORD}\r\n".encode())
        count = int(line.say(b"STAT\r\n").split()[1])
        assert line.say(b"RETR %d\r\n" % count).startswith(b"+OK")
        octets = bytearray()
        while not octets.endswith(b"\r\n.\r\n"):
            octets += line.stream.read1(1 << 16)
        return bytes(octets[:-3]).replace(b"\r\n..", b"\r\n.")


@pytest.fixture
async def server(tmp_path):
    async with open_server(tables(tmp_path), tmp_path) as running:
        yield running


BOMBS = {
    "100,000 fields": b"".join(b"X-%d: y\r\n" % n for n in range(100_000)),
    "a line of 8 MiB": b"Subject: " + b"y" * (8 << 20) + b"\r\n",
    "100,000 addresses": b"To: " + b"a@example.org,\r\n " * 99_999 + b"a@example.org\r\n",
    "100,000 Content-Types": b"Content-Type: multipart/mixed; boundary=b\r\n" * 100_000,
    "folded for ever": b"Subject: y\r\n" + b" y\r\n" * 100_000,
    "comments": b"From: " + b"(" * 100_000 + b"\r\n",
    "NUL and 8 bit": b"Subject: a\0b \xff\xfe\xe9\r\nX-\xff: y\r\n",
    "no colon": b"Subject: x\r\nthis is no field\r\n: nor this\r\n",
    "overlong lines": b"Subject: x\r\nX-Long: " + b"y" * 5000 + b"\r\n",
    "control characters": b"Subject: \x01\x1b[31m\x7f\r\n",
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 50_000,
    "nested": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(5_000)
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_in_the_header_is_stored_as_it_came(server, bomb):
    """CVE-2024-23184, CVE-2024-23185. RFC 5322 §2.1.1: nothing is cut silently."""
    run = server.in_thread
    message = BOMBS[bomb] + b"\r\nbody\r\n"
    text = await run(bdat, server.port("mx"), SENDER, WHOM[0], message, size=1 << 20)
    assert text.startswith("2.0.0")
    assert await run(serves, server)
    octets = await run(retrieve, server, "alice")
    assert octets.endswith(b"\r\n" + message)
    assert octets.startswith(b"Return-Path: <x@example.net>\r\n")


async def test_bare_line_ends_in_a_header_are_refused(server):
    for octets in (b"Subject: a\rb\r\n\r\nx\r\n", b"Subject: a\nBcc: b\r\n\r\nx\r\n"):
        with pytest.raises(AssertionError, match=r"5\.5\.2|5\.6\.0"):
            await server.in_thread(bdat, server.port("mx"), SENDER, WHOM[0], octets)


# floods, slow peers


@pytest.mark.parametrize(("listener", "word"), [("mx", b"421 "), ("pop3", b"-ERR ")])
async def test_a_flood_from_one_address_keeps_nobody_out(server, listener, word):
    """RFC 5321 §3.8: 421 beyond the bound; the others are served."""

    def flood():
        with contextlib.ExitStack() as stack:
            lines = [stack.enter_context(Line(server.port(listener))) for _ in range(205)]
            greetings = [line.reply() for line in lines]
            assert sum(not one.startswith(word) for one in greetings) == 200
            refused = next(one for one in greetings if one.startswith(word))
            assert serves(server, "127.0.0.2")
        return refused

    refused = await server.in_thread(flood)
    if listener == "mx":
        assert b" 4.7.0 " in refused
    assert await server.in_thread(serves, server)


IDLE = {
    "silent": [],
    "half a command": [b"EHLO neighb"],
    "inside the header": [b"HELO a\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<alice@example.org>\r\n",
                          b"DATA\r\n", b"Subject: x\r\n"],
    "behind the last CRLF": [b"HELO a\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<alice@example.org>\r\n",
                             b"DATA\r\n", b"x\r\n."],
    "inside a chunk": [b"HELO a\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<alice@example.org>\r\n",
                       b"BDAT 1000000 LAST\r\n", b"x"],
    "half a handshake": [b"HELO a\r\n", b"STARTTLS\r\n", b"\x16\x03\x01\x02\x00"],
}  # fmt: skip


@pytest.mark.parametrize("idle", IDLE)
async def test_forty_slow_peers_hold_up_nobody_and_leave_nothing(server, idle):
    def stand_still():
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                line = stack.enter_context(Line(server.port("mx")))
                for octets in IDLE[idle]:
                    line.socket.sendall(octets)
            assert serves(server)

    await server.in_thread(stand_still)
    assert await server.in_thread(serves, server)
    handle = await server.open_account("alice")
    assert list((await (await handle.mailbox("INBOX")).view()).uids) == []


async def test_a_peer_that_pipelines_and_does_not_read(server):
    """The server stops reading from it; memory does not grow with what it sends."""

    def pour(port, octets):
        with Line(port) as line:
            line.reply()
            line.socket.settimeout(0.5)
            sent = 0
            with contextlib.suppress(TimeoutError, OSError):
                while sent < 64 << 20:
                    sent += line.socket.send(octets)
            assert sent < 64 << 20
            assert serves(server)

    await server.in_thread(pour, server.port("mx"), b"EHLO neighbour.example\r\n" * 2000)
    await server.in_thread(pour, server.port("pop3"), b"CAPA\r\n" * 5000)


async def test_a_mailbox_that_is_not_read_to_the_end(server):
    """RETR of megabytes, and the client looks away."""
    run = server.in_thread
    large = b"Subject: large\r\n\r\n" + (b"y" * 70 + b"\r\n") * 60_000
    await run(bdat, server.port("mx"), SENDER, WHOM[0], large, size=1 << 20)

    def look_away():
        with Line(server.port("pop3s")) as line:
            line.secure()
            line.reply()
            line.say(b"USER alice\r\n")
            line.say(f"PASS {PASSWORD}\r\n".encode())
            line.socket.sendall(b"RETR 1\r\n" * 20)
            assert serves(server)

    await run(look_away)
    assert await run(serves, server)


# half-closed, reset


@pytest.mark.parametrize("listener", ["mx", "lmtp"])
async def test_a_peer_that_has_ended_its_side_gets_its_answers(server, listener):
    """RFC 5321 §4.1.1.10: the message ended truly, so it is stored once, and said so."""
    hello = b"LHLO a\r\n" if listener == "lmtp" else b"EHLO a\r\n"

    def end_early():
        with Line(server.port(listener)) as line:
            line.reply()
            line.say(hello)
            for octets in (b"MAIL FROM:<>\r\n", b"RCPT TO:<alice@example.org>\r\n", b"DATA\r\n"):
                line.say(octets)
            line.socket.sendall(b"Subject: x\r\n\r\nx\r\n.\r\n")
            line.socket.shutdown(socket.SHUT_WR)
            return line.reply(), line.stream.read()

    answer, rest = await server.in_thread(end_early)
    assert answer.startswith(b"250 2.0.0")
    assert rest == b""
    handle = await server.open_account("alice")
    assert len((await (await handle.mailbox("INBOX")).view()).uids) == 1


async def test_a_reset_in_the_content_stores_nothing(server):
    def reset():
        for _ in range(10):
            with Line(server.port("mx")) as line:
                line.reply()
                line.say(b"EHLO a\r\n")
                for octets in (
                    b"MAIL FROM:<>\r\n",
                    b"RCPT TO:<alice@example.org>\r\n",
                    b"DATA\r\n",
                ):
                    line.say(octets)
                line.socket.sendall(b"Subject: x\r\n\r\nx\r\n.")
                option = b"\1\0\0\0\0\0\0\0"  # no time to linger: RST
                line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        assert serves(server)

    await server.in_thread(reset)
    handle = await server.open_account("alice")
    assert list((await (await handle.mailbox("INBOX")).view()).uids) == []


# TLS


@pytest.mark.parametrize("listener", ["mx", "pop3"])
async def test_what_is_said_in_the_clear_behind_starttls_is_not_heard(server, listener):
    """CVE-2011-0411: both kinds, in one segment with the command and before the handshake."""
    start, evil = (
        (b"STARTTLS\r\n", b"MAIL FROM:<evil@example.net>\r\n")
        if listener == "mx"
        else (b"STLS\r\n", b"USER evil\r\n")
    )

    def inject():
        with Line(server.port(listener)) as line:
            line.reply()
            if listener == "mx":
                line.say(b"EHLO a\r\n")
            assert line.say(start + evil)[:3] in (b"220", b"+OK")
            line.secure()
            if listener == "mx":
                assert line.say(b"RCPT TO:<alice@example.org>\r\n").startswith(b"503 ")
                assert line.say(b"EHLO a\r\n").startswith(b"250 ")
                assert line.say(b"RCPT TO:<alice@example.org>\r\n").startswith(b"503 ")
            else:
                assert line.say(b"PASS x\r\n").startswith(b"-ERR ")

    await server.in_thread(inject)


@pytest.mark.parametrize("listener", ["mx", "pop3s"])
async def test_old_tls_and_words_instead_of_tls(server, listener):
    """RFC 8996."""

    def old():
        context = unverified()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with Line(server.port(listener)) as line:
            if listener == "mx":
                line.reply()
                line.say(b"EHLO a\r\n")
                line.say(b"STARTTLS\r\n")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(line.socket)
        with Line(server.port("pop3s")) as line:
            line.socket.sendall(b"USER alice\r\n")
            assert not line.stream.read().startswith(b"+OK")
        assert serves(server)

    with pytest.warns(DeprecationWarning, match="TLSv1"):
        await server.in_thread(old)


# login


def is_refused(client, name):
    try:
        client.user(name)
        client.pass_(PASSWORD)
    except poplib.error_proto:
        return True
    return False


async def test_credentials_without_bounds(server):
    """Hashes see bounded passwords only; a session that goes on too long with them ends."""

    def shout():
        long = "x" * 100_000
        with smtplib.SMTP(HOST, server.port("submission"), "a", timeout=TIMEOUT_SECONDS) as client:
            client.starttls(context=unverified())
            client.ehlo()
            code, _ = client.docmd("AUTH", "PLAIN " + long)
            assert code == 500
            code, _ = client.docmd("AUTH", "PLAIN AGFsaWNlAA==")  # no password
            assert code in (501, 535)
            assert client.login("alice", PASSWORD)[0] == 235
        with contextlib.closing(
            poplib.POP3_SSL(
                HOST, server.port("pop3s"), context=unverified(), timeout=TIMEOUT_SECONDS
            )
        ) as client:
            for name in (long, "*)(uid=*", "' OR 1=1 --", "%Ln", "alice\\", "a" * 200):
                assert is_refused(client, name)
            client.user("alice")
            client.pass_(PASSWORD)

    await server.in_thread(shout)


async def test_logins_at_once_hold_up_nobody(server):
    """Hashing is in threads, two at a time."""

    def guess():
        with contextlib.suppress(poplib.error_proto, OSError):
            client = poplib.POP3_SSL(
                HOST, server.port("pop3s"), context=unverified(), timeout=TIMEOUT_SECONDS
            )
            with contextlib.closing(client):
                client.user("alice")
                client.pass_("wrong")

    def storm():
        guesses = [threading.Thread(target=guess) for _ in range(12)]
        for one in guesses:
            one.start()
        assert serves(server)
        for one in guesses:
            one.join()

    await server.in_thread(storm)
    await server.in_thread(send, server.port("mx"), SENDER, WHOM, b"Subject: x\r\n\r\nx\r\n")
