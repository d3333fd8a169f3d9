"""State tables as Mermaid diagrams, for the documentation.

Rules of this file: nothing is drawn that the engines do not use; what leads from everywhere to the
last state is left out by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


def draw(
    first: Enum, last: Enum, arrows: Iterable[tuple[Enum, Enum, str]], *, between: str = ", "
) -> str:
    """A Mermaid state diagram; arrows with the same two ends are one, with the labels of all."""
    labels: dict[tuple[str, str], list[str]] = {}
    for state, target, label in arrows:
        labels.setdefault((state.name, target.name), []).append(label)
    lines = ["stateDiagram-v2", f"    [*] --> {first.name}"]
    lines += [f"    {a} --> {b} : {between.join(words)}" for (a, b), words in labels.items()]
    lines.append(f"    {last.name} --> [*]")
    return "\n".join(lines) + "\n"
