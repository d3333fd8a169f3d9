"""A session around the server engine that accepts everything, or what a name tells it not to."""

from __future__ import annotations

import pytest
from thurn_wire.smtp import event
from thurn_wire.smtp.capability import Extension, Offer
from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.event import NEED_DATA, PAUSED
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.server import SmtpServer

DSN = Extension("DSN", frozenset({"RET", "ENVID"}), frozenset({"NOTIFY", "ORCPT"}))
REFUSALS = {
    b"unknown@": Reply(550, "5.1.1", ("No such mailbox",)),
    b"later@": Reply(451, "4.3.0", ("Try again later",)),
    b"gone@": Reply(421, "4.3.2", ("Going down",)),
}


class Session:
    """The dialogue under test.

    Senders and recipients whose path begins with a key of `REFUSALS` get that reply; a sender
    `nodata@` has DATA refused. A message is answered with its size; `X: content` shows what
    arrived. PLAIN is accepted with any response but
    `wrong`; LOGIN asks twice.
    """

    def __init__(self, settings):
        profile = Profile(settings.get("profile", "smtp"))
        self.engine = SmtpServer(
            SmtpConfig(
                "mx.example.org",
                profile=profile,
                size_octets=int(settings.get("size", 100_000)),
                spill_octets=int(settings.get("spill", 1_048_576)),
                recipients=int(settings.get("recipients", 1000)),
                chunking=settings.get("chunking", "yes") == "yes",
                verify=settings.get("verify", "no") == "yes",
                extensions=(DSN,),
            ),
            tls_active=settings.get("tls", "no") == "yes",
        )
        self.greeting = settings.get("greeting", "220")
        self.tls_reply = settings.get("starttls", "220")
        self.profile = profile
        self.mechanisms = tuple(settings.get("auth", "").split())
        self.engine.offer(Offer(self.mechanisms, starttls="starttls" in settings))
        self.closed = False
        self.recipients = []
        self.sender = None
        self.chunks = []
        self.messages = []
        self.responses = 0
        self.last_chunk_octets = 0

    def connect(self):
        return self.pump()

    def feed(self, octets):
        self.engine.receive_data(octets)
        return self.pump()

    def act(self, verb, argument):
        match verb:
            case "eof":
                self.engine.receive_data(b"")
            case "starttls":
                self.engine.tls_started()
                self.engine.offer(Offer(self.mechanisms))
            case "drain":
                self.engine.drain()
            case "offer":
                self.engine.offer(Offer(tuple(argument.split())))
            case "stored":
                assert len(self.messages) == int(argument), self.messages
            case "content":
                assert self.messages[-1] == argument.encode().decode("unicode_escape").encode(
                    "latin-1"
                ), self.messages
            case _:
                raise AssertionError(verb)
        return self.pump()

    def pump(self):
        while True:
            happened = self.engine.next_event()
            if happened is NEED_DATA or happened is PAUSED:
                return self.engine.data_to_send()
            if isinstance(happened, event.Closed):
                self.closed = True
                return self.engine.data_to_send()
            self.answer(happened)

    def answer(self, happened):
        match happened:
            case event.Connected():
                if self.greeting == "220":
                    self.engine.accept()
                else:
                    self.engine.send(Reply(int(self.greeting), None, ("mx.example.org no",)))
            case event.Mail(path):
                self.recipients.clear()
                self.chunks.clear()
                self.sender = path
                self.decide(path or b"")
            case event.Recipient(path):
                if self.decide(path):
                    self.recipients.append(path)
            case event.DataBegin():
                if (self.sender or b"").startswith(b"nodata@"):
                    self.engine.send(Reply(451, "4.3.0", ("No room",)))
                else:
                    self.engine.accept()
            case event.DataChunk(octets):
                assert octets
                self.chunks.append(octets)
            case event.Message():
                self.message(happened)
            case event.Auth(mechanism, initial):
                self.responses = 0
                if mechanism == "LOGIN":
                    self.engine.challenge(b"Username:")
                elif initial is None:
                    self.engine.challenge(b"")
                else:
                    self.verify(initial)
            case event.AuthResponse(octets):
                self.responses += 1
                if self.responses == 1 and octets == b"login":
                    self.engine.challenge(b"Password:")
                else:
                    self.verify(octets)
            case event.StartTls():
                if self.tls_reply == "220":
                    self.engine.accept()
                else:
                    self.engine.send(Reply(454, "4.7.0", ("TLS not available",)))
            case event.Verify() | event.Expand() | event.Hello():
                self.engine.accept()
            case event.Reset() | event.ContentRefused():
                self.chunks.clear()
            case event.AuthCancelled():
                pass

    def decide(self, path):
        for start, reply in REFUSALS.items():
            if path.startswith(start):
                self.engine.send(reply)
                return False
        self.engine.accept()
        return True

    def verify(self, octets):
        if octets == b"wrong":
            self.engine.send(Reply(535, "5.7.8", ("No",)))
        else:
            self.engine.accept()

    def message(self, happened):
        content = b"".join(self.chunks) + happened.octets
        assert len(content) == happened.size_octets
        self.chunks.clear()
        self.messages.append(content)
        text = f"{len(content)} octets"
        if self.profile is Profile.LMTP:
            self.engine.send_replies(
                [
                    Reply(452, "4.2.2", ("Full",))
                    if path.startswith(b"full@")
                    else Reply(250, "2.0.0", (text,))
                    for path in self.recipients
                ]
            )
        else:
            self.engine.accept(text)


@pytest.fixture(scope="session")
def make_session():
    return Session
