"""The client engine, by itself and joined to the server without a network."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.event import NEED_DATA, PAUSED, Challenge, Closed, Reason
from thurn_wire.smtp.answer import Answered
from thurn_wire.smtp.client import SmtpClient
from thurn_wire.smtp.command import (
    Auth,
    Chunk,
    Data,
    Hello,
    Mail,
    Noop,
    Quit,
    Recipient,
    Reset,
    StartTls,
)
from thurn_wire.smtp.config import Profile
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import State, Step


class ConnectionPair:
    """A client and a session of the server, octets handed over at once or in small pieces."""

    def __init__(self, make_session, piece_octets=65_536, **chosen):
        self.session = make_session(chosen)
        self.client = SmtpClient(
            Profile(chosen.get("profile", "smtp")), tls_active=chosen.get("tls") == "yes"
        )
        self.piece_octets = piece_octets
        self.client.receive_data(self.session.connect())

    def exchange(self):
        """Both sides until neither has anything to say; returns the client's answers."""
        answers = []
        while True:
            octets = self.client.data_to_send()
            for start in range(0, len(octets), self.piece_octets):
                back = self.session.feed(octets[start : start + self.piece_octets])
                for at in range(0, len(back), self.piece_octets):
                    self.client.receive_data(back[at : at + self.piece_octets])
            happened = self.client.next_event()
            if happened in (NEED_DATA, PAUSED):
                return answers
            if isinstance(happened, Closed):
                return [*answers, happened]
            answers.append(happened)

    def codes(self):
        return [each.reply.code for each in self.exchange() if isinstance(each, Answered)]


@pytest.fixture(params=[65_536, 1], ids=["whole", "octet by octet"])
def pair(request, make_session):
    def make(**chosen):
        pair = ConnectionPair(make_session, request.param, **chosen)
        pair.client.next_event()
        verb = "LHLO" if chosen.get("profile") == "lmtp" else "EHLO"
        pair.client.send(Hello(verb, "client.example.net"))
        assert pair.codes() == [250]
        return pair

    return make


def test_capabilities(pair):
    joined = pair(auth="PLAIN", starttls="220")
    assert joined.client.capabilities == {
        "PIPELINING": (),
        "SIZE": ("100000",),
        "8BITMIME": (),
        "ENHANCEDSTATUSCODES": (),
        "SMTPUTF8": (),
        "CHUNKING": (),
        "STARTTLS": (),
        "AUTH": ("PLAIN",),
        "DSN": (),
    }


def test_pipelined_transaction(pair):
    joined = pair()
    client = joined.client
    for _ in range(2):
        client.send(Mail(b"a@example.net", {"BODY": "8BITMIME"}))
        client.send(Recipient(b"b@example.org"))
        client.send(Recipient(b"unknown@example.org", {"NOTIFY": "NEVER"}))
        client.send(Data())
        answers = joined.exchange()
        assert [each.reply.code for each in answers] == [250, 250, 550, 354]
        assert answers[2] == Answered(
            Step.RCPT, Reply(550, "5.1.1", ("No such mailbox",)), b"unknown@example.org"
        )
        client.send_content(b".x\r\n..\r\n.")
        assert joined.exchange() == [
            Answered(Step.MESSAGE_ENDED, Reply(250, "2.0.0", ("11 octets",)))
        ]
    assert joined.session.messages == [b".x\r\n..\r\n.\r\n"] * 2
    client.send(Quit())
    assert joined.exchange()[-1] == Closed(Reason.QUIT)
    assert joined.session.closed


def test_group_of_messages(pair):
    joined = pair()
    client = joined.client
    for text in (b"one\r\n", b"two\r\n"):
        client.send(Mail(None))
        client.send(Recipient(b"b@example.org"))
        client.send(Chunk(text[:2], last=False))
        client.send(Chunk(text[2:], last=True))
    client.send(Quit())
    assert joined.codes() == [250] * 8 + [221]
    assert joined.session.messages == [b"one\r\n", b"two\r\n"]


def test_refused_chunk_ends_the_transaction(pair):
    joined = pair()
    joined.client.send(Mail(b"nodata@example.net"))
    joined.client.send(Recipient(b"b@example.org"))
    joined.client.send(Chunk(b"x\r\n", last=False))
    assert joined.codes() == [250, 250, 451]
    assert joined.client.state is State.READY
    joined.client.send(Mail(b"a@example.net"))
    assert joined.codes() == [250]


def test_lmtp_replies_are_per_recipient(pair):
    joined = pair(profile="lmtp")
    client = joined.client
    client.send(Mail(b"a@example.net"))
    for path in (b"b@example.org", b"unknown@example.org", b"full@example.org"):
        client.send(Recipient(path))
    client.send(Chunk(b"x\r\n", last=True))
    assert [(each.step, each.path, each.reply.code) for each in joined.exchange()] == [
        (Step.MAIL, None, 250),
        (Step.RCPT, b"b@example.org", 250),
        (Step.RCPT, b"unknown@example.org", 550),
        (Step.RCPT, b"full@example.org", 250),
        (Step.MESSAGE_ENDED, b"b@example.org", 250),
        (Step.MESSAGE_ENDED, b"full@example.org", 452),
    ]
    assert not client.waits
    client.send(Mail(b"a@example.net"))
    client.send(Recipient(b"unknown@example.org"))
    client.send(Chunk(b"x\r\n", last=True))
    assert joined.codes() == [250, 550, 503]


def test_starttls_and_auth(pair):
    joined = pair(starttls="220", auth="PLAIN LOGIN")
    client = joined.client
    client.send(StartTls())
    assert joined.codes() == [220]
    assert client.state is State.TLS_HANDSHAKE
    assert client.next_event() is PAUSED
    joined.session.act("starttls", "")
    client.tls_started()
    assert client.capabilities == {}
    with pytest.raises(LocalProtocolError):
        client.send(Mail(b"a@example.net"))
    client.send(Hello("EHLO", "client.example.net"))
    joined.exchange()
    with pytest.raises(LocalProtocolError):
        client.send(StartTls())
    client.send(Auth("PLAIN", b"wrong"))
    assert joined.codes() == [535]
    client.send(Auth("LOGIN"))
    assert joined.exchange() == [Challenge(b"Username:")]
    client.respond(b"login")
    assert joined.exchange() == [Challenge(b"Password:")]
    assert client.state is State.CHALLENGED
    client.cancel()
    assert joined.codes() == [501]
    assert client.state is State.READY
    client.send(Auth("PLAIN", b""))
    assert joined.codes() == [235]
    assert client.authenticated


def test_refused_mail_and_refused_data(pair):
    joined = pair()
    client = joined.client
    client.send(Mail(b"unknown@example.net"))
    assert joined.codes() == [550]
    client.send(Mail(b"unknown@example.net"))
    client.send(Recipient(b"b@example.org"))
    client.send(Data())
    assert joined.codes() == [550, 503, 503]
    with pytest.raises(LocalProtocolError):
        client.send_content(b"")
    client.send(Reset())
    client.send(Mail(b"a@example.net"))
    assert joined.codes() == [250, 250]


@settings(max_examples=100, deadline=None)
@given(
    content=st.lists(st.sampled_from([b".", b"\r\n", b"a", b"\n", b"\r", b"\0\xff"])).map(b"".join),
    piece_octets=st.integers(1, 50),
)
def test_content_arrives(make_session, content, piece_octets):
    joined = ConnectionPair(make_session, piece_octets)
    joined.client.next_event()
    joined.client.send(Hello("EHLO", "c"))
    joined.exchange()
    joined.client.send(Mail(b"a@example.net"))
    joined.client.send(Recipient(b"b@example.org"))
    joined.client.send(Data())
    joined.exchange()
    joined.client.send_content(content)
    assert joined.codes() == [250]
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    sent = b"\r\n".join(lines)
    assert joined.session.messages == [
        sent if not sent or sent.endswith(b"\r\n") else sent + b"\r\n"
    ]


def talk(*octets, client=None):
    client = client or SmtpClient()
    seen = []
    for piece in octets:
        client.receive_data(piece)
        while (happened := client.next_event()) not in (NEED_DATA, PAUSED):
            seen.append(happened)
            if isinstance(happened, Closed):
                break
    return client, seen


def test_one_at_a_time_without_pipelining():
    client, _ = talk(b"220 mx\r\n")
    client.send(Hello("EHLO", "c"))
    with pytest.raises(LocalProtocolError, match="NOOP"):
        client.send(Noop())
    talk(b"500 what?\r\n", client=client)
    client.send(Hello("HELO", "c"))
    talk(b"250 mx\r\n", client=client)
    assert client.data_to_send() == b"EHLO c\r\nHELO c\r\n"
    client.send(Mail(b"a@b"))
    with pytest.raises(LocalProtocolError, match="one at a time"):
        client.send(Recipient(b"c@d"))


def test_nothing_before_the_greeting():
    client = SmtpClient()
    with pytest.raises(LocalProtocolError):
        client.send(Hello("EHLO", "c"))
    client, seen = talk(b"554 no\r\n")
    assert seen[0].step is Step.GREETED
    with pytest.raises(LocalProtocolError):
        client.send(Hello("EHLO", "c"))
    client.send(Quit())


@pytest.mark.parametrize(
    "greeting", [b"250 mx\r\n", b"SSH-2.0\r\n", b"220-a\r\n221 b\r\n", b"220 mx\r\n250 more\r\n"]
)
def test_broken_servers(greeting):
    client = SmtpClient()
    client.receive_data(greeting)
    with pytest.raises(RemoteProtocolError):  # noqa: PT012 - the second reply may be it
        client.next_event()
        client.next_event()
    assert client.next_event() == Closed(Reason.FOREIGN)


def test_injected_answers_behind_starttls():
    # CVE-2021-38371
    for pieces in ([b"220 go\r\n250 injected\r\n"], [b"220 go\r\n", b"250 injected\r\n"]):
        client, _ = talk(b"220 mx\r\n")
        client.send(Hello("EHLO", "c"))
        talk(b"250-mx\r\n250 STARTTLS\r\n", client=client)
        client.send(StartTls())
        with pytest.raises(RemoteProtocolError):  # noqa: PT012 - at the latest with the handshake
            talk(*pieces, client=client)
            assert len(pieces) == 2
            client.tls_started()
        assert client.next_event() == Closed(Reason.FOREIGN)


def test_421_and_the_end_of_the_stream():
    client, seen = talk(b"220 mx\r\n", b"421 4.3.2 down\r\n")
    assert seen[1:] == [
        Answered(Step.STOPPED, Reply(421, "4.3.2", ("down",))),
        Closed(Reason.REFUSED),
    ]
    client, seen = talk(b"220 mx\r\n250", b"")
    assert seen[-1] == Closed(Reason.PEER_CLOSED)
    client, _ = talk(b"220 mx\r\n")
    client.send(Hello("EHLO", "c"))
    client.send_failed()
    assert client.data_to_send() == b""
    assert client.next_event() == Closed(Reason.SEND_FAILED)


def test_354_only_answers_data():
    client, _ = talk(b"220 mx\r\n")
    client.send(Hello("EHLO", "c"))
    talk(b"250-mx\r\n250 PIPELINING\r\n", client=client)
    client.send(Mail(b"a@b"))
    client.send(Recipient(b"c@d"))
    client.send(Data())
    with pytest.raises(RemoteProtocolError):
        talk(b"250 a\r\n250 b\r\n250 c\r\n", client=client)
    client, _ = talk(b"220 mx\r\n")
    client.send(Hello("EHLO", "c"))
    with pytest.raises(RemoteProtocolError, match="354 does not answer HELLO"):
        talk(b"354 go\r\n", client=client)


def test_responses_only_to_challenges():
    client, _ = talk(b"220 mx\r\n")
    with pytest.raises(LocalProtocolError):
        client.respond(b"")
    with pytest.raises(LocalProtocolError):
        client.send(Hello("EHLO", "c\r\nQUIT"))
    with pytest.raises(LocalProtocolError):
        client.send(Hello("EHLO", "\ud800"))
    with pytest.raises(LocalProtocolError):
        client.send(Hello("LHLO", "c"))
    assert client.data_to_send() == b""


def test_a_challenge_is_base64():
    client, _ = talk(b"220 mx\r\n")
    client.send(Hello("EHLO", "c"))
    talk(b"250-mx\r\n250 AUTH PLAIN\r\n", client=client)
    client.send(Auth("PLAIN"))
    with pytest.raises(RemoteProtocolError, match="base64"):
        talk(b"334 what?\r\n", client=client)
