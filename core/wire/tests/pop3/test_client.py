"""The client side: against lines of a server, and against our own server side."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.event import NEED_DATA, PAUSED, Challenge, Closed, Reason
from thurn_wire.pop3 import answer, event
from thurn_wire.pop3.answer import Answered
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.client import Pop3Client
from thurn_wire.pop3.command import (
    Auth,
    Capa,
    Delete,
    List,
    Noop,
    Pass,
    Quit,
    Reset,
    Retrieve,
    StartTls,
    Stat,
    Top,
    Uidl,
    User,
)
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.content import size_octets, top
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import Reply, error, ok
from thurn_wire.pop3.server import Pop3Server
from thurn_wire.pop3.state import State, Step


def greeted(**arguments):
    client = Pop3Client(**arguments)
    client.receive_data(b"+OK hello\r\n")
    assert client.next_event() == Answered(Step.GREETED, Reply(True, "hello"))
    return client


def logged_in(**arguments):
    client = greeted(**arguments)
    for request in (User("alice"), Pass("secret")):
        client.send(request)
        client.receive_data(b"+OK\r\n")
        assert client.next_event() == Answered(request.STEP, ok())
    assert client.state is State.TRANSACTION
    assert client.data_to_send() == b"USER alice\r\nPASS secret\r\n"
    return client


def test_greeting_refused():
    client = Pop3Client()
    assert client.next_event() is NEED_DATA
    client.receive_data(b"-ERR [SYS/TEMP] full\r\n")
    assert client.next_event() == Answered(Step.GREETED, Reply(False, "full", "SYS/TEMP"))
    assert client.next_event() == Closed(Reason.REFUSED)


def test_password_refused():
    client = greeted()
    client.send(Pass("  with spaces "))
    assert client.data_to_send() == b"PASS   with spaces \r\n"
    client.receive_data(b"-ERR [AUTH] no\r\n")
    assert client.next_event() == Answered(Step.PASS, Reply(False, "no", "AUTH"))
    assert client.state is State.AUTHORIZATION


def test_pipelined_replies_in_order():
    client = logged_in()
    client.send(Stat())
    client.send(List())
    client.send(List(1))
    client.send(Retrieve(9))
    client.send(Top(1, 0))
    client.send(Quit())
    assert client.data_to_send() == b"STAT\r\nLIST\r\nLIST 1\r\nRETR 9\r\nTOP 1 0\r\nQUIT\r\n"
    client.receive_data(
        b"+OK 1 5\r\n+OK\r\n1 5\r\n.\r\n+OK 1 5\r\n-ERR none\r\n+OK\r\n..x\r\n.\r\n+OK bye\r\n"
    )
    assert [client.next_event() for _ in range(7)] == [
        Answered(Step.STAT, Reply(True, "1 5")),
        Answered(Step.LIST, Reply(True, ""), b"1 5\r\n"),
        Answered(Step.LIST, Reply(True, "1 5")),
        Answered(Step.RETR, Reply(False, "none")),
        Answered(Step.TOP, Reply(True, ""), b".x\r\n"),
        Answered(Step.QUIT, Reply(True, "bye")),
        Closed(Reason.QUIT),
    ]


def test_half_a_message_is_none():
    client = logged_in()
    client.send(Retrieve(1))
    client.receive_data(b"+OK\r\nhalf\r\n.\r")
    client.receive_data(b"")
    assert client.next_event() == Closed(Reason.PEER_CLOSED)


def test_refused_quit_closes_too():
    client = logged_in()
    client.send(Quit())
    client.receive_data(b"-ERR some deleted messages not removed\r\n")
    assert not client.next_event().reply.is_positive
    assert client.next_event() == Closed(Reason.QUIT)


def test_early_octets_behind_stls_are_the_end():
    client = greeted()
    client.send(StartTls())
    client.receive_data(b"+OK\r\n+OK injected\r\n")
    with pytest.raises(RemoteProtocolError, match="behind"):
        client.next_event()
    assert client.next_event() == Closed(Reason.FOREIGN)


def test_octets_before_the_handshake_are_the_end():
    client = greeted()
    client.send(StartTls())
    client.receive_data(b"+OK\r\n")
    assert client.next_event() == Answered(Step.STARTTLS, ok())
    client.receive_data(b"+OK injected\r\n")
    assert client.next_event() is PAUSED
    with pytest.raises(RemoteProtocolError, match="before"):
        client.tls_started()
    assert client.next_event() == Closed(Reason.FOREIGN)


def test_tls():
    client = greeted()
    client.send(StartTls())
    client.receive_data(b"+OK\r\n")
    client.next_event()
    client.tls_started()
    client.send(Capa())
    client.receive_data(b"+OK\r\nSASL PLAIN\r\n.\r\n")
    assert answer.capabilities(client.next_event().body) == {"SASL": ("PLAIN",)}


def test_stls_refused():
    client = greeted()
    client.send(StartTls())
    client.receive_data(b"-ERR\r\n")
    assert client.next_event() == Answered(Step.STARTTLS, Reply(False, ""))
    assert client.state is State.AUTHORIZATION


def test_auth():
    client = greeted()
    client.send(Auth("LOGIN"))
    client.receive_data(b"+ VXNlcm5hbWU6\r\n")
    assert client.next_event() == Challenge(b"Username:")
    assert client.next_event() is PAUSED
    client.respond(b"alice")
    client.receive_data(b"+\r\n")
    assert client.next_event() == Challenge(b"")
    client.cancel()
    client.receive_data(b"-ERR cancelled\r\n")
    assert client.next_event() == Answered(Step.AUTH, Reply(False, "cancelled"))
    client.send(Auth("PLAIN", b""))
    client.receive_data(b"+OK in\r\n")
    assert client.next_event() == Answered(Step.AUTH, Reply(True, "in"))
    assert client.state is State.TRANSACTION
    assert client.data_to_send() == b"AUTH LOGIN\r\nYWxpY2U=\r\n*\r\nAUTH PLAIN =\r\n"


def test_long_initial_response_waits_for_the_challenge():
    client = greeted()
    client.send(Auth("XOAUTH2", b"t" * 300))
    assert client.data_to_send() == b"AUTH XOAUTH2\r\n"
    client.receive_data(b"+ \r\n")
    assert client.next_event() is NEED_DATA
    assert client.data_to_send() == b"dHR0" * 100 + b"\r\n"
    client.receive_data(b"+OK\r\n")
    assert client.next_event().reply.is_positive


@pytest.mark.parametrize(
    "misuse",
    [
        lambda c: c.send(User("a\r\nDELE 1")),
        lambda c: c.send(Pass("a\0")),
        lambda c: c.send(User("a" * 250)),
        lambda c: c.send(Stat()),
        lambda c: c.send(Auth("A\r\nB")),
        lambda c: c.respond(b""),
        lambda c: c.tls_started(),
        lambda c: (c.send(Capa()), c.send(StartTls())),
        lambda c: (c.send(Capa()), c.send(Auth("PLAIN"))),
        lambda c: (c.send(Pass("x")), c.send(Quit())),
        lambda c: (c.send_failed(), c.send(Quit())),
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
    client = logged_in(body_octets=64)
    client.send(List() if junk.endswith(b"x" * 99) else Stat())
    client.receive_data(junk)
    with pytest.raises(RemoteProtocolError):
        [client.next_event() for _ in range(3)]
    assert client.next_event() == Closed(Reason.FOREIGN)


def test_challenge_that_is_none():
    client = greeted()
    client.send(Auth("PLAIN"))
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
    st.sampled_from([Capa(), StartTls(), User("a"), Pass("b"), Auth("PLAIN", b""), Quit()]),
)
def test_any_server(stream, request_):
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
            client.send(request_)
    raise AssertionError("it never ends")


class Pair:
    """Client and server with nothing between them."""

    def __init__(self, messages):
        self.messages = messages
        self.deleted = None
        self.client = Pop3Client()
        self.server = Pop3Server(Pop3Config())
        self.server.next_event()
        self.server.accept()
        self.server.offer(Offer(("PLAIN",), user=True, starttls=True))

    def ask(self, request):
        self.client.send(request)
        return self.talk()

    def talk(self):
        while True:
            if octets := self.server.data_to_send():
                self.client.receive_data(octets)
            happened = self.client.next_event()
            if happened is not NEED_DATA:
                return happened
            if octets := self.client.data_to_send():
                self.server.receive_data(octets)
            self.serve(self.server.next_event())

    def serve(self, happened):
        server = self.server
        match happened:
            case event.PasswordLogin(name, password):
                self.login(name == "alice" and password == " s p ")
            case event.Auth(_, None):
                server.challenge(b"")
            case event.Auth(_, octets) | event.AuthResponse(octets):
                self.login(octets.startswith(b"\0alice\0 s p "))
            case event.StartTls():
                server.accept("go")
            case event.Retrieve(number):
                server.send_message(self.messages[number - 1])
            case event.Top(number, lines):
                server.send_message(top(self.messages[number - 1], lines))
            case event.Update(deleted):
                self.deleted = deleted
                server.accept("bye")
            case _:
                assert happened is NEED_DATA or isinstance(happened, Closed)

    def login(self, good):
        if good:
            sizes = [size_octets(message) for message in self.messages]
            uids = [f"uid{n}" for n in range(len(sizes))]
            self.server.accept_login(Maildrop(sizes, uids))
        else:
            self.server.send(error("no"))


MESSAGES = [b"A: b\r\n\r\n.\r\n..x\r\n", b".", b"", b"C: d\r\n\r\n" + b"line\r\n" * 50_000]


def test_pair_from_greeting_to_update():
    pair = Pair(MESSAGES)
    assert pair.talk().reply.is_positive
    assert "STLS" in answer.capabilities(pair.ask(Capa()).body)
    assert pair.ask(StartTls()).reply.is_positive
    assert pair.server.tls_started() == 0
    pair.client.tls_started()
    pair.server.offer(Offer(user=True))
    assert "STLS" not in answer.capabilities(pair.ask(Capa()).body)
    assert pair.ask(User("alice")).reply.is_positive
    assert pair.ask(Pass(" s p ")).reply.is_positive
    sizes = answer.sizes(pair.ask(List()).body)
    assert answer.stat(pair.ask(Stat()).reply.text) == (4, sum(sizes.values()))
    assert answer.uids(pair.ask(Uidl()).body)[4] == "uid3"
    for number, message in enumerate(MESSAGES, 1):
        body = pair.ask(Retrieve(number)).body
        assert body.removesuffix(b"\r\n") == message.removesuffix(b"\r\n")
        assert len(body) == sizes[number]
        assert pair.ask(Top(number, 1)).body == top(body, 1)
    assert pair.ask(Delete(2)).reply.is_positive
    assert not pair.ask(Retrieve(2)).reply.is_positive
    assert pair.ask(Noop()).reply.is_positive
    assert pair.ask(Quit()).reply.is_positive
    assert pair.deleted == (2,)
    assert pair.client.next_event() == Closed(Reason.QUIT)


@pytest.mark.parametrize("length", [0, 400])
def test_pair_with_sasl(length):
    pair = Pair(MESSAGES)
    assert pair.talk().reply.is_positive
    pair.client.send(Auth("PLAIN", b"wrong"))
    assert not pair.talk().reply.is_positive
    pair.client.send(Auth("PLAIN", b"\0alice\0 s p " + b"x" * length))
    assert pair.talk().reply.is_positive
    assert pair.ask(Reset()).reply.is_positive
