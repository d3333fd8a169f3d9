"""What a product says of itself in `thurn status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias, runtime_checkable

StatusValue: TypeAlias = str | int | float | bool | None
"""What a status may hold: shown as text, and given to programs as JSON."""


@runtime_checkable
class ReportsStatus(Protocol):
    """A product of any role that has something to say to an operator.

    It is asked in the housekeeper's process, which has opened the whole site but serves no
    connections: numbers of one worker's memory are not seen there.
    """

    async def status(self) -> Mapping[str, StatusValue]:
        """Facts by short names ("held", "expires_in_days"); a key `warning` is shown to operators
        as something to look at. Asked with a deadline of two seconds; it may do I/O."""
