"""thurn beside Postfix and Dovecot, alternately in one run, on loopback.

    ./do bench [--out FILE] [--messages N] [--rounds N] [--servers thurn,maildir,sdbox] ...

README.md says what is measured and how to read it. Standard library only; blast.c is built by cc.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import append
import commands
import corpus
import load
import logins
import mix
import small
import table
from idle import idle
from servers import HERE, Farm, Server

IDLE_STEPS = (500, 1000)
PEER_IDLE_STEPS = (100, 200)  # a process each; Postfix is given 250
IDLE_PORTS = ("pop3", "pop3s", "smtp", "submissions", "imap", "imaps")
LOGIN_PORTS = ("imap", "imaps", "pop3", "pop3s")
MIX_SECONDS = 10
PEER_PROGRAMS = ("dovecot", "postfix")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    add = parser.add_argument
    add("--out", type=Path, help="append JSON lines to this file")
    add("--messages", type=int, default=1000, help="messages or logins a run against a peer")
    add("--times", type=int, default=4, help="thurn gets so many times the messages")
    add("--rounds", type=int, default=3)
    add("--profiles", default="smtp,lmtp")
    add("--sessions", default="20,200")
    add("--workers", default="1,2", help="thurn is started once with each")
    add("--servers", default="thurn,maildir,sdbox")
    add("--parts", default="deliver,idle,login,imap,append,small", help="also: mix")
    add("--ports", default="", help="of the parts idle and login; by default all they know")
    add("--sizes", default="1000,10000", help="messages in the mailboxes of the part imap")
    add("--octets", type=int, default=5000, help="about the size of a message in imap and append")
    add("--imaptest", type=Path, help="the program of the part mix")
    add("--sieve", action="store_true", help="bench.sieve everywhere (three tests)")
    add("--port-base", type=int, default=21000)
    add("--keep", action="store_true", help="keep the work directory")
    add("--thurn", default=str(Path(sys.executable).parent / "thurn"), help="the program")
    return parser.parse_args()


def start(farm: Farm, options: argparse.Namespace) -> list[Server]:
    """Each server once; thurn and peers alternate in the list, which is the order of a round."""
    wanted = options.servers.split(",")
    peers = [name for name in wanted if name != "thurn"]
    if missing := [p for p in PEER_PROGRAMS if peers and not shutil.which(p)]:
        raise SystemExit(f"not installed: {', '.join(missing)} (see README.md)")
    if peers and os.geteuid():
        raise SystemExit("the peers need root; without it: --servers thurn")
    ours = [
        farm.thurn([options.thurn, "demo"], int(n))
        for n in options.workers.split(",")
        if "thurn" in wanted
    ]
    theirs = [farm.peer(name) for name in peers]
    order: list[Server] = []
    while ours or theirs:
        order += ours[:1] + theirs[:1]
        ours, theirs = ours[1:], theirs[1:]
    return order


def deliveries(
    servers: list[Server],
    options: argparse.Namespace,
    program: Path,
    letters: Path,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """A warm-up each, then the rounds."""
    checks = [load.Check(server) for server in servers]
    scenarios = [
        (profile, int(sessions))
        for profile in options.profiles.split(",")
        for sessions in options.sessions.split(",")
    ]
    for check in checks:
        load.deliver(program, letters, check, "lmtp", 20, 400)
        if options.sieve:
            load.prove_sieve(check)
    for round_ in range(options.rounds):
        for profile, sessions in scenarios:
            for check in checks:
                count = options.messages * (options.times if check.server.is_thurn else 1)
                row = load.deliver(program, letters, check, profile, sessions, count)
                record({"round": round_, **row})


def idles(
    farm: Farm,
    servers: list[Server],
    options: argparse.Namespace,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """Memory of waiting connections: one peer, and a fresh thurn for each port, because Python
    keeps what closed connections have freed."""
    for port in chosen_ports(options, IDLE_PORTS):
        if "thurn" in options.servers.split(","):
            record(idle(farm.thurn([options.thurn, "demo"], 1), port, IDLE_STEPS))
        for peer in [server for server in servers if not server.is_thurn][:1]:
            if port in peer.ports:
                record(idle(peer, port, PEER_IDLE_STEPS))


def chosen_ports(options: argparse.Namespace, known: tuple[str, ...]) -> list[str]:
    """The ports asked for, of those which a part knows."""
    wanted = options.ports.split(",") if options.ports else known
    return [port for port in known if port in wanted]


def run_imap_parts(
    farm: Farm,
    servers: list[Server],
    options: argparse.Namespace,
    work: Path,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """The parts that need IMAP only."""
    parts = options.parts.split(",")
    if "login" in parts:
        program, ports = work / "logins", chosen_ports(options, LOGIN_PORTS)
        logins.build(program)

        def counts(server: Server) -> int:
            return int(options.messages * (options.times if server.is_thurn else 1))

        logins.run(program, servers, ports, counts, options.rounds, record)
    if "imap" in parts:
        sizes = list(map(int, options.sizes.split(",")))
        commands.run(farm, servers, sizes, options.octets, options.rounds, record)
    if "append" in parts:
        append.run(servers, options.messages * 2, options.octets, options.rounds, record)
    if "small" in parts:
        small.run(servers, options.messages, options.octets, options.rounds, record)
    if "mix" in parts:
        if not options.imaptest:
            raise SystemExit("the part mix needs --imaptest PROGRAM (see README.md)")
        mbox = work / "mbox"
        mix.run(options.imaptest, mbox, servers, MIX_SECONDS, options.rounds, record)


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end what was started
    work = Path(tempfile.mkdtemp(prefix="thurn-bench-"))
    work.chmod(0o755)
    rows: list[dict[str, Any]] = []

    def record(row: dict[str, Any]) -> None:
        rows.append(row)
        say(table.brief(row))
        if options.out:
            with options.out.open("a") as out:
                out.write(json.dumps({"at": time.strftime("%FT%T%z"), **row}) + "\n")

    try:
        program, letters = work / "blast", work / "corpus"
        build = ["cc", "-O2", "-pthread", str(HERE / "blast.c"), "-o", str(program)]
        subprocess.run(build, check=True)
        corpus.write(letters)
        parts = options.parts.split(",")
        postfix = "deliver" in parts or "idle" in parts
        with Farm(work, options.port_base, sieve=options.sieve, postfix=postfix) as farm:
            servers = start(farm, options)
            if "deliver" in parts:
                deliveries(servers, options, program, letters, record)
            if "idle" in parts:
                idles(farm, servers, options, record)
            run_imap_parts(farm, servers, options, work, record)
    finally:
        if options.keep:
            say(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    print(table.render(rows))


if __name__ == "__main__":
    main()
