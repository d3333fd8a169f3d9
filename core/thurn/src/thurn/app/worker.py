"""One worker: rights dropped, one trio loop, a heartbeat, obedience to the supervisor.

Rules of this file: nothing of the application runs before rights are dropped but
`open_privileged`; the worker ends at once when the supervisor is gone.
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
NICENESS: Final = 10  # of the housekeeper: mail that waits for an answer goes first
STACK_SIGNAL: Final = signal.SIGUSR2


class WorkerControl:
    """How an application tells the supervisor what it is doing, and learns what it shall do.

    Attributes:
        name: "worker-1" …, or "housekeeper".
        number: of the worker among those of its generation, from 0; of no use to the housekeeper.
        count_sessions: how many sessions are open; set by the application.
        draining: set when nothing new is to be begun; what is under way has a bounded time, then
            `run_worker` is cancelled.
        privileged: what `open_privileged` returned.
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
        """Everything is open and served."""
        self._channel.send({"ready": True})

    def opening(self, name: str) -> None:
        """This instance is opened now; "": none is. If it never ends, it is known which it was."""
        self._channel.send({"opening": name})

    def failed(self, findings: list[str]) -> None:
        """It cannot be opened; to be followed by the end of the process."""
        self._channel.send({"failed": findings})

    async def beat(self) -> None:
        """Tell each second that the loop turns, and how many sessions are open."""
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
        """Do as the supervisor says; end with it."""
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
    """What the template made ready for its workers.

    Attributes:
        app: the application's module.
        plan: what its `check` returned.
        rights: what to become; None: stay.
        sockets: the listening sockets of each bind specification.
        template_pid: whose end is ours.
    """

    app: Any
    plan: ProcessPlan
    rights: Rights | None
    sockets: dict[str, list[socket.socket]]
    template_pid: int


def work(inherited: Inheritance, control: WorkerControl, *, housekeeper: bool) -> int:
    """Be a worker until drained; the exit code."""
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
    """What to tell the operator, and whether anything but the configuration is to blame."""
    if isinstance(error, BaseExceptionGroup):  # the application's nurseries
        parts = [findings_of(one) for one in error.exceptions]
        return [text for texts, _ in parts for text in texts], any(other for _, other in parts)
    if isinstance(error, ConfigError):
        return error.findings, False
    return [f"{type(error).__name__}: {error}"], True
