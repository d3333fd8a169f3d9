"""The fork server of a generation: imports, checks the configuration, forks workers on request.

Rules of this file: no thread and no trio loop ever runs in this process, so that each fork is
clean. It is started anew for each generation, so that new code and new plugins are loaded. It obeys
the supervisor only, and ends, together with its workers, when the supervisor has gone.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

from thurn.app.channel import Channel, Message
from thurn.app.rights import die_with, find_rights
from thurn.app.worker import Inheritance, WorkerControl, findings_of, work

QUIET: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that are ignored here, because the supervisor handles them."""

COLLECT_AFTER: Final = (20_000, 20, 100)
"""Thresholds of the garbage collector: few objects of a transaction are in cycles, and with
Python's own thresholds the collector would take 4 % of a delivery's time."""


class Template:
    """Forks, signals and reaps."""

    def __init__(self, channel: Channel, inheritance: Inheritance) -> None:
        self._channel = channel
        self._inheritance = inheritance
        self._children: set[int] = set()

    def serve(self) -> None:
        """Fork, signal and reap until the supervisor closes the channel."""
        woken, waking = socket.socketpair()
        for one in (woken, waking):
            one.setblocking(False)
        signal.signal(signal.SIGCHLD, _ignore)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        waiting: list[Channel | socket.socket] = [self._channel, woken]
        while True:
            readable, _, _ = select.select(waiting, [], [])
            if woken in readable:
                woken.recv(4096)
                self._reap()
            if self._channel in readable:
                messages = self._channel.receive()
                if messages is None:
                    return self._end()
                for message in messages:
                    self._obey(message)

    def _obey(self, message: Message) -> None:
        fds: list[int] = message["fds"]
        if "sockets" in message:
            for spec, count in message["sockets"].items():
                self._inheritance.sockets[spec] = [
                    socket.socket(fileno=fds.pop(0)) for _ in range(count)
                ]
            # The rest is the lock: it is free only when no process of the site is left.
        elif "fork" in message:
            pid = os.fork()
            if pid == 0:
                self._become_worker(message)
            self._children.add(pid)
            for fd in fds:
                os.close(fd)
            self._channel.send({"forked": message["fork"], "pid": pid})
        elif message["pid"] in self._children:  # not reaped, so the number is still its own
            os.kill(message["pid"], message["signal"])

    def _become_worker(self, message: Message) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._channel.close()
            end, trace = message["fds"]
            control = WorkerControl(message["fork"], Channel(socket.socket(fileno=end)), trace)
            code = work(self._inheritance, control, housekeeper=message["housekeeper"])
        except BaseException:  # noqa: BLE001 - nothing may return into the template's code
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):  # standard error may be a full disk
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self._children.discard(pid)
                self._channel.send({"exited": pid, "status": status})

    def _end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)


def _ignore(*_: object) -> None:
    """Not SIG_IGN, which programs started by plugins would inherit."""


def main(arguments: list[str]) -> int:
    """Run `template FD PARENT APP CONFIG…`; returns the exit code."""
    os.umask(0o077)
    os.dup2(2, 1)  # standard output is the supervisor's own
    for number in QUIET:
        signal.signal(number, _ignore)
    die_with(int(arguments[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # each connection takes one
    channel = Channel(socket.socket(fileno=int(arguments[0])))
    try:
        app = importlib.import_module(arguments[2])
        paths = tuple(Path(path) for path in arguments[3:])
        plan = app.check(paths, lambda name: channel.send({"importing": name}))
        rights = find_rights(plan)
    except Exception as error:  # noqa: BLE001 - such as of a plugin that cannot be imported
        findings, unexpected = findings_of(error)
        channel.send({"failed": findings, "misconfigured": not unexpected})
        if unexpected:
            traceback.print_exc()
        return 1
    gc.collect()
    gc.set_threshold(*COLLECT_AFTER)
    gc.freeze()  # so that memory stays shared by all workers: the collector does not write to it
    channel.send({"plan": plan.to_message()})
    Template(channel, Inheritance(app, plan, rights, {}, os.getpid())).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
