"""Replies and responses: whole lines, nothing breaks out of them."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import answer, code, reply
from thurn_wire.imap.answer import Answered, Code, Fetched, Found, Listed, Statuses
from thurn_wire.imap.value import values


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (reply.ok("done").encode(b"a"), b"a OK done\r\n"),
        (reply.no("x", code.TRYCREATE).encode(b"a"), b"a NO [TRYCREATE] x\r\n"),
        (reply.bad("").encode(), b"* BAD ?\r\n"),
        (reply.bad("é\r\nx").encode(), b"* BAD ???x\r\n"),
        (reply.ok("[ALERT] x").encode(b"a"), b"a OK (ALERT] x\r\n"),
        (reply.preauth("x").encode(), b"* PREAUTH x\r\n"),
        (reply.bye("x", code.UNAVAILABLE).encode(), b"* BYE [UNAVAILABLE] x\r\n"),
        (reply.continuation(), b"+ go on\r\n"),
        (reply.challenge(b"ab"), b"+ YWI=\r\n"),
        (reply.challenge(b""), b"+ \r\n"),
        (reply.capability(["IMAP4rev1", "IDLE"]), b"* CAPABILITY IMAP4rev1 IDLE\r\n"),
        (reply.enabled([]), b"* ENABLED\r\n"),
        (reply.enabled(["CONDSTORE"]), b"* ENABLED CONDSTORE\r\n"),
        (reply.identity(None), b"* ID NIL\r\n"),
        (reply.identity({"name": "t", "os": None}), b'* ID ("name" "t" "os" NIL)\r\n'),
        (reply.flags(["\\Seen", "x"]), b"* FLAGS (\\Seen x)\r\n"),
        (reply.exists(3), b"* 3 EXISTS\r\n"),
        (reply.recent(0), b"* 0 RECENT\r\n"),
        (reply.expunge(9), b"* 9 EXPUNGE\r\n"),
        (reply.fetch(2, b"UID 7"), b"* 2 FETCH (UID 7)\r\n"),
        (
            reply.mailbox_list("a/é", [b"\\HasNoChildren"], "/"),
            b'* LIST (\\HasNoChildren) "/" a/&AOk-\r\n',
        ),
        (
            reply.mailbox_list('"', [], None, extended=b'"CHILDINFO" ("SUBSCRIBED")'),
            b'* LIST () NIL "\\"" ("CHILDINFO" ("SUBSCRIBED"))\r\n',
        ),
        (reply.mailbox_list("NIL", [], "\\", lsub=True), b'* LSUB () "\\\\" "NIL"\r\n'),
        (reply.mailbox_list("é", [], "/", utf8=True), '* LIST () "/" "é"\r\n'.encode()),
        (
            reply.status("a b", [("MESSAGES", 1), ("APPENDLIMIT", None)]),
            b'* STATUS "a b" (MESSAGES 1 APPENDLIMIT NIL)\r\n',
        ),
        (reply.namespace([("", "/")]), b'* NAMESPACE (("" "/")) NIL NIL\r\n'),
        (
            reply.namespace([], [("é", None)], [("a", "."), ("b", ".")]),
            b'* NAMESPACE NIL (("&AOk-" NIL)) (("a" ".")("b" "."))\r\n',
        ),
        (reply.search([]), b"* SEARCH\r\n"),
        (reply.search([], 5), b"* SEARCH\r\n"),
        (reply.search([2, 5], 9), b"* SEARCH 2 5 (MODSEQ 9)\r\n"),
        (reply.esearch(b"a", [], uid=True), b'* ESEARCH (TAG "a") UID\r\n'),
        (
            reply.esearch(b"a", [(b"MIN", b"1"), (b"ALL", b"1:3")], uid=False),
            b'* ESEARCH (TAG "a") MIN 1 ALL 1:3\r\n',
        ),
        (reply.vanished(b"1:4", earlier=True), b"* VANISHED (EARLIER) 1:4\r\n"),
        (reply.untagged(b"QUOTA x"), b"* QUOTA x\r\n"),
        (code.appenduid(5, [1, 2, 3]), b"APPENDUID 5 1:3"),
        (code.copyuid(5, [1, 3], [7, 8]), b"COPYUID 5 1,3 7:8"),
        (code.copyuid(5, [], []), b""),
        (code.modified([1, 2]), b"MODIFIED 1:2"),
        (code.permanentflags(["\\Seen", "\\*"]), b"PERMANENTFLAGS (\\Seen \\*)"),
        (code.badcharset(["UTF-8"]), b"BADCHARSET (UTF-8)"),
        (code.capability(["IDLE"]), b"CAPABILITY IDLE"),
        (code.highestmodseq(3), b"HIGHESTMODSEQ 3"),
        (code.uidnext(3), b"UIDNEXT 3"),
        (code.uidvalidity(3), b"UIDVALIDITY 3"),
        (code.unseen(3), b"UNSEEN 3"),
        (reply.nstring(None), b"NIL"),
        (reply.string(b"a\0b"), b"{3}\r\na?b"),
        (reply.string(b'"\\'), b'"\\"\\\\"'),
        (reply.string("é".encode()), b"{2}\r\n\xc3\xa9"),
        (reply.string("é".encode(), utf8=True), b'"\xc3\xa9"'),
        (reply.literal(b"a\r\n"), b"{3}\r\na\r\n"),
        (reply.literal8(b"\0"), b"~{1}\r\n\0"),
        (reply.astring(b""), b'""'),
        (reply.astring(b"nil"), b'"nil"'),
    ],
    ids=repr,
)
def test_octets(octets, expected):
    assert octets == expected


def test_lone_surrogate_is_not_sent():
    for utf8 in (True, False):
        with pytest.raises(LocalProtocolError):
            reply.mailbox("a\ud800", utf8=utf8)


@settings(max_examples=100)
@given(st.integers(-62_135_596_800, 253_402_300_799), st.sampled_from([0, 60, -570, 1439]))
def test_date_time_is_read_again(seconds, offset):
    zone = datetime.timezone(datetime.timedelta(minutes=offset))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    try:
        moment = (epoch + datetime.timedelta(seconds=seconds)).astimezone(zone)
    except OverflowError:
        return
    written = reply.date_time(seconds, offset).decode().strip('"').strip()
    read = datetime.datetime.strptime(written.replace("-", "/", 2), "%d/%b/%Y %H:%M:%S %z")
    assert read == moment


def test_dates_out_of_range_are_written_all_the_same():
    assert len(reply.date_time(10**18)) == len(reply.date_time(-(10**18))) == 28


@settings(max_examples=100)
@given(st.text(), st.sampled_from([b"", b"ALERT"]))
def test_texts_stay_in_their_line(text, word):
    octets = reply.no(text, word).encode(b"a")
    assert octets.count(b"\r\n") == 1
    assert octets.endswith(b"\r\n")
    found = answer.parse(octets[:-2])
    assert isinstance(found, Answered)
    assert found.code == (Code("ALERT") if word else None)


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_strings_are_read_again(octets):
    clean = octets.replace(b"\0", b"?")
    assert values(reply.string(octets))[0] in (octets, clean)
    found = values(reply.astring(clean))[0]
    assert (str(found).encode() if isinstance(found, int | str) else found) == clean


NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=100)
@given(NAMES, st.booleans())
def test_listings_are_read_again(name, utf8):
    line = reply.mailbox_list(name, [b"\\X"], "/", utf8=utf8)[:-2]
    assert answer.parse(line, utf8=utf8) == Listed(("\\X",), "/", name)
    line = reply.status(name, [("SIZE", 3), ("X", None)], utf8=utf8)[:-2]
    assert answer.parse(line, utf8=utf8) == Statuses(name, {"SIZE": 3, "X": None})


def test_data_is_read_again():
    assert answer.parse(reply.search([1, 5], 9)[:-2]) == Found((1, 5), 9)
    line = reply.esearch(b"a1", [(b"COUNT", b"2"), (b"ALL", b"5")], uid=True)[:-2]
    expected = Found(tag=b"a1", uid=True, results={"COUNT": 2, "ALL": "5"})
    assert answer.parse(line) == expected
    items = b"FLAGS (\\Seen x) UID 7 MODSEQ (9) BODY[HEADER.FIELDS (Date)]<0> " + reply.literal(
        b"a)\r\n"
    )
    assert answer.parse(reply.fetch(3, items)[:-2]) == Fetched(
        3,
        {
            "FLAGS": ("\\Seen", "x"),
            "UID": 7,
            "MODSEQ": 9,
            "BODY[HEADER.FIELDS (DATE)]<0>": b"a)\r\n",
        },
    )
