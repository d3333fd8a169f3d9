"""The client side: literals, exchanges, answers as values; servers that break the dialogue.

RFC 9051 §7, RFC 5161 §3.2.
"""

from __future__ import annotations

import pytest
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.event import NEED_DATA, PAUSED, Challenge, Closed, Reason
from thurn_wire.imap import command, fetch, limits
from thurn_wire.imap.answer import (
    Answered,
    Capabilities,
    Code,
    Continuation,
    Fetched,
    Found,
    Listed,
    Numbered,
    Statuses,
    Untagged,
)
from thurn_wire.imap.client import ImapClient
from thurn_wire.imap.command import AppendItem
from thurn_wire.imap.search import HeaderKey, SearchKey
from thurn_wire.imap.sequence import SequenceSet
from thurn_wire.imap.spelling.word import Words
from thurn_wire.imap.state import State

ONE = SequenceSet(((1, 1),))


def greeted(greeting=b"* OK hello\r\n", **settings):
    client = ImapClient(**settings)
    client.receive_data(greeting)
    client.next_event()
    return client


def said(client, octets):
    """Everything that the client makes of these."""
    client.receive_data(octets)
    found = []
    while (event := client.next_event()) is not NEED_DATA:
        found.append(event)
        if event is PAUSED or isinstance(event, Closed):
            break
    return found


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"* OK [UIDNEXT 5] x", Answered("OK", Code("UIDNEXT", (5,)), "x")),
        (b"* no x", Answered("NO", None, "x")),
        (b"* BYE", Answered("BYE", None, "")),
        (b"* OK [X ]y] z", Answered("OK", Code("X"), "y] z")),
        (b"* OK [] x", Answered("OK", None, "x")),
        (b"* OK [X (] x", Answered("OK", Code("X", ("(",)), "x")),
        (
            b"* OK [PERMANENTFLAGS (\\Seen \\*)] x",
            Answered("OK", Code("PERMANENTFLAGS", (("\\Seen", "\\*"),)), "x"),
        ),
        (b"* OK [COPYUID 1 2:4,9 7] x", Answered("OK", Code("COPYUID", (1, "2:4,9", 7)), "x")),
        (b"* CAPABILITY imap4rev1 IDLE", Capabilities(frozenset(("IMAP4REV1", "IDLE")))),
        (b"* 3 EXISTS", Numbered("EXISTS", 3)),
        (b"* 0 recent", Numbered("RECENT", 0)),
        (b"* 2 EXPUNGE", Numbered("EXPUNGE", 2)),
        (b"* SEARCH", Found()),
        (b"* SEARCH 1 2", Found((1, 2))),
        (b'* ESEARCH (TAG "a") ALL 1', Found(tag=b"a", results={"ALL": "1"})),
        (b"* ESEARCH UID COUNT 0", Found(uid=True, results={"COUNT": 0})),
        (b'* LIST (\\Noselect) "/" {3}\r\na b', Listed(("\\Noselect",), "/", "a b")),
        (b"* LIST () NIL NIL", Listed((), None, "NIL")),
        (b'* LSUB () "." a.&AOk-', Listed((), ".", "a.é", lsub=True)),
        (b'* LIST () "/" 007', Listed((), "/", "007")),
        (b'* LIST () "/" &broken', Listed((), "/", "&broken")),
        (
            b'* LIST () "/" x ("CHILDINFO" ("SUBSCRIBED"))',
            Listed((), "/", "x", (b"CHILDINFO", (b"SUBSCRIBED",))),
        ),
        (b"* STATUS NIL (SIZE 4 X NIL)", Statuses("NIL", {"SIZE": 4, "X": None})),
        (b"* FLAGS (\\Seen x)", Untagged("FLAGS", (("\\Seen", "x"),))),
        (b"* 5 FOO bar", Untagged("FOO", ("bar",), 5)),
        (
            b'* 1 FETCH (UID 5 FLAGS () BODY[1.MIME]<0> "x" BODY[] NIL)',
            Fetched(1, {"UID": 5, "FLAGS": (), "BODY[1.MIME]<0>": b"x", "BODY[]": None}),
        ),
        (
            b'* 1 FETCH (BODYSTRUCTURE (("a" "b" NIL 3)("c" "d\\"e" () -1) "mixed"))',
            Fetched(
                1,
                {
                    "BODYSTRUCTURE": (
                        (b"a", b"b", None, 3),
                        (b"c", b'd"e', (), "-1"),
                        b"mixed",
                    )
                },
            ),
        ),
        (
            b"* 1 FETCH (BINARY[1] ~{2}\r\n\0) BODY[HEADER] {4}\r\n)\r\n( MODSEQ ())",
            Fetched(1, {"BINARY[1]": b"\0)", "BODY[HEADER]": b")\r\n(", "MODSEQ": 0}),
        ),
    ],
    ids=lambda value: repr(value)[:50] if isinstance(value, bytes) else None,
)
def test_answers(octets, expected):
    assert said(greeted(), octets + b"\r\n") == [expected]
    client, found = greeted(), []
    for octet in octets + b"\r\n":
        found += said(client, bytes([octet]))
    assert found == [expected]


@pytest.mark.parametrize(
    "octets",
    [
        b"x\r\n",
        b"a1 FOO\r\n",
        b"a9 OK x\r\n",
        b"+ go on\r\n",
        b"* 1 FETCH\r\n",
        b"* 1 FETCH (UID)\r\n",
        b"* 1 FETCH (UID x)\r\n",
        b"* 1 FETCH (UID (1))\r\n",
        b"* 1 FETCH ((UID) 1)\r\n",
        b"* 1 FETCH (FLAGS 1)\r\n",
        b"* 1 FETCH (FLAGS ((x)))\r\n",
        b"* 1 FETCH (UID 1\r\n",
        b"* 1 FETCH UID 1)\r\n",
        b'* 1 FETCH (X "abc)\r\n',
        b"* 11111111111 EXISTS\r\n",
        b"* LIST () x\r\n",
        b'* LIST x "/" y\r\n',
        b'* LIST () "/" ()\r\n',
        b"* STATUS x\r\n",
        b"* STATUS x (SIZE)\r\n",
        b"* STATUS x (SIZE x)\r\n",
        b"* SEARCH x\r\n",
        b"* ESEARCH MIN\r\n",
        b"* OK a\nb\r\n",
        b"* OK a\0b\r\n",
        b"* 1 FETCH (X {" + b"9" * 19 + b"}\r\n",
        b"* 1 FETCH (X {" + b"9" * 30 + b"}\r\n",
        b"* X " + b"x" * limits.RESPONSE_LINE_OCTETS,
    ],
    ids=lambda octets: repr(octets)[:40],
)
def test_servers_that_break_it(octets):
    client = greeted()
    with pytest.raises(RemoteProtocolError):
        said(client, octets)
    assert client.next_event() == Closed(Reason.FOREIGN)
    with pytest.raises(LocalProtocolError):
        client.send(command.Noop())


@pytest.mark.parametrize("octets", [b"* 3 EXISTS\r\n", b"a1 OK x\r\n", b"* NO x\r\n", b"HTTP\r\n"])
def test_no_greeting(octets):
    client = ImapClient()
    client.receive_data(octets)
    with pytest.raises(RemoteProtocolError):
        client.next_event()


def test_literals_of_a_response_are_bounded():
    client = greeted(literals_octets=10)
    assert said(client, b"* 1 FETCH (X {5}\r\nabcde Y {5}\r\nabcde)\r\n")
    with pytest.raises(RemoteProtocolError, match="too large"):
        said(client, b"* 1 FETCH (X {5}\r\nabcde Y {6}\r\n")


def test_login_and_capabilities():
    client = greeted(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n")
    assert client.capabilities == {"IMAP4REV1", "LITERAL+"}
    tag = client.send(command.Login("älice", 'se"cret'))
    assert client.data_to_send() == 'a1 LOGIN {6+}\r\nälice "se\\"cret"\r\n'.encode()
    assert said(client, b"a1 OK [CAPABILITY IMAP4rev1 IDLE] in\r\n")[0].tag == tag
    assert client.state is State.AUTHENTICATED
    assert client.capabilities == {"IMAP4REV1", "IDLE"}
    said(client, b"* CAPABILITY X\r\n")
    assert client.capabilities == {"X"}


def test_states():
    client = greeted(b"* PREAUTH hello\r\n")
    for request, answer, state in [
        (command.Select("x"), b"OK", State.SELECTED),
        (command.Select("y"), b"NO", State.AUTHENTICATED),
        (command.Select("x", read_only=True), b"OK", State.SELECTED),
        (command.Close(), b"NO", State.SELECTED),
        (command.Close(), b"OK", State.AUTHENTICATED),
    ]:
        tag = client.send(request)
        said(client, tag + b" " + answer + b" x\r\n")
        assert client.state is state
    tag = client.send(command.Logout())
    assert said(client, b"* BYE x\r\n" + tag + b" OK x\r\n")[-1] == Closed(Reason.QUIT)
    assert client.next_event() == Closed(Reason.QUIT)


def test_greeting_with_bye():
    client = ImapClient()
    client.receive_data(b"* BYE too many\r\n")
    assert client.next_event() == Answered("BYE", None, "too many")
    assert client.next_event() == Closed(Reason.REFUSED)


def test_agreeing_to_what_cannot_be():
    client = greeted(b"* PREAUTH x\r\n")
    client.send(command.Login("a", "b"))
    with pytest.raises(RemoteProtocolError):
        said(client, b"a1 OK x\r\n")


def test_server_goes_away():
    client = greeted()
    client.receive_data(b"* OK hal")
    client.receive_data(b"")
    assert client.next_event() == Closed(Reason.PEER_CLOSED)


def test_synchronizing_literals_wait():
    client = greeted(b"* PREAUTH [CAPABILITY IMAP4rev1] x\r\n")
    client.append("x", [(AppendItem(0), b"abc"), (AppendItem(0, ("\\Seen",)), b"de")])
    client.send(command.Noop())
    assert client.data_to_send() == b"a1 APPEND x {3}\r\n"
    assert said(client, b"* 1 EXISTS\r\n+ go\r\n") == [Numbered("EXISTS", 1)]
    assert client.data_to_send() == b"abc (\\Seen) {2}\r\n"
    said(client, b"+ go\r\n")
    assert client.data_to_send() == b"de\r\na2 NOOP\r\n"


def test_refused_literal_gives_its_command_up():
    client = greeted(b"* PREAUTH x\r\n")
    client.append("x", [(AppendItem(0), b"abc")])
    client.send(command.Noop())
    assert client.data_to_send() == b"a1 APPEND x {3}\r\n"
    assert said(client, b"a1 NO [TOOBIG] x\r\n")[0].code == Code("TOOBIG")
    assert client.data_to_send() == b"a2 NOOP\r\n"


@pytest.mark.parametrize("size", [4_096, 4_097])
def test_literal_minus(size):
    client = greeted(b"* PREAUTH [CAPABILITY LITERAL-] x\r\n")
    client.append("x", [(AppendItem(0, binary=True), b"x" * size)])
    sent = client.data_to_send()
    assert sent.startswith(b"a1 APPEND x ~{%d%b}\r\n" % (size, b"+" if size == 4_096 else b""))
    assert (len(sent) > size) == (size == 4_096)


def test_authenticate_with_initial_response():
    client = greeted(b"* OK [CAPABILITY SASL-IR] x\r\n")
    client.send(command.Authenticate("PLAIN", b"\0a\0b"))
    assert client.data_to_send() == b"a1 AUTHENTICATE PLAIN AGEAYg==\r\n"
    said(client, b"a1 NO x\r\n")
    client.send(command.Authenticate("EXTERNAL", b""))
    assert client.data_to_send() == b"a2 AUTHENTICATE EXTERNAL =\r\n"
    assert said(client, b"+ eA==\r\n") == [Challenge(b"x"), PAUSED]
    assert client.state is State.CHALLENGED
    client.respond(b"y")
    assert client.data_to_send() == b"eQ==\r\n"
    with pytest.raises(LocalProtocolError):
        client.cancel()
    assert said(client, b"+ \r\n") == [Challenge(b""), PAUSED]
    client.cancel()
    assert client.data_to_send() == b"*\r\n"
    said(client, b"a2 BAD x\r\n")
    assert client.state is State.NOT_AUTHENTICATED
    with pytest.raises(LocalProtocolError):
        client.respond(b"")


def test_authenticate_without_initial_response():
    client = greeted()
    client.send(command.Authenticate("PLAIN", b"\0a\0b"))
    assert client.data_to_send() == b"a1 AUTHENTICATE PLAIN\r\n"
    assert said(client, b"+ \r\n") == []
    assert client.data_to_send() == b"AGEAYg==\r\n"
    said(client, b"a1 OK x\r\n")
    assert client.state is State.AUTHENTICATED


def test_a_challenge_is_base64():
    client = greeted()
    client.send(command.Authenticate("PLAIN"))
    with pytest.raises(RemoteProtocolError, match="base64"):
        said(client, b"+ x\r\n")


def test_send_failed_is_the_end():
    client = greeted()
    client.send(command.Noop())
    client.send_failed()
    assert client.data_to_send() == b""
    assert client.next_event() == Closed(Reason.SEND_FAILED)


def test_idle():
    client = greeted(b"* PREAUTH x\r\n")
    client.send(command.Idle())
    with pytest.raises(LocalProtocolError):
        client.send(command.Noop())
    assert said(client, b"+ idling\r\n* 4 EXISTS\r\n") == [
        Continuation(b"idling"),
        Numbered("EXISTS", 4),
    ]
    client.data_to_send()
    client.done()
    assert client.data_to_send() == b"DONE\r\n"
    said(client, b"a1 OK x\r\n")
    with pytest.raises(LocalProtocolError):
        client.done()
    client.send(command.Noop())
    with pytest.raises(LocalProtocolError):
        client.send(command.Idle())


def test_starttls():
    client = greeted(b"* OK [CAPABILITY STARTTLS] x\r\n")
    with pytest.raises(LocalProtocolError):
        client.tls_started()
    client.send(command.StartTls())
    assert said(client, b"a1 OK x\r\n")[0].condition == "OK"
    assert client.next_event() is PAUSED
    with pytest.raises(LocalProtocolError):
        client.send(command.Noop())
    client.tls_started()
    assert client.capabilities == frozenset()
    client.send(command.Noop())


def test_octets_before_the_handshake_are_the_end():
    client = greeted()
    client.send(command.StartTls())
    said(client, b"a1 OK x\r\n")
    client.receive_data(b"* CAPABILITY EVIL\r\n")
    with pytest.raises(RemoteProtocolError, match="before"):
        client.tls_started()
    assert client.next_event() == Closed(Reason.FOREIGN)


@pytest.mark.parametrize("octets", [b"a1 OK x\r\n* CAPABILITY EVIL\r\n", b"+ x\r\n"])
def test_octets_in_the_clear_behind_starttls(octets):
    client = greeted()
    client.send(command.StartTls())
    with pytest.raises(RemoteProtocolError):
        said(client, octets)


class Odd(SearchKey):
    """A key that nobody can write."""


@pytest.mark.parametrize(
    "request_",
    [
        command.Select("a\ud800"),
        command.Login("a\0", "b"),
        command.Login("\ud800", "b"),
        command.Enable(("a b",)),
        command.Enable(("a\r\nb NOOP",)),
        command.Status("x", ("SIZE)\r\nx NOOP",)),
        command.Store(ONE, command.FlagOperation.ADD, ("a b",)),
        command.Fetch(SequenceSet(()), (fetch.UID,)),
        command.Fetch(ONE, (fetch.Attribute("UID)\r\n"),)),
        command.Fetch(ONE, (fetch.FetchItem(),)),
        command.Fetch(ONE, (fetch.BodySection((), "HEADER.FIELDS", ("a\r\nb",)),)),
        command.Fetch(ONE, (fetch.BodySection((), "HEADER.FIELDS", ("\ud800",)),)),
        command.Fetch(ONE, (fetch.UID,), parameters={"X": 5}),
        command.Search(Odd()),
        command.Search(HeaderKey("SUBJECT", "\0")),
        command.Create("x", parameters={"X": 1}),
        command.Authenticate("A B"),
        command.Id((("a\r\n", None),)),
        command.Append("x"),
    ],
)
def test_what_cannot_be_written_is_not_sent(request_):
    client = greeted()
    with pytest.raises(LocalProtocolError):
        client.send(request_)
    assert client.data_to_send() == b""


@pytest.mark.parametrize(
    ("request_", "octets"),
    [
        (command.Id(), b"ID NIL"),
        (command.Id((("a", None), ("b", 'c"'))), b'ID ("a" NIL "b" "c\\"")'),
        (command.Enable(("X", "Y")), b"ENABLE X Y"),
        (command.Select("é", condstore=True), b"SELECT &AOk- (CONDSTORE)"),
        (command.Create("x", {"USE": ("\\Junk",)}), b"CREATE x (USE (\\Junk))"),
        (command.List("", ("*",)), b'LIST "" "*"'),
        (command.List("", ("*",), extended=True), b'LIST "" "*" RETURN ()'),
        (
            command.List(
                "", ("a", "b"), True, {"SUBSCRIBED": None}, {"CHILDREN": None, "STATUS": ("SIZE",)}
            ),
            b'LIST (SUBSCRIBED) "" (a b) RETURN (CHILDREN STATUS (SIZE))',
        ),
        (command.Expunge(ONE), b"UID EXPUNGE 1"),
        (
            command.Fetch(ONE, (fetch.BODY, fetch.Rfc822()), parameters={"VANISHED": None}),
            b"FETCH 1 (BODY RFC822) (VANISHED)",
        ),
        (
            command.Fetch(
                SequenceSet(((1, None), (3, 2))),
                (fetch.BodySection((1,), "MIME", (), fetch.Partial(5, 6), True),),
                uid=True,
                changed_since=4,
            ),
            b"UID FETCH 1:*,3:2 (BODY.PEEK[1.MIME]<5.6>) (CHANGEDSINCE 4)",
        ),
        (
            command.Store(ONE, command.FlagOperation.ADD, ("\\Seen", "x"), True, True, 0),
            b"UID STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Seen x)",
        ),
        (
            command.Search(HeaderKey("X", "a b"), returns={"MIN": None}, charset="UTF-8"),
            b'SEARCH RETURN (MIN) CHARSET UTF-8 HEADER X "a b"',
        ),
    ],
)
def test_what_is_sent(request_, octets):
    client = greeted()
    client.send(request_)
    assert client.data_to_send() == b"a1 " + octets + b"\r\n"


def test_words_of_extensions():
    client = greeted()
    client.send_words(Words("GETQUOTA").string("").raw(b"(STORAGE)"))
    assert client.data_to_send() == b'a1 GETQUOTA "" (STORAGE)\r\n'
    with pytest.raises(LocalProtocolError):
        Words("X").raw(b"a\r\nb")


def test_before_the_greeting_nothing_is_sent():
    with pytest.raises(LocalProtocolError):
        ImapClient().send(command.Noop())


def test_values_are_counted(monkeypatch):
    monkeypatch.setattr(limits, "RESPONSE_VALUES", 10)
    assert said(greeted(), b"* X 1 2 3\r\n")
    with pytest.raises(RemoteProtocolError, match="too many"):
        said(greeted(), b"* X" + b" 1" * 10 + b"\r\n")
