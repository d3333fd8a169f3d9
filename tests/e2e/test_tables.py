"""Tables as people and programs get them: on a terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

COLUMNS = 80
LONG = "a-very-long-name-that-has-no-place-to-break-" * 3
SCRIPT = f"""
import click
from thurn.cli.table import print_table
print_table(
    ("name", "address", "what"),
    [("alice", "alice@example.org", "a b " * 30), ("{LONG}", "x\\x1b[2J\\ty", None)],
)
"""


def on_terminal(script):
    """What a program writes to a terminal of 80 columns, without its colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}}
    done = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, "TERM": "xterm", "NO_COLOR": "1"},
        start_new_session=True,
    )
    os.close(slave)
    written = b""
    try:
        while octets := os.read(master, 65_536):
            written += octets
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(master)
    assert done.wait() == 0, written
    return written.decode()


@pytest.fixture(scope="module")
def screen():
    text = on_terminal(SCRIPT)
    for style in ("\x1b[1m", "\x1b[0m"):  # the bold names of columns
        text = text.replace(style, "")
    return text


def test_a_table_fits_the_terminal_and_loses_nothing(screen):
    lines = screen.replace("\r\n", "\n").split("\n")
    assert max(map(len, lines)) <= COLUMNS
    assert lines[0].split() == ["name", "address", "what"]
    first_column = "".join(line[: lines[0].index("address")].strip() for line in lines[1:])
    assert first_column == f"alice{LONG}"
    assert screen.split().count("a") == screen.split().count("b") == 30


def test_what_peers_said_moves_no_cursor(screen):
    assert "\x1b" not in screen
    assert "x?[2J?y" in screen.replace("\r\n", "")


def test_a_pipe_gets_tab_separated_values():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    header, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert header == ["name", "address", "what"]
    assert rows == [["alice", "alice@example.org", "a b " * 30], [LONG, "x?[2J?y", ""]]
