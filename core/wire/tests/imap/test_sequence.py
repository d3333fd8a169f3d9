"""Sequence sets: what they name, and their shortest form."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.imap.sequence import SAVED, SequenceSet, sequence_set

ENDS = st.none() | st.integers(1, 30)


@pytest.mark.parametrize(
    ("ranges", "largest", "resolved"),
    [
        ([(1, 5), (None, 3), (7, 8)], 6, [(1, 8)]),
        ([(None, None)], 0, []),
        ([(None, None)], 9, [(9, 9)]),
        ([(1, None)], 0, [(1, 1)]),
        ([(12, None)], 9, [(9, 12)]),  # RFC 9051 §9: 12:* is *:12
        ([(1, 4_294_967_295)], 3, [(1, 4_294_967_295)]),
        ([(5, 5), (1, 1), (2, 2)], 9, [(1, 2), (5, 5)]),
        ([(4, 2)], 9, [(2, 4)]),
    ],
)
def test_resolve(ranges, largest, resolved):
    assert SequenceSet(tuple(ranges)).resolve(largest) == resolved


def test_saved():
    assert SAVED.name == "$"
    assert SAVED.resolve(9) == []
    assert SAVED.largest == 0
    assert SequenceSet(((1, None), (7, 2))).largest == 7


@settings(max_examples=200)
@given(st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=6), st.integers(0, 20))
def test_resolve_is_the_set(ranges, largest):
    expected = set()
    for first, last in ranges:
        low, high = sorted(largest if end is None else end for end in (first, last))
        expected.update(range(low, high + 1))
    resolved = SequenceSet(tuple(ranges)).resolve(largest)
    assert [n for low, high in resolved for n in range(low, high + 1)] == sorted(expected - {0})
    assert all(low <= high for low, high in resolved)
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(resolved))


@settings(max_examples=100)
@given(st.sets(st.integers(1, 60)))
def test_shortest(numbers):
    written = sequence_set(sorted(numbers)).decode()
    read = set()
    for piece in filter(None, written.split(",")):
        low, _, high = piece.partition(":")
        read.update(range(int(low), int(high or low) + 1))
    assert read == numbers


def test_examples():
    assert sequence_set([]) == b""
    assert sequence_set([4]) == b"4"
    assert sequence_set([1, 2, 3, 5, 7, 8]) == b"1:3,5,7:8"
