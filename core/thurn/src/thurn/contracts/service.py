"""Services run beside listeners: the queue runner, an indexer, ACME, metrics."""

from __future__ import annotations

from typing import Literal, Protocol


class Service(Protocol):
    """A supervised task; when it raises it is started again after a growing pause."""

    @property
    def scope(self) -> Literal["worker", "site"]:
        """In every worker, or once in the site's own niced process."""

    async def run(self) -> None:
        """Work until cancelled; returning means done for good."""
