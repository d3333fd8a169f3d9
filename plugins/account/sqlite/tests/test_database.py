"""The file: a failure never means "unknown"; migrations; several processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import apsw
import pytest
import trio
from thurn.plugin import (
    Address,
    Claim,
    ConfigError,
    Local,
    Secret,
    StoredKeyQuery,
    TemporaryFailure,
    Unknown,
    UnknownAddress,
)
from thurn_account_sqlite import cache, schema
from thurn_account_sqlite.changes.domain import add_domain, set_domain

ALICE = Address.parse("alice@example.org")


async def questions(accounts):
    """Each question that the host may ask."""
    await accounts.resolve(ALICE)
    await accounts.account("x")
    await accounts.owns("x", ALICE)
    await accounts.may_act_as("x", "alice")
    await accounts.verify(Claim("alice", Secret("x")))
    await accounts.stored_key(StoredKeyQuery("alice", "SCRAM-SHA-256"))


async def all_temporary(accounts):
    for question in (
        accounts.resolve(ALICE),
        accounts.account("x"),
        accounts.owns("x", ALICE),
        accounts.may_act_as("x", "alice"),
        accounts.verify(Claim("alice", Secret("x"))),
        accounts.stored_key(StoredKeyQuery("alice", "SCRAM-SHA-256")),
    ):
        with pytest.raises(TemporaryFailure):
            await question


def path_of(tmp_path):
    return tmp_path / "main" / "accounts.db"


async def test_a_missing_file(opened, fill, tmp_path):
    async with opened() as (accounts, _):
        await fill(accounts)
        await questions(accounts)
        path_of(tmp_path).rename(tmp_path / "elsewhere")
        await all_temporary(accounts)
        with pytest.raises(TemporaryFailure, match="missing"):
            await accounts.database.write(lambda c: None)
        (tmp_path / "elsewhere").rename(path_of(tmp_path))
        assert isinstance(await accounts.resolve(ALICE), Local)


async def test_another_file_in_its_place(opened, fill, tmp_path):
    async with opened() as (accounts, _):
        await fill(accounts)
    shutil.copy(path_of(tmp_path), tmp_path / "backup")
    async with opened() as (accounts, _):
        await accounts.database.write(lambda c: c.execute("DELETE FROM address"))
        assert await accounts.resolve(ALICE) == UnknownAddress(True)
        for suffix in ("", "-wal", "-shm"):
            path_of(tmp_path).with_name(f"accounts.db{suffix}").unlink()
        shutil.copy(tmp_path / "backup", path_of(tmp_path))
        assert isinstance(await accounts.resolve(ALICE), Local)
        path_of(tmp_path).unlink()
        path_of(tmp_path).write_bytes(b"")
        await all_temporary(accounts)
        path_of(tmp_path).unlink()
        path_of(tmp_path).write_bytes(b"junk" * 1000)
        await all_temporary(accounts)


async def test_a_file_damaged_while_open(opened, fill, tmp_path):
    async with opened() as (accounts, _):
        await fill(accounts)
    with path_of(tmp_path).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    async with opened() as (accounts, _):
        await all_temporary(accounts)


async def test_a_locked_file(opened, fill, tmp_path, autojump_clock):
    async with opened() as (accounts, _):
        await fill(accounts)
    async with opened() as (accounts, _):
        other = apsw.Connection(str(path_of(tmp_path)))
        other.pragma("locking_mode", "exclusive")
        other.execute("BEGIN EXCLUSIVE; CREATE TABLE x (y); COMMIT")
        with pytest.raises(TemporaryFailure, match="locked"):
            await accounts.resolve(ALICE)
        other.close()
        assert isinstance(await accounts.resolve(ALICE), Local)


async def test_readers_do_not_wait_for_writers(opened, fill, tmp_path):
    async with opened() as (accounts, _):
        await fill(accounts)
        other = apsw.Connection(str(path_of(tmp_path)))
        other.execute("BEGIN IMMEDIATE; DELETE FROM address")
        assert isinstance(await accounts.resolve(ALICE), Local)
        other.execute("COMMIT")
        other.close()
        assert await accounts.resolve(ALICE) == UnknownAddress(True)


async def test_a_closed_database(opened):
    async with opened() as (accounts, _):
        pass
    await all_temporary(accounts)


async def test_an_empty_database_is_a_failure_unless_the_settings_permit_it(opened, change):
    async with opened() as (accounts, _):
        with pytest.raises(TemporaryFailure, match="thurn domain add"):
            await accounts.resolve(ALICE)
        with pytest.raises(TemporaryFailure):
            await accounts.verify(Claim("alice", Secret("x")))
        await change(accounts, add_domain, "example.net", separator=None, postmaster=None)
        assert await accounts.resolve(ALICE) == UnknownAddress(False)
        assert await accounts.verify(Claim("alice", Secret("x"))) == Unknown()
    async with opened("second", when_empty="unknown") as (accounts, _):
        assert await accounts.resolve(ALICE) == UnknownAddress(False)
        assert await accounts.verify(Claim("alice", Secret("x"))) == Unknown()


@pytest.mark.parametrize("octets", [b"junk" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_file_damaged_at_the_start(opened, tmp_path, octets):
    path_of(tmp_path).parent.mkdir()
    path_of(tmp_path).touch(0o600)
    path_of(tmp_path).write_bytes(octets)
    with pytest.raises(ConfigError, match=r"accounts\.db is damaged"):
        async with opened():
            pass


async def test_the_file_is_for_its_owner_only(opened, tmp_path):
    async with opened():
        pass
    assert path_of(tmp_path).stat().st_mode & 0o777 == 0o600
    path_of(tmp_path).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        async with opened():
            pass


async def test_the_file_may_be_elsewhere(opened, tmp_path):
    async with opened(file=tmp_path / "people.db"):
        assert (tmp_path / "people.db").exists()
    with pytest.raises(ConfigError, match=r"cannot be used: .*No such file"):
        async with opened(file=tmp_path / "nowhere" / "people.db"):
            pass


async def test_a_newer_version_is_refused(opened, tmp_path):
    async with opened():
        pass
    other = apsw.Connection(str(path_of(tmp_path)))
    other.pragma("user_version", 99)
    other.close()
    with pytest.raises(ConfigError, match="has another version"):
        async with opened():
            pass


async def test_a_migration_adds_tables(opened, fill, monkeypatch):
    async with opened() as (old, _):
        await fill(old)
        more = "CREATE TABLE more (x); ALTER TABLE domain ADD COLUMN y TEXT"
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
        async with opened() as (accounts, _):
            assert isinstance(await accounts.resolve(ALICE), Local)
            await accounts.database.read(lambda c: c.execute("SELECT x FROM more"))
        assert isinstance(await old.resolve(ALICE), Local)  # the old generation goes on


async def test_a_broken_migration_leaves_all_as_it_was(opened, fill, monkeypatch):
    async with opened() as (accounts, _):
        await fill(accounts)
    before = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", (*before, "CREATE TABLE more (x); DROP TABLE no"))
    with pytest.raises(ConfigError, match="no such table"):
        async with opened():
            pass
    monkeypatch.setattr(schema, "MIGRATIONS", before)
    async with opened() as (accounts, _):
        assert isinstance(await accounts.resolve(ALICE), Local)


async def test_a_change_that_fails_changes_nothing(opened, fill):
    async with opened() as (accounts, _):
        await fill(accounts)

        def work(connection):
            connection.execute("DELETE FROM address")
            raise KeyError

        with pytest.raises(KeyError):
            await accounts.database.write(work)
        assert isinstance(await accounts.resolve(ALICE), Local)


async def test_the_cache_is_bounded_and_reads_nothing_twice(opened, fill, change, monkeypatch):
    monkeypatch.setattr(cache, "ENTRIES", 20)
    async with opened() as (accounts, _):
        await fill(accounts)
        reads = []
        read = accounts.database.read

        async def counted(work):
            reads.append(work)
            return await read(work)

        monkeypatch.setattr(accounts.database, "read", counted)
        for _ in range(5):
            await accounts.resolve(ALICE)
        assert len(reads) == 1
        for number in range(100):
            await accounts.resolve(Address.parse(f"x{number}@example.org"))
            await accounts.resolve(ALICE)
        assert len(reads) == 101
        assert len(accounts._cache._entries) == 20
        await change(accounts, set_domain, "example.org", separator="-", postmaster=None)
        await accounts.resolve(ALICE)
        assert len(reads) == 102
        assert len(accounts._cache._entries) == 1


WRITER = """
import sys, trio
from pathlib import Path
from thurn.telemetry.clock import SystemClock
from thurn.types.address import Address
from thurn_account_sqlite.changes.account import Properties, add_account
from thurn_account_sqlite.changes.change import Change
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.factory import sqlite
from thurn_account_sqlite.settings import SqliteSettings
from thurn_testing.fakes.context import FakeContext

async def main():
    context = FakeContext(Path(sys.argv[1]), clock=SystemClock())
    async with sqlite.open(SqliteSettings(), context) as accounts:
        for number in range(50):
            def work(connection):
                change = Change(connection, sys.argv[2], 0.0)
                add_domain(change, "example.org", separator=None, postmaster=None)
                name = f"{sys.argv[2]}{number}"
                add_account(change, Properties(name), [f"{name}@example.org"])
            await accounts.database.write(work)
            address = Address.parse(f"{sys.argv[2]}{number}@example.org")
            assert type(await accounts.resolve(address)).__name__ == "Local"

trio.run(main)
"""


@pytest.mark.slow
async def test_two_processes_write_while_one_reads(opened, tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "main")]
    writers = [subprocess.Popen([*command, name]) for name in ("a", "b")]  # noqa: ASYNC220
    async with opened(when_empty="unknown") as (accounts, _):
        while any(writer.poll() is None for writer in writers):
            await accounts.resolve(Address.parse(f"a{os.getpid() % 50}@example.org"))
            await trio.sleep(0.001)
        assert [writer.returncode for writer in writers] == [0, 0]
        for name in ("a0", "a49", "b0", "b49"):
            found = await accounts.resolve(Address.parse(f"{name}@example.org"))
            assert isinstance(found, Local)
        (count,) = await accounts.database.read(
            lambda c: c.execute("SELECT count(*) FROM account").fetchone()
        )
        assert count == 100
