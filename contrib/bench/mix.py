"""imaptest's command mix: Dovecot's own load generator, which also watches what is answered.

imaptest is not in Debian: build it from its source against dovecot-dev and name it by
``--imaptest``. The default mix logs in and out all the time; ``logout=0`` stays logged in.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus
import procfs
from servers import PASSWORD, Server

CLIENTS = 50
FIRST_ACCOUNT, LAST_ACCOUNT = 11, 89  # the others have the large mailboxes
MESSAGES = 100
SEED_MESSAGES = 200
WARM_UP_SECONDS = 5
MIXES = {"default": [], "logout=0": ["logout=0"]}
DOVECOT_LIBRARIES = "/usr/lib/dovecot"


def write_mbox(path: Path) -> None:
    """What imaptest appends."""
    with path.open("wb") as mbox:
        for number in range(SEED_MESSAGES):
            text = corpus.message(number).replace(b"\r\n", b"\n")
            mbox.write(b"From bench@bench.test Mon Jan  1 00:00:00 2024\n" + text + b"\n")


def _totals(text: str) -> dict[str, int]:
    """Commands done, by imaptest's short names: the line after the names under ``Totals:``."""
    names: list[str] = []
    for line in text.rpartition("Totals:")[2].splitlines():
        if re.match(r"\s*(Bann|Logi|Auth) ", line):
            names = line.split()
        elif names and re.fullmatch(r"[\d\s]+", line) and len(line.split()) == len(names):
            return dict(zip(names, map(int, line.split()), strict=True))
    raise SystemExit(f"imaptest has no totals: {text[-800:]}")


def _mixed(program: Path, mbox: Path, server: Server, mix: str, seconds: int) -> dict[str, Any]:
    command = [str(program), "host=127.0.0.1", f"port={server.ports['imap']}", "user=u%d"]
    command += [f"pass={PASSWORD}", f"users={FIRST_ACCOUNT}-{LAST_ACCOUNT}", f"mbox={mbox}"]
    command += [f"clients={CLIENTS}", f"secs={seconds},5", f"msgs={MESSAGES}", "seed=1"]
    command += ["no_tracking", *MIXES[mix]]
    environment = {**os.environ, "LD_LIBRARY_PATH": DOVECOT_LIBRARIES}
    used, own = procfs.cpu_seconds(server.roots, ()), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds + 60, env=environment
    )
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = now.ru_utime + now.ru_stime - own.ru_utime - own.ru_stime
    procfs.wait_until_idle(server.roots)
    used = procfs.cpu_seconds(server.roots, ()) - used
    said = done.stdout + done.stderr
    wrong = [line for line in said.splitlines() if "rror:" in line or "Error" in line]
    kinds = Counter(re.sub(r"u\d+\[\d+\]: |[\d.]+ (?=NO|BAD)", "", line) for line in wrong)
    totals = _totals(done.stdout)
    commands = sum(totals.values())
    return {
        "kind": "mix",
        "server": server.name,
        "mix": mix,
        "clients": CLIENTS,
        "commands": totals,
        "per_s": round(commands / seconds, 1),
        "server_cpu_us": round(used / max(commands, 1) * 1e6, 1),
        "client_cpu_us": round(client / max(commands, 1) * 1e6, 1),
        "errors": len(wrong),
        "kinds_of_errors": dict(kinds.most_common(8)),
    }


def run(
    program: Path,
    mbox: Path,
    servers: list[Server],
    seconds: int,
    rounds: int,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """The rounds, alternately."""
    write_mbox(mbox)
    for server in servers:  # passwords are hashed and accounts made at the first login
        _mixed(program, mbox, server, "default", WARM_UP_SECONDS)
    for round_ in range(rounds):
        for mix in MIXES:
            for server in servers:
                record({"round": round_, **_mixed(program, mbox, server, mix, seconds)})
