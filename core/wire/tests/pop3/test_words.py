"""Replies, capabilities and answers: what is written, what is read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.pop3 import answer, capability, reply
from thurn_wire.pop3.capability import Offer, ServerConfig
from thurn_wire.pop3.error import RemoteProtocolError
from thurn_wire.pop3.reply import ResponseCode

few = settings(max_examples=100, deadline=None)


@few
@given(st.text(max_size=700), st.sampled_from([None, *ResponseCode]))
def test_no_text_breaks_a_reply(text, code):
    for line in (reply.ok(text), reply.error(text, code)):
        assert line.endswith(b"\r\n")
        assert len(line) <= 512
        assert line[:-2].decode("ascii").isprintable()
    ok, _, found = reply.parse(reply.error(text, code)[:-2])
    assert not ok
    assert found == (code.value if code else None)


def test_long_text_is_cut():
    assert reply.ok("x" * 600) == b"+OK " + b"x" * 506 + b"\r\n"
    assert len(reply.error("x" * 600, ResponseCode.AUTHENTICATION)) == 512


def test_replies():
    assert reply.ok() == b"+OK\r\n"
    assert reply.ok("a\r\n-ERR b") == b"+OK a??-ERR b\r\n"
    assert reply.error("[AUTH] is not for texts") == b"-ERR (AUTH] is not for texts\r\n"
    assert reply.error("busy", ResponseCode.IN_USE) == b"-ERR [IN-USE] busy\r\n"


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b"+OK", (True, "", None)),
        (b"+ok [x] y", (True, "[x] y", None)),
        (b"-ERR", (False, "", None)),
        (b"-err [sys/temp] later", (False, "later", "SYS/TEMP")),
        (b"-ERR [open", (False, "[open", None)),
        (b"-ERR\xff", None),
        (b"+OKAY", None),
        (b"* OK imap", None),
        (b"", None),
    ],
)
def test_first_lines(line, parsed):
    assert reply.parse(line) == parsed


@pytest.mark.parametrize(
    "make",
    [
        lambda: Offer(("plain",)),
        lambda: Offer(("PLAIN LOGIN",)),
        lambda: Offer(("A" * 21,)),
        lambda: ServerConfig(implementation="two words"),
        lambda: ServerConfig(expire_days=-1),
        lambda: ServerConfig(login_delay_seconds=-1),
    ],
)
def test_settings_that_cannot_be_announced(make):
    with pytest.raises(ValueError):
        make()


def test_capabilities_are_read_as_written():
    config = ServerConfig(implementation="thurn-1", expire_days=0, login_delay_seconds=9)
    offer = Offer(("SCRAM-SHA-256", "PLAIN"), user=True)
    found = answer.capabilities(capability.lines(config, offer, stls=True))
    assert found == {
        "TOP": (),
        "UIDL": (),
        "PIPELINING": (),
        "RESP-CODES": (),
        "AUTH-RESP-CODE": (),
        "EXPIRE": ("0",),
        "LOGIN-DELAY": ("9",),
        "USER": (),
        "SASL": ("SCRAM-SHA-256", "PLAIN"),
        "STLS": (),
        "IMPLEMENTATION": ("thurn-1",),
    }


def test_answers():
    assert answer.stat("2 320") == (2, 320)
    assert answer.stat("2 320 and more") == (2, 320)
    assert answer.sizes(b"1 120\r\n3 200\r\n") == {1: 120, 3: 200}
    assert answer.uids(b"1 a\r\n") == {1: "a"}
    assert answer.sizes(b"") == {}


@pytest.mark.parametrize(
    "read",
    [
        lambda: answer.stat(""),
        lambda: answer.stat("1"),
        lambda: answer.stat("1 99999999999999999999"),
        lambda: answer.sizes(b"1\r\n"),
        lambda: answer.sizes(b"1 x\r\n"),
        lambda: answer.sizes(b"1 99999999999999999999\r\n"),
        lambda: answer.sizes(b"99999999999 1\r\n"),
        lambda: answer.uids(b"1 a b\r\n"),
        lambda: answer.uids(b"1 \xff\r\n"),
    ],
)
def test_answers_that_are_none(read):
    with pytest.raises(RemoteProtocolError):
        read()


@few
@given(st.binary(max_size=60))
def test_any_answer(data):
    answer.capabilities(data)
    for read in (answer.sizes, answer.uids):
        with suppress(RemoteProtocolError):
            read(data)
