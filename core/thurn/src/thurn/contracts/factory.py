"""The factory: what a registration hook returns, and what opens and closes a product.

There is no hook for start or stop: a product lives exactly as long as its `async with`. Background
tasks run in a nursery inside it. The host opens the products that a `Ref` field names first, and
closes all in reverse order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from thurn.contracts.context import Context
from thurn.contracts.settings import Settings


@dataclass(frozen=True, slots=True)
class Factory:
    """How to make a product of one (role, type).

    Attributes:
        role: "store", "filter" …
        type_name: the word behind `type =`; unique within the role.
        settings: the model of the instance's section.
        open: makes the product: `async with factory.open(settings, context) as product`.
        source: `file:line` of the code, for messages and the journal.
        owns_records: whether the product registers with the commit log (`CommitLog.register`). A
            command that opens a part of a site and writes to the log opens all such instances,
            because there may be records of a dead worker to replay to them.
    """

    role: str
    type_name: str
    settings: type[Settings]
    open: Callable[[Any, Context], AbstractAsyncContextManager[Any]]
    source: str = ""
    owns_records: bool = False
