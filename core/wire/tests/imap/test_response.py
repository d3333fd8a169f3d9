"""Responses: whole lines, nothing breaks out of them."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.imap import answer, code, response
from thurn_wire.imap.answer import Code, Condition, Fetched, Found, Listed, Statuses
from thurn_wire.imap.error import LocalProtocolError
from thurn_wire.imap.value import values


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (response.ok(b"a", "done"), b"a OK done\r\n"),
        (response.no(b"a", "x", code.TRYCREATE), b"a NO [TRYCREATE] x\r\n"),
        (response.bad(b"*", ""), b"* BAD ?\r\n"),
        (response.bad(b"*", "é\r\nx"), b"* BAD ???x\r\n"),
        (response.ok(b"a", "[ALERT] x"), b"a OK (ALERT] x\r\n"),
        (response.preauth("x"), b"* PREAUTH x\r\n"),
        (response.bye("x", code.UNAVAILABLE), b"* BYE [UNAVAILABLE] x\r\n"),
        (response.continuation(), b"+ go on\r\n"),
        (response.challenge(b"ab"), b"+ YWI=\r\n"),
        (response.challenge(b""), b"+ \r\n"),
        (response.capability(["IMAP4rev1", "IDLE"]), b"* CAPABILITY IMAP4rev1 IDLE\r\n"),
        (response.enabled([]), b"* ENABLED\r\n"),
        (response.enabled(["CONDSTORE"]), b"* ENABLED CONDSTORE\r\n"),
        (response.identity(None), b"* ID NIL\r\n"),
        (response.identity({"name": "t", "os": None}), b'* ID ("name" "t" "os" NIL)\r\n'),
        (response.flags(["\\Seen", "x"]), b"* FLAGS (\\Seen x)\r\n"),
        (response.exists(3), b"* 3 EXISTS\r\n"),
        (response.recent(0), b"* 0 RECENT\r\n"),
        (response.expunge(9), b"* 9 EXPUNGE\r\n"),
        (response.fetch(2, b"UID 7"), b"* 2 FETCH (UID 7)\r\n"),
        (
            response.mailbox_list("a/é", [b"\\HasNoChildren"], "/"),
            b'* LIST (\\HasNoChildren) "/" a/&AOk-\r\n',
        ),
        (
            response.mailbox_list('"', [], None, extended=b'"CHILDINFO" ("SUBSCRIBED")'),
            b'* LIST () NIL "\\"" ("CHILDINFO" ("SUBSCRIBED"))\r\n',
        ),
        (response.mailbox_list("NIL", [], "\\", lsub=True), b'* LSUB () "\\\\" "NIL"\r\n'),
        (response.mailbox_list("é", [], "/", utf8=True), '* LIST () "/" "é"\r\n'.encode()),
        (
            response.status("a b", [("MESSAGES", 1), ("APPENDLIMIT", None), ("X", b"(y)")]),
            b'* STATUS "a b" (MESSAGES 1 APPENDLIMIT NIL X (y))\r\n',
        ),
        (response.namespace([("", "/")]), b'* NAMESPACE (("" "/")) NIL NIL\r\n'),
        (
            response.namespace([], [("é", None)], [("a", "."), ("b", ".")]),
            b'* NAMESPACE NIL (("&AOk-" NIL)) (("a" ".")("b" "."))\r\n',
        ),
        (response.search([]), b"* SEARCH\r\n"),
        (response.search([], 5), b"* SEARCH\r\n"),
        (response.search([2, 5], 9), b"* SEARCH 2 5 (MODSEQ 9)\r\n"),
        (response.esearch(b"a", [], uid=True), b'* ESEARCH (TAG "a") UID\r\n'),
        (
            response.esearch(b"a", [(b"MIN", b"1"), (b"ALL", b"1:3")], uid=False),
            b'* ESEARCH (TAG "a") MIN 1 ALL 1:3\r\n',
        ),
        (response.vanished(b"1:4", earlier=True), b"* VANISHED (EARLIER) 1:4\r\n"),
        (response.untagged(b"QUOTA x"), b"* QUOTA x\r\n"),
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
        (response.nstring(None), b"NIL"),
        (response.string(b"a\0b"), b"{3}\r\na?b"),
        (response.string(b'"\\'), b'"\\"\\\\"'),
        (response.string("é".encode()), b"{2}\r\n\xc3\xa9"),
        (response.string("é".encode(), utf8=True), b'"\xc3\xa9"'),
        (response.literal(b"a\r\n"), b"{3}\r\na\r\n"),
        (response.literal8(b"\0"), b"~{1}\r\n\0"),
        (response.astring(b""), b'""'),
        (response.astring(b"nil"), b'"nil"'),
    ],
    ids=repr,
)
def test_octets(octets, expected):
    assert octets == expected


def test_lone_surrogate_is_not_sent():
    for utf8 in (True, False):
        with pytest.raises(LocalProtocolError):
            response.mailbox("a\ud800", utf8=utf8)


@settings(max_examples=100)
@given(st.integers(-62_135_596_800, 253_402_300_799), st.sampled_from([0, 60, -570, 1439]))
def test_date_time_is_read_again(seconds, offset):
    zone = datetime.timezone(datetime.timedelta(minutes=offset))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    try:
        moment = (epoch + datetime.timedelta(seconds=seconds)).astimezone(zone)
    except OverflowError:
        return
    written = response.date_time(seconds, offset).decode().strip('"').strip()
    read = datetime.datetime.strptime(written.replace("-", "/", 2), "%d/%b/%Y %H:%M:%S %z")
    assert read == moment


def test_dates_out_of_range_are_written_all_the_same():
    assert len(response.date_time(10**18)) == len(response.date_time(-(10**18))) == 28


@settings(max_examples=100)
@given(st.text(), st.sampled_from([b"", b"ALERT"]))
def test_texts_stay_in_their_line(text, word):
    octets = response.no(b"a", text, word)
    assert octets.count(b"\r\n") == 1
    assert octets.endswith(b"\r\n")
    found = answer.parse(octets[:-2])
    assert isinstance(found, Condition)
    assert found.code == (Code("ALERT") if word else None)


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_strings_are_read_again(octets):
    clean = octets.replace(b"\0", b"?")
    assert values(response.string(octets))[0] in (octets, clean)
    found = values(response.astring(clean))[0]
    assert (str(found).encode() if isinstance(found, int | str) else found) == clean


NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=100)
@given(NAMES, st.booleans())
def test_listings_are_read_again(name, utf8):
    line = response.mailbox_list(name, [b"\\X"], "/", utf8=utf8)[:-2]
    assert answer.parse(line, utf8=utf8) == Listed(("\\X",), "/", name)
    line = response.status(name, [("SIZE", 3), ("X", None)], utf8=utf8)[:-2]
    assert answer.parse(line, utf8=utf8) == Statuses(name, {"SIZE": 3, "X": None})


def test_data_is_read_again():
    assert answer.parse(response.search([1, 5], 9)[:-2]) == Found((1, 5), 9)
    line = response.esearch(b"a1", [(b"COUNT", b"2"), (b"ALL", b"5")], uid=True)[:-2]
    expected = Found(tag=b"a1", uid=True, results={"COUNT": 2, "ALL": "5"})
    assert answer.parse(line) == expected
    items = b"FLAGS (\\Seen x) UID 7 MODSEQ (9) BODY[HEADER.FIELDS (Date)]<0> " + response.literal(
        b"a)\r\n"
    )
    assert answer.parse(response.fetch(3, items)[:-2]) == Fetched(
        3,
        {
            "FLAGS": ("\\Seen", "x"),
            "UID": 7,
            "MODSEQ": 9,
            "BODY[HEADER.FIELDS (DATE)]<0>": b"a)\r\n",
        },
    )
