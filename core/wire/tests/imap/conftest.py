"""A session around the server engine: a gate of one account, mailboxes in a dict."""

from __future__ import annotations

from functools import partial

import pytest
from thurn_wire.imap import code, command, response
from thurn_wire.imap.config import ServerLimits
from thurn_wire.imap.event import (
    AppendChunk,
    AppendDone,
    AppendMessage,
    Closed,
    ContinuationNeeded,
    IdleDone,
    Pause,
    Refused,
    Request,
    SaslResponse,
)
from thurn_wire.imap.grammar import fetch, listing, mailbox, message, session
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.grammar.registry import Rule, add, nothing
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
        self.engine = ImapServer(
            GRAMMAR, ServerLimits(**bounds), authenticated=settings.get("preauth") == "yes"
        )
        self.stored = []
        self.closed = False
        self.sent = b""
        self.tag = b""
        self.steps = {
            Request: self.request,
            ContinuationNeeded: lambda _: response.continuation(),
            Refused: lambda event: event.response,
            AppendMessage: self.message,
            AppendChunk: self.chunk,
            AppendDone: self.append_done,
            SaslResponse: self.sasl,
            IdleDone: lambda event: response.ok(event.tag, "idle done"),
        }

    def connect(self):
        if self.settings.get("selected") == "yes":
            self.engine.receive_data(b"x SELECT INBOX\r\n")
            self.engine.next_event()
            self.engine.accept_select()
        return response.preauth("hello") if "preauth" in self.settings else b"* OK hello\r\n"

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
        sent = b""
        while True:
            event = self.engine.next_event()
            if isinstance(event, Closed):
                self.closed = True
                return sent
            if isinstance(event, Pause):
                return sent
            sent += self.steps[type(event)](event)

    def request(self, event):
        shown = b""
        if self.settings.get("show") == "yes":
            shown = b"* SHOW %b\r\n" % repr(event.command).encode()
        answer = self.answer(event.tag, event.command)
        return shown + answer

    def answer(self, tag, asked):
        engine = self.engine
        match asked:
            case command.Login(name, password):
                return self.login(tag, (name, password) == ("alice", "secret"))
            case command.Authenticate(mechanism, initial):
                self.tag = tag
                if mechanism != "PLAIN":
                    engine.deny()
                    return response.no(tag, "no such mechanism")
                if initial is not None:
                    return self.login(tag, initial == b"\0alice\0secret")
                engine.challenge()
                return response.challenge(b"")
            case command.StartTls():
                engine.accept_tls()
            case command.Select("missing"):
                engine.deny()
                return response.no(tag, "no such mailbox", code.NONEXISTENT)
            case command.Select():
                engine.accept_select()
            case command.Append(mailbox):
                self.appending = (mailbox, [])
                if mailbox == "missing":
                    engine.deny()
                    return response.no(tag, "no such mailbox", code.TRYCREATE)
                engine.accept_append()
                return b""
            case command.Idle():
                return response.continuation("idling")
            case command.Logout():
                engine.close()
                return response.bye("bye") + response.ok(tag, "bye")
            case command.Enable(capabilities):
                engine.use_utf8()
                return response.enabled(capabilities) + response.ok(tag, "ENABLE")
        return response.ok(tag, asked.NAME)

    def login(self, tag, good):
        if good:
            self.engine.accept_login()
            return response.ok(tag, "welcome")
        self.engine.deny()
        return response.no(tag, "wrong name or password", code.AUTHENTICATIONFAILED)

    def sasl(self, event):
        return self.login(event.tag, event.response == b"\0alice\0secret")

    def message(self, event):
        mailbox, messages = self.appending
        if mailbox == "full":
            self.engine.deny()
            return response.no(b"*", "full") + response.no(b"full", "full", code.OVERQUOTA)
        messages.append((event.item.flags, []))
        self.engine.accept_append()
        return b""

    def chunk(self, event):
        self.appending[1][-1][1].append(event.octets)
        return b""

    def append_done(self, event):
        mailbox, messages = self.appending
        self.stored += [(mailbox, flags, b"".join(octets)) for flags, octets in messages]
        return response.ok(event.tag, "stored")


@pytest.fixture(scope="session")
def grammar():
    return GRAMMAR


@pytest.fixture
def make_session():
    return Session


def events(engine, *pieces):
    """Feed the pieces, one after another; all events until the engine waits."""
    found = []
    for piece in pieces:
        engine.receive_data(piece)
        while True:
            event = engine.next_event()
            if isinstance(event, Pause):
                break
            found.append(event)
            if isinstance(event, Closed):
                return found
    return found


def selected(**bounds):
    """An engine with a mailbox selected."""
    engine = ImapServer(GRAMMAR, ServerLimits(**bounds), authenticated=True)
    engine.receive_data(b"x SELECT y\r\n")
    engine.next_event()
    engine.accept_select()
    return engine


@pytest.fixture
def parse():
    """Command octets behind the tag to its value, or its refusal's text."""

    def parsed(octets, *, utf8=False):
        engine = selected()
        if utf8:
            engine.use_utf8()
        (event,) = events(engine, b"t " + octets + b"\r\n")
        return event.command if isinstance(event, Request) else event.response.decode()

    return parsed


@pytest.fixture
def run():
    return events


@pytest.fixture
def make_selected():
    return selected
