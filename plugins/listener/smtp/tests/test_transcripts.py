"""Each transcript against the real gate, mail flow and store: in turn, whole, in all cuts."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
import trio
from thurn_testing.transcript import load, run

IDENTIFIER = re.compile(rb"\([0-9a-hj-km-np-tv-z]{15}\)")


def _octets(argument):
    return argument.encode().decode("unicode_escape").encode("latin-1")


FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


class Dialogue:
    """`thurn_testing.transcript.Dialogue` over a connection in memory; runs in a thread.

    Settings: `listener`, `peer`, `early` (octets before the greeting). Actions: `eof`, `reset`,
    `starttls`, `drain`, `advance SECONDS`, `stored COUNT` (in alice's INBOX, of this run),
    `content OCTETS` (the end of the newest one), `has OCTETS` and `lacks OCTETS` (the newest one),
    `outcome WORD` (of the newest transaction).
    """

    def __init__(self, desk, settings):
        self.desk = desk
        self.settings = settings
        self.peer = None
        self.before = 0

    @property
    def closed(self):
        return self.peer.closed

    def connect(self):
        return IDENTIFIER.sub(b"(id)", trio.from_thread.run(self._connect))

    def feed(self, octets):
        return IDENTIFIER.sub(b"(id)", trio.from_thread.run(self._feed, octets))

    def act(self, verb, argument):
        return IDENTIFIER.sub(b"(id)", trio.from_thread.run(self._act, verb, argument))

    async def _connect(self):
        self.before = len(await self.desk.mail())
        self.peer = self.desk.connect(
            self.settings.get("listener", "mx"),
            peer=self.settings.get("peer", "192.0.2.1"),
            early=self.settings.get("early", "").encode().decode("unicode_escape").encode(),
        )
        return await self.desk.say(self.peer, b"")

    async def _feed(self, octets):
        return b"" if self.closed else await self.desk.say(self.peer, octets)

    async def _newest(self):
        return (await self.desk.mail())[-1]

    async def _act(self, verb, argument):
        match verb:
            case "eof":
                await self.peer.send_eof()
            case "reset":
                self.peer.reset()
            case "starttls":
                await self.peer.start_tls()
            case "drain":
                self.peer.connection.closing = True
            case "advance":
                self.desk.clock.jump(float(argument))
                await trio.lowlevel.checkpoint()
                await trio.testing.wait_all_tasks_blocked()
            case "stored":
                messages = (await self.desk.mail())[self.before :]
                assert len(messages) == int(argument), messages
            case "content":
                assert (await self._newest()).endswith(_octets(argument))
            case "has":
                assert _octets(argument) in await self._newest()
            case "lacks":
                assert _octets(argument) not in await self._newest()
            case "outcome":
                record = self.desk.journal()[-1]
                assert record["outcome"] == argument, record
            case _:
                raise AssertionError(verb)
        return await self.desk.say(self.peer, b"")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_transcript(path, desk, mock_clock):  # asked for here, or it is not trio's clock
    await trio.to_thread.run_sync(run, load(path), partial(Dialogue, desk))
    assert not desk.spooled()


def test_there_are_transcripts():
    assert len(FILES) >= 30
