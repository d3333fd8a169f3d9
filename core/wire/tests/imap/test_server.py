"""The server engine: verbs in their place, bounds, what it keeps."""

from __future__ import annotations

import pytest
from thurn_wire.imap import command, limits
from thurn_wire.imap.config import ServerLimits
from thurn_wire.imap.error import LocalProtocolError
from thurn_wire.imap.event import (
    NEED_DATA,
    PAUSED,
    AppendChunk,
    AppendDone,
    AppendMessage,
    Closed,
    ContinuationNeeded,
    Reason,
    Refused,
    Request,
)
from thurn_wire.imap.fragment import Fragmentizer
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import State


def make(**bounds):
    return ImapServer(base_grammar(), ServerLimits(**bounds))


VERBS = (
    "accept_login",
    "challenge",
    "accept_tls",
    "tls_started",
    "accept_select",
    "accept_append",
    "deny",
    "deselect",
    "unauthenticate",
)


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_out_of_place(verb):
    engine = make()
    with pytest.raises(LocalProtocolError):
        getattr(engine, verb)()
    assert engine.next_event() is NEED_DATA


@pytest.mark.parametrize(
    ("line", "verbs"),
    [
        (b"LOGIN a b", {"accept_login", "challenge", "deny"}),
        (b"AUTHENTICATE X", {"accept_login", "challenge", "deny"}),
        (b"STARTTLS", {"accept_tls", "deny"}),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_commands_wait_for_their_verb(line, verbs, verb):
    engine = make()
    engine.receive_data(b"a " + line + b"\r\nb NOOP\r\n")
    assert isinstance(engine.next_event(), Request)
    assert engine.next_event() is PAUSED
    if verb in verbs:
        getattr(engine, verb)()
    else:
        with pytest.raises(LocalProtocolError):
            getattr(engine, verb)()
        assert engine.next_event() is PAUSED


def test_refused_select_leaves_nothing_selected(run, make_selected):
    engine = make_selected()
    run(engine, b"a EXAMINE z\r\n")
    assert engine.state is State.SELECTING
    engine.deny()
    assert engine.state is State.AUTHENTICATED


def test_deselected_in_idle(run, make_selected):
    engine = make_selected()
    run(engine, b"a IDLE\r\n")
    engine.deselect()
    run(engine, b"DONE\r\n")
    assert engine.state is State.AUTHENTICATED


def test_unauthenticate_forgets_utf8(make_selected):
    engine = make_selected()
    engine.use_utf8()
    engine.unauthenticate()
    assert engine.state is State.NOT_AUTHENTICATED
    assert not engine.utf8


def test_append_is_handed_out_as_it_comes(run, make_selected):
    engine = make_selected()
    assert run(engine, b"a APPEND x {100000}\r\n") == [Request(b"a", command.Append("x"))]
    assert engine.next_event() is PAUSED
    engine.accept_append()
    (announced,) = run(engine, b"")
    assert announced == AppendMessage(command.AppendItem(100_000))


def test_append_events(make_selected):
    engine = make_selected()

    def ask():
        return engine.next_event()

    engine.receive_data(b"a APPEND x {100000}\r\n")
    assert ask() == Request(b"a", command.Append("x"))
    engine.accept_append()
    assert ask() == AppendMessage(command.AppendItem(100_000))
    assert ask() is PAUSED
    engine.accept_append()
    assert ask() == ContinuationNeeded()
    assert ask() is NEED_DATA
    for left in range(90_000, -1, -10_000):
        engine.receive_data(b"x" * 10_000)
        assert ask() == AppendChunk(b"x" * 10_000, last=left == 0)
        assert engine.buffered_octets == 0
    assert ask() is NEED_DATA
    engine.receive_data(b"\r\nb NOOP\r\n")
    assert ask() == AppendDone(b"a")
    assert engine.state is State.SELECTED
    assert ask() == Request(b"b", command.Noop())


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_append_given_up_in_the_midst(make_selected, cut):
    octets = b"x DELETE\r\n"
    engine = make_selected()
    engine.receive_data(b"a APPEND x {20+}\r\n" + octets[:cut])
    engine.next_event()
    engine.accept_append()
    engine.next_event()
    engine.accept_append()
    if cut:
        assert engine.next_event() == AppendChunk(octets[:cut], last=False)
    engine.deny()
    assert engine.next_event() is NEED_DATA
    engine.receive_data(octets[cut:] + octets)
    assert engine.next_event() is NEED_DATA
    engine.receive_data(b" {3+}\r\nabc\r\nb NOOP\r\n")
    assert engine.next_event() == Request(b"b", command.Noop())


def test_append_given_up_behind_a_message(make_selected):
    engine = make_selected()
    engine.receive_data(b"a APPEND x {3+}\r\nabc")
    engine.next_event()
    engine.accept_append()
    engine.next_event()
    engine.accept_append()
    assert engine.next_event() == AppendChunk(b"abc", last=True)
    engine.deny()
    engine.receive_data(b" {10+}\r\nx DELETE\r\n\r\nb NOOP\r\n")
    assert engine.next_event() == Request(b"b", command.Noop())


@pytest.mark.parametrize("rest", [b" junk\r\n", b" junk {3+}\r\nabc\r\n", b"\0\r\n", b"\r\n"])
def test_nothing_of_an_append_is_left(make_selected, rest):
    engine = make_selected()
    engine.receive_data(b"a APPEND x {3+}\r\nabc" + rest)
    for _ in range(2):
        engine.next_event()
        engine.accept_append()
    assert engine.next_event() == AppendChunk(b"abc", last=True)
    assert isinstance(engine.next_event(), AppendDone if rest == b"\r\n" else Refused)
    # A denial of something else must not read away what comes behind it.
    engine.receive_data(b"b SELECT x\r\nc NOOP\r\n")
    assert isinstance(engine.next_event(), Request)
    engine.deny()
    assert engine.next_event() == Request(b"c", command.Noop())


def test_messages_of_an_append_are_counted(run, make_selected):
    engine = make_selected(append_messages=2)
    engine.receive_data(b"a APPEND x {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\n")
    seen = []
    while True:
        event = engine.next_event()
        seen.append(type(event))
        if event is NEED_DATA:
            break
        if isinstance(event, Request | AppendMessage):
            engine.accept_append()
        if isinstance(event, Refused):
            assert event.response == b"a NO [TOOBIG] too many messages\r\n"
    assert seen.count(AppendMessage) == 2
    assert AppendDone not in seen


def test_close_and_eof():
    engine = make()
    engine.receive_data(b"a NOOP\r\nb NO")
    engine.receive_data(b"")
    engine.receive_data(b"OP\r\n")
    assert isinstance(engine.next_event(), Request)
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)
    engine.close()
    engine.receive_data(b"x")
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)


def test_closed_here_and_logout(run):
    engine = make()
    engine.close()
    assert engine.next_event() == Closed(Reason.CLOSED_HERE)
    engine = make()
    run(engine, b"a LOGOUT\r\n")
    assert engine.next_event() is PAUSED
    engine.close()
    assert engine.next_event() == Closed(Reason.LOGOUT)


def test_eof_while_a_command_waits(run):
    engine = make()
    run(engine, b"a LOGIN b c\r\n")
    engine.receive_data(b"")
    assert engine.next_event() is PAUSED
    engine.deny()
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)


@pytest.mark.parametrize("select", [False, True])
def test_a_command_takes_over(grammar, select):
    engine = ImapServer(grammar, authenticated=True)
    if select:
        engine.receive_data(b"x SELECT y\r\n")
        engine.next_event()
        engine.accept_select()
    engine.receive_data(b"a XTAKE\r\nb NOOP\r")
    assert engine.next_event().tag == b"a"
    assert engine.next_event() is PAUSED
    assert engine.take_octets() == b"b NOOP\r"
    assert engine.take_octets() == b""
    engine.receive_data(b"{9+}\r\n\0 anything")
    assert engine.take_octets() == b"{9+}\r\n\0 anything"
    assert engine.next_event() is PAUSED
    engine.receive_data(b"c CLOSE\r\nd NOOP\r\n")
    engine.hand_back()
    assert isinstance(engine.next_event(), Request if select else Refused)
    assert engine.next_event() == Request(b"d", command.Noop())


def test_a_command_takes_over_before_login(grammar, run):
    engine = ImapServer(grammar)
    (event,) = run(engine, b"a XTAKE\r\n")
    engine.hand_back()
    (event,) = run(engine, b"b LOGIN alice secret\r\n")
    assert isinstance(event.command, command.Login)


def test_the_peer_ends_while_a_command_has_taken_over(grammar, run):
    engine = ImapServer(grammar)
    run(engine, b"a XTAKE\r\nx")
    engine.receive_data(b"")
    assert engine.next_event() is PAUSED
    assert engine.take_octets() == b"x"
    engine.hand_back()
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)


def test_nobody_takes_octets_without_having_taken_over():
    with pytest.raises(LocalProtocolError, match="no command has taken over"):
        make().take_octets()


def test_secrets_are_not_shown(run):
    engine = make()
    (event,) = run(engine, b"a LOGIN alice secret\r\n")
    assert "secret" not in repr(event)
    engine.deny()
    (event,) = run(engine, b"b AUTHENTICATE PLAIN c2VjcmV0\r\n")
    assert "secret" not in repr(event)
    engine.challenge()
    (event,) = run(engine, b"c2VjcmV0\r\n")
    assert event.response == b"secret"
    assert "secret" not in repr(event)


def test_literal_bounds_before_and_after_login(run):
    engine = make()
    (event,) = run(engine, b"a LOGIN {4096}\r\n")
    assert event == ContinuationNeeded()
    engine = make()
    (event,) = run(engine, b"a LOGIN {4097}\r\n")
    assert isinstance(event, Refused)
    engine = ImapServer(base_grammar(), authenticated=True)
    assert run(engine, b"a SELECT {131072}\r\n") == [ContinuationNeeded()]
    engine = ImapServer(base_grammar(), authenticated=True)
    (event,) = run(engine, b"a SELECT {131073}\r\n")
    assert isinstance(event, Refused)


def test_all_lines_of_a_command_have_one_bound(run):
    engine = make()
    events = run(engine, b"a LOGIN {1+}\r\nx" + b" " * 5000 + b"{1+}\r\ny" + b" " * 5000 + b"\r\n")
    assert [event.text for event in events] == ["line too long"]
    assert events[0].tag == b"a"
    assert isinstance(run(engine, b"b NOOP\r\n")[0], Request)


def test_literals_are_counted(run, make_selected):
    engine = make_selected()
    names = b" ".join([b"{1+}\r\nx"] * (limits.LITERALS + 1))
    (event,) = run(engine, b"a FETCH 1 BODY[HEADER.FIELDS (" + names + b")]\r\n")
    assert event.response == b"a BAD [TOOBIG] too many literals\r\n"
    assert isinstance(run(engine, b"b NOOP\r\n")[0], Request)


def test_never_ending_line_ends_the_session():
    engine = make()
    seen = []
    for _ in range(20):
        engine.receive_data(b"x" * 65_536)
        while (event := engine.next_event()) is not NEED_DATA:
            seen.append(event)
            if isinstance(event, Closed):
                break
        assert engine.buffered_octets < 70_000
    assert Closed(Reason.TOO_LARGE) in seen


def test_never_ending_response_ends_the_session(run):
    engine = make()
    run(engine, b"a AUTHENTICATE X\r\n")
    engine.challenge()
    seen = run(engine, *[b"x" * 65_536] * 20)
    assert [type(event) for event in seen] == [Refused, Refused, Closed]
    assert seen[0].tag == b"a"
    assert seen[-1] == Closed(Reason.TOO_LARGE)


def test_fragments_out_of_place():
    fragments = Fragmentizer()
    for verb in (fragments.gather, fragments.stream):
        with pytest.raises(LocalProtocolError):
            verb()


@pytest.mark.parametrize(
    "wrong",
    [{"line_octets": 8_191}, {"line_before_login_octets": 100}, {"append_octets": 0},
     {"errors": 0}, {"skipped_octets": 0}, {"literal_octets": 0}, {"append_messages": 0}],
    ids=str,
)  # fmt: skip
def test_a_site_cannot_go_below(wrong):
    with pytest.raises(LocalProtocolError):
        ServerLimits(**wrong)
