"""A service that has nothing to do, for tests that need an instance and not its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import trio


@dataclass(frozen=True, slots=True)
class IdleService:
    """A service (`thurn.contracts.service.Service`)."""

    scope: Literal["worker", "site"] = "worker"

    async def run(self) -> None:
        """Wait until cancelled."""
        await trio.sleep_forever()
