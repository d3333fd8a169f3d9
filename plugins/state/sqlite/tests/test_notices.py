"""Datagrams between workers: dead sockets, workers that do not read, long paths, wrong
datagrams."""

from __future__ import annotations

import os
import socket
from contextlib import AsyncExitStack

import pytest
import trio
from thurn_kit.notices import NoticeHub
from thurn_state_sqlite import notices as module
from thurn_state_sqlite.notices import SocketNotices


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_each_worker_has_its_own_socket(tmp_path):
    with SocketNotices(tmp_path, NoticeHub()), SocketNotices(tmp_path, NoticeHub()):
        assert names(tmp_path) == [f"{os.getpid()}-0.sock", f"{os.getpid()}-1.sock"]
    assert names(tmp_path) == []


def test_dead_sockets_are_removed(tmp_path):
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / "1-0.sock"))
    dead.close()
    own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    own.bind(str(tmp_path / f"{os.getpid()}-0.sock"))
    own.close()
    (tmp_path / "notes.txt").touch()
    with SocketNotices(tmp_path, NoticeHub()) as notices:
        notices.publish("t")
        assert names(tmp_path) == [f"{os.getpid()}-1.sock", "notes.txt"]


async def test_a_worker_that_does_not_read_gets_the_newest_value_later(tmp_path):
    deaf, hub = SocketNotices(tmp_path, NoticeHub()), NoticeHub()
    with SocketNotices(tmp_path, hub) as notices, deaf:
        async with trio.open_nursery() as nursery, deaf.subscribe("t") as t:
            async with deaf.subscribe("other7") as other:
                for number in range(2_000):
                    notices.publish("t", number)
                    notices.publish(f"other{number % 50}", number)
                nursery.start_soon(notices.send_late_always)
                nursery.start_soon(deaf.receive_always)
                with trio.fail_after(100):
                    while await t.receive() != 1_999:
                        pass
                    while await other.receive() != 1_957:
                        pass
            nursery.cancel_scope.cancel()


async def test_an_older_value_does_not_come_after_a_newer(tmp_path):
    hub = NoticeHub()
    with SocketNotices(tmp_path, NoticeHub()) as notices, SocketNotices(tmp_path, hub) as deaf:
        async with deaf.subscribe("t"):
            number = 0
            while not notices._late:
                notices.publish("t", number)
                number += 1
            waiting = module._waiting(deaf._socket)
            assert waiting
            notices.publish("t", number)
            assert notices._late == {}


async def test_kept_values_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LATE_NOTICES", 10)
    deaf = SocketNotices(tmp_path, NoticeHub())
    with SocketNotices(tmp_path, NoticeHub()) as notices, deaf:
        async with AsyncExitStack() as stack:
            for number in range(50):
                await stack.enter_async_context(deaf.subscribe(f"t{number}"))
            for number in range(5_000):
                notices.publish(f"t{number % 50}")
        assert len(notices._late) == 10


async def test_notices_are_sent_to_subscribers_only(tmp_path):
    hub = NoticeHub()
    with SocketNotices(tmp_path, NoticeHub()) as one, SocketNotices(tmp_path, hub) as two:
        async with two.subscribe("t"), two.subscribe("t"), one.subscribe("u"):
            one.publish("u")
            assert module._waiting(two._socket) == []
            one.publish("t")
            assert len(module._waiting(two._socket)) == 1
        one.publish("t")
        assert module._waiting(two._socket) == []
        assert len(names(tmp_path)) == 2


async def test_topics_of_one_mark_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "crc32", lambda _: 7)
    with SocketNotices(tmp_path, NoticeHub()) as one, SocketNotices(tmp_path, NoticeHub()) as two:
        async with trio.open_nursery() as nursery, two.subscribe("t") as t:
            async with two.subscribe("u") as u:
                nursery.start_soon(two.receive_always)
                one.publish("t", 1)
                one.publish("u", 2)
                with trio.fail_after(100):
                    assert (await t.receive(), await u.receive()) == (1, 2)
            one.publish("t", 3)
            with trio.fail_after(100):
                assert await t.receive() == 3
            nursery.cancel_scope.cancel()


def test_dead_sockets_are_removed_with_their_links(tmp_path):
    def die(name):
        dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        dead.bind(str(tmp_path / f"{name}.sock"))
        dead.close()
        for mark in (module._mark("t"), "deadbeef"):
            (tmp_path / f"{name}.{mark}").symlink_to(f"{name}.sock")

    die("1-0")
    (tmp_path / "1-01.deadbeef").symlink_to("1-01.sock")
    left = ["1-01.deadbeef", f"{os.getpid()}-0.sock"]
    with SocketNotices(tmp_path, NoticeHub()) as notices:
        assert names(tmp_path) == left
        die("1-2")
        assert len(names(tmp_path)) == 5
        notices.publish("t")
        assert names(tmp_path) == left


async def test_a_topic_that_cannot_be_linked_is_linked_later(tmp_path):
    with SocketNotices(tmp_path, NoticeHub()) as one, SocketNotices(tmp_path, NoticeHub()) as two:
        descriptor, two._descriptor = two._descriptor, -1  # no link can be made there
        async with trio.open_nursery() as nursery, two.subscribe("t") as t:
            two._descriptor = descriptor
            nursery.start_soon(two.receive_always)
            one.publish("t", 3)
            assert len(names(tmp_path)) == 2
            nursery.start_soon(two.send_late_always)
            await trio.sleep(3 * module.FIRST_WAIT_SECONDS)
            one.publish("t", 4)
            with trio.fail_after(100):
                assert await t.receive() == 4
            nursery.cancel_scope.cancel()
        assert len(names(tmp_path)) == 2


async def test_a_path_longer_than_an_address(tmp_path):
    directory = tmp_path / ("x" * 100)
    hub = NoticeHub()
    with SocketNotices(directory, NoticeHub()) as one, SocketNotices(directory, hub) as two:
        async with trio.open_nursery() as nursery, two.subscribe("t") as channel:
            nursery.start_soon(two.receive_always)
            one.publish("t", 5)
            with trio.fail_after(100):
                assert await channel.receive() == 5
            nursery.cancel_scope.cancel()
        assert len(names(directory)) == 2
    assert names(directory) == []


@pytest.mark.parametrize(
    "datagram", [b"", b"1234567", b"12345678\xff", b"12345678" + b"x" * 5_000, b"\xff" * 100]
)
async def test_wrong_datagrams_are_ignored(tmp_path, datagram):
    with SocketNotices(tmp_path, NoticeHub()) as notices:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        async with trio.open_nursery() as nursery, notices.subscribe("t") as channel:
            nursery.start_soon(notices.receive_always)
            peer.sendto(datagram, str(tmp_path / names(tmp_path)[0]))
            peer.sendto(module._encode("t", 3), str(tmp_path / names(tmp_path)[0]))
            with trio.fail_after(100):
                assert await channel.receive() == 3
            nursery.cancel_scope.cancel()
        peer.close()


def test_a_lost_directory_is_not_an_error(tmp_path):
    with SocketNotices(tmp_path / "n", NoticeHub()) as notices:
        (tmp_path / "n" / names(tmp_path / "n")[0]).unlink()
        (tmp_path / "n").rmdir()
        notices.publish("t")
