"""The client side: against lines of a server, and against our own server side."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.pop3 import answer
from thurn_wire.pop3.capability import Offer, ServerConfig
from thurn_wire.pop3.client import Challenge, Greeting, Pop3Client, Reply
from thurn_wire.pop3.command import Verb
from thurn_wire.pop3.content import size_octets, top
from thurn_wire.pop3.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.pop3.event import (
    NEED_DATA,
    PAUSED,
    AuthResponse,
    AuthStart,
    Closed,
    PasswordLogin,
    Quit,
    Reason,
    Retrieve,
    StartTls,
    Top,
)
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.server import Pop3Server
from thurn_wire.pop3.state import State


def greeted(**arguments):
    client = Pop3Client(**arguments)
    client.receive_data(b"+OK hello\r\n")
    assert client.next_event() == Greeting(ok=True, text="hello")
    return client


def logged_in(**arguments):
    client = greeted(**arguments)
    for verb, word in ((Verb.USER, "alice"), (Verb.PASS, "secret")):
        client.send(verb, word)
        client.receive_data(b"+OK\r\n")
        assert client.next_event() == Reply(verb, ok=True, text="")
    assert client.state is State.TRANSACTION
    assert client.data_to_send() == b"USER alice\r\nPASS secret\r\n"
    return client


def test_greeting_refused():
    client = Pop3Client()
    assert client.next_event() is NEED_DATA
    client.receive_data(b"-ERR [SYS/TEMP] full\r\n")
    assert client.next_event() == Greeting(ok=False, text="full", code="SYS/TEMP")
    assert client.next_event() == Closed(Reason.PEER_CLOSED)


def test_password_refused():
    client = greeted()
    client.send(Verb.PASS, "  with spaces ")
    assert client.data_to_send() == b"PASS   with spaces \r\n"
    client.receive_data(b"-ERR [AUTH] no\r\n")
    assert client.next_event() == Reply(Verb.PASS, ok=False, text="no", code="AUTH")
    assert client.state is State.AUTHORIZATION


def test_pipelined_replies_in_order():
    client = logged_in()
    client.send(Verb.STAT)
    client.send(Verb.LIST)
    client.send(Verb.LIST, 1)
    client.send(Verb.RETR, 9)
    client.send(Verb.TOP, 1, 0)
    client.send(Verb.QUIT)
    assert client.data_to_send() == b"STAT\r\nLIST\r\nLIST 1\r\nRETR 9\r\nTOP 1 0\r\nQUIT\r\n"
    client.receive_data(
        b"+OK 1 5\r\n+OK\r\n1 5\r\n.\r\n+OK 1 5\r\n-ERR none\r\n+OK\r\n..x\r\n.\r\n+OK bye\r\n"
    )
    assert [client.next_event() for _ in range(7)] == [
        Reply(Verb.STAT, ok=True, text="1 5"),
        Reply(Verb.LIST, ok=True, text="", body=b"1 5\r\n"),
        Reply(Verb.LIST, ok=True, text="1 5"),
        Reply(Verb.RETR, ok=False, text="none"),
        Reply(Verb.TOP, ok=True, text="", body=b".x\r\n"),
        Reply(Verb.QUIT, ok=True, text="bye"),
        Closed(Reason.QUIT),
    ]


def test_half_a_message_is_none():
    client = logged_in()
    client.send(Verb.RETR, 1)
    client.receive_data(b"+OK\r\nhalf\r\n.\r")
    client.receive_data(b"")
    assert client.next_event() == Closed(Reason.PEER_CLOSED)


def test_refused_quit_closes_too():
    client = logged_in()
    client.send(Verb.QUIT)
    client.receive_data(b"-ERR some deleted messages not removed\r\n")
    assert not client.next_event().ok
    assert client.next_event() == Closed(Reason.QUIT)


def test_early_octets_behind_stls_are_the_end():
    client = greeted()
    client.send(Verb.STLS)
    client.receive_data(b"+OK\r\n+OK injected\r\n")
    with pytest.raises(RemoteProtocolError, match="behind"):
        client.next_event()
    assert client.next_event() == Closed(Reason.FOREIGN)


def test_octets_before_the_handshake_are_dropped():
    client = greeted()
    client.send(Verb.STLS)
    client.receive_data(b"+OK\r\n")
    assert client.next_event() == Reply(Verb.STLS, ok=True, text="")
    client.receive_data(b"+OK injected\r\n")
    assert client.next_event() is PAUSED
    client.tls_started()
    client.send(Verb.CAPA)
    client.receive_data(b"+OK\r\nSASL PLAIN\r\n.\r\n")
    assert answer.capabilities(client.next_event().body) == {"SASL": ("PLAIN",)}


def test_stls_refused():
    client = greeted()
    client.send(Verb.STLS)
    client.receive_data(b"-ERR\r\n")
    assert client.next_event() == Reply(Verb.STLS, ok=False, text="")
    assert client.state is State.AUTHORIZATION


def test_auth():
    client = greeted()
    client.authenticate("LOGIN")
    client.receive_data(b"+ VXNlcm5hbWU6\r\n")
    assert client.next_event() == Challenge(b"Username:")
    assert client.next_event() is PAUSED
    client.respond(b"alice")
    client.receive_data(b"+\r\n")
    assert client.next_event() == Challenge(b"")
    client.cancel()
    client.receive_data(b"-ERR cancelled\r\n")
    assert client.next_event() == Reply(Verb.AUTH, ok=False, text="cancelled")
    client.authenticate("PLAIN", b"")
    client.receive_data(b"+OK in\r\n")
    assert client.next_event() == Reply(Verb.AUTH, ok=True, text="in")
    assert client.state is State.TRANSACTION
    assert client.data_to_send() == b"AUTH LOGIN\r\nYWxpY2U=\r\n*\r\nAUTH PLAIN =\r\n"


def test_long_initial_response_waits_for_the_challenge():
    client = greeted()
    client.authenticate("XOAUTH2", b"t" * 300)
    assert client.data_to_send() == b"AUTH XOAUTH2\r\n"
    client.receive_data(b"+ \r\n")
    assert client.next_event() is NEED_DATA
    assert client.data_to_send() == b"dHR0" * 100 + b"\r\n"
    client.receive_data(b"+OK\r\n")
    assert client.next_event().ok


@pytest.mark.parametrize(
    "misuse",
    [
        lambda c: c.send(Verb.USER, "a\r\nDELE 1"),
        lambda c: c.send(Verb.PASS, "a\0"),
        lambda c: c.send(Verb.USER, "a" * 250),
        lambda c: c.send(Verb.STAT),
        lambda c: c.send(Verb.AUTH, "PLAIN"),
        lambda c: c.authenticate("A\r\nB"),
        lambda c: c.respond(b""),
        lambda c: c.tls_started(),
        lambda c: (c.send(Verb.CAPA), c.send(Verb.STLS)),
        lambda c: (c.send(Verb.CAPA), c.authenticate("PLAIN")),
        lambda c: (c.send(Verb.PASS, "x"), c.send(Verb.QUIT)),
        lambda c: (c.send_failed(), c.send(Verb.QUIT)),
    ],
)
def test_misuse(misuse):
    with pytest.raises(LocalProtocolError):
        misuse(greeted())


@pytest.mark.parametrize(
    "junk",
    [
        b"220 smtp\r\n",
        b"+OK\nx\r\n",
        b"x" * 5000,
        b"+OK 1\r\n+OK unasked\r\n",
        b"+OK\r\n" + b"x" * 99,
    ],
)
def test_servers_that_break_the_dialogue(junk):
    client = logged_in(maximum_octets=64)
    client.send(Verb.LIST if junk.endswith(b"x" * 99) else Verb.STAT)
    client.receive_data(junk)
    with pytest.raises(RemoteProtocolError):
        [client.next_event() for _ in range(3)]
    assert client.next_event() == Closed(Reason.FOREIGN)


def test_challenge_that_is_none():
    client = greeted()
    client.authenticate("PLAIN")
    client.receive_data(b"+ ***\r\n")
    with pytest.raises(RemoteProtocolError):
        client.next_event()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"+OK", b"-ERR", b"+ ", b"[AUTH]", b" x", b"\r\n", b"\r\n", b".\r\n", b"\n"]
        )
        | st.binary(max_size=3),
        max_size=30,
    ).map(b"".join),
    st.sampled_from([(Verb.CAPA,), (Verb.STLS,), (Verb.USER, "a"), (Verb.PASS, "b"), (Verb.QUIT,)]),
)
def test_any_server(stream, words):
    client = Pop3Client()
    client.receive_data(stream)
    client.receive_data(b"")
    for _ in range(40):
        try:
            event = client.next_event()
        except RemoteProtocolError:
            event = client.next_event()
            assert event == Closed(Reason.FOREIGN)
        if isinstance(event, Closed) or event is PAUSED:
            return
        with suppress(LocalProtocolError):
            client.send(*words)
    raise AssertionError("it never ends")


class Pair:
    """Client and server with nothing between them."""

    def __init__(self, messages):
        self.messages = messages
        self.deleted = None
        self.client = Pop3Client()
        self.server = Pop3Server(ServerConfig())
        self.server.greet()
        self.server.offer(Offer(("PLAIN",), user=True, stls=True))

    def ask(self, verb, *arguments):
        self.client.send(verb, *arguments)
        return self.talk()

    def talk(self):
        while True:
            if octets := self.server.data_to_send():
                self.client.receive_data(octets)
            event = self.client.next_event()
            if event is not NEED_DATA:
                return event
            if octets := self.client.data_to_send():
                self.server.receive_data(octets)
            self.serve(self.server.next_event())

    def serve(self, event):
        server = self.server
        match event:
            case PasswordLogin(name, password):
                self.login(name == "alice" and password == " s p ")
            case AuthStart(_, None):
                server.challenge(b"")
            case AuthStart(_, octets) | AuthResponse(octets):
                self.login(octets.startswith(b"\0alice\0 s p "))
            case StartTls():
                server.reply_ok("go")
            case Retrieve(number):
                server.reply_message(self.messages[number - 1])
            case Top(number, lines):
                server.reply_message(top(self.messages[number - 1], lines))
            case Quit(deleted):
                self.deleted = deleted
                server.reply_ok("bye")
            case _:
                assert event is NEED_DATA or isinstance(event, Closed)

    def login(self, good):
        if good:
            sizes = [size_octets(message) for message in self.messages]
            uids = [f"uid{n}" for n in range(len(sizes))]
            self.server.accept_login(Maildrop(sizes, uids))
        else:
            self.server.reply_error("no")


MESSAGES = [b"A: b\r\n\r\n.\r\n..x\r\n", b".", b"", b"C: d\r\n\r\n" + b"line\r\n" * 50_000]


def test_pair_from_greeting_to_update():
    pair = Pair(MESSAGES)
    assert pair.talk().ok
    assert "STLS" in answer.capabilities(pair.ask(Verb.CAPA).body)
    assert pair.ask(Verb.STLS).ok
    assert pair.server.tls_started() == 0
    pair.client.tls_started()
    pair.server.offer(Offer(user=True))
    assert "STLS" not in answer.capabilities(pair.ask(Verb.CAPA).body)
    assert pair.ask(Verb.USER, "alice").ok
    assert pair.ask(Verb.PASS, " s p ").ok
    sizes = answer.sizes(pair.ask(Verb.LIST).body)
    assert answer.stat(pair.ask(Verb.STAT).text) == (4, sum(sizes.values()))
    assert answer.uids(pair.ask(Verb.UIDL).body)[4] == "uid3"
    for number, message in enumerate(MESSAGES, 1):
        body = pair.ask(Verb.RETR, number).body
        assert body.removesuffix(b"\r\n") == message.removesuffix(b"\r\n")
        assert len(body) == sizes[number]
        assert pair.ask(Verb.TOP, number, 1).body == top(body, 1)
    assert pair.ask(Verb.DELE, 2).ok
    assert not pair.ask(Verb.RETR, 2).ok
    assert pair.ask(Verb.NOOP).ok
    assert pair.ask(Verb.QUIT).ok
    assert pair.deleted == (2,)
    assert pair.client.next_event() == Closed(Reason.QUIT)


@pytest.mark.parametrize("length", [0, 400])
def test_pair_with_sasl(length):
    pair = Pair(MESSAGES)
    assert pair.talk().ok
    pair.client.authenticate("PLAIN", b"wrong")
    assert not pair.talk().ok
    pair.client.authenticate("PLAIN", b"\0alice\0 s p " + b"x" * length)
    assert pair.talk().ok
    assert pair.ask(Verb.RSET).ok
