"""The active document is remembered, and never longer than it is the active one."""

from __future__ import annotations

from pathlib import Path

import pytest
from thurn.plugin import AccountId
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.mark import DOCUMENTS, Mark

BOB = AccountId("bob")


@pytest.fixture
def looks(monkeypatch):
    """How often an index was asked for a snapshot."""
    counted = []
    original = AccountIndex.snapshot

    def counting(self):
        counted.append(self.account)
        return original(self)

    monkeypatch.setattr(AccountIndex, "snapshot", counting)
    return counted


async def test_what_another_process_activates_is_seen_at_once(bench, looks):
    async with bench.open() as one, bench.open() as two:
        here, there = await one.open(BOB, None), await two.open(BOB, None)
        assert await here.active_document("sieve") is None
        for text in (b"keep;", b"discard;"):
            await there.put_document("sieve", "mine", text)
            await there.activate_document("sieve", "mine")
            assert (await here.active_document("sieve")).content == text
            assert (await there.active_document("sieve")).content == text
        looks.clear()
        for _ in range(3):
            assert (await here.active_document("sieve")).content == b"discard;"
        assert not looks
        await there.activate_document("sieve", None)
        assert await here.active_document("sieve") is None


async def test_who_was_killed_before_the_mark_is_made_up_for_by_replay(bench, monkeypatch):
    async with bench.open() as one, bench.open() as two:
        here, there = await one.open(BOB, None), await two.open(BOB, None)
        assert await here.active_document("sieve") is None
        with monkeypatch.context() as patch:
            patch.setattr(Mark, "change", lambda _: None)
            await there.put_document("sieve", "mine", b"keep;")
            await there.activate_document("sieve", "mine")
        bench.log.replay()
        assert (await here.active_document("sieve")).content == b"keep;"


async def test_without_a_mark_nothing_is_remembered(bench, looks):
    bench.directory.mkdir(parents=True)
    (bench.directory / DOCUMENTS).mkdir()
    async with bench.open() as store:
        account = await store.open(BOB, None)
        looks.clear()
        assert await account.active_document("sieve") is None
        assert await account.active_document("sieve") is None
        assert len(looks) == 2


def test_marks(tmp_path: Path):
    one, two = Mark(tmp_path / "m"), Mark(tmp_path / "m")
    before = one.read()
    assert before == two.read()
    two.change()
    assert one.read() == two.read() != before
    one.close()
    assert one.read() is None
