"""What a product reports about itself in `thurn status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable

StatusValue: TypeAlias = str | int | float | bool | None
"""A value of a status: people see it as text, and programs as JSON."""


@runtime_checkable
class ReportsStatus(Protocol):
    """A product of any role that has something to report to an operator.

    It is asked in the housekeeper, which has opened the whole site but serves no connections: what
    a worker counts in its memory is not known there.
    """

    async def status(self) -> Mapping[str, StatusValue]:
        """Facts by short names ("held", "expires_in_days"). The value of the key `warning` is shown
        as something to look at. It may do I/O and has two seconds."""
