"""What transcripts can't show: misuse, bounds of the output, any octets at all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError
from thurn_wire.pop3 import limits
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.event import (
    NEED_DATA,
    OUTPUT_FULL,
    PAUSED,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    PasswordLogin,
    Reason,
    Retrieve,
    StartTls,
    Top,
    Update,
)
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import error, ok
from thurn_wire.pop3.server import Pop3Server
from thurn_wire.pop3.state import State

CONTENT = b"Subject: x\r\n\r\n.dot\r\n"
TIMESTAMP = "<1@example.org>"


ALL = Offer(("PLAIN",), user=True, starttls=True)


def started(offer=ALL):
    engine = Pop3Server(Pop3Config(), timestamp=TIMESTAMP)
    assert engine.next_event() == Connected()
    engine.accept()
    engine.offer(offer)
    engine.data_to_send()
    return engine


def logged_in(count=3):
    engine = started()
    engine.receive_data(b"USER a\r\nPASS b\r\n")
    assert engine.next_event() == PasswordLogin("a", "b")
    engine.accept_login(Maildrop([100] * count, [f"u{n}" for n in range(count)]))
    engine.data_to_send()
    return engine


def test_paused_until_answered():
    engine = Pop3Server(Pop3Config())
    engine.receive_data(b"USER a\r\nPASS b\r\nRETR 1\r\nSTAT\r\n")
    assert engine.next_event() == Connected()
    assert engine.next_event() is PAUSED
    engine.accept()
    engine.offer(Offer(user=True))
    assert isinstance(engine.next_event(), PasswordLogin)
    assert engine.next_event() is PAUSED
    engine.accept_login(Maildrop([9], ["u"]), "welcome")
    assert engine.next_event() == Retrieve(1)
    assert engine.next_event() is PAUSED
    engine.begin_message("here")
    assert engine.next_event() is PAUSED
    engine.send_chunk(b"a")
    engine.end_message()
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send().endswith(b"+OK welcome\r\n+OK here\r\na\r\n.\r\n+OK 1 9\r\n")


def test_output_is_bounded():
    engine = logged_in(10_000)
    block = len(Maildrop([100] * 10_000, [str(n) for n in range(10_000)]).listing())
    engine.receive_data(b"LIST\r\n" * 500)
    rounds = 0
    while (event := engine.next_event()) is OUTPUT_FULL:
        assert engine.output_octets < limits.OUTPUT_OCTETS + block + 100
        assert len(engine.data_to_send()) >= limits.OUTPUT_OCTETS
        rounds += 1
    assert event is NEED_DATA
    assert rounds == 250


def test_messages_fill_the_output_too():
    engine = logged_in()
    engine.receive_data(b"RETR 1\r\nRETR 2\r\n")
    assert engine.next_event() == Retrieve(1)
    engine.send_message(b"x" * limits.OUTPUT_OCTETS)
    assert engine.next_event() is OUTPUT_FULL
    assert len(engine.data_to_send()) > limits.OUTPUT_OCTETS
    assert engine.next_event() == Retrieve(2)


def test_text_of_a_message_reply():
    engine = logged_in()
    engine.receive_data(b"TOP 2 1\r\n")
    assert engine.next_event() == Top(2, 1)
    engine.send_message(b"", "empty")
    assert engine.data_to_send() == b"+OK empty\r\n.\r\n"


def test_send_failed_is_the_end():
    engine = logged_in()
    engine.receive_data(b"DELE 1\r\nQUIT\r\n")
    assert engine.next_event() == Update((1,))
    engine.send_failed()
    engine.send_failed()
    assert engine.next_event() == Closed(Reason.SEND_FAILED)
    assert engine.data_to_send() == b""
    engine.receive_data(b"STAT\r\n")
    assert engine.next_event() == Closed(Reason.SEND_FAILED)


def test_half_a_message_has_no_end():
    engine = logged_in()
    engine.receive_data(b"RETR 1\r\nSTAT\r\n")
    engine.next_event()
    engine.begin_message()
    engine.send_chunk(b"half")
    engine.send_failed()
    assert engine.data_to_send() == b""
    assert isinstance(engine.next_event(), Closed)


def test_what_came_before_the_end_is_answered():
    engine = logged_in()
    engine.receive_data(b"STAT\r\nDELE 1\r\nSTA")
    engine.receive_data(b"")
    engine.receive_data(b"T\r\n")
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)
    assert engine.data_to_send() == b"+OK 3 300\r\n+OK message 1 deleted\r\n"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"QUIT\r\n", Reason.QUIT),
        (b"GET / HTTP/1.1\r\n", Reason.FOREIGN),
        (b"\x16\x03\x01", Reason.FOREIGN),
        (b"X\r\n" * 20, Reason.TOO_MANY_ERRORS),
    ],
)
def test_reasons(sent, reason):
    engine = started()
    engine.receive_data(sent)
    assert engine.next_event() == Closed(reason)
    assert engine.state is State.CLOSED


def test_tls_octets_count_only_at_the_start():
    engine = started()
    engine.receive_data(b"\x16")
    engine.receive_data(b"QUIT\r\n")
    assert engine.next_event() == Closed(Reason.FOREIGN)
    engine = started()
    engine.receive_data(b"CAPA\r\n")
    engine.receive_data(b"\x16\r\n")
    assert engine.next_event() is NEED_DATA


def test_tls_drops_what_comes_before_the_handshake():
    engine = started()
    engine.receive_data(b"STLS\r\nUSER m\r\n")
    assert engine.next_event() == StartTls()
    engine.accept("go")
    engine.receive_data(b"PASS m\r\n")
    assert engine.next_event() is PAUSED
    assert not engine.tls_active
    assert engine.tls_started() == 16
    assert engine.tls_active
    assert engine.next_event() is NEED_DATA


def test_no_login_after_tls_until_it_is_offered_anew():
    engine = started()
    engine.receive_data(b"STLS\r\n")
    engine.next_event()
    engine.accept("go")
    engine.tls_started()
    engine.data_to_send()
    engine.receive_data(b"USER a\r\nAUTH PLAIN\r\n")
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == (
        b"-ERR [AUTH] USER is not offered\r\n-ERR the mechanism is not offered\r\n"
    )


def test_stls_can_be_refused():
    engine = started()
    engine.receive_data(b"STLS\r\nQUIT\r\n")
    engine.next_event()
    engine.send(error("no certificate"))
    assert engine.next_event() == Closed(Reason.QUIT)


def test_no_secret_in_any_repr():
    events = [
        PasswordLogin("a", "hush"),
        Apop("a", "hush"),
        Auth("PLAIN", b"hush"),
        AuthResponse(b"hush"),
    ]
    assert not [event for event in events if "hush" in repr(event)]


@pytest.mark.parametrize(
    "misuse",
    [
        lambda e: e.accept(),
        lambda e: e.accept_login(Maildrop([], [])),
        lambda e: e.challenge(b""),
        lambda e: e.send(ok("yes")),
        lambda e: e.send(error("no")),
        lambda e: e.tls_started(),
        lambda e: e.send_message(b""),
        lambda e: e.begin_message(),
        lambda e: e.send_chunk(b""),
        lambda e: e.end_message(),
    ],
)
@pytest.mark.parametrize("make", [started, logged_in])
def test_misuse(make, misuse):
    engine = make()
    with pytest.raises(LocalProtocolError):
        misuse(engine)
    engine.receive_data(b"QUIT\r\n")
    assert isinstance(engine.next_event(), Closed | Update)


def test_misuse_of_the_greeting():
    engine = Pop3Server(Pop3Config())
    with pytest.raises(LocalProtocolError):
        engine.send(error("no"))
    with pytest.raises(LocalProtocolError):
        engine.offer(Offer(apop=True))


def test_refused_greeting():
    engine = Pop3Server(Pop3Config())
    engine.next_event()
    engine.send(error("no"))
    assert engine.next_event() == Closed(Reason.REFUSED)
    assert engine.data_to_send() == b"-ERR no\r\n"


def test_the_greeting_has_its_timestamp():
    engine = Pop3Server(Pop3Config(), timestamp=TIMESTAMP)
    engine.next_event()
    engine.send(ok("hello"))
    assert engine.data_to_send() == b"+OK hello <1@example.org>\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda e: e.challenge(b""),
        lambda e: e.accept(),
        lambda e: e.send(ok()),
        lambda e: e.send_message(b""),
        lambda e: e.begin_message(),
    ],
)
def test_only_accept_login_is_the_positive_answer_to_a_login(wrong):
    engine = started()
    engine.receive_data(b"USER a\r\nPASS b\r\n")
    engine.next_event()
    with pytest.raises(LocalProtocolError):
        wrong(engine)
    assert engine.next_event() is PAUSED
    engine.accept_login(Maildrop([], []))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda e: e.accept(),
        lambda e: e.send(ok()),
        lambda e: e.accept_login(Maildrop([], [])),
        lambda e: e.challenge(b""),
    ],
)
def test_only_a_message_is_the_positive_answer_to_retr(wrong):
    engine = logged_in()
    engine.receive_data(b"RETR 1\r\n")
    engine.next_event()
    with pytest.raises(LocalProtocolError):
        wrong(engine)
    assert engine.next_event() is PAUSED
    engine.send(error("gone"))
    assert engine.data_to_send() == b"-ERR gone\r\n"


def test_challenges_are_bounded():
    engine = started()
    engine.receive_data(b"AUTH PLAIN\r\n")
    engine.next_event()
    with pytest.raises(LocalProtocolError):
        engine.challenge(b"x" * 10_000)
    assert engine.next_event() is PAUSED


words = st.sampled_from(
    [
        b"USER ",
        b"PASS ",
        b"APOP ",
        b"AUTH ",
        b"AUTH PLAIN",
        b"STLS",
        b"CAPA",
        b"QUIT",
        b"STAT",
        b"LIST",
        b"RETR ",
        b"DELE ",
        b"NOOP",
        b"RSET",
        b"TOP ",
        b"UIDL",
        b"1",
        b"2",
        b" ",
        b"=",
        b"*",
        b"a",
        b"AAAA",
        b"\r\n",
        b"\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b"\0",
        b"\xff",
        b"x" * 300,
    ]
)
streams = st.lists(words | st.binary(max_size=4), max_size=60).map(b"".join)
places = st.lists(st.integers(0, 400), max_size=12)


class Listener:
    """Answers every event in a way that depends on nothing but the events before."""

    def __init__(self):
        self.engine = Pop3Server(Pop3Config(), timestamp=TIMESTAMP)
        self.engine.next_event()
        self.engine.accept()
        self.engine.offer(Offer(("PLAIN",), user=True, apop=True, starttls=True))
        self.events = []
        self.sent = b""

    def feed(self, octets):
        self.engine.receive_data(octets)
        while (event := self.engine.next_event()) is not NEED_DATA:
            if isinstance(event, Closed):
                break
            if event is not OUTPUT_FULL:
                self.events.append(event)
                self.answer(event)
            self.sent += self.engine.data_to_send()
        self.sent += self.engine.data_to_send()

    def answer(self, event):
        odd = len(self.events) % 2
        match event:
            case PasswordLogin() | Apop() if odd:
                self.engine.send(error("no"))
            case Auth() | AuthResponse() if odd:
                self.engine.challenge(b"more")
            case PasswordLogin() | Apop() | Auth() | AuthResponse():
                self.engine.accept_login(Maildrop([20, 20], ["a", "b"]))
            case StartTls():
                self.engine.send(error("no certificate"))
            case Retrieve() | Top():
                self.engine.send_message(CONTENT)
            case Update():
                self.engine.accept("bye")
            case AuthCancelled():
                pass
            case _:
                raise AssertionError(event)


@settings(max_examples=200, deadline=None)
@given(streams, places)
def test_any_octets_under_any_cut(stream, cuts):
    whole, pieces = Listener(), Listener()
    whole.feed(stream)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(edges):
        pieces.feed(stream[start:end])
    for listener in (whole, pieces):
        listener.feed(b"")
        assert isinstance(listener.engine.next_event(), Closed)
    assert whole.events == pieces.events
    assert whole.sent == pieces.sent
    assert whole.engine.next_event() == pieces.engine.next_event()


@settings(max_examples=100, deadline=None)
@given(streams)
def test_any_octets_after_login(stream):
    listener = Listener()
    listener.feed(b"USER a\r\nPASS b\r\nUSER a\r\nPASS b\r\n")
    assert listener.engine.state is State.TRANSACTION
    listener.feed(stream)
    listener.feed(b"")
    assert isinstance(listener.engine.next_event(), Closed)
