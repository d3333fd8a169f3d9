"""Services run beside listeners: a queue runner, an indexer, metrics.

A service that carries a queue on derives its settings from `CarrierSettings`, so that the site's
file says which queue that is, and `thurn check` knows it before anything is opened. If nothing
carries a queue on, its mail stays there, and `thurn check` warns of that (ADR 0014).
"""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import Field

from thurn.contracts.settings import QueueRef, Settings


class CarrierSettings(Settings):
    """The settings of a service that carries a queue on."""

    queue: QueueRef = Field(description="The queue whose mail this service carries on.")


class Service(Protocol):
    """A supervised task. If it raises, it is started again after a pause that grows each time."""

    @property
    def scope(self) -> Literal["worker", "site"]:
        """Whether it runs in every worker, or once on the site, in the housekeeper."""

    async def run(self) -> None:
        """Work until cancelled. A service that returns is not started again."""
