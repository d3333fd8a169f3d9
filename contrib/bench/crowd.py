"""Many large messages at the same time, and many halves of small ones: what they take of a worker.

    ./do exec python contrib/bench/crowd.py --pid PID --port PORT --recipient alice@demo.example

Each of the connections sends all but the end of its message; then all end at once. Printed are the
answers by code, the time until the last one, and the largest sum of the resident memory of the
processes below PID meanwhile (Linux).
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

LINE = b"0123456789abcdef" * 4 + b"\r\n"
POLL_SECONDS = 0.05


def resident_octets(pid: int) -> int:
    """The resident memory of a process and all below it."""
    children: dict[int, list[int]] = {}
    sizes: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(words[1]), []).append(int(path.name))
        sizes[int(path.name)] = int(words[21]) * 4096
    total, left = 0, [pid]
    while left:
        one = left.pop()
        total += sizes.get(one, 0)
        left += children.get(one, [])
    return total


class Crowd:
    """The connections, and their answers."""

    def __init__(self, port: int, recipient: str) -> None:
        self._address = ("127.0.0.1", port)
        self._recipient = recipient.encode()
        self.answers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def run(self, connections: int, size_octets: int) -> tuple[threading.Thread, ...]:
        """Begin; returns the threads."""
        barrier = threading.Barrier(connections)
        threads = tuple(
            threading.Thread(target=self._send, args=(size_octets, barrier))
            for _ in range(connections)
        )
        for thread in threads:
            thread.start()
        return threads

    def _send(self, size_octets: int, barrier: threading.Barrier) -> None:
        answer = "lost"
        try:
            with socket.create_connection(self._address, 600) as peer:
                file = peer.makefile("rb")
                file.readline()
                mail = b"MAIL FROM:<x@example.net>", b"RCPT TO:<" + self._recipient + b">", b"DATA"
                for command in (b"HELO client.example", *mail):
                    peer.sendall(command + b"\r\n")
                    answer = file.readline().decode()
                if answer.startswith("354"):
                    block = LINE * 1000
                    peer.sendall(b"Subject: x\r\n\r\n")
                    for _ in range(size_octets // len(block)):
                        peer.sendall(block)
                    barrier.wait()
                    peer.sendall(b".\r\n")
                    answer = file.readline().decode()
                else:
                    barrier.abort()
        except (OSError, threading.BrokenBarrierError) as error:
            answer = type(error).__name__
        with self._lock:
            self.answers[answer[:9].strip()] += 1


def main() -> None:
    """Run both crowds, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--recipient", required=True)
    parser.add_argument("--large", type=int, default=40, help="connections with 45 MB each")
    parser.add_argument("--small", type=int, default=150, help="connections with 0.9 MB each")
    options = parser.parse_args()
    for connections, size_octets in ((options.small, 900_000), (options.large, 45_000_000)):
        before_octets = most_octets = resident_octets(options.pid)
        begun = time.monotonic()
        crowd = Crowd(options.port, options.recipient)
        threads = crowd.run(connections, size_octets)
        while any(thread.is_alive() for thread in threads):
            most_octets = max(most_octets, resident_octets(options.pid))
            time.sleep(POLL_SECONDS)
        sys.stdout.write(
            f"{connections} of {size_octets} octets: {dict(crowd.answers)}, "
            f"{time.monotonic() - begun:.1f} s, resident {before_octets >> 20} MiB before, "
            f"{most_octets >> 20} MiB at most\n"
        )


if __name__ == "__main__":
    main()
