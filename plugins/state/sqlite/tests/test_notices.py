"""Datagrams between workers: dead sockets, workers that do not read, long paths, junk."""

from __future__ import annotations

import os
import socket

import pytest
import trio
from thurn.telemetry.hub import NoticeHub
from thurn_state_sqlite import notices as module
from thurn_state_sqlite.notices import SocketNotices


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_each_has_a_socket_of_its_own(tmp_path):
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


async def test_who_does_not_read_hears_the_newest_later(tmp_path):
    deaf, hub = SocketNotices(tmp_path, NoticeHub()), NoticeHub()
    with SocketNotices(tmp_path, hub) as notices, deaf:
        for number in range(2_000):
            notices.publish("t", number)
            notices.publish(f"other{number % 50}", number)
        async with trio.open_nursery() as nursery, deaf.subscribe("t") as t:
            async with deaf.subscribe("other7") as other:
                nursery.start_soon(notices.send_late_always)
                nursery.start_soon(deaf.receive_always)
                with trio.fail_after(5):
                    while await t.receive() != 1_999:
                        pass
                    while await other.receive() != 1_957:
                        pass
            nursery.cancel_scope.cancel()


async def test_an_older_value_does_not_come_after_a_newer(tmp_path):
    hub = NoticeHub()
    with SocketNotices(tmp_path, NoticeHub()) as notices, SocketNotices(tmp_path, hub) as deaf:
        number = 0
        while not notices._late:
            notices.publish("t", number)
            number += 1
        waiting = module._waiting(deaf._socket)
        assert waiting
        notices.publish("t", number)
        assert notices._late == {}


def test_what_is_kept_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LATE_NOTICES", 10)
    with SocketNotices(tmp_path, NoticeHub()) as notices, SocketNotices(tmp_path, NoticeHub()):
        for number in range(5_000):
            notices.publish(f"t{number}")
        assert len(notices._late) == 10


async def test_a_path_longer_than_an_address(tmp_path):
    directory = tmp_path / ("x" * 100)
    hub = NoticeHub()
    with SocketNotices(directory, NoticeHub()) as one, SocketNotices(directory, hub) as two:
        async with trio.open_nursery() as nursery, two.subscribe("t") as channel:
            nursery.start_soon(two.receive_always)
            one.publish("t", 5)
            with trio.fail_after(5):
                assert await channel.receive() == 5
            nursery.cancel_scope.cancel()
        assert len(names(directory)) == 2
    assert names(directory) == []


@pytest.mark.parametrize(
    "datagram", [b"", b"1234567", b"12345678\xff", b"12345678" + b"x" * 5_000, b"\xff" * 100]
)
async def test_junk_is_passed_over(tmp_path, datagram):
    with SocketNotices(tmp_path, NoticeHub()) as notices:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        async with trio.open_nursery() as nursery, notices.subscribe("t") as channel:
            nursery.start_soon(notices.receive_always)
            peer.sendto(datagram, str(tmp_path / names(tmp_path)[0]))
            peer.sendto(module._encode("t", 3), str(tmp_path / names(tmp_path)[0]))
            with trio.fail_after(5):
                assert await channel.receive() == 3
            nursery.cancel_scope.cancel()
        peer.close()


def test_a_lost_directory_is_no_error(tmp_path):
    with SocketNotices(tmp_path / "n", NoticeHub()) as notices:
        (tmp_path / "n" / names(tmp_path / "n")[0]).unlink()
        (tmp_path / "n").rmdir()
        notices.publish("t")
