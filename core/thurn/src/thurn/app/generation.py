"""A generation as the supervisor sees it: one template, its workers, and when each was last alive.

Rules of this file: standard library only; it never waits. Its phase changes by messages (`on_…`)
and by time (`tick`). The supervisor decides which generation serves.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import IO, Final, Protocol

from thurn.app.channel import Channel, Message, channel_pair
from thurn.app.plan import ProcessPlan
from thurn.app.say import say

HOUSEKEEPER: Final = "housekeeper"
START_SECONDS: Final = 300.0
"""Most seconds until a generation is ready: imports, opening, replay of the logs after a crash."""
DUMP_SECONDS: Final = 1.0
"""Seconds that a blocked worker gets to write its stack before it is killed."""
KILL_SECONDS: Final = 5.0
"""Seconds after the end of a drain until a worker is killed: for what is shielded from
cancellation."""
SETTLED_SECONDS: Final = 60.0
"""Age of a worker from which its end does not count as a failed start."""
RESTART_SECONDS: Final = 0.5
"""Pause after the second early end of a worker; doubled each time, up to the next constant."""
RESTART_MAXIMUM_SECONDS: Final = 30.0
"""Longest such pause."""
FORK_AGAIN_SECONDS: Final = 2.0
"""Pause after a worker could not be started, because descriptors or room for a file were
missing."""
SITE_PATIENCE: Final = 4
"""Factor of the housekeeper's time without a heartbeat: it is niced, and waits for the disk."""
START_PATIENCE: Final = 4
"""The same factor for a worker that opens its instances, which may compute for longer."""
STACK_OCTETS: Final = 65536
"""Most octets of a blocked worker's stack that are read."""
SILENT_SECONDS: Final = 3.0
"""Time without a heartbeat from which `thurn status` says that a worker does not answer."""
_LIBRARY: Final = sysconfig.get_path("stdlib")


class Phase(Enum):
    """The life of a generation, in order."""

    CHECKING = auto()  # the template imports and checks
    PLANNED = auto()  # the plan is known; sockets are needed
    STARTING = auto()  # workers open
    READY = auto()
    DRAINING = auto()
    GONE = auto()


class ChannelWatcher(Protocol):
    """Where channels are registered and requests are answered: the supervisor."""

    def watch(self, channel: Channel, owner: object) -> None:
        """Call `owner.on_readable` when something has arrived."""

    def forget(self, channel: Channel) -> None:
        """Do not watch the channel any more."""

    def on_request(self, channel: Channel, request: str, number: int) -> None:
        """Answer the housekeeper."""


class Member:
    """A worker, or the housekeeper."""

    def __init__(self, name: str, generation: Generation, now: float) -> None:
        self.name = name
        self.generation = generation
        self.trace: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.channel, self.theirs = channel_pair()
        self.pid = 0
        self.ready = False
        self.opening = ""
        self.sessions = 0
        self.findings: list[str] = []
        self.started_at = self.beat_at = now
        self.blocked_at = self.kill_at = float("inf")

    def on_readable(self, now: float) -> None:
        """Handle the messages of the worker."""
        messages = self.channel.receive()
        if messages is None:
            self.generation.watch.forget(self.channel)
        for message in messages or ():
            self.beat_at = now
            self.ready = self.ready or "ready" in message
            self.opening = str(message.get("opening", self.opening))
            findings = message.get("failed")
            self.findings += findings if isinstance(findings, list) else []
            sessions = message.get("sessions")
            self.sessions = sessions if isinstance(sessions, int) else self.sessions
            request, number = message.get("request"), message.get("number")
            if self.name == HOUSEKEEPER and isinstance(request, str) and isinstance(number, int):
                self.generation.watch.on_request(self.channel, request, number)

    def picture(self, now: float) -> Message:
        """What `thurn status` shows of the worker."""
        silent = now - self.beat_at
        return {
            "name": self.name,
            "pid": self.pid,
            "state": self._state(silent),
            "sessions": self.sessions,
            "silent_seconds": round(silent, 1),
            "age_seconds": round(now - self.started_at, 1),
        }

    def _state(self, silent_seconds: float) -> str:
        if not self.ready:
            return "starting"
        if self.blocked_at < float("inf") or silent_seconds > SILENT_SECONDS:
            return "does not answer"
        return "draining" if self.generation.phase is Phase.DRAINING else "serving"

    def while_opening(self) -> str:
        """Which instance the worker was opening at its last message, as a part of a finding."""
        return f" while it opened {self.opening}" if self.opening else ""

    def stack(self) -> str:
        """The stacks of the worker's threads, if it could write them."""
        return os.pread(self.trace.fileno(), STACK_OCTETS, 0).decode(errors="replace")

    def close(self) -> None:
        """Close everything, because the worker has ended."""
        self.generation.watch.forget(self.channel)
        self.channel.close()
        self.theirs.close()
        self.trace.close()


class Generation:
    """A generation, whose template starts at once.

    Args:
        number: the generation's number, for the log.
        app: the name of the application's module.
        config_paths: the files of the configuration, for the application's `check`.
        watch: where channels are registered.
        now: the monotonic time.

    Attributes:
        phase: how far it is.
        findings: why it could not start.
        is_misconfigured: whether the check of the configuration has failed, so that nothing but a
            change of it can help.
    """

    def __init__(
        self, number: int, app: str, config_paths: Sequence[str], watch: ChannelWatcher, now: float
    ) -> None:
        self.number = number
        self.phase = Phase.CHECKING
        self.is_misconfigured = False
        self.findings: list[str] = []
        self.importing = ""
        self.plan: ProcessPlan | None = None
        self.members: dict[str, Member] = {}
        self.watch = watch
        self._deaths: dict[str, int] = {}
        self._fork_at: dict[str, float] = {}
        self._deadline = now + START_SECONDS
        self.channel, theirs = channel_pair()
        with theirs:
            words = [str(theirs.fileno()), str(os.getpid()), app, *config_paths]
            self._template = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-P", "-m", "thurn.app.template", *words],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        watch.watch(self.channel, self)

    def start(
        self,
        sockets: Mapping[str, Sequence[socket.socket]],
        lock_fd: int,
        *,
        housekeeper: bool,
        now: float,
    ) -> None:
        """Give the template the sockets, and have it fork the workers."""
        assert self.plan is not None  # noqa: S101 - the phase says so
        given = {spec: sockets[spec] for spec in self.plan.binds}
        fds = [one.fileno() for several in given.values() for one in several]
        counts = {spec: len(several) for spec, several in given.items()}
        self.channel.send({"sockets": counts}, [*fds, lock_fd])
        self.phase = Phase.STARTING
        for number in range(self.plan.workers):
            self.fork(f"worker-{number + 1}", now)
        if housekeeper:
            self.fork(HOUSEKEEPER, now)

    def fork(self, name: str, now: float) -> None:
        """Have the template fork a worker. If that is not possible now, running workers go on and
        it is tried again later."""
        self._fork_at.pop(name, None)
        if self.phase is Phase.GONE:
            return
        try:
            member = Member(name, self, now)
        except OSError as error:
            if self.phase is Phase.STARTING:
                self.fail([f"{name} cannot be started: {error}"])
                return
            self._fork_at[name] = now + FORK_AGAIN_SECONDS
            say("error", "worker.not_started", worker=name, failure=str(error))
            return
        self.members[name] = member
        fds = [member.theirs.fileno(), member.trace.fileno()]
        self.channel.send({"fork": name, "housekeeper": name == HOUSEKEEPER}, fds)
        member.theirs.close()
        self.watch.watch(member.channel, member)

    @property
    def has_site(self) -> bool:
        """Whether this generation has the housekeeper, or will have it again."""
        return HOUSEKEEPER in self.members or HOUSEKEEPER in self._fork_at

    def on_readable(self, now: float) -> None:
        """Handle the messages of the template."""
        messages = self.channel.receive()
        if messages is None:
            self._on_template_gone()
        for message in messages or ():
            if "failed" in message:
                self.is_misconfigured = bool(message["misconfigured"])
                self.fail(message["failed"])
            elif "importing" in message:
                self.importing = str(message["importing"])
            elif "plan" in message:
                self.plan = ProcessPlan.from_message(message["plan"])
                self.phase = Phase.PLANNED
            elif "forked" in message:
                self.members[message["forked"]].pid = message["pid"]
            elif "exited" in message:
                self._on_exit(message, now)

    def _on_template_gone(self) -> None:
        starting = self.phase in (Phase.CHECKING, Phase.PLANNED, Phase.STARTING)
        if starting and not self.findings:
            text = f"the new processes ended while they started{self._while_importing()}"
            self.findings = [f"{text}; see the log above"]
        elif self.phase in (Phase.READY, Phase.DRAINING) and self.members:
            say("error", "template.ended", generation=self.number)
        self.end()

    def _on_exit(self, message: Message, now: float) -> None:
        member = next((m for m in self.members.values() if m.pid == message["exited"]), None)
        if member is None:
            return
        member.on_readable(now)  # its last messages
        member.close()
        del self.members[member.name]
        code = os.waitstatus_to_exitcode(message["status"])
        if self.phase is Phase.STARTING:
            text = f"{member.name} ended{member.while_opening() or ' while it started'}"
            self.fail(member.findings or [f"{text} (status {code})"])
        elif self.phase is Phase.READY:
            self._plan_restart(member, code, now)
        elif self.phase is Phase.DRAINING and not self.members:
            self.end()

    def _plan_restart(self, member: Member, code: int, now: float) -> None:
        settled = member.ready and now - member.started_at >= SETTLED_SECONDS
        deaths = self._deaths[member.name] = 1 if settled else self._deaths.get(member.name, 0) + 1
        pause = 0.0 if deaths == 1 else RESTART_SECONDS * 2.0 ** min(deaths - 2, 10)
        pause = min(pause, RESTART_MAXIMUM_SECONDS)
        self._fork_at[member.name] = now + pause
        facts = {"worker": member.name, "pid": member.pid, "status": code, "pause_seconds": pause}
        say("error", "worker.ended", **facts, findings=member.findings)

    def tick(self, now: float) -> None:
        """Do what is due: start workers, and end those that are blocked or whose drain is over."""
        for name in [name for name, when in self._fork_at.items() if when <= now]:
            self.fork(name, now)
        for member in self.members.values():
            if now >= member.kill_at:
                self._signal(member, signal.SIGKILL)
            elif not member.ready and now - member.started_at >= START_SECONDS:
                self._give_up(member, f"was not ready after {START_SECONDS:.0f} seconds")
            else:
                self._check_alive(member, now)
        if self.phase is Phase.STARTING and all(m.ready for m in self.members.values()):
            self.phase = Phase.READY
        elif self.phase is Phase.CHECKING and now >= self._deadline:
            text = f"not ready after {START_SECONDS:.0f} seconds"
            self.fail([f"{text}{self._while_importing()}"])

    def _check_alive(self, member: Member, now: float) -> None:
        assert self.plan is not None  # noqa: S101 - there are members
        patience = self.plan.worker_timeout_seconds
        if not member.ready:
            patience *= START_PATIENCE
        elif member.name == HOUSEKEEPER:
            patience *= SITE_PATIENCE
        if member.beat_at > member.blocked_at:
            member.blocked_at = float("inf")  # it was slow, not blocked
        elif now - member.beat_at > patience and member.blocked_at == float("inf"):
            member.blocked_at = now
            self._signal(member, signal.SIGUSR2)
        elif now - member.blocked_at >= DUMP_SECONDS:
            stack = member.stack()
            facts = {"worker": member.name, "pid": member.pid, "where": blocked_in(stack)}
            say("error", "worker.blocked", **facts, seconds=now - member.beat_at, stack=stack)
            member.blocked_at = float("inf")
            member.beat_at = now  # so that the signal is not sent again at once
            if member.ready:
                self._signal(member, signal.SIGKILL)
            else:
                self._give_up(member, f"blocked at {facts['where']}")

    def _give_up(self, member: Member, what: str) -> None:
        """Kill a worker that does not become ready; the finding says what it was doing."""
        member.findings.append(f"{member.name} {what}{member.while_opening()}")
        self._signal(member, signal.SIGKILL)

    def _while_importing(self) -> str:
        return f" while {self.importing} was imported" if self.importing else ""

    def _signal(self, member: Member, number: int) -> None:
        self.channel.send({"signal": number, "pid": member.pid})

    def drain(self, seconds: float, now: float) -> None:
        """Begin nothing new, and end after at most so many seconds. A later call may shorten the
        time.

        The housekeeper does not wait for sessions, because the next housekeeper waits for it.
        """
        self.phase = Phase.DRAINING
        self._fork_at.clear()
        for member in self.members.values():
            if member.name == HOUSEKEEPER and self.plan is not None:
                seconds_left = min(seconds, self.plan.stop_seconds)
            else:
                seconds_left = seconds
            member.channel.send({"drain": seconds_left})
            member.kill_at = min(member.kill_at, now + seconds_left + KILL_SECONDS)
        if not self.members:
            self.end()

    def picture(self, now: float) -> Message:
        """What `thurn status` shows of it."""
        return {
            "number": self.number,
            "phase": self.phase.name.lower(),
            "processes": [member.picture(now) for member in self.members.values()],
        }

    def forgive(self, now: float) -> None:
        """Nobody could have been heard meanwhile."""
        for member in self.members.values():
            member.beat_at = now

    def fail(self, findings: list[str]) -> None:
        """It will not serve."""
        self.findings = self.findings or findings
        self.end()

    def end(self) -> None:
        """End all of it at once; the workers end with their template. Idempotent."""
        self.phase = Phase.GONE
        self.watch.forget(self.channel)
        self.channel.close()
        self._fork_at.clear()
        for member in self.members.values():
            member.close()
        self.members.clear()
        self._template.kill()
        self._template.wait()


def blocked_in(stack: str) -> str:
    """The innermost line of the main thread's stack that is not in the standard library, or ""."""
    _, _, current = stack.rpartition("(most recent call first):\n")
    for line in current.splitlines():
        if line.startswith("  File ") and (_LIBRARY not in line or "site-packages" in line):
            return line.strip()
    return ""
