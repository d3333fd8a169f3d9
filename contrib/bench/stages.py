"""Where a worker's microseconds go: stacks of py-spy and the kernel's part of perf, as a table.

    python contrib/bench/stages.py STACKS PERF MICROSECONDS

STACKS is `py-spy record --gil --full-filenames --format raw` of a worker under load, PERF is
`perf report --children -g none --sort dso,symbol` of a `perf record -g` in the same run,
MICROSECONDS what a message costs the worker by its CPU clock. py-spy tells Python's stages apart,
but counts waiting in system calls as work; perf knows what system calls and SQLite cost, and
nothing of Python. So each gives its part.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

STAGES = (
    ("notices to other processes", ("/notices.py",)),
    ("scan, ENVELOPE, BODYSTRUCTURE", ("thurn_message/scanner", "summarise (")),
    ("index: apply", ("MessageDeposit.apply", "AccountIndex.begin")),
    ("index: COMMIT", ("AccountIndex.commit",)),
    ("commit log: thread and back", ("Syncer.sync",)),
    ("commit log: rounds, frame, write", ("thurn/log/",)),
    ("Sieve", ("thurn_delivery_sieve/", "thurn_sieve/")),
    ("chains", ("thurn/chain/",)),
    ("journal", ("telemetry/journal.py",)),
    ("transaction: MAIL, RCPT", ("command/mail.py", "command/rcpt.py")),
    ("reply", ("_answer (", "Conversation.flush (")),
    ("mail flow and delivery", ("thurn/mailflow/", "thurn/delivery/", "thurn_store_spool/")),
    ("receive and parse", ("thurn_wire/", "thurn_listener_smtp/", "thurn/net/")),
)
"""The first whose mark is in the stack; the order is from the inside to the outside."""
REST = "trio's scheduler"
COMMIT = "index: COMMIT"
CALLS = {
    "sendto": "reply",
    "recvfrom": "receive and parse",
    "pwrite64": COMMIT,
    "fcntl": COMMIT,
    "pread64": COMMIT,
    "pwritev2": "commit log: rounds, frame, write",
    "fdatasync": "commit log: sync",
    "write": "journal",
    "futex": "commit log: thread and back",
    "epoll_wait": REST,
    "epoll_ctl": REST,
    "statfs": "transaction: MAIL, RCPT",
}
SQLITE = "index: SQLite's own code"
_PERF = re.compile(
    r"^\s*([0-9.]+)%\s+([0-9.]+)%\s+(\S+)\s+\[.\] (?:__x64_sys_)?(\S+)", re.MULTILINE
)


def python_stages(stacks: str) -> Counter[str]:
    """Samples by stage, of the thread that runs the loop."""
    samples: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        if "unrolled_run" in stack:
            names = (name for name, marks in STAGES if any(mark in stack for mark in marks))
            samples[next(names, REST)] += int(count)
    return samples


def outside_python(report: str) -> dict[str, float]:
    """The share by stage, in all of the worker's CPU, of system calls and of SQLite (apsw)."""
    shares: defaultdict[str, float] = defaultdict(float)
    for whole, own, place, name in _PERF.findall(report):
        if place.startswith("[kernel") and name in CALLS:
            shares[CALLS[name]] += float(whole) / 100
        elif place.startswith("__init__.cpython"):
            shares[SQLITE] += float(own) / 100
    return shares


def main() -> None:
    stacks, report = (Path(name).read_text() for name in sys.argv[1:3])
    total = float(sys.argv[3])
    stages = defaultdict(float)
    for name, share in outside_python(report).items():
        stages[name] = share * total
    python = python_stages(stacks)
    left = total - sum(stages.values())
    for name, count in python.items():
        stages[name] += left * count / python.total()
    print("| stage | µs | share |\n| --- | --- | --- |")
    for name, value in sorted(stages.items(), key=lambda stage: -stage[1]):
        print(f"| {name} | {value:.0f} | {value / total:.0%} |")


if __name__ == "__main__":
    main()
