"""Commands on one large mailbox: how long each takes, what it costs the server, is it right.

Every server has the same messages. A command's time runs from its first octet sent to the last
octet of the answer received; the answer is counted when the clock has stopped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boxes
import procfs
from imapwire import ImapClient
from servers import Farm, Server

MAILBOX = "Measured"
COPY = "Copied"
BODIES = 100
HEAVY_FROM_MESSAGES = 100_000

Record = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """A command that is measured.

    Attributes:
        counted: what must be in the answer as often as ``times`` says.
        times: how often; a name is one of the expected hits, None for once a message.
        needs: the capability without which it is left out.
        heavy: only in the first round of a huge mailbox.
        first: only in the first round, whatever the size: what comes later is not the same work.
        before: how often it is done just before, without being measured.
    """

    name: str
    command: str
    counted: bytes = rb""
    times: str | int | None = 1
    needs: str = ""
    heavy: bool = False
    first: bool = False
    before: int = 0


FETCHED = rb"\* \d+ FETCH \("
FROM = f"SEARCH FROM {boxes.SENDER}"
SUBJECT = f"SEARCH SUBJECT {boxes.SUBJECT_WORD}"
RARE = f"SEARCH BODY {boxes.RARE_WORD}"
BODY = "FETCH {bodies} (BODY.PEEK[])"
SELECT = Operation("SELECT", f"SELECT {MAILBOX}", rb"\* \d+ EXISTS")
FLAGS = Operation("FETCH FLAGS", "FETCH 1:* (FLAGS)", FETCHED, None)
ENVELOPES = Operation(
    "FETCH ENVELOPE BODYSTRUCTURE", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", FETCHED, None
)
COLD = (SELECT, FLAGS, ENVELOPES)
READING = (
    SELECT,
    FLAGS,
    ENVELOPES,
    Operation("FETCH 100 bodies, first", BODY, FETCHED, BODIES, first=True),
    Operation("FETCH 100 bodies", BODY, FETCHED, BODIES),
    Operation("SEARCH FROM, first", FROM, rb"\d+", "from", first=True),
    Operation("SEARCH FROM, second", FROM, rb"\d+", "from", first=True),
    Operation("SEARCH FROM", FROM, rb"\d+", "from"),
    Operation("SEARCH SUBJECT", SUBJECT, rb"\d+", "subject", before=1),
    Operation("SEARCH UNSEEN SINCE", f"SEARCH UNSEEN SINCE {boxes.SINCE}", rb"\d+", "unseen since"),
    Operation("SEARCH BODY, first", RARE, rb"\d+", "body", first=True),
    Operation("SEARCH BODY", RARE, rb"\d+", "body", heavy=True),
    Operation("SORT DATE", "SORT (DATE) UTF-8 ALL", rb"\d+", None, needs="SORT"),
    Operation("SORT SUBJECT", "SORT (SUBJECT) UTF-8 ALL", rb"\d+", None, needs="SORT"),
    Operation(
        "THREAD REFERENCES",
        "THREAD REFERENCES UTF-8 ALL",
        rb"\d+",
        None,
        needs="THREAD=REFERENCES",
    ),
    Operation("STORE +FLAGS.SILENT", r"STORE 1:* +FLAGS.SILENT (\Flagged)"),
    Operation("STORE -FLAGS.SILENT", r"STORE 1:* -FLAGS.SILENT (\Flagged)"),
)
CHANGES = Operation(
    "FETCH CHANGEDSINCE",
    "UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})",
    FETCHED,
    BODIES,
    needs="CONDSTORE",
)
COPIES = Operation("COPY", f"COPY 1:* {COPY}", heavy=True)
EXPUNGES = Operation("EXPUNGE", "EXPUNGE", rb"\* \d+ EXPUNGE", None, heavy=True)


class Bench:
    """One server's mailbox of one size."""

    def __init__(self, server: Server, account: int, count: int, size_octets: int) -> None:
        self.server, self.account, self.count = server, account, count
        self.size_octets = size_octets
        self.expected = boxes.expected_hits(count)

    def connect(self) -> ImapClient:
        """A new connection to the account."""
        return ImapClient(self.server.ports["imap"], self.account)

    def fill(self) -> dict[str, Any]:
        """Make the mailbox."""
        start, used = time.monotonic(), procfs.cpu_seconds(self.server.roots, ())
        client = self.connect()
        boxes.fill(client, MAILBOX, self.count, self.size_octets)
        taken = time.monotonic() - start
        client.close()
        procfs.wait_until_idle(self.server.roots)
        used = procfs.cpu_seconds(self.server.roots, ()) - used
        return self._row("fill", taken, used, 0)

    def measure(self, client: ImapClient, operation: Operation, **words: object) -> dict[str, Any]:
        """One row; the answer must be right."""
        pids = procfs.tree(self.server.roots)
        used = procfs.run_seconds(pids)
        reply = client.timed(operation.command.format(**words))
        used = procfs.run_seconds(pids) - used
        self._check(operation, reply.octets)
        return self._row(operation.name, reply.seconds, used, len(reply.octets))

    def _check(self, operation: Operation, octets: bytes) -> None:
        if not operation.counted:
            return
        match operation.times:
            case None:
                wanted = self.count
            case int(number):
                wanted = number
            case name:
                wanted = self.expected[name]
        if operation.counted == rb"\d+":
            lines = [line for line in octets.split(b"\r\n") if line.startswith(b"* ")]
            octets = b" ".join(line for line in lines if re.match(rb"\* (SEAR|SO|TH)", line))
        if (have := len(re.findall(operation.counted, octets))) != wanted:
            raise SystemExit(f"{self.server.name}: {operation.name}: {have} instead of {wanted}")

    def _row(self, name: str, seconds: float, used: float, octets: int) -> dict[str, Any]:
        return {
            "kind": "imap",
            "server": self.server.name,
            "operation": name,
            "messages": self.count,
            "size_octets": self.size_octets,
            "ms": round(seconds * 1e3, 2),
            "server_cpu_ms": round(used * 1e3, 2),
            "answer_octets": octets,
        }

    def cold(self, record: Record) -> None:
        """What comes first after a start."""
        client = self.connect()
        for operation in COLD:
            row = self.measure(client, operation)
            record({**row, "operation": f"{row['operation']}, cold"})
        client.close()

    def warm(self, record: Record, *, first: bool) -> None:
        """Everything, over connections of this round."""
        light_only = self.count >= HEAVY_FROM_MESSAGES and not first
        client = self.connect()
        step = max(self.count // BODIES, 1)
        bodies = ",".join(map(str, range(1, self.count + 1, step)[:BODIES]))
        for operation in READING:
            if operation.needs not in client.capabilities and operation.needs:
                continue
            if (operation.heavy and light_only) or (operation.first and not first):
                continue
            for _ in range(operation.before):
                client.ask(operation.command)
            record(self.measure(client, operation, bodies=bodies))
        client.close()
        self._changes(record)
        if not light_only:
            self._copies(record)

    def _changes(self, record: Record) -> None:
        client = self.connect()
        if CHANGES.needs in client.capabilities:
            command = f"SELECT {MAILBOX} (CONDSTORE)"
            modseq = client.number(command, rb"HIGHESTMODSEQ (\d+)")
            client.ask(rf"STORE 1:{BODIES} +FLAGS.SILENT (\Answered)")
            record(self.measure(client, CHANGES, modseq=modseq))
            client.ask(rf"STORE 1:{BODIES} -FLAGS.SILENT (\Answered)")
        client.close()

    def _copies(self, record: Record) -> None:
        client = self.connect()
        client.ask(f"CREATE {COPY}")
        client.ask(f"SELECT {MAILBOX}")
        record(self.measure(client, COPIES))
        client.ask(f"SELECT {COPY}")
        client.ask(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        record(self.measure(client, EXPUNGES))
        client.ask("CLOSE")
        client.ask(f"DELETE {COPY}")
        client.close()


def run(
    farm: Farm, servers: list[Server], sizes: list[int], size_octets: int, rounds: int, out: Record
) -> None:
    """Fill each size into an account of its own, start anew, look cold, then the rounds."""
    sets = [
        [Bench(server, account, count, size_octets) for server in servers]
        for account, count in enumerate(sizes, 1)
    ]
    for benches in sets:
        for bench in benches:
            out(bench.fill())
    for server in servers:
        farm.restart(server)
    for benches in sets:
        for bench in benches:
            bench.cold(out)
        for round_ in range(rounds):
            for bench in benches:
                bench.warm(lambda row: out({"round": round_, **row}), first=round_ == 0)  # noqa: B023 - called at once
