"""The messages that systemd gets, by a real datagram socket."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from pathlib import Path

import pytest
from thurn.app.notifier import STATUS_CHARACTERS, Notifier


@pytest.fixture
def receiving():
    """A socket that nobody has to read, with a short path."""
    with (
        tempfile.TemporaryDirectory() as directory,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one,
    ):
        one.bind(str(Path(directory) / "notify"))
        one.settimeout(100)
        yield one


def told(receiving):
    """The next message as its variables."""
    message = receiving.recv(65536).decode()
    return dict(line.split("=", 1) for line in message.splitlines())


def test_the_words_of_sd_notify(receiving):
    environment = {"NOTIFY_SOCKET": receiving.getsockname(), "HOME": "/"}
    notifier = Notifier(environment)
    assert environment == {"HOME": "/"}
    notifier.ready("generation 1 serves")
    assert told(receiving) == {"READY": "1", "STATUS": "generation 1 serves"}
    before = time.monotonic_ns() // 1000
    notifier.reloading("generation 2 is starting")
    reloading = told(receiving)
    assert before <= int(reloading.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000
    assert reloading == {"RELOADING": "1", "STATUS": "generation 2 is starting"}
    notifier.stopping(12.5)
    stopping = {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "12500000", "STATUS": "stopping"}
    assert told(receiving) == stopping
    notifier.say("a finding\nREADY=1 " + "x" * 1000)
    status = told(receiving)
    assert status.keys() == {"STATUS"}
    assert len(status["STATUS"]) == STATUS_CHARACTERS


def test_an_abstract_address():
    name = f"thurn-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(f"\0{name}")
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready("yes")
        assert one.recv(100) == b"READY=1\nSTATUS=yes"


def beats(receiving, moments, **environment):
    notifier = Notifier({"NOTIFY_SOCKET": receiving.getsockname(), **environment})
    for now in moments:
        notifier.beat(now)
    notifier.say("end")
    count = 0
    while told(receiving) == {"WATCHDOG": "1"}:
        count += 1
    return count


def test_a_watchdog_hears_it_twice_in_its_time(receiving):
    moments = [100 + tenth / 10 for tenth in range(100)]  # ten seconds
    assert beats(receiving, moments, WATCHDOG_USEC="4000000") == 5
    assert beats(receiving, moments, WATCHDOG_USEC="4000000", WATCHDOG_PID=str(os.getpid())) == 5
    assert beats(receiving, moments, WATCHDOG_USEC="4000000", WATCHDOG_PID="1") == 0
    assert beats(receiving, moments, WATCHDOG_USEC="soon") == 0
    assert beats(receiving, moments) == 0


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "x" * 200])
def test_what_nobody_receives_is_lost(address):
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"})
    notifier.ready("yes")
    notifier.beat(1.0)


def test_a_full_socket_is_not_waited_for(receiving):
    notifier = Notifier({"NOTIFY_SOCKET": receiving.getsockname()})
    for _ in range(10_000):
        notifier.say("x" * STATUS_CHARACTERS)


def test_what_finds_no_room_is_sent_at_the_next_turn(receiving):
    notifier = Notifier({"NOTIFY_SOCKET": receiving.getsockname()})
    filled = fill(receiving)
    notifier.ready("serves")
    for _ in range(filled):
        assert told(receiving) == {"FULL": "1"}
    notifier.beat(1.0)
    notifier.say("once")
    assert told(receiving) == {"READY": "1", "STATUS": "serves"}
    assert told(receiving) == {"STATUS": "once"}


def fill(receiving):
    """Send as many messages as there is room for; their number."""
    count = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filling:
        filling.setblocking(False)
        try:
            while True:
                filling.sendto(b"FULL=1", receiving.getsockname())
                count += 1
        except BlockingIOError:
            return count


def skip_beats(receiving):
    message = told(receiving)
    beaten = 0
    while message == {"WATCHDOG": "1"}:
        message, beaten = told(receiving), beaten + 1
    return message, beaten


@pytest.mark.slow
def test_the_life_of_a_site(site, receiving, monkeypatch):
    """Ready, reloading, ready again, also when the new generation fails, and stopping."""
    monkeypatch.setenv("NOTIFY_SOCKET", receiving.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    site.run()
    message, beaten = skip_beats(receiving)
    assert message == {"READY": "1", "STATUS": "generation 1 serves"}
    assert beaten > 0
    site.signal(signal.SIGHUP)
    message, _ = skip_beats(receiving)
    assert message.keys() == {"RELOADING", "MONOTONIC_USEC", "STATUS"}
    message, _ = skip_beats(receiving)
    assert message == {"READY": "1", "STATUS": "generation 2 serves"}
    site.configure(broken="check")
    site.signal(signal.SIGHUP)
    assert "RELOADING" in skip_beats(receiving)[0]
    message, _ = skip_beats(receiving)
    assert message["READY"] == "1"
    assert message["STATUS"].startswith("generation 3 could not start: ")
    site.signal(signal.SIGTERM)
    message, _ = skip_beats(receiving)
    assert message["STOPPING"] == "1"
    assert int(message["EXTEND_TIMEOUT_USEC"]) > 5_000_000
    assert site.ended() == 0


@pytest.mark.slow
def test_a_start_that_fails_is_never_ready(site, receiving, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", receiving.getsockname())
    site.configure(broken="check")
    site.supervisor = site.start()
    assert site.ended() == os.EX_CONFIG
    assert told(receiving).keys() == {"STATUS"}
