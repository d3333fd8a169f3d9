"""The server engine: verbs in their place, bounds, what it keeps."""

from __future__ import annotations

import pytest
from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import command, limits
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.event import (
    NEED_DATA,
    PAUSED,
    AppendCancelled,
    AppendChunk,
    AppendDone,
    AppendMessage,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    Reason,
    Request,
)
from thurn_wire.imap.fragment import Fragmentizer
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.reply import bad, bye, no, ok, preauth
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import State

VERBS = {
    "ok": lambda engine: engine.send(ok("x")),
    "no": lambda engine: engine.send(no("x")),
    "bad": lambda engine: engine.send(bad("x")),
    "preauth": lambda engine: engine.send(preauth("x")),
    "accept": lambda engine: engine.accept(),
    "challenge": lambda engine: engine.challenge(b""),
    "tls_started": lambda engine: engine.tls_started(),
    "deselect": lambda engine: engine.deselect(),
    "unauthenticate": lambda engine: engine.unauthenticate(),
}
REFUSALS = {"no", "bad"}
ANSWERS = REFUSALS | {"ok", "accept"}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_out_of_place(make_greeted, verb):
    engine = make_greeted()
    with pytest.raises(LocalProtocolError):
        VERBS[verb](engine)
    assert engine.next_event() is NEED_DATA
    assert engine.data_to_send() == b""


@pytest.mark.parametrize(
    ("line", "verbs"),
    [
        (b"NOOP", ANSWERS),
        (b"LOGIN a b", ANSWERS),
        (b"AUTHENTICATE X", ANSWERS | {"challenge"}),
        (b"STARTTLS", ANSWERS),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_commands_wait_for_their_answer(make_greeted, line, verbs, verb):
    engine = make_greeted()
    engine.receive_data(b"a " + line + b"\r\nb NOOP\r\n")
    assert isinstance(engine.next_event(), Request)
    assert engine.next_event() is PAUSED
    if verb in verbs:
        VERBS[verb](engine)
        assert engine.data_to_send()
    else:
        with pytest.raises(LocalProtocolError):
            VERBS[verb](engine)
        assert engine.next_event() is PAUSED
        assert engine.data_to_send() == b""


@pytest.mark.parametrize(
    ("line", "verbs"),
    [
        (b"NOOP", ANSWERS | {"deselect", "unauthenticate"}),
        (b"SELECT y", ANSWERS | {"unauthenticate"}),
        (b"CLOSE", ANSWERS | {"deselect", "unauthenticate"}),
        (b"IDLE", REFUSALS | {"accept", "deselect", "unauthenticate"}),
        (b"APPEND x {1}", REFUSALS | {"accept", "deselect", "unauthenticate"}),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_commands_after_login_wait_for_their_answer(make_selected, line, verbs, verb):
    engine = make_selected()
    engine.receive_data(b"a " + line + b"\r\n")
    assert isinstance(engine.next_event(), Request)
    assert engine.next_event() is PAUSED
    if verb in verbs:
        VERBS[verb](engine)
        return
    with pytest.raises(LocalProtocolError):
        VERBS[verb](engine)
    assert engine.next_event() is PAUSED
    assert engine.data_to_send() == b""


def test_the_answer_has_the_tag_of_its_command(make_greeted):
    engine = make_greeted()
    engine.receive_data(b"a NOOP\r\nb NOOP\r\n")
    engine.next_event()
    engine.write(b"* 3 EXISTS\r\n")
    engine.accept()
    engine.next_event()
    engine.send(no("later"))
    assert engine.parts_to_send() == [b"* 3 EXISTS\r\n", b"a OK NOOP done\r\n", b"b NO later\r\n"]
    assert engine.data_to_send() == b""


@pytest.mark.parametrize(
    ("greeting", "state", "octets"),
    [
        (ok("hello"), State.NOT_AUTHENTICATED, b"* OK hello\r\n"),
        (preauth("hello"), State.AUTHENTICATED, b"* PREAUTH hello\r\n"),
        (bye("no"), State.CLOSED, b"* BYE no\r\n"),
    ],
)
def test_greetings(greeting, state, octets):
    engine = ImapServer(base_grammar())
    assert engine.next_event() == Connected()
    assert engine.next_event() is PAUSED
    for wrong in (no("x"), bad("x")):
        with pytest.raises(LocalProtocolError):
            engine.send(wrong)
    engine.send(greeting)
    assert engine.state is state
    assert engine.data_to_send() == octets


def test_bye_at_any_time(run, make_selected):
    engine = make_selected()
    run(engine, b"a IDLE\r\n")
    engine.accept()
    engine.data_to_send()
    engine.send(bye("gone"))
    assert engine.next_event() == Closed(Reason.REFUSED)
    assert engine.data_to_send() == b"* BYE gone\r\n"


def test_challenges_are_bounded(run, make_greeted):
    engine = make_greeted()
    run(engine, b"a AUTHENTICATE X\r\n")
    with pytest.raises(LocalProtocolError):
        engine.challenge(b"x" * 10_000)
    assert engine.next_event() is PAUSED


def test_refused_select_leaves_nothing_selected(run, make_selected):
    engine = make_selected()
    run(engine, b"a EXAMINE z\r\n")
    assert engine.state is State.AUTHENTICATED
    engine.send(no("x"))
    assert engine.state is State.AUTHENTICATED


def test_accepted_select_of_another_mailbox(run, make_selected):
    engine = make_selected()
    run(engine, b"a EXAMINE z\r\n")
    engine.accept()
    assert engine.state is State.SELECTED


@pytest.mark.parametrize(("answer", "state"), [(ok, State.AUTHENTICATED), (no, State.SELECTED)])
def test_close(run, make_selected, answer, state):
    engine = make_selected()
    run(engine, b"a CLOSE\r\n")
    engine.send(answer("x"))
    assert engine.state is state


def test_deselected_in_idle(run, make_selected):
    engine = make_selected()
    run(engine, b"a IDLE\r\n")
    engine.accept()
    engine.deselect()
    run(engine, b"DONE\r\n")
    engine.accept()
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
    engine.accept()
    (announced,) = run(engine, b"")
    assert announced == AppendMessage(command.AppendItem(100_000))
    assert engine.data_to_send() == b""


def test_append_events(make_selected):
    engine = make_selected()

    def ask():
        return engine.next_event()

    engine.receive_data(b"a APPEND x {100000}\r\n")
    assert ask() == Request(b"a", command.Append("x"))
    engine.accept()
    assert ask() == AppendMessage(command.AppendItem(100_000))
    assert ask() is PAUSED
    engine.accept()
    assert engine.data_to_send() == b"+ go on\r\n"
    assert ask() is NEED_DATA
    for left in range(90_000, -1, -10_000):
        engine.receive_data(b"x" * 10_000)
        assert ask() == AppendChunk(b"x" * 10_000, last=left == 0)
        assert engine.buffered_octets == 0
    assert ask() is NEED_DATA
    engine.receive_data(b"\r\nb NOOP\r\n")
    assert ask() == AppendDone(b"a")
    assert ask() is PAUSED
    engine.accept()
    assert engine.state is State.SELECTED
    assert ask() == Request(b"b", command.Noop())


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_append_given_up_in_the_midst(make_selected, cut):
    octets = b"x DELETE\r\n"
    engine = make_selected()
    engine.receive_data(b"a APPEND x {20+}\r\n" + octets[:cut])
    engine.next_event()
    engine.accept()
    engine.next_event()
    engine.accept()
    if cut:
        assert engine.next_event() == AppendChunk(octets[:cut], last=False)
    engine.send(no("x"))
    assert engine.next_event() is NEED_DATA
    engine.receive_data(octets[cut:] + octets)
    assert engine.next_event() is NEED_DATA
    engine.receive_data(b" {3+}\r\nabc\r\nb NOOP\r\n")
    assert engine.next_event() == Request(b"b", command.Noop())


def test_append_given_up_behind_a_message(make_selected):
    engine = make_selected()
    engine.receive_data(b"a APPEND x {3+}\r\nabc")
    engine.next_event()
    engine.accept()
    engine.next_event()
    engine.accept()
    assert engine.next_event() == AppendChunk(b"abc", last=True)
    engine.send(no("x"))
    engine.receive_data(b" {10+}\r\nx DELETE\r\n\r\nb NOOP\r\n")
    assert engine.next_event() == Request(b"b", command.Noop())


@pytest.mark.parametrize("answer", [ok, no])
@pytest.mark.parametrize("rest", [b" junk\r\n", b" junk {3+}\r\nabc\r\n", b"\0\r\n", b"\r\n"])
def test_nothing_of_an_append_is_left(make_selected, rest, answer):
    engine = make_selected()
    engine.receive_data(b"a APPEND x {3+}\r\nabc" + rest)
    for _ in range(2):
        engine.next_event()
        engine.accept()
    assert engine.next_event() == AppendChunk(b"abc", last=True)
    if rest == b"\r\n":
        assert engine.next_event() == AppendDone(b"a")
        engine.send(answer("x"))
    else:
        assert engine.next_event() == AppendCancelled()
    # A refusal of something else must not read away what comes behind it.
    engine.receive_data(b"b SELECT x\r\nc NOOP\r\n")
    assert isinstance(engine.next_event(), Request)
    engine.send(no("x"))
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
            engine.accept()
    assert engine.data_to_send() == b"a NO [TOOBIG] too many messages\r\n"
    assert AppendCancelled in seen
    assert seen.count(AppendMessage) == 2
    assert AppendDone not in seen


def test_eof(make_greeted):
    engine = make_greeted()
    engine.receive_data(b"a NOOP\r\nb NO")
    engine.receive_data(b"")
    engine.receive_data(b"OP\r\n")
    assert isinstance(engine.next_event(), Request)
    engine.accept()
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)
    engine.receive_data(b"x")
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)


def test_logout_is_answered(run, make_greeted):
    engine = make_greeted()
    assert run(engine, b"a LOGOUT\r\n") == [Closed(Reason.QUIT)]
    assert engine.data_to_send() == b"* BYE Until next time\r\na OK LOGOUT done\r\n"


def test_send_failed_is_the_end(make_greeted):
    engine = make_greeted()
    engine.receive_data(b"a NOOP\r\n")
    engine.next_event()
    engine.write(b"* 3 EXISTS\r\n")
    engine.send_failed()
    assert engine.data_to_send() == b""
    assert engine.next_event() == Closed(Reason.SEND_FAILED)


def test_eof_while_a_command_waits(run, make_greeted):
    engine = make_greeted()
    run(engine, b"a LOGIN b c\r\n")
    engine.receive_data(b"")
    assert engine.next_event() is PAUSED
    engine.send(no("x"))
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)


@pytest.mark.parametrize("select", [False, True])
def test_a_command_takes_over(make_greeted, make_selected, select):
    engine = make_selected() if select else make_greeted(preauth("x"))
    engine.receive_data(b"a XTAKE\r\nb NOOP\r")
    assert engine.next_event().tag == b"a"
    assert engine.next_event() is PAUSED
    assert engine.is_taken_over
    assert engine.take_octets() == b"b NOOP\r"
    assert engine.take_octets() == b""
    engine.receive_data(b"{9+}\r\n\0 anything")
    assert engine.take_octets() == b"{9+}\r\n\0 anything"
    assert engine.next_event() is PAUSED
    engine.receive_data(b"c CLOSE\r\nd NOOP\r\n")
    engine.hand_back()
    assert not engine.is_taken_over
    assert engine.data_to_send() == b""
    event = engine.next_event()
    if select:
        assert event.tag == b"c"
        engine.accept()
        event = engine.next_event()
    assert event == Request(b"d", command.Noop())
    assert engine.data_to_send().startswith(b"c OK " if select else b"c BAD ")


def test_the_answer_hands_back(make_greeted, run):
    engine = make_greeted()
    run(engine, b"a XTAKE\r\n")
    engine.send(no("not now"))
    assert engine.data_to_send() == b"a NO not now\r\n"
    with pytest.raises(LocalProtocolError):
        engine.hand_back()
    assert engine.next_event() is NEED_DATA


def test_a_command_takes_over_before_login(make_greeted, run):
    engine = make_greeted()
    run(engine, b"a XTAKE\r\n")
    engine.hand_back()
    (event,) = run(engine, b"b LOGIN alice secret\r\n")
    assert isinstance(event.command, command.Login)


def test_the_peer_ends_while_a_command_has_taken_over(make_greeted, run):
    engine = make_greeted()
    run(engine, b"a XTAKE\r\nx")
    engine.receive_data(b"")
    assert engine.next_event() is PAUSED
    assert engine.take_octets() == b"x"
    engine.hand_back()
    assert engine.next_event() == Closed(Reason.PEER_CLOSED)


@pytest.mark.parametrize("verb", ["take_octets", "hand_back"])
def test_nobody_takes_octets_without_having_taken_over(make_greeted, verb):
    engine = make_greeted()
    engine.receive_data(b"a NOOP\r\n")
    engine.next_event()
    with pytest.raises(LocalProtocolError, match="no command has taken over"):
        getattr(engine, verb)()


def test_secrets_are_not_shown(run, make_greeted):
    engine = make_greeted()
    (event,) = run(engine, b"a LOGIN alice secret\r\n")
    assert "secret" not in repr(event)
    engine.send(no("x"))
    (event,) = run(engine, b"b AUTHENTICATE PLAIN c2VjcmV0\r\n")
    assert "secret" not in repr(event)
    engine.challenge(b"")
    (event,) = run(engine, b"c2VjcmV0\r\n")
    assert event == AuthResponse(b"secret")
    assert "secret" not in repr(event)


@pytest.mark.parametrize("line", [b"*\r\n", b"no base64\r\n", b"x {3}\r\n"])
def test_a_broken_exchange_is_over(run, make_greeted, line):
    engine = make_greeted()
    run(engine, b"a AUTHENTICATE PLAIN\r\n")
    engine.challenge(b"")
    engine.data_to_send()
    assert run(engine, line) == [AuthCancelled()]
    assert engine.data_to_send().startswith(b"a BAD ")
    assert engine.state is State.NOT_AUTHENTICATED


def test_literal_bounds_before_and_after_login(run, make_greeted):
    for engine, line, limit_octets in (
        (make_greeted(), b"a LOGIN {%d}\r\n", 4_096),
        (make_greeted(preauth("x")), b"a SELECT {%d}\r\n", 131_072),
    ):
        assert run(engine, line % (limit_octets + 1)) == []
        assert engine.data_to_send() == b"a BAD [TOOBIG] literal too large\r\n"
        assert run(engine, line % limit_octets) == []
        assert engine.data_to_send() == b"+ go on\r\n"


def test_all_lines_of_a_command_have_one_bound(run, make_greeted):
    engine = make_greeted()
    octets = b"a LOGIN {1+}\r\nx" + b" " * 5000 + b"{1+}\r\ny" + b" " * 5000 + b"\r\n"
    assert run(engine, octets) == []
    assert engine.data_to_send() == b"a BAD line too long\r\n"
    assert isinstance(run(engine, b"b NOOP\r\n")[0], Request)


def test_literals_are_counted(run, make_selected):
    engine = make_selected()
    names = b" ".join([b"{1+}\r\nx"] * (limits.LITERALS + 1))
    assert run(engine, b"a FETCH 1 BODY[HEADER.FIELDS (" + names + b")]\r\n") == []
    assert engine.data_to_send() == b"a BAD [TOOBIG] too many literals\r\n"
    assert isinstance(run(engine, b"b NOOP\r\n")[0], Request)


def test_never_ending_line_ends_the_session(make_greeted):
    engine = make_greeted()
    event = None
    for _ in range(20):
        engine.receive_data(b"x" * 65_536)
        event = engine.next_event()
        if event is not NEED_DATA:
            break
        assert engine.buffered_octets < 70_000
    assert event == Closed(Reason.TOO_LARGE)
    assert engine.data_to_send().endswith(b"* BYE too large\r\n")


def test_never_ending_response_ends_the_session(run, make_greeted):
    engine = make_greeted()
    run(engine, b"a AUTHENTICATE X\r\n")
    engine.challenge(b"")
    engine.data_to_send()
    seen = run(engine, *[b"x" * 65_536] * 20)
    assert seen == [AuthCancelled(), Closed(Reason.TOO_LARGE)]
    assert engine.data_to_send() == (
        b"a BAD line too long\r\n* BAD line too long\r\n* BYE too large\r\n"
    )


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
        ImapConfig(**wrong)
