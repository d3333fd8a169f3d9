"""Kept header texts find what a look at every header finds, whatever has come and gone."""

from __future__ import annotations

from array import array

from hypothesis import example, given, settings
from hypothesis import strategies as st
from thurn_listener_imap.search.fieldtext import FieldText, value_reader
from thurn_listener_imap.search.headertext import TEXT_MESSAGES, HeaderTexts, TextCache
from thurn_listener_imap.search.text import field_text, fold
from thurn_message.fields import read_fields

PIECES = st.sampled_from(
    [
        b"Subject: ",
        b"SUBJECT:",
        b"subject : ",
        b"From: ",
        b"Subjects: ",
        b"no field",
        b"foo",
        b"fo",
        b"o",
        b"Foo Bar",
        b"\r\n ",
        b"\r\n\t",
        b"\r\n",
        b"\n",
        b"\n ",
        b"\r",
        b" ",
        b":",
        b"\0",
        b"=?utf-8?q?f=6Fo?=",
        b"=?utf-8?b?Zm9v?=",
        b"\xe2\x84\xaa",
        b"\xe9",
        b"\xef\xac\x81",
        b"k",
    ]
)
NEEDLES = st.one_of(
    st.sampled_from(["foo", "foo bar", "k", "fi", "o", " ", "", "f\u014d", "\u212a", "fo\r\no"]),
    st.text("fobark :\r\n", max_size=5),
)
HEADERS = st.lists(st.lists(PIECES, max_size=10).map(b"".join), max_size=6)


def holds(header, needle):
    return any(
        field.name == b"subject" and fold(needle) in field_text(header, field)
        for field in read_fields(header, 0, len(header))
    )


def text_of(headers, first_uid=1):
    text = FieldText()
    uids = array("I", range(first_uid, first_uid + len(headers)))
    text.add(uids, map(value_reader(b"subject"), headers))
    return text


def octets(needle):
    return fold(needle).encode("utf-8", "surrogatepass")


@settings(max_examples=200, deadline=None)
@example(headers=[b"Subject: a\r\nSubject: b\r\n", b"", b"subject :\r\n"], needle="", most=1)
@example(headers=[b"Subject: fo\r\n", b"Subject: o\r\n"], needle="foo", most=9)
@example(headers=[b"Subject: fo\r"], needle="fo", most=9)
@example(headers=[b"Subject: foo\r\n foo\r\n", b"Subject: foo\r\n"], needle="foo", most=1)
@given(headers=HEADERS, needle=NEEDLES, most=st.integers(1, 3))
def test_a_text_agrees_with_every_header(headers, needle, most):
    text = text_of(headers)
    found = []
    while more := text.find(octets(needle), found[-1] + 1 if found else 0, most):
        found += more
    assert found == [n for n, header in enumerate(headers) if holds(header, needle)]


@settings(max_examples=100, deadline=None)
@given(headers=HEADERS, cuts=st.lists(st.integers(0, 6), max_size=4), needle=NEEDLES)
def test_pieces_that_overlap_make_the_whole(headers, cuts, needle):
    text = FieldText()
    for cut in [*sorted(cuts), len(headers)]:
        start = min(cut, len(text.uids))  # as another session has begun there
        text.join(text_of(headers[start:], start + 1))
    whole = text_of(headers)
    assert text.uids == whole.uids
    assert text.find(octets(needle), 0, 9) == whole.find(octets(needle), 0, 9)


def test_what_has_gone_is_left_out():
    text = text_of([b"Subject: x\r\n"] * 5)
    assert text.positions([0, 2, 4], array("I", [1, 2, 4, 5])) == [0, 3]
    assert text.positions([0, 2, 4], array("I", [2])) == []


def test_the_texts_of_a_worker_have_a_bound():
    text = text_of([b"Subject: x\r\n"])
    shelf = TextCache(2 * text.size_octets)
    one, two = HeaderTexts(shelf), HeaderTexts(shelf)
    keys = [(owner, ("a", "M1", 1), name) for owner in (one, two) for name in (b"to", b"cc")]
    for key in keys[:3]:
        shelf.put(key, text)
    shelf.put(keys[1], text)
    shelf.put(keys[3], text)
    assert [shelf.get(key) is not None for key in keys] == [False, True, False, True]
    two.close()
    assert [shelf.get(key) is not None for key in keys] == [False, True, False, False]
    shelf.put(keys[0], text_of([b"Subject: x\r\n"] * 9))
    assert shelf.get(keys[0]) is None


NUMBERS = range(1, TEXT_MESSAGES + 1)
MESSAGES = [b"Subject: number %d\r\nFrom: a%d@b.example\r\n\r\n" % (n, n % 7) for n in NUMBERS]
ASKED = {
    b'SUBJECT "number 99"': lambda n: f"{n}".startswith("99"),
    b'NOT SUBJECT "number"': lambda n: False,
    b'OR SUBJECT "r 17" FROM a3@': lambda n: f"{n}".startswith("17") or n % 7 == 3,
    b'SUBJECT "r 1" 500:* UNDELETED': lambda n: n == 1000,
    b'SUBJECT "R 2" FROM A3': lambda n: f"{n}".startswith("2") and n % 7 == 3,
    b'HEADER To ""': lambda n: False,
    b'HEADER From ""': lambda n: True,
    b'NOT FROM "@"': lambda n: False,
    b'NOT (FROM "a1@" 1:9)': lambda n: n not in (1, 8),
    b'TEXT "number 998" SUBJECT number': lambda n: n == 998,
    b'OR BODY nothing SUBJECT "number 998"': lambda n: n == 998,
}


async def test_a_mailbox_that_is_searched_again(open_world, mock_clock):
    async with open_world(messages=MESSAGES) as world:
        peer, other = await world.log_in(), await world.log_in()

        async def search(keys, who=peer):
            answer = await world.say(who, b"1 SEARCH %b\r\n" % keys)
            return [int(word) for word in answer.partition(b"\r\n")[0].split()[2:]]

        for _ in range(2):  # by headers, by a text that is made, by a text
            for keys, meant in ASKED.items():
                assert await search(keys) == [n for n in NUMBERS if meant(n)], keys
        headers = [keys for keys in ASKED if b"BODY" not in keys]
        world.faults.calls.clear()
        for keys in headers:
            await search(keys)
        assert "headers" not in world.faults.calls
        await world.deliver(b"Subject: number 99 again\r\n\r\n")
        await world.say(peer, b"1 NOOP\r\n")
        assert await search(b'SUBJECT "number 99"') == [99, *range(990, 1000), 1001]
        await world.say(peer, b"1 STORE 99,1001 +FLAGS.SILENT (\\Deleted)\r\n")
        await world.say(peer, b"1 EXPUNGE\r\n")
        assert await search(b'SUBJECT "number 99"') == [*range(989, 999)]
        # The other client may not be told: what has gone keeps its number and is not found.
        await world.say(other, b"1 FETCH 1 FLAGS\r\n")
        assert await search(b'SUBJECT "number 99"', other) == [*range(990, 1000)]
