"""The state diagrams of the protocol engines, as pages of the documentation.

An engine `thurn_wire.<protocol>` has a module `state` with the tables `SERVER` and `CLIENT`
(`thurn_wire.table.Table`), which draw themselves. The pages are committed, so that they can be read
without building anything.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from workspace import ROOT

WIRE = ROOT / "core" / "wire" / "src" / "thurn_wire"
PAGES = ROOT / "docs" / "explanation" / "states"
TITLES = {"smtp": "an SMTP or LMTP", "pop3": "a POP3", "imap": "an IMAP"}


def protocols() -> list[str]:
    """The engines that have transition tables."""
    return sorted(path.parent.name for path in WIRE.glob("*/state.py"))


def page(protocol: str) -> str:
    """The page of one engine."""
    state = import_module(f"thurn_wire.{protocol}.state")
    title = TITLES.get(protocol, f"a {protocol}")
    origin = (
        f"Made by `./do members` from `thurn_wire.{protocol}.state`. An arrow is a command that\n"
        "is answered positively, or something else that happens; a command without an arrow is "
        "refused.\n"
        "The way from every state to CLOSED when the connection ends is left out.\n"
    )
    parts = [f"# States of {title} session\n", origin]
    for side in ("SERVER", "CLIENT"):
        diagram = getattr(state, side).mermaid()
        parts.append(f"## {side.capitalize()}\n\n```mermaid\n{diagram}```\n")
    return "\n".join(parts)


def pages() -> dict[Path, str]:
    """Every page with its text."""
    return {PAGES / f"{protocol}.md": page(protocol) for protocol in protocols()}
