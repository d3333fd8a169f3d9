"""Transition tables: the one form in which every engine states its protocol.

Rules of this file:
1. A table has a row for each state. A row maps steps to the state after them. A step is a command
   that is answered positively, or something else that happens.
2. A table is total: `Table` adds None for each step that a row does not name. None means that the
   step is not possible in this state; a command is then refused and the state stays.
3. The first row is the state in which a dialogue begins, the last row the one in which it ends.
4. The diagrams in the documentation are drawn from the tables (`mermaid`), so they cannot differ.

This file knows no protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from thurn_wire.error import LocalProtocolError

S = TypeVar("S", bound=StrEnum)
"""An enum of states."""
T = TypeVar("T", bound=StrEnum)
"""An enum of steps; each value is the label of its arrows."""

Row: TypeAlias = Mapping[T, S]


class Table(Generic[S, T]):
    """The states of one side of a protocol and every way between them.

    Args:
        rows: each state with its steps.
        stopped: the step that leads from every state to the last one; it is a member of the enum
            that all steps of the table come from.

    Attributes:
        rows: each state with every step, and the state after it or None.
        first: the state in which a dialogue begins.
        last: the state in which it ends.
        stopped: the step that ends a dialogue in any state.
    """

    __slots__ = ("first", "last", "rows", "stopped")

    def __init__(self, rows: Mapping[S, Row[T, S]], *, stopped: T) -> None:
        states = tuple(rows)
        self.first = states[0]
        self.last = states[-1]
        self.stopped = stopped
        self.rows: Mapping[S, Mapping[T, S | None]] = {
            state: {**{step: row.get(step) for step in type(stopped)}, stopped: self.last}
            for state, row in rows.items()
        }

    def allows(self, state: S, step: T) -> bool:
        """Whether the step is possible in this state."""
        return self.rows[state][step] is not None

    def follow(self, state: S, step: T) -> S:
        """The state after this step.

        Raises:
            LocalProtocolError: the step is not possible in this state.
        """
        target = self.rows[state][step]
        if target is None:
            raise LocalProtocolError(f"{step.value!r} is not possible in state {state.value!r}")
        return target

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram; steps with the same two ends share one arrow.

        The step `stopped`, which leads from every state to the last one, is left out.
        """
        labels: dict[tuple[str, str], list[str]] = {}
        for state, row in self.rows.items():
            for step, target in row.items():
                if target is not None and step is not self.stopped:
                    labels.setdefault((state.name, target.name), []).append(step.value)
        lines = ["stateDiagram-v2", f"    [*] --> {self.first.name}"]
        lines += [f"    {a} --> {b} : {', '.join(steps)}" for (a, b), steps in labels.items()]
        lines.append(f"    {self.last.name} --> [*]")
        return "\n".join(lines) + "\n"
