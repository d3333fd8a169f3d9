"""An application for the processes' tests: an echo service with a configuration in JSON.

`spoken` is a module that a test writes, and writes anew before a reload.
"""

from __future__ import annotations

import json
import os
import time
from functools import partial
from pathlib import Path

import spoken
import trio
from thurn.app.plan import ProcessPlan
from thurn.contracts.listener import ListenerSettings
from thurn.net.listen import serve
from thurn.types.errors import ConfigError
from thurn.types.session import Session

SETTINGS: dict = {}


def check(config_paths, on_import):
    SETTINGS.update(json.loads(config_paths[0].read_text()))
    if SETTINGS["broken"] == "import":
        on_import("filter.words (thurn-filter-words)")
        os._exit(3)
    if SETTINGS["broken"] == "check":
        raise ConfigError(["site.toml:3: no such thing", "site.toml:9: nor this"])
    return ProcessPlan(
        hostname="mail.example",
        data=Path(SETTINGS["data"]),
        workers=SETTINGS["workers"],
        binds=tuple(SETTINGS["binds"]),
        allow_root=SETTINGS["allow_root"],
        uid_name=SETTINGS["uid_name"],
        drain_seconds=SETTINGS["drain_seconds"],
        stop_seconds=SETTINGS["stop_seconds"],
        worker_timeout_seconds=SETTINGS["worker_timeout_seconds"],
    )


def open_privileged(plan):
    return os.geteuid()


class Echo:
    def __init__(self, control):
        self.control = control

    async def serve(self, connection, session):
        await connection.send(f"{spoken.WORD}\n".encode())
        while line := await connection.receive():
            if connection.closing:
                await connection.send(b"closing\n")
                return
            if line == b"block\n":
                block_here()
            if line.startswith(b"tell "):
                self.control._channel._end.send(bytes.fromhex(line[5:].decode()))
            if line == b"who\n":
                facts = {
                    "pid": os.getpid(),
                    "uids": os.getresuid(),
                    "privileged": self.control.privileged,
                    "umask": os.umask(0o077),
                }
                line = json.dumps(facts).encode() + b"\n"
            await connection.send(line)

    def farewell(self, reason):
        return f"farewell {reason}\n".encode()


def block_here():
    time.sleep(100)


async def run_worker(plan, sockets, control, *, housekeeper):
    if SETTINGS["broken"] == "open":
        group = [ConfigError(["site.toml:5: cannot be opened"]), ConfigError(["site.toml:6: too"])]
        raise ExceptionGroup("a nursery of the application", group)
    if SETTINGS["broken"] == "crash":
        os.abort()
    if SETTINGS["broken"] in ("crash within", "block within"):
        control.opening("store.main")
        os.abort() if SETTINGS["broken"] == "crash within" else block_here()
    if housekeeper:
        note(f"begin {os.getpid()} {os.nice(0)}\n")
        control.ready()
        await control.draining.wait()
        note(f"end {os.getpid()}\n")
        return
    settings = ListenerSettings(bind=plan.binds)
    every = [one for several in sockets.values() for one in several]
    run = partial(serve, every, settings, Echo(control), make_session, draining=control.draining)
    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        control.ready()


def note(line):
    with Path(SETTINGS["journal"]).open("a") as lines:
        lines.write(line)


def make_session(connection):
    return Session("s", "echo", "echo", connection.peer)
