"""The repository as the meta tests see it: its distributions, their names, their files.

Rules of this file: standard library only, as `generate.py` runs before anything is known to work.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

CORE_ORDER = ("thurn_testing", "thurn_kit", "thurn", "thurn_sieve", "thurn_message", "thurn_wire")
"""The libraries of `core/`, top to bottom; message and wire share the lowest layer."""
PURE = ("thurn_message", "thurn_wire", "thurn_sieve")
"""Libraries that do no I/O."""
FAMILIES = ("imap", "sieve", "web")
"""Roles whose plugins extend a head plugin of another role."""


@dataclass(frozen=True)
class Member:
    """A distribution of the workspace."""

    path: Path

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        """Its pyproject.toml."""
        return tomllib.loads((self.path / "pyproject.toml").read_text())

    @property
    def distribution(self) -> str:
        """The name that is installed."""
        return str(self.pyproject["project"]["name"])

    @property
    def module(self) -> str:
        """The name that is imported."""
        return self.distribution.replace("-", "_")

    @property
    def is_plugin(self) -> bool:
        """It lies under `plugins/`."""
        return self.path.parent.parent == ROOT / "plugins"

    @property
    def role(self) -> str:
        """The folder above a plugin's own."""
        return self.path.parent.name

    @property
    def source(self) -> Path:
        """The import package."""
        return self.path / "src" / self.module

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


@cache
def members() -> tuple[Member, ...]:
    """Every distribution, core first."""
    projects = sorted(ROOT.glob("core/*/pyproject.toml"))
    projects += sorted(ROOT.glob("plugins/*/*/pyproject.toml"))
    return tuple(Member(path.parent) for path in projects)


def plugins() -> tuple[Member, ...]:
    """Every distribution under `plugins/`."""
    return tuple(member for member in members() if member.is_plugin)


def source_files() -> list[Path]:
    """The Python files of every member's `src`."""
    return sorted(file for member in members() for file in member.source.rglob("*.py"))


@cache
def tracked_files() -> tuple[Path, ...]:
    """What git knows or would know: tracked files and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return tuple(path for path in paths if path.is_file())


@cache
def tree_of(path: Path) -> ast.Module:
    """A Python file, parsed."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that is imported at run time."""
    unseen = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def bare(requirement: str) -> str:
    """The normal form of a distribution's name, without version and extras."""
    name = re.split(r"[;\[<>=!~ ]", requirement.strip(), maxsplit=1)[0]
    return name.lower().replace("_", "-").replace(".", "-")


def short(path: Path) -> str:
    """A path as messages show it."""
    return str(path.relative_to(ROOT))
