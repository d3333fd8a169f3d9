"""How long a start takes when the commit log holds much that was not settled.

    ./do exec python contrib/bench/recovery.py [--megabytes 100] [--size 5000] [--accounts 100]

A site files mail, settles nothing, and is killed (-9). Then `thurn run` is started, up to ready:

    empty      nothing to replay: what a start costs anyway
    killed     the indexes have their rows (kill -9); open segments only are replayed
    power cut  the first start of a boot: everything is replayed, the rows are there
    rows lost  the same, and the indexes are gone altogether: each row is made again

The requirement: not more than 2 s per 100 MB of log above the empty start. Each start is checked:
every message is in its mailbox, once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio
from corpus import message
from procfs import cpu_seconds
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import SiteConfig, load
from thurn.types.address import Address
from thurn.types.content import Blob
from thurn.types.envelope import Recipient
from thurn.types.identity import AccountId
from thurn.types.session import Session

DOMAIN = "example.org"
TASKS = 64


def tables(base: Path, accounts: int, port: int) -> dict[str, dict[str, object]]:
    lines = [f'domains = ["{DOMAIN}"]']
    for number in range(accounts):
        lines += [f"[accounts.u{number}]"]
    path = base / "accounts.toml"
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return {
        "site": {
            "hostname": "mail.example.org", "data": "data", "workers": 2, "allow_root": True,
            "accounts": ["main"], "store": "main", "state": "main",
        },
        "account": {"main": {"type": "file", "file": "accounts.toml"}},
        "store": {"main": {"type": "spool"}},
        "state": {"main": {"type": "sqlite"}},
        "listener": {
            "lmtp": {"type": "smtp", "profile": "lmtp", "bind": [f"127.0.0.1:{port}"]},
        },
    }  # fmt: skip


def configuration(base: Path, accounts: int, port: int) -> SiteConfig:
    return load(of_tables(tables(base, accounts, port), base))


async def fill(config: SiteConfig, megabytes: float, size: int, accounts: int) -> int:
    """File mail until the log has so much; gives the number of messages."""
    corpus = [message(number, size) for number in range(200)]
    sent = 0
    async with open_site(config) as site:
        flow = site.flow_of(config.instances["listener", "lmtp"])

        async def send() -> None:
            nonlocal sent
            while sent * size < megabytes * 1e6:
                number, sent = sent, sent + 1
                session = Session(site.ids.make(), "listener.lmtp", "lmtp", None)
                transaction = await flow.sender(session, None, {})
                whom = Recipient(Address.parse(f"u{number % accounts}@{DOMAIN}"))
                await flow.recipient(transaction, whom)
                blob = Blob(corpus[number % len(corpus)])
                outcome = await flow.message(transaction, blob, replies="each")
                assert outcome.statuses[0].is_success, outcome

        async with trio.open_nursery() as nursery:
            for _ in range(TASKS):
                nursery.start_soon(send)
        print(sent, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return sent


async def count(config: SiteConfig, accounts: int) -> int:
    """Messages in all mailboxes, each readable."""
    total = 0
    async with open_site(config) as site:
        stores = site.stores(site.directory)
        for number in range(accounts):
            handle = await stores.open(AccountId(f"u{number}"), None)
            inbox = await handle.mailbox("INBOX")
            uids = list((await inbox.view()).uids)
            assert len(set(uids)) == len(uids)
            assert (await inbox.body(uids[-1])).read()
            total += len(uids)
    return total


def start(base: Path) -> tuple[float, float]:
    """Seconds from the command to ready, and of CPU; the site is killed afterwards."""
    log = (base / "log").open("wb")
    began = time.monotonic()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "thurn", "run", "--config", base / "thurn.toml"],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            log.write(line)
            log.flush()
            if b'"generation.ready"' in line:
                return time.monotonic() - began, cpu_seconds([process.pid])
        raise SystemExit("it did not start:\n" + (base / "log").read_text())
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def toml(site: dict[str, dict[str, object]]) -> str:
    lines: list[str] = []
    for role, group in site.items():
        sections = {role: group} if role == "site" else {f"{role}.{n}": s for n, s in group.items()}
        for title, section in sections.items():
            lines += [f"[{title}]", *(f"{k} = {json.dumps(v)}" for k, v in section.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--size", type=int, default=5000, help="octets of a message")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        config = configuration(options.fill, options.accounts, options.port)
        trio.run(fill, config, options.megabytes, options.size, options.accounts)
    with socket.socket() as one, tempfile.TemporaryDirectory(prefix="thurn-recovery-") as name:
        one.bind(("127.0.0.1", 0))
        run(Path(name), options, one.getsockname()[1])


def run(base: Path, options: argparse.Namespace, port: int) -> None:
    config = configuration(base, options.accounts, port + 1)
    (base / "thurn.toml").write_text(toml(tables(base, options.accounts, port + 1)))
    empty, empty_cpu = min(start(base) for _ in range(2))
    print(f"{'empty':10} {empty:6.2f} s, {empty_cpu:.2f} s of CPU")
    shutil.rmtree(base / "data")
    words = [
        __file__,
        "--fill",
        base,
        "--port",
        port + 1,
        "--megabytes",
        options.megabytes,
        "--size",
        options.size,
        "--accounts",
        options.accounts,
    ]
    done = subprocess.run(
        [sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True, check=False
    )
    sent = int(done.stdout)
    octets = sent * options.size  # of bodies; what else is in the log is little
    print(f"{sent} messages, {octets / 1e6:.0f} MB of log not settled")
    sockets = shutil.ignore_patterns("*.sock")
    shutil.copytree(base / "data", base / "kept", ignore=sockets)
    for case in ("killed", "power cut", "rows lost"):
        shutil.rmtree(base / "data")
        shutil.copytree(base / "kept", base / "data")
        if case != "killed":
            (base / "data" / "log" / "recovered").unlink()
        if case == "rows lost":
            shutil.rmtree(base / "data" / "store")
        seconds, cpu = start(base)
        counted = trio.run(count, config, options.accounts)
        assert counted == sent, (counted, sent)
        above, cpu_above = (
            (x - y) / octets * 100e6 for x, y in ((seconds, empty), (cpu, empty_cpu))
        )
        print(
            f"{case:10} {seconds:6.2f} s, {cpu:.2f} s of CPU; above empty, per 100 MB: "
            f"{above:.2f} s, {cpu_above:.2f} s of CPU"
        )


if __name__ == "__main__":
    main()
