"""What an explanation says: the verdict, and what each relay rule answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one instance says."""

    name: str
    decision: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole story."""

    permitted: bool
    sender: str
    verdict: str
    rules: tuple[RuleAnswer, ...]
    grants: tuple[str, ...]
    would_pass_if: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
