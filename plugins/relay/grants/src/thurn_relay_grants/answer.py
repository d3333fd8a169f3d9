"""An explanation: the verdict, and the answer of each relay rule."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """The answer of one instance."""

    name: str
    decision: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole explanation.

    Attributes:
        sender: the sender that the rules were asked about.
        rules: the answers in the order of the configuration.
        grants: the grants for the peer, as texts.
        would_pass_if: conditions under which the mail would be permitted.
    """

    permitted: bool
    sender: str
    verdict: str
    rules: tuple[RuleAnswer, ...]
    grants: tuple[str, ...]
    would_pass_if: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)
