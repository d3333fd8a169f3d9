"""A process that commits as fast as it can and prints each acknowledgement; for the kill test.

Arguments: the log's directory, a seed. Each account is an append-only file of numbers, written at
commit without a sync, so that it survives a kill as an index of the real store does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio
from thurn.log import LogSettings, open_log, recover
from thurn.telemetry.clock import SystemClock
from thurn.types.content import Blob


class Index:
    """A file whose length in lines is the highest number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()
        self.pending: list[bytes] = []

    def count(self) -> int:
        return self.path.read_bytes().count(b"\n")

    def begin(self) -> bool:
        self.next = self.count()
        self.pending = []
        return True

    def commit(self) -> None:
        with self.path.open("ab") as file:
            file.write(b"".join(self.pending))

    def rollback(self) -> None:
        self.pending = []


class Add:
    def __init__(self, index: Index, value: str) -> None:
        self.resource = index
        self.value = value
        self.number = 0

    def apply(self, frame) -> None:
        self.resource.next += 1
        self.number = self.resource.next
        frame.blob(Blob(self.value.encode() * 500))
        self.resource.pending.append(f"{self.value}\n".encode())
        frame.record("store", f"{self.resource.path.name} {self.number} {self.value}".encode())

    def applied(self) -> None:
        pass


class Owner:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.replayed = 0

    def replay(self, records):
        for record in records:
            name, number, value = record.payload.decode().split()
            index = Index(self.directory / name)
            if int(number) > index.count():
                assert int(number) == index.count() + 1
                with index.path.open("ab") as file:
                    file.write(f"{value}\n".encode())
            self.replayed += 1
        return ()

    def settle(self, records):
        return ()


async def client(log, indexes, name) -> None:
    for n in range(10**9):
        group = [Add(indexes[n % 3], f"{name}-{n}"), Add(indexes[3], f"{name}-{n}")]
        await log.commit(group)
        said = "".join(f"{c.resource.path.name} {c.number} {c.value}\n" for c in group)
        os.write(1, said.encode())


async def main(directory: Path, seed: str) -> None:
    owner = Owner(directory)
    recover(directory / "log", {"store": owner}, clock=SystemClock())
    settings = LogSettings(segment_octets=1 << 18)
    async with open_log(directory / "log", clock=SystemClock(), settings=settings) as log:
        log.register("store", owner)
        indexes = [Index(directory / f"a{n}") for n in range(4)]
        async with trio.open_nursery() as nursery:
            for n in range(10):
                nursery.start_soon(client, log, indexes, f"{seed}-{n}")


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2])
