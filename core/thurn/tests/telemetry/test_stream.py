"""Standard error never makes a process wait: pipes that nobody reads, sockets, forks."""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, closing

import pytest
from thurn.telemetry.stream import BACKLOG_OCTETS, LOST_EVENT, LogStream

LINE = "x" * 999 + "\n"


@pytest.fixture
def pipe():
    """The reader's descriptor, and the stream that writes to the other end."""
    reading, writing = os.pipe()
    with io.TextIOWrapper(os.fdopen(writing, "wb", 0), write_through=True) as text:
        yield reading, text
    os.close(reading)


@pytest.fixture
def stream_to():
    """Makes streams, and closes them."""
    with ExitStack() as streams:
        yield lambda text: streams.enter_context(closing(LogStream(text)))


def fill(stream):
    """Write until the reader takes no more, and a line waits; how many were written."""
    count = 0
    while not stream._backlog:
        stream.write(LINE)
        count += 1
    return count


def read_all(fd):
    os.set_blocking(fd, False)
    octets = b""
    while True:
        try:
            part = os.read(fd, 1 << 20)
        except BlockingIOError:
            return octets
        if not part:
            return octets
        octets += part


def test_lines_wait_for_a_reader_that_is_slow(pipe, stream_to):
    reading, text = pipe
    stream = stream_to(text)
    written = fill(stream)
    stream.write("last\n")
    first = read_all(reading)
    stream.flush()
    assert first + read_all(reading) == (LINE * written + "last\n").encode()


def test_what_does_not_fit_the_backlog_is_lost_and_counted(pipe, stream_to):
    reading, text = pipe
    stream = stream_to(text)
    fill(stream)
    for _ in range(BACKLOG_OCTETS // len(LINE) + 10):
        stream.write(LINE)
    octets = b""
    while part := read_all(reading):
        octets += part
        stream.flush()
    *lines, last = octets.decode().splitlines(keepends=True)
    assert set(lines) == {LINE}
    told = json.loads(last)
    assert told["event"] == LOST_EVENT
    assert told["lines"] > 0
    stream.write("again\n")
    assert read_all(reading) == b"again\n"


def test_the_descriptor_stays_blocking_for_others(pipe, stream_to):
    _, text = pipe
    fill(stream_to(text))
    assert not fcntl.fcntl(text.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_socket_as_journald_gives_it(stream_to):
    ours, journald = socket.socketpair()
    with journald, io.TextIOWrapper(os.fdopen(ours.detach(), "wb", 0)) as text:
        stream = stream_to(text)
        written = fill(stream)
        first = read_all(journald.fileno())
        stream.flush()
        assert first + read_all(journald.fileno()) == (LINE * written).encode()


def test_a_reader_that_is_gone_costs_nothing(stream_to):
    reading, writing = os.pipe()
    os.close(reading)
    with io.TextIOWrapper(os.fdopen(writing, "wb", 0)) as text:
        stream = stream_to(text)
        stream.write(LINE)
        assert not stream._backlog


def test_a_forked_process_does_not_write_the_lines_of_its_parent():
    """What waits is the parent's to write, once."""
    script = (
        "import os, sys\n"
        "from thurn.telemetry.stream import standard_error\n"
        "stream = standard_error()\n"
        "while not stream._backlog:\n"
        "    stream.write('x' * 999 + '\\n')\n"
        "if os.fork() == 0:\n"
        "    os._exit(len(stream._backlog))\n"
        "sys.exit(os.wait()[1] or len(stream._backlog) != 1)\n"
    )
    reading, writing = os.pipe()
    try:
        done = subprocess.run([sys.executable, "-c", script], stderr=writing, check=False)
        assert done.returncode == 0
    finally:
        os.close(reading)
        os.close(writing)
