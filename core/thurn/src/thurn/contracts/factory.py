"""The factory: what a registration hook returns, and what opens and closes a product.

There is no start, stop or shutdown hook: a product lives exactly as long as its `async with`.
Background tasks run in a nursery inside it. The host opens factories in the order of their `Ref`
fields and closes them in reverse.
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
        settings: the model of the section.
        open: makes the product; `async with factory.open(settings, context) as product`.
        source: `file:line` of the code, for messages and the journal.
        owns_records: its product registers with the commit log (`CommitLog.register`). Whoever
            opens a part of a site and writes to the log opens all of these, because they may have
            to be given what a dead worker has left.
    """

    role: str
    type_name: str
    settings: type[Settings]
    open: Callable[[Any, Context], AbstractAsyncContextManager[Any]]
    source: str = ""
    owns_records: bool = False
