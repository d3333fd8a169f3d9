"""Identifiers: they sort by time, tell their day, and never come twice from one process."""

from __future__ import annotations

from thurn.telemetry.ids import ID_LENGTH, IdMaker, time_of


def test_they_tell_their_time_and_sort_by_it():
    now = [1_795_000_000.25]
    ids = IdMaker(lambda: now[0])
    made = []
    for _ in range(100):
        made.append(ids.make())
        now[0] += 0.01
    assert made == sorted(made)
    assert {len(one) for one in made} == {ID_LENGTH}
    assert time_of(made[0]) == 1_795_000_000.25


def test_a_clock_that_is_set_back_gives_none_twice():
    now = [1_795_000_000.0]
    ids = IdMaker(lambda: now[0])
    made = []
    for _ in range(40_000):  # one for each millisecond, and more than the counter has
        made.append(ids.make())
        now[0] += 0.001
    now[0] -= 40.0
    for _ in range(40_000):
        made.append(ids.make())
        now[0] += 0.001
    assert len(set(made)) == len(made)
    assert made == sorted(made)
