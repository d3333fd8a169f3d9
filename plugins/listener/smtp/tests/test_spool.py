from __future__ import annotations

import os

from thurn_listener_smtp.spool import Spool


async def test_content_is_kept_until_it_is_removed(tmp_path):
    content = Spool(tmp_path / "tmp").start()
    await content.write(b"one ")
    blob = await content.finish(b"two")
    assert blob is not None
    assert blob.read() == b"one two"
    assert blob.path is not None
    assert blob.path.stat().st_mode & 0o777 == 0o600
    content.remove()
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_failure_is_temporary_and_remembered(tmp_path):
    content = Spool(tmp_path / "tmp").start()
    (tmp_path / "tmp").rmdir()
    await content.write(b"one")
    assert await content.finish(b"two") is None
    assert content.failure is not None
    assert content.failure.is_temporary


def test_what_dead_processes_left_is_removed(tmp_path):
    directory = tmp_path / "tmp"
    directory.mkdir()
    (directory / "999999999-1").touch()
    (directory / f"{os.getppid()}-1").touch()
    Spool(directory)
    assert [path.name for path in directory.iterdir()] == [f"{os.getppid()}-1"]
