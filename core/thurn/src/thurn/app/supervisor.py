"""The supervisor: holds the sockets and the lock, handles signals, decides which generation serves.

Rules of this file: it imports the standard library only, no trio and nothing of the application,
because the process that must never fail has to be the smallest one. A generation that does not
start changes nothing.

    SIGHUP           a new generation beside the old; when it is ready, the old one drains
    SIGTERM, SIGINT  stop: drain for `stop_seconds`; a second one ends at once
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from thurn.app.channel import Channel, Message
from thurn.app.generation import (
    HOUSEKEEPER,
    KILL_SECONDS,
    RESTART_MAXIMUM_SECONDS,
    Generation,
    Phase,
)
from thurn.app.notifier import Notifier
from thurn.app.plan import ProcessPlan
from thurn.app.rights import find_rights
from thurn.app.say import say
from thurn.net.bind import bind, unbind
from thurn.telemetry.stream import standard_error
from thurn.types.errors import ConfigError

TURN_SECONDS: Final = 0.2
"""Most seconds of one turn of the loop, and so how late a deadline may be noticed."""
LOCK_SECONDS: Final = 1.5
"""Most seconds to wait for the lock: the processes of a killed instance need a moment to end."""
FORGIVEN_SECONDS: Final = 5.0
"""Length of a turn from which the missing heartbeats of workers do not count: this process or the
machine has slept."""
_STOP: Final = (signal.SIGTERM, signal.SIGINT)


class Supervisor:
    """One instance of a site.

    Args:
        config_paths: the files of the configuration, for the application's `check`.
        app: the application's module, which only the templates import.
        on_ready: called once, when the first generation serves.
    """

    def __init__(
        self,
        config_paths: Sequence[Path],
        app: str = "thurn.app.application",
        on_ready: Callable[[ProcessPlan], None] | None = None,
    ) -> None:
        self._config_paths = [str(path) for path in config_paths]
        self._app = app
        self._on_ready = on_ready
        self._notifier = Notifier()
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[str, list[socket.socket]] = {}
        self._data: Path | None = None
        self._lock_fd = -1
        self._started = 0  # generations
        self._coming: Generation | None = None
        self._serving: Generation | None = None
        self._draining: list[Generation] = []
        self._was_ready = self._stopping = False
        self._begin_at = float("inf")
        self._last_failure: Message | None = None
        self._exit_code = 1
        self._reloading: list[tuple[Channel, int]] = []  # who waits for the coming generation

    def run(self) -> int:
        """Run until stopped. To be called in the main thread, because of the signals.

        Returns:
            The exit code: 0 after a stop. If the first generation could not start: 78 (EX_CONFIG of
            sysexits.h) if the configuration is wrong, so that another start would fail in the same
            way; 1 for everything that may pass, such as an address that is in use.
        """
        os.umask(0o077)
        woken, waking = socket.socketpair()
        with woken, waking, self._selector:
            woken.setblocking(False)
            waking.setblocking(False)
            before = signal.set_wakeup_fd(waking.fileno())
            for number in (*_STOP, signal.SIGHUP):
                signal.signal(number, lambda *_: None)
            self._selector.register(woken, selectors.EVENT_READ)
            try:
                return self._turn_until_done(woken)
            finally:
                signal.set_wakeup_fd(before)
                for one in self._generations():
                    one.end()
                self._release(())
                if self._lock_fd >= 0:
                    os.close(self._lock_fd)

    def _turn_until_done(self, woken: socket.socket) -> int:
        turned_at = time.monotonic()
        self._begin(turned_at)
        while True:
            readable = self._selector.select(TURN_SECONDS)
            now = time.monotonic()
            if now - turned_at > FORGIVEN_SECONDS:
                for one in self._generations():
                    one.forgive(now)
            turned_at = now
            self._notifier.beat(now)
            for key, _ in readable:
                if key.fileobj is woken:
                    self._on_signals(woken.recv(64), now)
                elif self._selector.get_map().get(key.fd) is key:  # not closed in this very turn
                    key.data.on_readable(now)
            for one in self._generations():
                one.tick(now)
            self._advance(now)
            standard_error().flush()  # lines that the reader had no room for before
            if self._stopping and not self._generations():
                say("info", "site.stopped")
                return 0
            if not self._was_ready and self._coming is None:
                return self._exit_code

    def watch(self, channel: Channel, owner: object) -> None:
        """`ChannelWatcher`."""
        self._selector.register(channel, selectors.EVENT_READ, owner)

    def forget(self, channel: Channel) -> None:
        """`ChannelWatcher`."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(channel)

    def on_request(self, channel: Channel, request: str, number: int) -> None:
        """`ChannelWatcher`: a request that came over the control socket."""
        now = time.monotonic()
        match request:
            case "status":
                self._answer(channel, number, self._picture(now))
            case "reload" if not self._stopping:
                self._reloading.append((channel, number))
                self._begin(now)
            case "stop":
                self._answer(channel, number, {"stopping": True, "pid": os.getpid()})
                self._stop(now)
            case _:
                self._answer(channel, number, {"refused": "the site is stopping"})

    def _answer(self, channel: Channel, number: int, facts: Message) -> None:
        """Answer the housekeeper. If it does not read, the answer is lost: nothing waits for it."""
        channel.try_send({**facts, "answer": number})

    def _answer_reloads(self, facts: Message) -> None:
        for channel, number in self._reloading:
            self._answer(channel, number, facts)
        self._reloading.clear()

    def _picture(self, now: float) -> Message:
        return {
            "pid": os.getpid(),
            "stopping": self._stopping,
            "generations": [one.picture(now) for one in self._generations()],
            "last_failure": self._last_failure,
        }

    def _generations(self) -> list[Generation]:
        return [one for one in (self._coming, self._serving, *self._draining) if one is not None]

    def _on_signals(self, numbers: bytes, now: float) -> None:
        for number in numbers:
            if number in _STOP:
                self._stop(now)
            elif number == signal.SIGHUP and not self._stopping:
                self._begin(now)

    def _begin(self, now: float) -> None:
        """Start a generation. One that is still starting is ended first."""
        if self._coming is not None:
            say("info", "generation.superseded", generation=self._coming.number)
            self._coming.end()
        self._begin_at = float("inf")
        self._started += 1
        say("info", "generation.starting", generation=self._started)
        if self._serving is not None:
            self._notifier.reloading(f"generation {self._started} is starting")
        try:
            self._coming = Generation(self._started, self._app, self._config_paths, self, now)
        except OSError as error:  # no descriptors, or no memory for a process: nothing has changed
            self._coming = None
            self._tell_failed(self._started, [f"cannot be started: {error}"], now)

    def _stop(self, now: float) -> None:
        plans = [one.plan for one in self._generations() if one.plan is not None]
        longest = max((plan.stop_seconds for plan in plans), default=0.0)
        self._notifier.stopping(longest + 2 * KILL_SECONDS)
        for one in self._generations():
            if self._stopping or one is self._coming or one.plan is None:
                one.end()
            else:
                one.drain(one.plan.stop_seconds, now)
        self._stopping = self._was_ready = True
        self._release(())
        say("info", "site.stopping")

    def _advance(self, now: float) -> None:
        """Act on the phases of the generations."""
        coming, serving = self._coming, self._serving
        if coming is not None and coming.phase is Phase.PLANNED:
            self._equip(coming, now)
        if coming is not None and coming.phase is Phase.READY:
            self._switch_to(coming, now)
        elif coming is not None and coming.phase is Phase.GONE:
            self._give_up(coming, now)
        elif serving is not None and serving.phase is Phase.GONE:
            self._serving = None
            self._begin_at = now  # for instance because its template was killed
        elif serving is not None and serving.phase is Phase.READY and not self._has_housekeeper():
            serving.fork(HOUSEKEEPER, now)  # not before, because there is never more than one
        for one in [one for one in self._draining if one.phase is Phase.GONE]:
            say("info", "generation.drained", generation=one.number)
            self._draining.remove(one)
        if now >= self._begin_at and not self._stopping:
            self._begin(now)

    def _has_housekeeper(self) -> bool:
        return any(one.has_site for one in self._generations())

    def _equip(self, coming: Generation, now: float) -> None:
        """Take the lock, bind new sockets, and let the generation start."""
        assert coming.plan is not None  # noqa: S101 - the phase says so
        try:
            self._lock(coming.plan)
            binds = coming.plan.binds
            going = [
                one for spec, held in self._sockets.items() if spec not in binds for one in held
            ]
            for spec in binds:
                if spec not in self._sockets:
                    self._sockets[spec] = bind(spec, coming.plan.at(spec, ""), going)
        except ConfigError as error:
            coming.fail(error.findings)
        else:
            coming.start(
                self._sockets, self._lock_fd, housekeeper=not self._has_housekeeper(), now=now
            )

    def _switch_to(self, coming: Generation, now: float) -> None:
        assert coming.plan is not None  # noqa: S101 - the phase says so
        self._last_failure = None
        self._answer_reloads({"ready": coming.number})
        if self._serving is not None:
            self._serving.drain(coming.plan.drain_seconds, now)
            self._draining.append(self._serving)
        self._serving, self._coming = coming, None
        self._release(coming.plan.binds)
        say("info", "generation.ready", generation=coming.number, pid=os.getpid())
        self._notifier.ready(f"generation {coming.number} serves")
        if not self._was_ready and self._on_ready is not None:
            self._on_ready(coming.plan)
        self._was_ready = True

    def _give_up(self, coming: Generation, now: float) -> None:
        """Drop a generation that did not start. If no other one serves, try again later."""
        self._coming = None
        if self._stopping:  # it was ended while it started, which is not a failure
            return
        serving = self._serving
        self._release(serving.plan.binds if serving is not None and serving.plan else None)
        self._exit_code = os.EX_CONFIG if coming.is_misconfigured else 1
        self._tell_failed(coming.number, coming.findings, now)

    def _tell_failed(self, number: int, findings: list[str], now: float) -> None:
        say("error", "generation.failed", generation=number, findings=findings)
        self._last_failure = {"generation": number, "findings": findings}
        self._answer_reloads({"failed": findings})
        status = f"generation {number} could not start: {findings[0] if findings else ''}"
        (self._notifier.ready if self._serving is not None else self._notifier.say)(status)
        if self._serving is None:
            self._begin_at = now + RESTART_MAXIMUM_SECONDS

    def _release(self, used: Sequence[str] | None) -> None:
        """Stop listening where no generation wants it any more; None: keep everything."""
        for spec in [spec for spec in self._sockets if used is not None and spec not in used]:
            unbind(spec, self._sockets.pop(spec))

    def _lock(self, plan: ProcessPlan) -> None:
        """Be the only instance on the data directory; made if it is not there.

        The workers hold the lock too, so it is free only when the last of them has ended.
        """
        if self._data is not None:
            if plan.data != self._data:
                text = f"data: a reload cannot move the data directory ({self._data}); stop first"
                raise ConfigError([text])
            return
        path = plan.data / "lock"
        try:
            if not plan.data.exists():
                plan.data.mkdir(mode=0o700, parents=True)
                rights = find_rights(plan)
                if rights is not None:
                    os.chown(plan.data, rights.uid, rights.gid)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock_fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise ConfigError([plan.at("data", f"{path}: {error.strerror}")]) from error
        if not _locked(self._lock_fd):
            owner = os.pread(self._lock_fd, 20, 0).decode(errors="replace").strip()
            os.close(self._lock_fd)
            self._lock_fd = -1
            text = f"{path}: another instance (process {owner}) runs on this data directory"
            raise ConfigError([plan.at("data", text)])
        line = b"%d\n" % os.getpid()
        with contextlib.suppress(OSError):  # a full disk; it only serves the message above
            os.pwrite(self._lock_fd, line, 0)
            os.ftruncate(self._lock_fd, len(line))
        self._data = plan.data


def _locked(fd: int) -> bool:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        else:
            return True


if __name__ == "__main__":
    sys.exit(Supervisor([Path(one) for one in sys.argv[2:]], sys.argv[1]).run())
