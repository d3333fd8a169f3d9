"""A session around the server engine: a gate of one account, mailboxes in a dict."""

from __future__ import annotations

from functools import partial

import pytest
from thurn_wire.imap import code, command
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.event import (
    AppendCancelled,
    AppendChunk,
    AppendDone,
    AppendMessage,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    IdleDone,
    Pause,
    Request,
)
from thurn_wire.imap.grammar import fetch, listing, mailbox, message, session
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.grammar.registry import Rule, add, nothing
from thurn_wire.imap.reply import enabled, no, ok, preauth
from thurn_wire.imap.sequence import SAVED
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import ANY, LOGGED_IN, SELECTED, Step


def full_grammar():
    """The base with the words of every extension whose parsers are in this library."""
    bare = session.without_arguments
    grammar = base_grammar()
    for name, rule in {
        "ID": Rule(session.identity, ANY),
        "NAMESPACE": Rule(bare(command.Namespace()), LOGGED_IN, literals=False),
        "UNSELECT": Rule(bare(command.Unselect()), SELECTED, Step.DESELECT, literals=False),
        "MOVE": Rule(message.move, SELECTED),
        "UID MOVE": Rule(partial(message.move, uid=True), SELECTED),
        "UID EXPUNGE": Rule(message.uid_expunge, SELECTED, literals=False),
        "XTAKE": Rule(bare(Take()), ANY, Step.TAKE_OVER),
    }.items():
        grammar.add_command(name, rule)
    add(grammar.fetch_items, "BINARY", fetch.binary)
    add(grammar.fetch_items, "BINARY.PEEK", partial(fetch.binary, peek=True))
    add(grammar.fetch_items, "BINARY.SIZE", fetch.binary_size)
    add(grammar.create_parameters, "USE", mailbox.use)
    add(grammar.list_returns, "STATUS", listing.status_option)
    add(grammar.named_sets, "$", SAVED)
    for table, words in (
        (grammar.search_returns, "ALL COUNT MAX MIN SAVE"),
        (grammar.list_selections, "RECURSIVEMATCH REMOTE SPECIAL-USE SUBSCRIBED"),
        (grammar.list_returns, "CHILDREN SPECIAL-USE SUBSCRIBED"),
    ):
        for word in words.split():
            add(table, word, nothing)
    for word in ("APPENDLIMIT", "HIGHESTMODSEQ", "SIZE"):
        add(grammar.status_items, word, word)
    return grammar


class Take(command.Command):
    """A command that takes over."""

    NAME = "XTAKE"

    def __repr__(self):
        return "Take()"


GRAMMAR = full_grammar()


class Session:
    """The dialogue under test.

    Every command is answered with OK and its name; `X: set show yes` puts its value before that.
    Login is alice with secret, PLAIN with `\0alice\0secret`. The mailbox `missing` is missing,
    `full` is full. `X: content` shows what was appended.
    """

    def __init__(self, settings):
        self.settings = settings
        bounds = {
            key.removeprefix("limit-"): int(value)
            for key, value in settings.items()
            if key.startswith("limit-")
        }
        self.engine = ImapServer(GRAMMAR, ImapConfig(**bounds))
        self.stored = []
        self.appending = None
        self.closed = False
        self.steps = {
            Connected: self.greet,
            Request: self.request,
            AppendMessage: self.message,
            AppendChunk: self.chunk,
            AppendDone: self.append_done,
            AppendCancelled: self.append_cancelled,
            AuthResponse: lambda event: self.login(event.response == b"\0alice\0secret"),
            AuthCancelled: lambda _: None,
            IdleDone: lambda _: self.engine.accept("idle done"),
        }

    def connect(self):
        greeting = self.pump()
        if self.settings.get("selected") == "yes":
            self.engine.receive_data(b"x SELECT INBOX\r\n")
            self.engine.next_event()
            self.engine.accept()
            self.engine.data_to_send()
        return greeting

    def greet(self, _event):
        self.engine.send(preauth("hello") if "preauth" in self.settings else ok("hello"))

    def feed(self, octets):
        if self.closed or not octets:
            return b""
        self.engine.receive_data(octets)
        return self.pump()

    def act(self, verb, argument):
        if verb == "starttls":
            assert self.engine.tls_started() == int(argument or 0)
            return self.pump()
        if verb == "eof":
            self.engine.receive_data(b"")
            return self.pump()
        assert verb == "content"
        return b"".join(
            b"%b %b %b\r\n" % (name.encode(), b" ".join(map(str.encode, flags)), octets)
            for name, flags, octets in self.stored
        )

    def pump(self):
        while True:
            event = self.engine.next_event()
            self.closed = isinstance(event, Closed)
            if self.closed or isinstance(event, Pause):
                return self.engine.data_to_send()
            self.steps[type(event)](event)

    def request(self, event):
        engine = self.engine
        if self.settings.get("show") == "yes":
            engine.write(b"* SHOW %b\r\n" % repr(event.command).encode())
        match event.command:
            case command.Login(name, password):
                self.login((name, password) == ("alice", "secret"))
            case command.Authenticate(mechanism, initial):
                self.authenticate(mechanism, initial)
            case command.Select("missing"):
                engine.send(no("no such mailbox", code.NONEXISTENT))
            case command.Append("missing"):
                engine.send(no("no such mailbox", code.TRYCREATE))
            case command.Append(mailbox):
                self.appending = (mailbox, [])
                engine.accept()
            case command.Idle():
                engine.accept()
            case command.Enable(capabilities):
                engine.use_utf8()
                engine.write(enabled(capabilities))
                engine.accept("ENABLE")
            case other:
                engine.accept(other.NAME)

    def authenticate(self, mechanism, initial):
        if mechanism != "PLAIN":
            self.engine.send(no("no such mechanism"))
        elif initial is None:
            self.engine.challenge(b"")
        else:
            self.login(initial == b"\0alice\0secret")

    def login(self, good):
        if good:
            self.engine.accept("welcome")
        else:
            self.engine.send(no("wrong name or password", code.AUTHENTICATIONFAILED))

    def message(self, event):
        mailbox, messages = self.appending
        if mailbox == "full":
            self.engine.write(no("full").encode())
            self.engine.send(no("full", code.OVERQUOTA))
            return
        messages.append((event.item.flags, []))
        self.engine.accept()

    def chunk(self, event):
        self.appending[1][-1][1].append(event.octets)

    def append_done(self, _event):
        mailbox, messages = self.appending
        self.stored += [(mailbox, flags, b"".join(octets)) for flags, octets in messages]
        self.engine.accept("stored")

    def append_cancelled(self, _event):
        self.appending = None


@pytest.fixture(scope="session")
def grammar():
    return GRAMMAR


@pytest.fixture
def make_session():
    return Session


def events(engine, *pieces):
    """Feed the pieces, one after another; all events until the engine waits."""
    happened = []
    for piece in pieces:
        engine.receive_data(piece)
        while True:
            event = engine.next_event()
            if isinstance(event, Pause):
                break
            happened.append(event)
            if isinstance(event, Closed):
                return happened
    return happened


def greeted(greeting=None, *, grammar=GRAMMAR, **bounds):
    """An engine behind its greeting."""
    engine = ImapServer(grammar, ImapConfig(**bounds))
    assert engine.next_event() == Connected()
    engine.send(greeting or ok("hello"))
    engine.data_to_send()
    return engine


def selected(*, grammar=GRAMMAR, **bounds):
    """An engine with a mailbox selected."""
    engine = greeted(preauth("hello"), grammar=grammar, **bounds)
    engine.receive_data(b"x SELECT y\r\n")
    engine.next_event()
    engine.accept()
    engine.data_to_send()
    return engine


@pytest.fixture
def parse():
    """Command octets behind the tag to its value, or its refusal's text."""

    def parsed(octets, *, utf8=False):
        engine = selected()
        if utf8:
            engine.use_utf8()
        seen = events(engine, b"t " + octets + b"\r\n")
        return seen[0].command if seen else engine.data_to_send().decode()

    return parsed


@pytest.fixture(scope="session")
def run():
    return events


@pytest.fixture(scope="session")
def make_greeted():
    return greeted


@pytest.fixture(scope="session")
def make_selected():
    return selected
