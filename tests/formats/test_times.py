"""Grants and bans of an earlier version, by a clock that the test moves: in another boot, and long
after the wall clock of any machine that runs this has passed their ends.
"""

from __future__ import annotations

import contextlib
import tomllib

import pytest
from clients import HOST
from speaking import log_in, may_relay
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.server import open_server
from unpacked import FORMATS, SITE_FILE, expected_of, unpack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
each_format = pytest.mark.parametrize("source", FORMATS, ids=lambda path: path.name)
HOUR, DAY = 3_600.0, 86_400.0


class Moment:
    """A server of this process at a time since the archive was made."""

    def __init__(self, server):
        self._server = server

    def port(self, listener):
        return self._server.port(listener)

    async def permits(self, source, sender, recipient="x@far.example"):
        call = self._server.in_thread
        return await call(may_relay, self.port("mx"), source, sender, recipient)

    async def login(self, source, *attempt):
        return await self._server.in_thread(log_in, self, attempt, source)


@contextlib.asynccontextmanager
async def opened(source, base, later_seconds):
    """The site in another boot, this long after it was made."""
    unpack(source, base)
    tables = tomllib.loads((base / SITE_FILE).read_text("utf-8"))
    for section in tables["listener"].values():
        section["bind"] = [f"{HOST}:0"]
    clock = ManualClock(wall=expected_of(source)["made"]["at"] + later_seconds)
    async with open_server(tables, base, clock=clock) as server:
        yield Moment(server)


ALICE, BOB = "alice@example.org", "bob@example.org"
GRANTED = (
    ("127.0.2.1", ALICE, "x@far.example", DAY),  # POP-before-SMTP
    ("127.0.2.2", BOB, "x@sub.example.com", 400 * DAY),
    ("127.0.2.2", BOB, "x@example.com", 400 * DAY),
    ("127.0.2.3", "x@far.example", "x@far.example", DAY),
    ("127.0.2.130", "x@far.example", "x@far.example", 400 * DAY),  # in a network
    ("127.0.3.5", "x@far.example", "x@elsewhere.example", float("inf")),  # by the configuration
)
REFUSED = (
    ("127.0.2.1", BOB, "x@far.example"),
    ("127.0.2.2", ALICE, "x@example.com"),
    ("127.0.2.2", BOB, "x@far.example"),
    ("127.0.2.9", BOB, "x@far.example"),  # revoked
    ("127.0.2.4", "x@far.example", "x@far.example"),
    ("127.0.2.144", "x@far.example", "x@far.example"),
    ("127.0.3.5", "x@far.example", "x@far.example"),
)
BAN = 30_000 * DAY
LATER = (HOUR, DAY + HOUR, 401 * DAY, BAN + DAY)


@each_format
@pytest.mark.parametrize("later_seconds", LATER)
async def test_who_may_send_and_who_is_banned(source, tmp_path, later_seconds):
    banned = expected_of(source)["asked"]["banned"]
    async with opened(source, tmp_path / "site", later_seconds) as moment:
        for peer, sender, recipient, lifetime_seconds in GRANTED:
            permitted = await moment.permits(peer, sender, recipient)
            assert permitted == (later_seconds < lifetime_seconds), (peer, sender, recipient)
        for one in REFUSED:
            assert not await moment.permits(*one), one
        peer, attempt = banned["alice was never there"]
        assert await moment.login(peer, *attempt) == ("later" if later_seconds < BAN else "yes")
        peer, attempt = banned["bob was there before"]
        assert await moment.login(peer, *attempt) == "yes"
