"""Every transcript, whole, in turn, octet by octet and in cuts, against a small world."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from thurn_testing.transcript import load, run
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.content import size_octets, top
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
    Retrieve,
    StartTls,
    Top,
    Update,
)
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import ResponseCode, error
from thurn_wire.pop3.server import Pop3Server

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))

MESSAGES = [
    b"Subject: one\r\n\r\nhello\r\n",
    b".dotted: yes\r\n\r\n.\r\n..\r\n.x\r\n.\r\nlast\r\n",
    b"Subject: no line end\r\n\r\na\r\nb\r\n.c",
]
PASSWORDS = {"alice": ("secret", "  two spaces  ", "pässword"), "alice smith": ("secret",)}
ERRORS = {
    "busy": ("another session has the maildrop", ResponseCode.IN_USE),
    "broken": ("try again later", ResponseCode.SYSTEM_TEMPORARY),
    "lost": ("tell your postmaster", ResponseCode.SYSTEM_PERMANENT),
    "hasty": ("wait a minute", ResponseCode.LOGIN_DELAY),
}
TIMESTAMP = "<1896.697170952@dbc.mtview.ca.us>"


class World:
    """A listener without sockets: a store in a list, a gate in a dict."""

    def __init__(self, settings):
        self.settings = settings
        self.messages = {f"uid-{n}": content for n, content in enumerate(MESSAGES, 1)}
        self.actions = {
            Connected: self.greet,
            PasswordLogin: self.password,
            Apop: self.digest,
            Auth: self.auth,
            AuthResponse: self.response,
            AuthCancelled: self.cancelled,
            StartTls: lambda _: self.engine.accept(),
            Retrieve: self.retrieve,
            Top: lambda e: self.engine.send_message(top(self.content(e.number), e.lines)),
            Update: self.update,
        }

    def connect(self):
        settings = self.settings
        self.engine = Pop3Server(
            Pop3Config(
                implementation=settings.get("implementation", ""),
                expire_days=int(settings["expire"]) if "expire" in settings else None,
                login_delay_seconds=int(settings["delay"]) if "delay" in settings else None,
            ),
            tls_active=settings.get("secured") == "yes",
            timestamp=TIMESTAMP if settings.get("apop") == "yes" else "",
        )
        self.closed = False
        self.exchange = []
        return self.pump()

    def greet(self, _event):
        if "refuse" in self.settings:
            self.engine.send(error(self.settings["refuse"], ResponseCode.SYSTEM_TEMPORARY))
        else:
            self.engine.accept()
            self.offer("offer")

    def offer(self, key):
        words = self.settings.get(key, "USER STLS PLAIN LOGIN").split()
        mechanisms = tuple(word for word in words if word not in ("USER", "STLS"))
        apop = self.settings.get("apop") == "yes"
        self.engine.offer(
            Offer(mechanisms, user="USER" in words, starttls="STLS" in words, apop=apop)
        )

    def feed(self, octets):
        if self.closed or not octets:
            return b""
        self.engine.receive_data(octets)
        return self.pump()

    def act(self, verb, argument):
        if verb == "starttls":
            assert self.engine.tls_started() == int(argument or 0)
            self.offer("offer-tls")
        elif verb == "reconnect":
            return self.connect()
        else:
            {"eof": lambda: self.engine.receive_data(b""), "drain": self.engine.drain}[verb]()
        return self.pump()

    def pump(self):
        sent = b""
        while True:
            event = self.engine.next_event()
            if isinstance(event, Closed):
                self.closed = True
            if event in (NEED_DATA, PAUSED) or self.closed:
                return sent + self.engine.data_to_send()
            if event is OUTPUT_FULL:
                sent += self.engine.data_to_send()
            else:
                self.actions[type(event)](event)

    def login(self, name, good):
        if name in ERRORS:
            self.engine.send(error(*ERRORS[name]))
        elif good:
            self.uids = list(self.messages)
            sizes = [size_octets(content) for content in self.messages.values()]
            self.engine.accept_login(Maildrop(sizes, self.uids))
        else:
            self.engine.send(error("wrong name or password", ResponseCode.AUTHENTICATION))

    def password(self, event):
        self.login(event.name, event.password in PASSWORDS.get(event.name, ()))

    def digest(self, event):
        right = hashlib.md5(TIMESTAMP.encode() + b"secret").hexdigest()
        self.login(event.name, event.name == "alice" and event.digest == right)

    def auth(self, event):
        self.exchange = [event.mechanism]
        if event.initial is not None:
            return self.step(event.initial)
        return self.engine.challenge(b"" if event.mechanism == "PLAIN" else b"Username:")

    def response(self, event):
        self.step(event.response)

    def step(self, response):
        self.exchange.append(response)
        if self.exchange[0] == "PLAIN":
            _, _, rest = response.partition(b"\0")
            name, _, password = rest.decode().partition("\0")
        elif len(self.exchange) == 2:
            return self.engine.challenge(b"Password:")
        else:
            name, password = (octets.decode() for octets in self.exchange[1:])
        return self.login(name, password in PASSWORDS.get(name, ()))

    def cancelled(self, event):
        assert self.exchange
        self.exchange = []

    def content(self, number):
        return self.messages[self.uids[number - 1]]

    def retrieve(self, event):
        content = self.content(event.number)
        if self.settings.get("store") == "broken":
            return self.engine.send(error("try again later", ResponseCode.SYSTEM_TEMPORARY))
        if self.settings.get("store") != "chunks":
            return self.engine.send_message(content)
        self.engine.begin_message()
        for position in range(0, len(content), 2):
            self.engine.send_chunk(content[position : position + 2])
        return self.engine.end_message()

    def update(self, event):
        for number in event.deleted:
            del self.messages[self.uids[number - 1]]
        if self.settings.get("store") == "broken":
            self.engine.send(error("some deleted messages not removed"))
        else:
            self.engine.accept(f"bye, {len(event.deleted)} removed")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path):
    run(load(path), World)


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 25
