"""The other end of the control socket: asks a running site (see `thurn.app.control`).

Rules of this file: standard library only; each failure says what may be its cause.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import Any, Final

from thurn.types.errors import ThurnError

ANSWER_SECONDS: Final = 15.0
"""Most seconds for the answer to `status` or `stop`."""
RELOAD_SECONDS: Final = 360.0
"""Most seconds for the answer to a reload; the site itself gives up a little earlier."""

SOCKET_SECONDS: Final = 5.0
"""Most seconds to wait for the socket of a site that runs."""


class NotRunning(ThurnError):
    """No site runs on this data directory, or its control socket cannot be used."""


def ask(data: Path, command: str) -> dict[str, Any]:
    """The answer of the site that runs on a data directory.

    Raises:
        NotRunning: no site answers; the text is for an operator.
    """
    seconds = RELOAD_SECONDS if command == "reload" else ANSWER_SECONDS
    _wait_for_socket(data)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
        connected.settimeout(seconds)
        try:
            _connect(connected, data / "run")
            connected.sendall(json.dumps({"command": command}).encode() + b"\n")
            answer = _read(connected)
        except PermissionError as error:
            text = f"{data}: only root and the account that the site runs as may ask it"
            raise NotRunning(text) from error
        except OSError as error:
            raise NotRunning(_why(data, error)) from error
    if not isinstance(answer, dict):
        raise NotRunning(f"{data}: the site closed the connection without an answer")
    return answer


def wait_stopped(data: Path, seconds: float) -> bool:
    """Wait until no process of the site is left; False if it takes longer."""
    until = time.monotonic() + seconds
    while is_running(data):
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True


def is_running(data: Path) -> bool:
    """Whether a site holds the lock of this data directory."""
    try:
        fd = os.open(data / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _wait_for_socket(data: Path) -> None:
    """Wait until the socket exists: for a moment it does not, while the site starts or one
    housekeeper follows another."""
    until = time.monotonic() + SOCKET_SECONDS
    try:
        while not (data / "run" / "control").exists() and time.monotonic() < until:
            if not is_running(data):
                return
            time.sleep(0.05)
    except OSError:  # what cannot be looked at is reported by the attempt to connect
        return


def _connect(connected: socket.socket, directory: Path) -> None:
    """Connect by a descriptor of the directory: the path may be too long for a socket's address."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connected.connect(f"/proc/self/fd/{fd}/control")
    finally:
        os.close(fd)


def _read(connected: socket.socket) -> Any:  # noqa: ANN401 - any JSON
    pieces: list[bytes] = []
    while not pieces or not pieces[-1].endswith(b"\n"):
        received = connected.recv(65_536)
        if not received:
            break
        pieces.append(received)
    try:
        return json.loads(b"".join(pieces))
    except ValueError:
        return None


def _why(data: Path, error: OSError) -> str:
    try:
        running = is_running(data)
    except OSError:
        running = False
    if not running:
        return f"{data}: no site runs here"
    if isinstance(error, TimeoutError):
        return f"{data}: a site runs here, but its housekeeper does not answer"
    return f"{data}: a site runs here, but its control socket cannot be used: {error.strerror}"
