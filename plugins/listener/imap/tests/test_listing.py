"""What LIST and LSUB cost, whatever names an account has been given."""

from __future__ import annotations

import pytest
import trio
from thurn_listener_imap.listing.names import ANCESTORS, ancestors, by_level, matching

DEEP = [f"{number}/" + "/".join(["level"] * 62) for number in range(1_000)]


def test_the_names_above_are_bounded():
    assert len(ancestors(DEEP, "/")) == ANCESTORS
    assert ancestors(["a/b/c", "a/b/d", "x", "INBOX/y"], "/") == {"a", "a/b", "INBOX"}


def test_names_are_sorted_level_for_level():
    names = ["a b", "a", "a/b", "a!", "b", "a/b/c", "a/b!"]
    assert sorted(names, key=lambda name: by_level(name, "/")) == sorted(
        names, key=lambda name: name.split("/")
    )


@pytest.mark.parametrize("patterns", [["*"], ["*"] * 100])
async def test_long_names_leave_others_their_turn(patterns, nursery):
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    nursery.start_soon(other)
    names = [f"{number:06}" + "x" * 1_000 for number in range(500)]
    found = await matching(names, "", patterns, "/")
    nursery.cancel_scope.cancel()
    assert found == set(names)
    # Half a million characters, for each pattern.
    assert turns >= min(10 * len(patterns), len(names))
