"""Every transcript against the real listener, gate and accounts; only the socket is in memory.

Settings (`X: set`): `tls yes` (from the first octet), `certificate no`, and the plugin's own in
TOML's spelling. Actions: `starttls`, `eof`, `closing`, `reconnect`, `switch N` (to another open
connection; 1 is the first), `advance S`, `deliver WORD`, `file MAILBOX WORD`, `fail FUNCTION ERROR`
and `mend FUNCTION` (of the store), `idle` (the deadline passes).
"""

from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path

import pytest
import trio
from thurn.plugin import TlsState
from thurn.types import errors
from thurn_testing.transcript import load, run

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
NOT_OF_THE_PLUGIN = ("tls", "certificate")
SEEDED_RUNS = 2
"""Each run opens a site; the engine below has five in tests of its own."""


class Talk:
    """A `Dialogue` whose every step is run in the trio thread."""

    def __init__(self, world, settings):
        self._world = world
        self._how = {"can_start_tls": settings.get("certificate") != "no"}
        if settings.get("tls") == "yes":
            self._how["tls"] = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384")
        self._connections, self._at = [], 0

    @property
    def _current(self):
        return self._connections[self._at]

    @property
    def closed(self):
        return self._current.closed.is_set()

    def connect(self):
        return self.act("reconnect", "")

    def feed(self, octets):
        return trio.from_thread.run(self._world.say, self._current, octets)

    def act(self, verb, argument):
        return trio.from_thread.run(getattr(self, f"_{verb}"), *argument.split()) or b""

    async def _reconnect(self):
        self._connections.append(await self._world.connect(**self._how))
        self._at = len(self._connections) - 1
        return self._current.take()

    async def _switch(self, number):
        self._at = int(number) - 1

    async def _starttls(self):
        self._current.shake_hands()
        await self._current.quiet()
        return self._current.take()

    async def _eof(self):
        self._current.end()
        await self._current.closed.wait()
        return self._current.take()

    async def _closing(self):
        for connection in self._connections:
            connection.closing = True

    async def _idle(self):
        self._current.scope.cancel()
        await self._current.closed.wait()
        return self._world.listener.farewell("idle")

    async def _advance(self, seconds):
        self._world.clock.advance(float(seconds))

    async def _deliver(self, word):
        await self._world.deliver(f"Subject: {word}\r\n\r\nx\r\n".encode())

    async def _file(self, mailbox, word):
        await self._world.deliver(f"Subject: {word}\r\n\r\nx\r\n".encode(), mailbox=mailbox)

    async def _fail(self, function, error):
        self._world.faults.errors[function] = getattr(errors, error)("it broke")

    async def _mend(self, function):
        del self._world.faults.errors[function]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_transcript(path, open_world):
    script = load(path)
    own = {k: v for k, v in script.settings.items() if k not in NOT_OF_THE_PLUGIN}
    own = tomllib.loads("\n".join(f"{key} = {value}" for key, value in own.items()))
    scopes = []

    async def live(settings, task_status):
        with trio.CancelScope() as scope:
            async with open_world(**own) as world:
                scopes.append(scope)
                task_status.started(Talk(world, settings))
                await trio.sleep_forever()

    async with trio.open_nursery() as nursery:

        async def begin(settings):
            for scope in scopes:
                scope.cancel()
            return await nursery.start(lambda task_status: live(settings, task_status))

        make = partial(trio.from_thread.run, begin)
        await trio.to_thread.run_sync(partial(run, script, make, seeded_runs=SEEDED_RUNS))
        nursery.cancel_scope.cancel()


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 30
