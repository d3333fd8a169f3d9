"""The server engine's verbs: what a session sees and may do. The dialogues are in transcripts/."""

from __future__ import annotations

import tracemalloc

import pytest
from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp import event
from thurn_wire.smtp.capability import Offer
from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.event import NEED_DATA, PAUSED, Closed, Reason
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.server import SmtpServer
from thurn_wire.smtp.state import State

NO = Reply(550, "5.7.1", ("No",))


def greeted(profile=Profile.SMTP, **settings):
    engine = SmtpServer(SmtpConfig("mx", profile, **settings))
    assert engine.next_event() == event.Connected()
    engine.accept()
    engine.receive_data(b"LHLO c\r\n" if profile is Profile.LMTP else b"HELO c\r\n")
    assert isinstance(engine.next_event(), event.Hello)
    engine.accept()
    engine.data_to_send()
    return engine


def step(engine, octets, *kinds):
    """Feed, and accept each event in turn, which must be of these kinds; the last is returned."""
    engine.receive_data(octets)
    happened = None
    for kind in kinds:
        if happened is not None:
            engine.accept()
        happened = engine.next_event()
        assert isinstance(happened, kind), happened
    return happened


def test_an_event_waits_for_its_answer():
    engine = greeted()
    step(engine, b"MAIL FROM:<a@b>\r\nNOOP\r\n", event.Mail)
    assert engine.next_event() is PAUSED
    assert engine.data_to_send() == b""
    engine.send(NO)
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b"550 5.7.1 No\r\n250 2.0.0 Ok\r\n"
    assert engine.state is State.READY


def test_values_of_events():
    engine = greeted()
    mail = step(engine, b"MAIL FROM:<> size=10 BODY=8bitmime SMTPUTF8\r\n", event.Mail)
    assert mail == event.Mail(None, {"SIZE": "10", "BODY": "8bitmime", "SMTPUTF8": None})
    assert mail.size_octets == 10
    assert mail.smtputf8
    engine.accept()
    recipient = step(engine, 'RCPT TO:<"ä b"@c>\r\n'.encode(), event.Recipient)
    assert recipient == event.Recipient('"ä b"@c'.encode(), {})
    engine.accept()
    assert engine.accepted_recipients == 1
    message = step(engine, b"DATA\r\nx\r\n.\r\n", event.DataBegin, event.Message)
    assert message == event.Message(b"x\r\n", 3, chunked=False)
    assert b"x" not in repr(message).encode().replace(b"octets", b"")
    engine.accept("as 4711")
    assert engine.data_to_send().endswith(b"250 2.0.0 as 4711\r\n")


def test_all_complete_commands_are_answered_with_one_send():
    engine = greeted()
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
        event.Mail,
        event.Recipient,
        event.DataBegin,
        event.Message,
    )
    engine.accept()
    assert engine.next_event() == Closed(Reason.QUIT)
    assert engine.data_to_send().count(b"\r\n") == 5


def test_early_talker_is_seen():
    engine = SmtpServer(SmtpConfig("mx"))
    assert engine.next_event() == event.Connected()
    assert not engine.early_talker
    engine.receive_data(b"HELO c\r\n")
    assert engine.early_talker
    engine.accept()
    assert isinstance(engine.next_event(), event.Hello)


def test_starttls_tells_and_drops_what_came_behind():
    engine = greeted()
    engine.offer(Offer(starttls=True))
    step(engine, b"STARTTLS\r\nMAIL FROM:<evil@x>\r\n", event.StartTls)
    engine.accept()
    assert engine.next_event() is PAUSED
    engine.receive_data(b"RCPT TO:<b@c>\r\n")  # still in the clear
    assert engine.tls_started() == 35
    assert engine.tls_active
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b"220 2.0.0 Ready to start TLS\r\n"


def test_starttls_forgets_authentication():
    engine = greeted()
    engine.offer(Offer(("PLAIN",), starttls=True))
    step(engine, b"AUTH PLAIN AA==\r\n", event.Auth)
    engine.accept()
    assert engine.authenticated
    step(engine, b"STARTTLS\r\n", event.StartTls)
    engine.accept()
    engine.tls_started()
    assert not engine.authenticated
    assert engine.state is State.START
    with pytest.raises(LocalProtocolError):
        engine.tls_started()


def test_secrets_are_in_no_repr():
    engine = greeted()
    engine.offer(Offer(("PLAIN",)))
    first = step(engine, b"AUTH PLAIN c2VjcmV0\r\n", event.Auth)
    assert first.initial == b"secret"
    engine.challenge(b"more")
    second = step(engine, b"c2VjcmV0\r\n", event.AuthResponse)
    assert second.response == b"secret"
    assert "secret" not in repr((first, second))


def test_content_beyond_the_threshold_comes_in_pieces():
    engine = greeted(spill_octets=1000)
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
        event.Mail,
        event.Recipient,
        event.DataBegin,
    )
    engine.accept()
    line = b"a" * 98 + b"\r\n"
    pieces = []
    for _ in range(45):
        engine.receive_data(line)
        while (happened := engine.next_event()) is not NEED_DATA:
            assert isinstance(happened, event.DataChunk)
            assert 1000 <= len(happened.octets) <= 1200
            pieces.append(happened.octets)
    message = step(engine, b".\r\n", event.Message)
    assert len(pieces) == 4
    assert b"".join(pieces) + message.octets == line * 45
    assert message.size_octets == 4500


@pytest.mark.parametrize("kind", [b"DATA\r\n%b.\r\n", b"BDAT 100002 LAST\r\n%b"])
def test_refused_content_is_told(kind):
    engine = greeted(size_octets=100_000)
    body = b"a" * 100_000 + b"\r\n"
    refused = step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n" + kind.replace(b"%b", body),
        event.Mail,
        event.Recipient,
        event.DataBegin,
        event.ContentRefused,
    )
    assert refused.reply.code == 552
    assert refused.size_octets == 100_002
    assert engine.data_to_send().endswith(b"552 5.3.4 Message too large\r\n")
    assert engine.state is State.READY


def test_lmtp_wants_a_reply_for_each():
    engine = greeted(Profile.LMTP)
    group = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n"
    kinds = (event.Mail, event.Recipient, event.Recipient, event.DataBegin, event.Message)
    step(engine, group, *kinds)
    ok = Reply(250, "2.0.0", ("Ok",))
    with pytest.raises(LocalProtocolError):
        engine.send_replies([ok])
    engine.data_to_send()
    engine.send_replies([ok, NO])
    assert engine.data_to_send() == ok.encode() + NO.encode()
    step(engine, group, *kinds)
    engine.data_to_send()
    engine.send(NO)
    assert engine.data_to_send() == NO.encode() * 2


@pytest.mark.parametrize(("last", "count"), [(b"", 1), (b" LAST", 2)])
def test_lmtp_bdat_refused_by_the_session(last, count):
    engine = greeted(Profile.LMTP, errors=1)
    group = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<c@d>\r\nBDAT 3" + last + b"\r\n"
    step(engine, group, event.Mail, event.Recipient, event.Recipient, event.DataBegin)
    engine.data_to_send()
    engine.send(NO)
    engine.receive_data(b"ab")
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b""
    engine.receive_data(b"cNOOP\r\n")
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == NO.encode() * count + b"250 2.0.0 Ok\r\n"


def test_hello_refused_changes_nothing():
    engine = greeted()
    step(engine, b"MAIL FROM:<a@b>\r\nEHLO d\r\n", event.Mail, event.Hello)
    engine.send(NO)
    assert engine.state is State.SENDER
    assert engine.next_event() is NEED_DATA


def test_recipients_are_bounded():
    engine = greeted(recipients=100)
    step(engine, b"MAIL FROM:<a@b>\r\n", event.Mail)
    engine.accept()
    for _ in range(100):
        step(engine, b"RCPT TO:<c@d>\r\n", event.Recipient)
        engine.accept()
    engine.data_to_send()
    engine.receive_data(b"RCPT TO:<c@d>\r\n")
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b"452 4.5.3 Too many recipients\r\n"
    assert engine.accepted_recipients == 100


def test_session_counts_errors():
    engine = greeted(errors=3)
    for _ in range(3):
        assert engine.state is not State.CLOSED
        step(engine, b"MAIL FROM:<a@b>\r\n", event.Mail)
        engine.send(NO)
        engine.count_error()
    assert engine.next_event() == Closed(Reason.TOO_MANY_ERRORS)
    assert engine.data_to_send().endswith(b"421 4.7.0 Too many errors, goodbye\r\n")


def test_send_failed_is_the_end():
    engine = greeted()
    engine.receive_data(b"NOOP\r\n")
    engine.send_failed()
    assert engine.next_event() == Closed(Reason.SEND_FAILED)
    assert engine.next_event() == Closed(Reason.SEND_FAILED)
    engine.receive_data(b"NOOP\r\n")
    assert engine.data_to_send() == b""


def test_the_first_reason_of_the_end_stays():
    engine = greeted()
    engine.receive_data(b"QUIT\r\n")
    assert engine.next_event() == Closed(Reason.QUIT)
    engine.send_failed()
    assert engine.next_event() == Closed(Reason.QUIT)
    assert engine.data_to_send() == b""


def test_421_at_any_time():
    engine = greeted()
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx",
        event.Mail,
        event.Recipient,
        event.DataBegin,
    )
    engine.accept()
    assert engine.next_event() is NEED_DATA
    engine.data_to_send()
    engine.send(Reply(421, "4.3.2", ("Going down",)))
    assert engine.next_event() == Closed(Reason.REFUSED)
    assert engine.data_to_send() == b"421 4.3.2 Going down\r\n"


def test_data_refused_by_the_session_ends_the_transaction():
    """Python's smtplib goes on with MAIL; 503 would bounce its next message."""
    engine = greeted()
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
        event.Mail,
        event.Recipient,
        event.DataBegin,
    )
    engine.send(NO)
    assert engine.state is State.READY
    engine.data_to_send()
    mail(engine)


def mail(engine):
    step(engine, b"MAIL FROM:<a@b>\r\n", event.Mail)


def data(engine):
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
        event.Mail,
        event.Recipient,
        event.DataBegin,
    )


def bdat(engine):
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1\r\n",
        event.Mail,
        event.Recipient,
        event.DataBegin,
    )


def start_tls(engine):
    engine.offer(Offer(starttls=True))
    step(engine, b"STARTTLS\r\n", event.StartTls)


def auth(engine):
    engine.offer(Offer(("PLAIN",)))
    step(engine, b"AUTH PLAIN\r\n", event.Auth)


@pytest.mark.parametrize(
    ("reach", "wrong"),
    [
        (lambda _engine: None, lambda engine: engine.send(NO)),
        (lambda _engine: None, lambda engine: engine.accept()),
        (lambda _engine: None, lambda engine: engine.challenge(b"")),
        (lambda _engine: None, lambda engine: engine.send_replies([NO])),
        (mail, lambda engine: engine.challenge(b"")),
        (mail, lambda engine: engine.send_replies([NO])),
        (mail, lambda engine: engine.send(Reply(354))),
        (data, lambda engine: engine.send(Reply(250))),
        (bdat, lambda engine: engine.send(Reply(250))),
        (auth, lambda engine: engine.send(Reply(334))),
        (start_tls, lambda engine: engine.send(Reply(250))),
        (auth, lambda engine: engine.send(Reply(250))),
        (auth, lambda engine: engine.challenge(b"x" * 10_000)),
    ],
)
def test_misuse_is_a_local_error_and_changes_nothing(reach, wrong):
    engine = greeted()
    reach(engine)
    before = engine.state, engine.next_event()
    engine.data_to_send()
    with pytest.raises(LocalProtocolError):
        wrong(engine)
    assert (engine.state, engine.next_event()) == before
    assert engine.data_to_send() == b""


def test_greeting_must_be_one():
    engine = SmtpServer(SmtpConfig("mx"))
    engine.next_event()
    with pytest.raises(LocalProtocolError):
        engine.send(Reply(250))
    engine.accept("hello")
    assert engine.data_to_send() == b"220 mx ESMTP hello\r\n"


HELLOS_OF_OTHERS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    "SSLv2": b"\x80\x2e\x01\x03\x01\x00\x15\r\n",
    "RDP": b"\x03\x00\x00\x13\x0e\xe0\x00\x00",
    "SMB": b"\x00\x00\x00\x85\xffSMBr",
    "SOCKS": b"\x05\x01\x00",
    "MQTT": b"\x10\x0c\x00\x04MQTT",
    "byte order mark": b"\xef\xbb\xbfEHLO c\r\n",
}


@pytest.mark.parametrize("hello", HELLOS_OF_OTHERS)
def test_binary_gets_no_reply_and_no_second_line(hello):
    """ALPACA: a reply would be read by another protocol's client."""
    engine = SmtpServer(SmtpConfig("mx"))
    assert engine.next_event() == event.Connected()
    engine.accept()
    engine.data_to_send()
    engine.receive_data(HELLOS_OF_OTHERS[hello] + b"\r\nHELO c\r\nMAIL FROM:<a@b>\r\n")
    assert engine.next_event() == Closed(Reason.FOREIGN)
    assert engine.data_to_send() == b""


HTTP = [
    b"GET",
    b"post",
    b"PUT",
    b"HEAD",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"PATCH",
    b"PRI",
]


@pytest.mark.parametrize("method", HTTP)
@pytest.mark.parametrize("hello", [True, False])
def test_a_browser_is_answered_once(method, hello):
    engine = greeted() if hello else SmtpServer(SmtpConfig("mx"))
    if not hello:
        assert engine.next_event() == event.Connected()
        engine.accept()
    engine.data_to_send()
    engine.receive_data(method + b" /x HTTP/1.1\r\nHELO c\r\nMAIL FROM:<a@b>\r\n")
    assert engine.next_event() == Closed(Reason.FOREIGN)
    assert engine.data_to_send() == b"554 5.5.1 This is SMTP\r\n"


@pytest.mark.parametrize("command", [b"DATA", b"BDAT 4611686018427387904 LAST"])
def test_octets_past_the_limit_are_not_kept(command):
    """Of content without an end, by line or by count, memory holds nothing."""
    engine = greeted(size_octets=1 << 20, spill_octets=1 << 16)
    step(
        engine,
        b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n%b\r\n" % command,
        event.Mail,
        event.Recipient,
        event.DataBegin,
    )
    engine.accept()
    piece = b"a" * 65_534 + b"\r\n"
    tracemalloc.start()
    try:
        for _ in range(256):
            engine.receive_data(piece)
            while engine.next_event() is not NEED_DATA:
                pass
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
