"""Limiters on shared state in memory, with a clock that the test moves."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from thurn.plugin import Forbid, LoginAttempt, Proceed
from thurn_login_limiter.factory import limiter
from thurn_login_limiter.settings import LimiterSettings
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_identity, make_session

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.50"


class Door:
    """One worker's limiter, asked as the gate asks it."""

    def __init__(self, policy, context):
        self.policy = policy
        self.context = context

    async def before(self, name="alice", peer=HERE, protocol="imap"):
        """The answer before a password is checked: seconds to wait, or None if forbidden."""
        session = make_session(peer=peer, protocol=protocol)
        return delay_of(await self.policy.before_login(LoginAttempt(session, name, "PLAIN")))

    async def after(
        self, name="alice", peer=HERE, *, right=False, protocol="imap", account=None, guess=None
    ):
        session = make_session(peer=peer, protocol=protocol)
        identity = make_identity(account or name) if right else None
        attempt = LoginAttempt(session, name, "PLAIN", guess)
        answer = delay_of(await self.policy.after_login(attempt, identity))
        if right and answer is not None:
            await self.policy.record_login(attempt, identity)
        return answer

    async def log_in(self, name="alice", peer=HERE, *, right=True, **more):
        """The outcome of a whole login: "in", "failed" or "banned"."""
        if await self.before(name, peer) is None:
            return "banned"
        if await self.after(name, peer, right=right, **more) is None:
            return "banned"
        return "in" if right else "failed"

    async def fail(self, times, name="alice", peer=HERE):
        return [await self.log_in(name, peer, right=False) for _ in range(times)]


def delay_of(decision):
    match decision:
        case None:
            return 0.0
        case Proceed(delay_seconds):
            return delay_seconds
        case Forbid(_, temporary):
            assert temporary
            return None


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def door(tmp_path, clock):
    """`await door(**settings)` opens another worker at each call."""
    rows = Rows()
    async with AsyncExitStack() as stack:

        async def open_one(**settings):
            given = Given(state=MemoryState(rows, clock))
            context = FakeContext(tmp_path, name="login.main", clock=clock, given=given)
            opened = limiter.open(LimiterSettings(**settings), context)
            return Door(await stack.enter_async_context(opened), context)

        open_one.rows = rows
        yield open_one
