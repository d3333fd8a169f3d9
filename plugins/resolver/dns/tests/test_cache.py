"""What is kept is bounded by its size and by time."""

from __future__ import annotations

import pytest
from thurn.plugin import Bogus, MailExchanger, NoSuchName, RecordSet, Tlsa
from thurn_resolver_dns.cache import ENTRY_OCTETS, RECORD_OCTETS, SHARE, Cache, Failure
from thurn_resolver_dns.message import Kind, Question

ROOM = 64 * ENTRY_OCTETS


def question(number):
    return Question(f"{number}.example", Kind.A)


NO = NoSuchName("x.example", 60)


@pytest.fixture
def cache(clock):
    return Cache(clock, ROOM)


def test_it_is_kept_for_its_lifetime(cache, clock):
    cache.put(question(1), NO, 60)
    assert cache.get(question(1)) == (NO, 60)
    clock.advance(59)
    assert cache.get(question(1)) == (NO, 1)
    clock.advance(1)
    assert cache.get(question(1)) is None
    assert (len(cache), cache.size_octets) == (0, 0)


def test_the_wall_clock_changes_nothing(cache, clock):
    cache.put(question(1), NO, 60)
    clock.set_wall(0)
    assert cache.get(question(1)) == (NO, 60)


def test_who_was_not_used_for_longest_goes(cache):
    for number in range(64):
        cache.put(question(number), NO, 60)
    assert cache.get(question(0))
    cache.put(question(64), NO, 60)
    assert cache.get(question(0))
    assert cache.get(question(1)) is None
    assert cache.size_octets <= ROOM


def test_what_is_put_again_counts_once(cache):
    for _ in range(100):
        cache.put(question(1), NO, 60)
    assert (len(cache), cache.size_octets) == (1, ENTRY_OCTETS)
    cache.put(question(1), Failure(Bogus, "x"), 0)
    assert (len(cache), cache.size_octets) == (0, 0)


@pytest.mark.parametrize(
    ("record", "more"),
    [
        (b"x" * 100, 100),
        ("x" * 100, 100),
        (MailExchanger(1, "x" * 100), 100),
        (Tlsa(3, 1, 1, b"x" * 32), 32),
        (object(), 0),
    ],
)
def test_records_count_with_their_text(cache, record, more):
    cache.put(question(1), RecordSet((record,) * 2, "x", 60), 60)
    assert cache.size_octets == ENTRY_OCTETS + 2 * (RECORD_OCTETS + more)


def test_a_large_answer_pushes_nobody_out(cache):
    cache.put(question(0), NO, 60)
    cache.put(question(1), RecordSet((b"x" * (ROOM // SHARE),), "x", 60), 60)
    assert cache.get(question(1)) is None
    assert cache.get(question(0))
