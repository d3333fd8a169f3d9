"""One worker: it drops its rights, runs one trio loop, sends heartbeats and obeys the supervisor.

Rules of this file: before rights are dropped, nothing of the application runs except
`open_privileged`. The worker ends at once when the supervisor has gone.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import trio

from thurn.app.channel import Channel, Message
from thurn.app.plan import ProcessPlan
from thurn.app.rights import Rights, die_with, drop_rights
from thurn.telemetry.stream import standard_error
from thurn.types.errors import ConfigError

BEAT_SECONDS: Final = 1.0
"""Seconds between two heartbeats."""
NICENESS: Final = 10
"""Niceness of the housekeeper, because mail that waits for an answer goes first."""
STACK_SIGNAL: Final = signal.SIGUSR2


class WorkerControl:
    """How an application reports to the supervisor, and how the supervisor directs it.

    Attributes:
        name: "worker-1" …, or "housekeeper".
        number: the worker's number in its generation, from 0; -1 for the housekeeper.
        count_sessions: says how many sessions are open; set by the application.
        draining: set when nothing new must begin; what is under way has a bounded time, and then
            `run_worker` is cancelled.
        privileged: what `open_privileged` has returned.
    """

    def __init__(self, name: str, channel: Channel, trace_fd: int) -> None:
        self.name = name
        self.number = int(name.rpartition("-")[2]) - 1 if "-" in name else -1
        self.draining = trio.Event()
        self.privileged: Any = None
        self.scope = trio.CancelScope()
        self.count_sessions: Callable[[], int] = lambda: 0
        self._channel = channel
        self._asked = 0
        self._waiting: dict[int, tuple[trio.Event, Message]] = {}
        # The stack of a blocked worker is written by C code, whatever Python is doing.
        faulthandler.register(STACK_SIGNAL, file=trace_fd, all_threads=True)

    def ready(self) -> None:
        """Report that everything is open and served."""
        self._channel.send({"ready": True})

    def opening(self, name: str) -> None:
        """Report which instance is being opened now; "": none. So the supervisor can name one that
        never ends."""
        self._channel.send({"opening": name})

    def failed(self, findings: list[str]) -> None:
        """Report why the site cannot be opened; the process must end after it."""
        self._channel.send({"failed": findings})

    async def beat(self) -> None:
        """Report each second that the loop runs, and how many sessions are open."""
        while True:
            self._channel.send_nowait({"beat": True, "sessions": self.count_sessions()})
            standard_error().flush()  # lines for which the reader had no room
            await trio.sleep(BEAT_SECONDS)

    async def ask(self, request: str) -> Message:
        """Ask the supervisor; for the housekeeper, which serves the control socket.

        Args:
            request: "status" (answered at once), "reload" (answered when the new generation
                serves, or with its findings), or "stop" (answered when the stop has begun).
        """
        self._asked += 1
        number = self._asked
        event, answer = self._waiting[number] = trio.Event(), {}
        try:
            self._channel.send({"request": request, "number": number})
            await event.wait()
        finally:
            del self._waiting[number]
        return answer

    async def obey(self) -> None:
        """Do what the supervisor says, and end when it has gone."""
        while True:
            await trio.lowlevel.wait_readable(self._channel)
            messages = self._channel.receive()
            if messages is None:
                os._exit(1)
            for message in messages:
                if "drain" in message:
                    self.draining.set()
                    self.scope.deadline = trio.current_time() + message["drain"]
                elif message.get("answer") in self._waiting:
                    event, answer = self._waiting[message["answer"]]
                    answer.update(message)
                    event.set()


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What the template has made for its workers.

    Attributes:
        app: the application's module.
        plan: what its `check` has returned.
        rights: the rights to change to; None: keep the present ones.
        sockets: the listening sockets of each bind specification.
        template_pid: the template's process id; the worker ends with it.
    """

    app: Any
    plan: ProcessPlan
    rights: Rights | None
    sockets: dict[str, list[socket.socket]]
    template_pid: int


def work(inherited: Inheritance, control: WorkerControl, *, housekeeper: bool) -> int:
    """Run as a worker until drained; returns the exit code."""
    if housekeeper:
        os.nice(NICENESS)
    try:
        if hasattr(inherited.app, "open_privileged"):
            control.privileged = inherited.app.open_privileged(inherited.plan)
        if inherited.rights is not None:
            drop_rights(inherited.rights)
        die_with(inherited.template_pid)
        trio.run(_run, inherited, control, housekeeper)
    except Exception as error:  # noqa: BLE001 - the supervisor tells it and starts another
        findings, unexpected = findings_of(error)
        control.failed(findings)
        if unexpected:
            traceback.print_exc()
        return 1
    return 0


async def _run(inherited: Inheritance, control: WorkerControl, housekeeper: bool) -> None:
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(control.beat)
        nursery.start_soon(control.obey)
        with control.scope:
            try:
                await inherited.app.run_worker(
                    inherited.plan, inherited.sockets, control, housekeeper=housekeeper
                )
            except Exception as error:  # noqa: BLE001 - as it is, not in the nursery's group
                failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


def findings_of(error: BaseException) -> tuple[list[str], bool]:
    """The findings in an error, and whether anything but the configuration has caused it."""
    if isinstance(error, BaseExceptionGroup):  # the application's nurseries
        parts = [findings_of(one) for one in error.exceptions]
        return [text for texts, _ in parts for text in texts], any(other for _, other in parts)
    if isinstance(error, ConfigError):
        return error.findings, False
    return [f"{type(error).__name__}: {error}"], True
