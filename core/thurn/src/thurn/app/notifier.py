"""Reports the supervisor's state to systemd, if that asks for it: `Type=notify`, see sd_notify(3).

Rules of this file: standard library only. Nothing waits and nothing fails because of a message. One
that the receiver has no room for is sent again at the next turn; only the watchdog's are lost.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import MutableMapping
from typing import Final

STATUS_CHARACTERS: Final = 200
"""Most characters of the text in `systemctl status`: enough for one finding; the log has all."""


UNSENT: Final = 16
"""Most messages that wait for room; the oldest are forgotten, since the newest say what counts."""


class Notifier:
    """Sends messages to systemd; if it did not start this process, every message is dropped.

    Args:
        environment: NOTIFY_SOCKET and the WATCHDOG variables are removed from it, because they are
            for this process and not for its children.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        timeout = environment.pop("WATCHDOG_USEC", "")
        is_ours = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = is_ours and timeout.isdecimal() and int(timeout) > 0
        self._pause_seconds = int(timeout) / 2e6 if watched else float("inf")
        self._beat_at = 0.0
        self._unsent: deque[str] = deque(maxlen=UNSENT)

    def ready(self, status: str) -> None:
        """Report that a start or a reload has ended, and a generation serves."""
        self._send("READY=1", status)

    def reloading(self, status: str) -> None:
        """Report that a generation starts beside the one that serves."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", status)

    def stopping(self, seconds: float) -> None:
        """Report that the site stops, and how long that may take."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * 1e6)}", "stopping")

    def say(self, status: str) -> None:
        """Report another text; nothing else has changed."""
        self._send("", status)

    def beat(self, now: float) -> None:
        """Report that the supervisor is alive, twice in the time after which systemd would end
        it."""
        if now >= self._beat_at + self._pause_seconds:
            self._beat_at = now
            self._send("WATCHDOG=1", "")

    def _send(self, facts: str, status: str) -> None:
        line = " ".join(status.split())[:STATUS_CHARACTERS]
        message = "\n".join(part for part in (facts, line and f"STATUS={line}") if part)
        self._unsent.append(message)
        self._send_unsent()

    def _send_unsent(self) -> None:
        while self._unsent and self._was_sent(self._unsent[0]):
            self._unsent.popleft()

    def _was_sent(self, message: str) -> bool:
        """Whether nothing is to be done for a message any more: it was sent, or nobody is there."""
        if not self._address:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
                sending.setblocking(False)
                sending.sendto(message.encode("utf-8", "replace"), self._address)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True
