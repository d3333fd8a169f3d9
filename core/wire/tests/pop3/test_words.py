"""Replies, capabilities and answers: what is written, what is read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.pop3 import answer, capability, command
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.grammar import VERBS
from thurn_wire.pop3.reply import Reply, ResponseCode, error, ok
from thurn_wire.pop3.spelling import spell

few = settings(max_examples=100, deadline=None)


@few
@given(st.text(max_size=700), st.sampled_from([None, *ResponseCode]))
def test_no_text_breaks_a_reply(text, code):
    for line in (ok(text).encode(), error(text, code).encode()):
        assert line.endswith(b"\r\n")
        assert len(line) <= 512
        assert line[:-2].decode("ascii").isprintable()
    read = answer.first_line(error(text, code).encode()[:-2])
    assert not read.is_positive
    assert read.code == code


def test_long_text_is_cut():
    assert ok("x" * 600).encode() == b"+OK " + b"x" * 506 + b"\r\n"
    assert len(error("x" * 600, ResponseCode.AUTHENTICATION).encode()) == 512


def test_replies():
    assert ok().encode() == b"+OK\r\n"
    assert ok("a\r\n-ERR b").encode() == b"+OK a??-ERR b\r\n"
    assert error("[AUTH] is not for texts").encode() == b"-ERR (AUTH] is not for texts\r\n"
    assert error("busy", ResponseCode.IN_USE).encode() == b"-ERR [IN-USE] busy\r\n"


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b"+OK", Reply(True, "", None)),
        (b"+ok [x] y", Reply(True, "[x] y", None)),
        (b"-ERR", Reply(False, "", None)),
        (b"-err [sys/temp] later", Reply(False, "later", "SYS/TEMP")),
        (b"-ERR [open", Reply(False, "[open", None)),
        (b"-ERR\xff", None),
        (b"+OKAY", None),
        (b"* OK imap", None),
        (b"", None),
    ],
)
def test_first_lines(line, parsed):
    assert answer.first_line(line) == parsed


@pytest.mark.parametrize(
    "make",
    [
        lambda: Offer(("plain",)),
        lambda: Offer(("PLAIN LOGIN",)),
        lambda: Offer(("A" * 21,)),
        lambda: Pop3Config(implementation="two words"),
        lambda: Pop3Config(expire_days=-1),
        lambda: Pop3Config(login_delay_seconds=-1),
    ],
)
def test_settings_that_cannot_be_announced(make):
    with pytest.raises(LocalProtocolError):
        make()


def test_capabilities_are_read_as_written():
    config = Pop3Config(implementation="thurn-1", expire_days=0, login_delay_seconds=9)
    offer = Offer(("SCRAM-SHA-256", "PLAIN"), user=True)
    found = answer.capabilities(capability.lines(config, offer, starttls=True))
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


SPELLINGS = {
    command.User("alice"): b"USER alice",
    command.Pass(" s p "): b"PASS  s p ",
    command.Apop("a b", "0f"): b"APOP a b 0f",
    command.Auth("PLAIN"): b"AUTH PLAIN",
    command.Auth("PLAIN", b""): b"AUTH PLAIN =",
    command.Auth("PLAIN", b"\0a"): b"AUTH PLAIN AGE=",
    command.StartTls(): b"STLS",
    command.Capa(): b"CAPA",
    command.Quit(): b"QUIT",
    command.Stat(): b"STAT",
    command.List(): b"LIST",
    command.List(2): b"LIST 2",
    command.Uidl(): b"UIDL",
    command.Uidl(3): b"UIDL 3",
    command.Retrieve(1): b"RETR 1",
    command.Top(1, 0): b"TOP 1 0",
    command.Delete(4): b"DELE 4",
    command.Noop(): b"NOOP",
    command.Reset(): b"RSET",
}


@pytest.mark.parametrize("request_", SPELLINGS, ids=repr)
def test_spelling(request_):
    assert spell(request_) == SPELLINGS[request_] + b"\r\n"


def test_every_command_of_the_table_can_be_sent():
    assert {request.STEP for request in SPELLINGS} == set(VERBS.values())


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
