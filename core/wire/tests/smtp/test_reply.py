"""Replies: what goes out is clean and bounded, what comes in is judged.

RFC 5321 §4.2, RFC 2034 §4, RFC 3463 §2.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.linebuffer import LineBuffer
from thurn_wire.smtp.answer import ReplyReader, capabilities
from thurn_wire.smtp.limits import REPLY_LINE_OCTETS, REPLY_LINES
from thurn_wire.smtp.reply import Reply


def read(octets):
    lines = LineBuffer()
    lines.receive(octets)
    return ReplyReader().next_reply(lines)


def test_encode():
    assert Reply(250, "2.1.0", ("Ok",)).encode() == b"250 2.1.0 Ok\r\n"
    assert Reply(334, None, ("",)).encode() == b"334\r\n"
    assert Reply(250, None, ("a", "b", "c")).encode() == b"250-a\r\n250-b\r\n250 c\r\n"
    assert Reply(550, "5.7.1", ("a", "b")).encode() == b"550-5.7.1 a\r\n550 5.7.1 b\r\n"


@pytest.mark.parametrize(
    "text", ["a\r\n250 b", "a\nb", "a\0b", "\x7f\x85", "\u2028x", "jürgen", "\ud800"]
)
def test_nothing_but_printable_ascii_goes_out(text):
    octets = Reply(550, "5.1.1", (text,)).encode()
    assert octets.endswith(b"\r\n")
    assert all(32 <= octet < 127 for octet in octets[:-2])


def test_long_texts_are_cut():
    octets = Reply(550, "5.1.1", ("x" * 600, "y")).encode()
    assert len(octets.split(b"\r\n")[0]) == REPLY_LINE_OCTETS - 2
    assert Reply(250, None, ("x",) * 500).encode().count(b"\r\n") == REPLY_LINES


@pytest.mark.parametrize(
    "wrong",
    [
        (199,),
        (600,),
        (250, "5.0.0"),
        (354, "2.0.0"),
        (250, "2.0"),
        (250, "2.1.1234"),
        (250, None, ()),
    ],
    ids=str,
)
def test_what_is_no_reply(wrong):
    with pytest.raises(LocalProtocolError):
        Reply(*wrong)


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (b"250 2.1.0 Ok\r\n", Reply(250, "2.1.0", ("Ok",))),
        (b"250\r\n", Reply(250, None, ("",))),
        (b"250 \r\n", Reply(250, None, ("",))),
        (b"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", Reply(250, None, ("mx", "SIZE 10", "DSN"))),
        (b"550-5.1.1 a\r\n550 5.1.1 b\r\n", Reply(550, "5.1.1", ("a", "b"))),
        (b"550-5.1.1 a\r\n550 b\r\n", Reply(550, None, ("5.1.1 a", "b"))),
        (b"550 2.1.1 a\r\n", Reply(550, None, ("2.1.1 a",))),
        (b"250 \xff\r\n", Reply(250, None, ("\ufffd",))),
        (b"250-a\r\n", None),
        (b"250 a", None),
    ],
)
def test_read(octets, reply):
    assert read(octets) == reply


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"99 x\r\n",
        b"100 x\r\n",
        b"2500 x\r\n",
        b"250_x\r\n",
        b"\r\n",
        b"250-a\r\n251 b\r\n",
        b"250 a\nb\r\n",
        b"250 " + b"x" * 3000 + b"\r\n",
        b"250-a\r\n" * (REPLY_LINES + 1),
    ],
)
def test_read_refuses(octets):
    with pytest.raises(RemoteProtocolError):
        read(octets)


@settings(max_examples=200)
@given(
    code=st.integers(200, 599),
    texts=st.lists(
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
        min_size=1,
    ),
)
def test_there_and_back(code, texts):
    reply = Reply(code, None, tuple(texts))
    again = read(reply.encode())
    assert again is not None
    assert again.encode() == reply.encode()


def test_capabilities():
    keywords = capabilities(["size 10", "AUTH=LOGIN PLAIN", "AUTH CRAM-MD5", "", "Xyz"])
    assert keywords == {"SIZE": ("10",), "AUTH": ("LOGIN", "PLAIN"), "XYZ": ()}
