"""Services run beside listeners: the queue runner, an indexer, ACME, metrics.

A service whose work is to carry a queue on derives its settings from `CarrierSettings`, so that the
site file says which queue that is and `thurn check` knows it before anything opens. Mail that a
queue holds and nobody carries on stays there: `thurn check` warns of it (ADR 0014).
"""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import Field

from thurn.contracts.settings import QueueRef, Settings


class CarrierSettings(Settings):
    """The settings of a service that carries a queue on."""

    queue: QueueRef = Field(description="The queue whose mail this service carries on.")


class Service(Protocol):
    """A supervised task; when it raises it is started again after a growing pause."""

    @property
    def scope(self) -> Literal["worker", "site"]:
        """In every worker, or once in the site's own niced process."""

    async def run(self) -> None:
        """Work until cancelled; returning means done for good."""
