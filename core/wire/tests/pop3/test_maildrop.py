"""Columns, marks, lists."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.pop3.maildrop import Maildrop


def make(count):
    return Maildrop(range(10, 10 + count), [f"u{n}" for n in range(1, count + 1)])


def test_empty():
    drop = Maildrop([], [])
    assert (drop.count, drop.octets, drop.deleted) == (0, 0, ())
    assert drop.listing() == drop.uid_listing() == b""
    assert not drop.exists(0)
    assert not drop.exists(1)
    assert not drop.delete(1)
    drop.reset()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 12), st.lists(st.integers(-2, 15), max_size=20))
def test_marks(count, numbers):
    drop, gone = make(count), set()
    for number in numbers:
        fresh = 1 <= number <= count and number not in gone
        assert drop.delete(number) is fresh
        if fresh:
            gone.add(number)
    left = [n for n in range(1, count + 1) if n not in gone]
    assert drop.deleted == tuple(sorted(gone))
    assert drop.count == len(left)
    assert drop.octets == sum(9 + n for n in left)
    assert drop.listing() == b"".join(b"%d %d\r\n" % (n, 9 + n) for n in left)
    assert drop.uid_listing() == b"".join(b"%d u%d\r\n" % (n, n) for n in left)
    assert all(drop.exists(n) == (n in left) for n in range(-3, count + 3))
    drop.reset()
    assert (drop.count, drop.deleted) == (count, ())
    assert drop.octets == sum(range(10, 10 + count))


@pytest.mark.parametrize(
    ("sizes", "uids", "words"),
    [
        ([1], [], "1 sizes for 0"),
        ([-1], ["a"], "negative"),
        ([1], [""], "printable"),
        ([1], ["a b"], "printable"),
        ([1], ["ä"], "printable"),
        ([1], ["a\nb"], "printable"),
        ([1], ["a\r\n2 b"], "printable"),
        ([1], ["x" * 71], "printable"),
        ([1, 1], ["a", "a"], "one unique-id"),
    ],
)
def test_columns_that_cannot_be_sent(sizes, uids, words):
    with pytest.raises(ValueError, match=words):
        Maildrop(sizes, uids)


def test_longest_unique_id():
    assert Maildrop([1], ["~" * 70]).uid(1) == "~" * 70
