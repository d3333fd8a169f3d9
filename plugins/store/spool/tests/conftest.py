from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest
from thurn.plugin import Change
from thurn_store_spool.factory import SpoolSettings, spool
from thurn_testing.contracts.plainlog import PlainFrame, PlainLog
from thurn_testing.contracts.plainstate import PlainState
from thurn_testing.fakes.context import FakeContext, Given

TABLES = (
    "mailbox",
    "keyword",
    "message",
    "body",
    "change",
    "delivered",
    "remembered",
    "subscription",
    "annotation",
    "document",
    "present",
    "active",
)


class Bench:
    """A store on a directory with a plain log that tests may look into."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = PlainLog()
        self.state = PlainState()
        self.context = None

    @asynccontextmanager
    async def open(self, directory: Path | None = None, **settings):
        given = Given(state=self.state, commit_log=self.log)
        self.context = FakeContext(directory or self.directory, name="store.kit", given=given)
        async with spool.open(SpoolSettings(**settings), self.context) as store:
            yield store

    def die_before_commit(self, changes: Sequence[Change]) -> None:
        """A round whose worker is killed between the sync and the index commit."""
        frame = PlainFrame(self.log)
        resources = list(dict.fromkeys(change.resource for change in changes))
        for resource in resources:
            assert resource.begin()
        for change in changes:
            change.apply(frame)
        self.log.keep(frame)
        for resource in resources:
            resource.rollback()


def dump(directory: Path) -> dict[str, list]:
    """All rows of the one account below a store's directory."""
    (path,) = directory.glob("accounts/*/*/index.db")
    connection = apsw.Connection(str(path))
    try:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in TABLES
        }
    finally:
        connection.close()


def copy_store(source: Path, target: Path) -> Path:
    """What a power cut may leave: some state of the index, and whatever files there are."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm"))
    return target


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "store")


@pytest.fixture
def files():
    """The functions of this file."""

    class Files:
        dump = staticmethod(dump)
        copy_store = staticmethod(copy_store)

    return Files
