"""`./do members` has nothing left to write, and the lock names every dependency."""

from __future__ import annotations

import re
import tomllib

import diagrams
import lists
import pytest
from workspace import ROOT, bare, members, tracked_files


def test_the_import_contracts_name_every_distribution():
    assert lists.CONTRACTS.read_text() == lists.contracts(), "run ./do members"
    assert lists.CONTRACTS in tracked_files(), "a clean checkout has it"


def test_the_root_names_no_distribution():
    """People write it: a new distribution changes nothing in it."""
    root = (ROOT / "pyproject.toml").read_text()
    named = [name for m in members() for name in (m.distribution, m.module) if name != "thurn"]
    assert not [name for name in named if re.search(rf"\b{name}\b", root)]


def test_mypy_is_given_every_distribution():
    """By patterns: they match each member's sources, and nothing else."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    matching = {path for pattern in settings["files"] for path in ROOT.glob(pattern)}
    assert matching == {member.path / "src" for member in members()}


@pytest.mark.parametrize("protocol", diagrams.protocols())
def test_the_state_diagrams_are_those_of_the_tables(protocol):
    path = diagrams.PAGES / f"{protocol}.md"
    assert path.read_text() == diagrams.page(protocol), "run ./do members"


@pytest.mark.parametrize("protocol", diagrams.protocols())
@pytest.mark.parametrize("side", ["SERVER", "CLIENT"])
def test_every_state_is_reached_and_can_be_left(protocol, side):
    """Totality is the engine's own test; here: the picture shows a connected machine."""
    state = __import__(f"thurn_wire.{protocol}.state", fromlist=["state"])
    diagram = getattr(state, side).mermaid()
    arrows = re.findall(r"^ {4}(\S+) --> (\S+)", diagram, re.MULTILINE)
    sources, targets = {a for a, _ in arrows}, {b for _, b in arrows}
    assert targets - {"[*]", "CLOSED"} <= sources, "states without a way out"
    assert sources - {"[*]", "CLOSED"} <= targets, "states without a way in"


def test_the_lock_names_every_dependency():
    lock = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    own = {member.distribution for member in members()}
    for member in members():
        wanted = {bare(name) for name in member.pyproject["project"]["dependencies"]}
        assert wanted - own <= locked, f"{member}: run ./do lock"
