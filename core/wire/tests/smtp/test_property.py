"""Any octets: nothing is raised, nothing depends on the cuts, nothing grows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import RemoteProtocolError
from thurn_wire.event import NEED_DATA, PAUSED, Challenge, Closed
from thurn_wire.smtp import command
from thurn_wire.smtp.client import SmtpClient
from thurn_wire.smtp.config import Profile

WORDS = st.sampled_from(
    [
        b"HELO c\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"MAIL FROM:<> SIZE=9",
        b"RCPT TO:<c@d>\r\n",
        b"RCPT TO:<unknown@d>\r\n",
        b"DATA\r\n",
        b"x\r\n.\r\n",
        b"\r\n.\r\n",
        b".\r\n",
        b"BDAT 4\r\n",
        b"BDAT 3 LAST\r\n",
        b"BDAT 99999\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH LOGIN =\r\n",
        b"*\r\n",
        b"AA==\r\n",
        b"VRFY x\r\n",
        b"HELP\r\n",
        b"\r",
        b"\n",
        b".",
        b"\0",
        b"\xff",
        b" ",
        b"a" * 600,
        b"GET / HTTP/1.1\r\n",
        b"EXPN\r\n",
        b"QUIT\r\n",
        b"later@",
    ]
)
STREAMS = st.lists(WORDS | st.binary(max_size=6), max_size=25).map(b"".join)
CUTS = st.lists(st.integers(1, 30), max_size=60)


def pieces(octets, cuts):
    position = 0
    for length in cuts:
        if position < len(octets):
            yield octets[position : position + length]
        position += length
    if position < len(octets):
        yield octets[position:]


@pytest.mark.parametrize("profile", ["smtp", "lmtp"])
@settings(max_examples=200, deadline=None)
@given(octets=STREAMS, cuts=CUTS)
def test_server(make_session, profile, octets, cuts):
    chosen = {"profile": profile, "auth": "PLAIN LOGIN", "spill": "20"}
    whole, cut = make_session(chosen), make_session(chosen)
    start = b"LHLO c\r\n" if profile == "lmtp" else b"EHLO c\r\n"
    # EHLO and LHLO end their group (RFC 2920 §3.1): only what follows in later groups may be cut
    # anywhere.
    answers = whole.connect() + whole.feed(start) + whole.feed(octets) + whole.act("eof", "")
    again = cut.connect() + cut.feed(start)
    for piece in pieces(octets, cuts):
        again += cut.feed(piece)
    again += cut.act("eof", "")
    assert again == answers
    assert cut.messages == whole.messages
    assert whole.closed
    assert cut.closed
    assert all(len(line) <= 510 for line in answers.split(b"\r\n"))


REPLIES = st.lists(
    st.sampled_from(
        [
            b"220 mx\r\n",
            b"554 no\r\n",
            b"250-mx\r\n",
            b"250 PIPELINING\r\n",
            b"250 CHUNKING\r\n",
            b"250 2.1.0 Ok\r\n",
            b"550 5.1.1 No\r\n",
            b"354 go\r\n",
            b"334 AA==\r\n",
            b"235 in\r\n",
            b"421 down\r\n",
            b"221 bye\r\n",
            b"250",
            b"\r\n",
            b"\n",
            b"\xff",
            b"999 x\r\n",
        ]
    )
    | st.binary(max_size=6),
    max_size=30,
).map(b"".join)


def converse(octets, cuts, profile):
    """All that a simple client makes of these octets: one command after the other."""
    engine = SmtpClient(profile)
    commands = iter(
        [
            lambda: engine.send(command.Hello("LHLO" if profile is Profile.LMTP else "EHLO", "c")),
            lambda: engine.send(command.Auth("PLAIN", b"")),
            lambda: engine.send(command.Mail(b"a@b")),
            lambda: engine.send(command.Recipient(b"c@d")),
            lambda: engine.send(command.Data()),
            lambda: engine.send_content(b".\n"),
            lambda: engine.send(command.Reset()),
            lambda: engine.send(command.Quit()),
        ]
    )
    seen = []
    for piece in [*pieces(octets, cuts), b""]:
        engine.receive_data(piece)
        while True:
            try:
                happened = engine.next_event()
            except RemoteProtocolError:
                happened = "error"
            if happened in (NEED_DATA, PAUSED):
                break
            seen.append(happened)
            if isinstance(happened, Closed):
                return seen
            if happened == "error" or engine.waits:
                continue
            if isinstance(happened, Challenge) or happened.reply.is_positive:
                try:
                    next(commands, lambda: engine.send(command.Noop()))()
                except Exception as error:  # noqa: BLE001 - a local error belongs to the result
                    seen.append(type(error).__name__)
    return seen


@settings(max_examples=200, deadline=None)
@given(octets=REPLIES, cuts=CUTS, profile=st.sampled_from(list(Profile)))
def test_client(octets, cuts, profile):
    whole = converse(octets, [], profile)
    assert converse(octets, cuts, profile) == whole
    assert isinstance(whole[-1], Closed)
    assert set(map(str, whole)) & {"TypeError", "KeyError", "IndexError"} == set()
