"""The conformance kit of state plugins: tables and notices (`thurn.contracts.state`).

    async def test_contract(tmp_path):
        await check_state(lambda context: sqlite.open(settings, context), tmp_path)

Two contexts on one directory and one clock are two workers of a site. Each check has a directory
of its own. Not for an `autojump_clock`: notices may come by sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from thurn.contracts.context import Context
from thurn.contracts.state import State

from thurn_testing.contracts.expectation import checking
from thurn_testing.contracts.state_lifetime import LIFETIME_CHECKS, REBOOT_CHECKS
from thurn_testing.contracts.state_notices import NOTICES_CHECKS
from thurn_testing.contracts.state_table import TABLE_CHECKS
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext

OpenState: TypeAlias = Callable[[Context], AbstractAsyncContextManager[State]]
"""Opens the product; called again with a context on the same directory, it is another worker."""


@dataclass(slots=True)
class StateSite:
    """A site under test: one directory, one clock, any number of workers."""

    open_state: OpenState
    directory: Path
    clock: ManualClock = field(default_factory=ManualClock)

    def worker(self) -> AbstractAsyncContextManager[State]:
        """The product of one more worker of the site."""
        return self.open_state(FakeContext(self.directory, name="state.test", clock=self.clock))


ALWAYS: Final = (*TABLE_CHECKS, *LIFETIME_CHECKS, *NOTICES_CHECKS)


async def check_state(open_state: OpenState, directory: Path, *, durable: bool = True) -> None:
    """Everything that the contract promises holds for this product.

    Args:
        open_state: see `OpenState`.
        directory: an empty one.
        durable: the product says that it survives restarts.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for check in (*ALWAYS, *(REBOOT_CHECKS if durable else ())):
        with checking("state", check):
            await check(StateSite(open_state, directory / check.__name__))
