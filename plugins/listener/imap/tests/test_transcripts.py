"""Every transcript against the real listener, gate, accounts and both stores; only the socket is in
memory. In the memory store in turn, whole and in all cuts; in the spool store whole.

Settings (`X: set`): `login NAME`, `select MAILBOX` (done without a word on each connection; without
`login` the transcript begins at the greeting), `listener NAME`, `tls no`, `certificate no`, and the
plugin's own in TOML's spelling. Actions: `starttls`, `eof`, `reset`, `closing`, `reconnect [NAME]`,
`switch N` (to another open connection; 1 is the first), `advance S`, `deliver WORD`, `file MAILBOX
WORD`, `make MAILBOX`, `fail FUNCTION ERROR` and `mend FUNCTION` (of the store), `rights LETTERS`,
`stored MAILBOX COUNT`, `content MAILBOX OCTETS` (of the newest message).
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio
from thurn.types import errors
from thurn_testing.transcript import load, run

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
NOT_OF_THE_PLUGIN = ("login", "select", "listener", "tls", "certificate")
SEEDED_RUNS = 2
"""Each run opens a site; the engine below has five in tests of its own."""


class Talk:
    """A `Dialogue` whose every step is run in the trio thread."""

    def __init__(self, world, settings):
        self._world = world
        self._settings = settings
        self._peers, self._at = [], 0

    @property
    def _peer(self):
        return self._peers[self._at]

    @property
    def closed(self):
        return self._peer.closed

    def connect(self):
        return self.act("reconnect", "")

    def feed(self, octets):
        return trio.from_thread.run(self._feed, octets)

    def act(self, verb, argument):
        return trio.from_thread.run(self._act, verb, argument)

    async def _feed(self, octets):
        return b"" if self.closed else await self._world.say(self._peer, octets)

    async def _act(self, verb, argument):
        await getattr(self, f"_{verb}")(*argument.split())
        await trio.testing.wait_all_tasks_blocked(0.002)
        return await self._world.say(self._peer, b"")

    async def _reconnect(self, name=None):
        settings = self._settings
        how = {
            "secured": settings.get("tls") != "no",
            "certificate": settings.get("certificate") != "no",
            "listener": settings.get("listener", "imap"),
        }
        login = name or settings.get("login")
        if login is None:
            self._peers.append(self._world.connect(**how))
        else:
            select = settings.get("select", "")
            self._peers.append(await self._world.log_in(login, select=select, **how))
        self._at = len(self._peers) - 1

    async def _switch(self, number):
        self._at = int(number) - 1

    async def _starttls(self):
        await self._peer.start_tls()

    async def _eof(self):
        await self._peer.send_eof()

    async def _reset(self):
        self._peer.reset()

    async def _closing(self):
        for peer in self._peers:
            peer.connection.closing = True

    async def _advance(self, seconds):
        self._world.mock_clock.jump(float(seconds))
        await trio.lowlevel.checkpoint()

    async def _deliver(self, word):
        await self._world.deliver(f"Subject: {word}\r\n\r\nx\r\n".encode())

    async def _file(self, mailbox, word):
        await self._world.deliver(f"Subject: {word}\r\n\r\nx\r\n".encode(), mailbox=mailbox)

    async def _make(self, mailbox):
        await (await self._world.account()).create(mailbox)

    async def _fail(self, function, error):
        self._world.faults.errors[function] = getattr(errors, error)("it broke")

    async def _mend(self, function):
        del self._world.faults.errors[function]

    async def _rights(self, letters):
        self._world.faults.records["rights"] = letters

    async def _stored(self, mailbox, count):
        view = await (await self._world.mailbox(mailbox=mailbox)).view()
        assert len(view) == int(count), len(view)

    async def _content(self, mailbox, octets):
        opened = await self._world.mailbox(mailbox=mailbox)
        newest = (await opened.view()).uids[-1]
        expected = octets.encode().decode("unicode_escape").encode("latin-1")
        assert (await opened.body(newest)).read() == expected


@pytest.mark.parametrize("store", ["memory", "spool"])
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_transcript(path, store, open_world, mock_clock):  # or it is not trio's clock
    script = load(path)
    if store == "spool":
        script = replace(script, whole=True)
    own = {k: v for k, v in script.settings.items() if k not in NOT_OF_THE_PLUGIN}
    own = tomllib.loads("\n".join(f"{key} = {value}" for key, value in own.items()))
    scopes = []

    async def live(settings, task_status):
        with trio.CancelScope() as scope:
            async with open_world(store, **own) as world:
                scopes.append(scope)
                task_status.started(Talk(world, settings))
                await trio.sleep_forever()
                assert not world.spooled()

    async with trio.open_nursery() as nursery:

        async def begin(settings):
            for scope in scopes:
                scope.cancel()
            return await nursery.start(lambda task_status: live(settings, task_status))

        make = partial(trio.from_thread.run, begin)
        await trio.to_thread.run_sync(partial(run, script, make, seeded_runs=SEEDED_RUNS))
        nursery.cancel_scope.cancel()


def test_there_are_transcripts():
    assert len(TRANSCRIPTS) >= 60
