from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import SYSTEM_FLAGS, View
from thurn_listener_imap.listing.pattern import Pattern
from thurn_listener_imap.mailbox.difference import difference, without
from thurn_listener_imap.mailbox.numbers import (
    BLOCK,
    positions_above,
    spans_at,
    spans_of_existing,
    spans_of_listed,
    spans_of_uids,
    uids_at,
)
from thurn_wire.imap.sequence import SequenceSet

UIDS = st.lists(st.integers(1, 200), unique=True).map(sorted)
RANGES = st.lists(
    st.tuples(st.none() | st.integers(1, 220), st.none() | st.integers(1, 220)), min_size=1
)


def view(rows, uidnext, highest):
    """A view of {uid: modseq}."""
    uids = sorted(rows)
    return View(
        "M1",
        1,
        uidnext,
        highest,
        SYSTEM_FLAGS,
        array("I", uids),
        array("Q", [0] * len(uids)),
        array("Q", [rows[uid] for uid in uids]),
        array("Q", [1] * len(uids)),
        array("q", [0] * len(uids)),
    )


@settings(max_examples=150)
@given(
    st.integers(0, 1500),
    st.sets(st.integers(0, 1499), max_size=60),
    st.sets(st.integers(0, 1499), max_size=60),
    st.integers(0, 5),
)
def test_difference(count, removed, touched, added):
    rows = {uid: uid for uid in range(1, count + 1)}
    later = {uid: (9000 if uid - 1 in touched else n) for uid, n in rows.items()}
    later = {uid: n for uid, n in later.items() if uid - 1 not in removed}
    later |= {count + 1 + n: 9001 for n in range(added)}
    old, new = view(rows, count + 1, count), view(later, count + 1 + added, 9001)
    found = difference(old, new)
    assert found.gone == sorted(n for n in removed if n < count)
    assert [new.uids[at] for at in found.changed] == [
        uid for uid in later if uid <= count and later[uid] == 9000
    ]
    assert found.first_new == len(later) - added
    assert without(old.uids, found.gone) == new.uids[: found.first_new]


@given(UIDS, RANGES)
def test_uids_of_a_set(uids, ranges):
    column = array("I", uids)
    largest = uids[-1] if uids else 0
    wanted = set()
    for pair in ranges:
        low, high = sorted(largest if end is None else end for end in pair)
        wanted.update(range(low, high + 1))
    spans = spans_of_uids(SequenceSet(tuple(ranges)), column)
    assert list(uids_at(spans, column)) == [uid for uid in uids if uid in wanted]
    assert spans == spans_at([at for low, high in spans for at in range(low, high)])


@given(UIDS, UIDS)
def test_listed_uids(listed, uids):
    spans = spans_of_listed(array("I", listed), array("I", uids))
    assert list(uids_at(spans, array("I", uids))) == [uid for uid in uids if uid in listed]


def matches(pattern, name):
    """The definition of RFC 9051 §6.3.9, place by place."""
    places = {0}
    for character in [None, *name]:
        if character is not None:
            places = {
                p if pattern[p] in "*%" else p + 1
                for p in places
                if p < len(pattern)
                and (
                    pattern[p] == "*"
                    or (pattern[p] == "%" and character != "/")
                    or pattern[p] == character
                )
            }
        before = None
        while places != before:
            before = set(places)
            places |= {p + 1 for p in places if p < len(pattern) and pattern[p] in "*%"}
    return len(pattern) in places


@settings(max_examples=200)
@given(st.text("ab/*%", max_size=12), st.text("ab/", min_size=1, max_size=12))
def test_pattern(pattern, name):
    assert Pattern(pattern, "/").matches(name) is matches(pattern, name)


def test_inbox_in_any_case():
    assert Pattern("inBOX", "/").matches("INBOX")
    assert Pattern("iNb%", "/").matches("INBOX")
    assert Pattern("inbox/a", "/").matches("INBOX/a")
    assert not Pattern("inbox/A", "/").matches("INBOX/a")
    assert not Pattern("inboxes", "/").matches("INBOXES")


def test_positions_above_a_modseq_are_found_in_every_block():
    modseqs = array("Q", [5] * (3 * BLOCK))
    for at in (0, BLOCK - 1, BLOCK, 3 * BLOCK - 1):
        modseqs[at] = 9
    spans = [(1, 2 * BLOCK), (3 * BLOCK - 2, 3 * BLOCK)]
    assert positions_above(spans, modseqs, 5) == [BLOCK - 1, BLOCK, 3 * BLOCK - 1]
    assert positions_above(spans, modseqs, 9) == []
    assert positions_above([], modseqs, 0) == []


@settings(max_examples=150)
@given(RANGES, st.integers(0, 200))
def test_numbers_that_do_not_exist_are_passed_over(ranges, count):
    spans = spans_of_existing(SequenceSet(tuple(ranges)), count)
    wanted = set()
    for first, last in ranges:
        ends = sorted(count if end is None else end for end in (first, last))
        wanted.update(number - 1 for number in range(ends[0], ends[1] + 1) if number <= count)
    assert [at for low, high in spans for at in range(low, high)] == sorted(wanted - {-1})
