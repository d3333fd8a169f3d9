"""What the client side writes the server side reads; no octets raise anything but the errors."""

from __future__ import annotations

import dataclasses
import datetime
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.imap import answer, command, fetch, search
from thurn_wire.imap.client import ImapClient
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
    IdleDone,
    Reason,
    Request,
)
from thurn_wire.imap.reply import no, ok, preauth
from thurn_wire.imap.sequence import SAVED, SequenceSet
from thurn_wire.imap.state import State

ATOM_CHARS = "abcXYZ019!#$&'+,-./:;<=>?@[^_`|}~"

text = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
ends = st.none() | st.integers(1, 4_294_967_295)
sets = st.just(SAVED) | st.builds(
    SequenceSet, st.lists(st.tuples(ends, ends), min_size=1, max_size=5).map(tuple)
)
keywords = st.text(alphabet=ATOM_CHARS, min_size=1, max_size=8)
system = st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"])
flags = st.lists(system | keywords, max_size=5, unique=True).map(tuple)
modseqs = st.integers(0, 2**63 - 1)
parts = st.lists(st.integers(1, 2**32 - 1), max_size=3).map(tuple)
partials = st.none() | st.builds(
    fetch.Partial, st.integers(0, 2**63 - 1), st.integers(1, 2**63 - 1)
)
fields = st.lists(
    st.text(
        alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=3,
).map(tuple)
sections = (
    st.builds(
        fetch.BodySection,
        parts,
        st.sampled_from(["", "HEADER", "TEXT"]),
        partial=partials,
        peek=st.booleans(),
    )
    | st.builds(fetch.BodySection, parts.filter(bool), st.just("MIME"), peek=st.booleans())
    | st.builds(
        fetch.BodySection,
        parts,
        st.sampled_from(["HEADER.FIELDS", "HEADER.FIELDS.NOT"]),
        fields,
        partials,
        st.booleans(),
    )
)
items = st.lists(
    st.sampled_from([fetch.UID, fetch.FLAGS, fetch.BODY, fetch.MODSEQ, fetch.ENVELOPE])
    | sections
    | st.builds(fetch.Rfc822, st.sampled_from(["", "HEADER", "TEXT"]))
    | st.builds(fetch.BinarySection, parts, partials, st.booleans())
    | st.builds(fetch.BinarySize, parts),
    min_size=1,
    max_size=4,
    unique=True,
).map(tuple)
days = st.dates(datetime.date(1, 1, 1))
leaves = (
    st.just(search.ALL)
    | st.builds(search.FlagKey, system | keywords | st.just("\\Recent"), st.booleans())
    | st.builds(search.HeaderKey, st.sampled_from(["FROM", "TO", "CC", "BCC"]), text, st.just(True))
    | st.builds(search.HeaderKey, st.just("SUBJECT") | keywords, text)
    | st.builds(search.TextKey, st.sampled_from(search.Place), text)
    | st.builds(search.DateKey, st.sampled_from(search.Relation), days, st.booleans())
    | st.builds(search.SizeKey, st.booleans(), modseqs)
    | st.builds(search.SequenceKey, sets, st.booleans())
    | st.builds(search.ModseqKey, modseqs)
    | st.builds(search.ModseqKey, modseqs, st.just('/flags/"x"'), st.sampled_from(["priv", "all"]))
)
keys = st.recursive(
    leaves,
    lambda inner: (
        st.builds(search.Not, inner)
        | st.builds(search.Or, inner, inner)
        | st.builds(search.And, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
none = st.none()
named = st.sampled_from([command.Delete, command.Subscribe, command.Unsubscribe])
words = st.sampled_from
nothing = {"parameters": st.just({})}
status_items = st.lists(words(["MESSAGES", "SIZE", "UIDNEXT"]), min_size=1, unique=True).map(tuple)
options = st.sets(words(["SUBSCRIBED", "SPECIAL-USE"])).map(
    lambda each: dict.fromkeys(sorted(each))
)


@st.composite
def listings(draw):
    selection, returns = draw(options), draw(options)
    returns.update(draw(st.just({}) | status_items.map(lambda items: {"STATUS": items})))
    patterns = draw(st.lists(text, min_size=1, max_size=3).map(tuple))
    extended = bool(selection or returns or len(patterns) > 1)
    return command.List(draw(text), patterns, extended, selection, returns)


commands = (
    st.sampled_from(
        [
            command.Capability(),
            command.Noop(),
            command.Check(),
            command.Namespace(),
            command.Close(),
            command.Unselect(),
            command.Expunge(),
            command.Idle(),
        ]
    )
    | st.just(command.Id())
    | st.builds(command.Id, st.lists(st.tuples(keywords, none | keywords), max_size=3).map(tuple))
    | st.builds(command.Enable, st.lists(keywords.map(str.upper), min_size=1).map(tuple))
    | st.builds(command.Select, text, st.booleans(), st.booleans(), **nothing)
    | st.builds(command.Create, text, st.sampled_from([{}, {"USE": ("\\Drafts", "\\X")}]))
    | named.flatmap(lambda kind: st.builds(kind, text))
    | st.builds(command.Rename, text, text)
    | listings()
    | st.builds(command.Lsub, text, text)
    | st.builds(command.Status, text, status_items)
    | st.builds(command.Expunge, sets)
    | st.builds(
        command.Search,
        keys,
        st.booleans(),
        none | words([{"ALL": None}, {"MIN": None, "COUNT": None}]),
        none | st.just("UTF-8"),
    )
    | st.builds(command.Fetch, sets, items, st.booleans(), none | modseqs, **nothing)
    | st.builds(
        command.Store,
        sets,
        st.sampled_from(command.FlagOperation),
        flags,
        st.booleans(),
        st.booleans(),
        none | modseqs,
        **nothing,
    )
    | st.builds(command.Copy, sets, text, st.booleans())
    | st.builds(command.Move, sets, text, st.booleans())
)


def dialogue(client, server, request):
    """Send the request, with its literals when the server asks for them; what the server read."""
    client.send(request)
    while True:
        server.receive_data(client.data_to_send())
        event = server.next_event()
        if event is not NEED_DATA:
            return event
        client.receive_data(server.data_to_send())
        assert client.next_event() is NEED_DATA


@pytest.fixture(scope="session")
def connected(make_selected):
    def make(capability):
        client = ImapClient()
        client.receive_data(b"* PREAUTH [CAPABILITY IMAP4rev1 %b] x\r\n" % capability)
        client.next_event()
        return client, make_selected()

    return make


def normal(name):
    return "INBOX" if name.upper() == "INBOX" else name


def expected(request):
    for field in ("mailbox", "target"):
        if hasattr(request, field):
            request = dataclasses.replace(request, **{field: normal(getattr(request, field))})
    return request


@settings(max_examples=200, deadline=None)
@given(sent=commands, capability=words([b"", b"LITERAL+", b"LITERAL-"]), utf8=st.booleans())
def test_commands_are_read_as_they_were_meant(connected, sent, capability, utf8):
    client, server = connected(capability)
    if utf8:
        client.utf8 = True
        server.use_utf8()
    event = dialogue(client, server, sent)
    assert isinstance(event, Request), event
    assert event.command == expected(sent)


@settings(max_examples=200, deadline=None)
@given(key=keys, capability=words([b"", b"LITERAL+"]))
def test_search_keys_are_read_as_they_were_meant(connected, key, capability):
    client, server = connected(capability)
    event = dialogue(client, server, command.Search(key))
    assert isinstance(event, Request), event
    assert event.command == command.Search(key)


@settings(max_examples=50, deadline=None)
@given(
    name=text,
    password=text,
    initial=st.binary(max_size=20),
    capability=words([b"", b"LITERAL+"]),
)
def test_logins(make_greeted, name, password, initial, capability):
    for sent in (
        command.Login(name, password),
        command.Authenticate("PLAIN", initial),
        command.StartTls(),
    ):
        client = ImapClient()
        client.receive_data(b"* OK [CAPABILITY SASL-IR %b] x\r\n" % capability)
        client.next_event()
        event = dialogue(client, make_greeted(), sent)
        assert event == Request(b"a1", sent)


def test_logout(connected):
    client, server = connected(b"")
    assert dialogue(client, server, command.Logout()) == Closed(Reason.QUIT)
    client.receive_data(server.data_to_send())
    assert [client.next_event() for _ in range(3)][-1] == Closed(Reason.QUIT)


moments = st.datetimes(
    datetime.datetime(1, 1, 2),  # noqa: DTZ001 - bounds
    datetime.datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(
        lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
    ),
).map(lambda moment: moment.replace(microsecond=0))
messages = st.lists(
    st.tuples(
        st.builds(command.AppendItem, st.just(0), flags, none | moments, st.booleans(), **nothing),
        st.binary(min_size=1, max_size=50),
    ).map(lambda one: one if one[0].binary else (one[0], one[1].replace(b"\0", b"0"))),
    min_size=1,
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(
    mailbox=text,
    sent=messages,
    capability=words([b"", b"LITERAL+"]),
    cuts=st.lists(st.integers(1, 20), min_size=1),
)
def test_appended_messages_arrive(connected, mailbox, sent, capability, cuts):
    client, server = connected(capability)
    client.append(mailbox, sent)
    got, octets, cut = [], b"", 0
    while True:
        event = server.next_event()
        if event is NEED_DATA:
            if reply := server.data_to_send():
                client.receive_data(reply)
            assert client.next_event() is NEED_DATA
            octets += client.data_to_send()
            size = cuts[cut % len(cuts)]
            assert octets, "nobody has anything to say"
            server.receive_data(octets[:size])
            octets, cut = octets[size:], cut + 1
        elif isinstance(event, Request):
            assert event.command == command.Append(normal(mailbox))
            server.accept()
        elif isinstance(event, AppendMessage):
            got.append((event.item, []))
            server.accept()
        elif isinstance(event, AppendChunk):
            got[-1][1].append(event.octets)
        else:
            assert event == AppendDone(b"a1")
            break
    server.accept()
    assert [(item, b"".join(chunks)) for item, chunks in got] == [
        (dataclasses.replace(item, size_octets=len(octets)), octets) for item, octets in sent
    ]
    assert server.state is State.SELECTED


GARBAGE = (
    st.lists(
        words(
            [
                b"a ",
                b"LOGIN ",
                b"FETCH ",
                b"SEARCH ",
                b"UID ",
                b"APPEND x ",
                b"{3}\r\n",
                b"{3+}\r\n",
                b"~{2+}\r\n",
                b"{99999999999999999999+}\r\n",
                b"(",
                b")",
                b'"',
                b"\\",
                b"1:*",
                b"OR ",
                b"NOT ",
                b"BODY[",
                b"]",
                b"<0.1>",
                b"\r\n",
                b"\r\n",
                b"\r",
                b"\n",
                b"\0",
                b" ",
                b"&",
                b"HEADER.FIELDS ",
                b"IDLE\r\n",
                b"DONE\r\n",
                b"AUTHENTICATE PLAIN\r\n",
                b"*",
                b"=",
                b"STARTTLS\r\n",
                b"LIST ",
                b"RETURN ",
                b"STATUS ",
                b"STORE 1 FLAGS ",
                b"SELECT x\r\n",
                b"%",
                b"\xff",
                b"ID ",
                b"LOGOUT\r\n",
                b"abc",
                b"9" * 30,
            ]
        )
        | st.binary(max_size=4),
        max_size=30,
    )
    .map(b"".join)
    .filter(lambda octets: octets and octets[:1] != b"\x16")
)


EVENTS = (
    Request
    | AppendMessage
    | AppendChunk
    | AppendDone
    | AppendCancelled
    | AuthCancelled
    | AuthResponse
    | IdleDone
)


def drain(engine, *, accept):
    """What the engine makes of what it has; each event that waits is answered."""
    seen = []
    while True:
        event = engine.next_event()
        if event is NEED_DATA or isinstance(event, Closed):
            return [*seen, repr(event)]
        if event is PAUSED:
            if engine.state is State.TLS_HANDSHAKE:
                engine.tls_started()
            elif accept:
                engine.accept()
            else:
                challenge_or_refuse(engine)
            continue
        assert isinstance(event, EVENTS)
        seen.append(repr(event) if not isinstance(event, AppendChunk) else event.octets)


def challenge_or_refuse(engine):
    with suppress(LocalProtocolError):
        engine.challenge(b"")
        return
    engine.send(no("x"))


def merged(said):
    """Chunks of one message count together; "needs more" may come at any time."""
    found = []
    for each in said:
        if isinstance(each, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += each
        elif each != repr(NEED_DATA):
            found.append(each)
    return found


@settings(max_examples=200, deadline=None)
@given(
    octets=GARBAGE,
    authenticated=st.booleans(),
    accept=st.booleans(),
    cuts=st.lists(st.integers(1, 9), min_size=1),
)
def test_no_octets_raise_and_no_cut_matters(make_greeted, octets, authenticated, accept, cuts):
    if b"STARTTLS" in octets:
        cuts = [len(octets)]  # what comes with it is dropped, what comes later is not
    greeting = preauth("x") if authenticated else ok("x")
    whole = make_greeted(greeting)
    whole.receive_data(octets)
    expected = merged(drain(whole, accept=accept))
    pieces = make_greeted(greeting)
    seen, position, turn = [], 0, 0
    while position < len(octets):
        size = cuts[turn % len(cuts)]
        pieces.receive_data(octets[position : position + size])
        seen += drain(pieces, accept=accept)
        position, turn = position + size, turn + 1
    while seen.count(seen[-1] if seen else None) > 1 and seen[-1].startswith("Closed"):
        seen.pop()
    assert merged(seen) == expected
    sent = whole.data_to_send()
    assert pieces.data_to_send() == sent
    assert not sent or sent.endswith(b"\r\n")


ANSWERS = st.lists(
    words(
        [
            b"* ",
            b"OK ",
            b"a1 ",
            b"1 ",
            b"FETCH (",
            b"UID ",
            b")",
            b"(",
            b"NIL",
            b'"',
            b"\\",
            b"{3}\r\n",
            b"abc",
            b"\r\n",
            b"\r\n",
            b"LIST ",
            b"SEARCH ",
            b"ESEARCH ",
            b"STATUS ",
            b"[",
            b"]",
            b"BODY[",
            b"+ ",
            b"BYE ",
            b"CAPABILITY ",
            b"9" * 25,
            b"\xff",
            b"FLAGS ",
        ]
    )
    | st.binary(max_size=3),
    max_size=25,
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(ANSWERS)
def test_no_server_raises_anything_else(octets):
    client = ImapClient()
    client.receive_data(b"* OK x\r\n")
    client.next_event()
    client.send(command.Noop())
    client.receive_data(octets)
    client.receive_data(b"")
    try:
        while not isinstance(client.next_event(), Closed):
            pass
    except RemoteProtocolError:
        assert isinstance(client.next_event(), Closed)


@pytest.mark.parametrize("depth", [100, 101, 50_000])
def test_nested_answers_are_bounded(depth):
    octets = b"* X " + b"(" * depth + b")" * depth
    if depth > 100:
        with pytest.raises(RemoteProtocolError, match="too deep"):
            answer.parse(octets)
    else:
        assert answer.parse(octets).name == "X"
