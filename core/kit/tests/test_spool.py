"""Private files for large contents: they are written, read, and removed in every case."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from thurn.plugin import Blob, Content, StorageError, status_of
from thurn_kit.spool import Spool


def descriptors():
    return len([*Path("/proc/self/fd").iterdir()])


async def test_content_is_kept_until_it_is_removed(tmp_path):
    content = Spool(tmp_path / "tmp").start()
    await content.write(b"one ")
    await content.write(b"two")
    blob = content.blob()
    assert blob.read() == b"one two"
    assert blob.path is not None
    assert blob.path.stat().st_mode & 0o777 == 0o600
    content.remove()
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_whole_content_keeps_no_descriptor(tmp_path):
    spool = Spool(tmp_path / "tmp")
    contents = [spool.start() for _ in range(3)]
    before = descriptors()
    for content in contents:
        await content.write(b"one")
        assert content.blob().read() == b"one"
    assert descriptors() == before
    for content in contents:
        content.remove()
        content.remove()
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_failure_is_temporary_and_remembered(tmp_path):
    content = Spool(tmp_path / "tmp").start()
    (tmp_path / "tmp").rmdir()
    await content.write(b"one")
    await content.write(b"two")
    with pytest.raises(StorageError) as raised:
        content.blob()
    assert raised.value is content.failure
    assert status_of(raised.value).is_temporary


def test_files_of_dead_processes_are_removed(tmp_path):
    directory = tmp_path / "tmp"
    directory.mkdir()
    (directory / "999999999-1").touch()
    (directory / f"{os.getppid()}-1").touch()
    Spool(directory)
    assert [path.name for path in directory.iterdir()] == [f"{os.getppid()}-1"]


async def test_a_missing_file_is_a_storage_error_and_remove_never_raises(tmp_path):
    content = Spool(tmp_path / "tmp").start()
    await content.write(b"one")
    (path,) = (tmp_path / "tmp").iterdir()
    path.unlink()
    with pytest.raises(StorageError):
        content.blob()
    path.mkdir()  # cannot be unlinked
    content.remove()
    content.remove()


async def test_a_content_is_set_aside_and_can_be_read_after_its_file_is_open(tmp_path):
    content = Content(Blob(b"Subject: x\r\n\r\nbody\r\n"), b"Received: y\r\n")
    aside, file = await Spool(tmp_path / "tmp").set_aside(content, above_octets=0)
    assert aside is not content
    assert aside.blob.path in list((tmp_path / "tmp").iterdir())
    assert aside.read() == content.read()
    file.remove()
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_content_that_cannot_be_set_aside_is_given_back(tmp_path):
    spool = Spool(tmp_path / "tmp")
    (tmp_path / "tmp").rmdir()
    content = Content(Blob(b"Subject: x\r\n\r\nbody\r\n"))
    aside, file = await spool.set_aside(content, above_octets=0)
    assert aside is content
    file.remove()


async def test_a_small_content_or_a_file_is_given_back(tmp_path):
    spool = Spool(tmp_path / "tmp")
    path = tmp_path / "body"
    path.write_bytes(b"Subject: x\r\n\r\nbody\r\n")
    for content in (Content(Blob(b"x" * 100)), Content(Blob(path=path), b"y" * 100)):
        aside, file = await spool.set_aside(content, above_octets=100)
        assert aside is content
        assert list((tmp_path / "tmp").iterdir()) == []
        file.remove()
    assert path.exists()
