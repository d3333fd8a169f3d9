"""Where a worker's microseconds go: stacks of py-spy and the kernel's part of perf, as a table.

    python contrib/bench/stages.py STACKS PERF MICROSECONDS

STACKS is `py-spy record --gil --format raw` of a worker under load, PERF `perf report --sort symbol
--children -g none` of a `perf record -g` in the same run, MICROSECONDS what a message costs the
worker by its CPU clock. py-spy tells Python's stages apart but counts waiting in system calls as
work; perf knows what system calls and SQLite cost, and nothing of Python. So each gives its part.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

STAGES = (
    ("index: rows and COMMIT", ("index.py", "perform.py", "query.py")),
    ("commit log", ("thurn/log/",)),
    ("notices to other processes", ("notices.py",)),
    ("scan: fields, ENVELOPE, BODYSTRUCTURE", ("thurn_message/scanner", "summarise (")),
    ("Sieve", ("thurn_delivery_sieve/", "thurn_sieve/")),
    ("chains", ("thurn/chain/",)),
    ("journal", ("telemetry/journal.py",)),
    ("transaction: MAIL, RCPT", ("command/mail.py", "command/rcpt.py")),
    ("delivery and deposits", ("thurn/delivery/", "thurn_store_spool/")),
    ("mail flow", ("thurn/mailflow/",)),
    ("reply", ("_answer (thurn_listener_smtp", "Conversation.flush (")),
    ("receive and parse", ("thurn_wire/", "thurn_listener_smtp/", "thurn/net/")),
)
"""The first whose mark is in the stack; the order is from the inside to the outside."""
REST = "trio's scheduler"
CALLS = {
    "sendto": "reply", "recvfrom": "receive and parse", "pwrite64": "index: rows and COMMIT",
    "fcntl": "index: rows and COMMIT", "pread64": "index: rows and COMMIT",
    "pwritev2": "commit log: write", "fdatasync": "commit log: sync", "write": "journal",
    "futex": "commit log: thread and back", "epoll_wait": REST, "epoll_ctl": REST,
    "statfs": "transaction: MAIL, RCPT", "newfstatat": "transaction: MAIL, RCPT",
}  # fmt: skip
_PERF = re.compile(r"^\s*([0-9.]+)%\s+[0-9.]+%\s+\[.\] (?:__x64_sys_)?(\S+)", re.MULTILINE)


def python_stages(stacks: str) -> Counter[str]:
    """Samples by stage, of the thread that runs the loop."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        if "unrolled_run" in stack:
            names = (name for name, marks in STAGES if any(mark in stack for mark in marks))
            found[next(names, REST)] += int(count)
    return found


def system_calls(report: str) -> dict[str, float]:
    """The share of each system call in all of the worker's CPU."""
    shares = {name: float(percent) / 100 for percent, name in _PERF.findall(report)}
    return {name: share for name, share in shares.items() if name in CALLS}


def main() -> None:
    stacks, report = (Path(name).read_text() for name in sys.argv[1:3])
    total = float(sys.argv[3])
    calls = system_calls(report)
    stages: Counter[str] = Counter()
    for name, share in calls.items():
        stages[CALLS[name]] += share * total
    python = python_stages(stacks)
    left = total - sum(stages.values())
    for name, count in python.items():
        stages[name] += left * count / python.total()
    print("| stage | µs | share |\n| --- | --- | --- |")
    for name, value in stages.most_common():
        print(f"| {name} | {value:.0f} | {value / total:.0%} |")


if __name__ == "__main__":
    main()
